"""What there is at the end: the CRMs' rows, what the API shows, what the database still holds to be done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
import sqlalchemy as sa

from contactsync.store import tables as t
from contactsync.store.counts import counted
from contactsync.store.engine import Engine, reading, unavailable
from tests.chaos.house import House, Org
from tests.chaos.judge import Seen, Shown

FAR_AHEAD = timedelta(minutes=5)
"""No lease of this run lasts so long."""


def left_to_do(engine: Engine) -> dict[str, list[str]]:
    """By org, what is leased, paused, waiting or due at any time, in words."""
    found: dict[str, list[str]] = {}
    with reading(engine) as db:
        for row in db.execute(sa.select(t.org.c.slug, t.org.c.lease_owner)):
            found[row.slug] = [f"leased by {row.lease_owner}"] if row.lease_owner else []
        for table in (t.contact, t.event, t.meeting):
            due = sa.select(t.org.c.slug, sa.func.count()).join(t.org, t.org.c.id == table.c.org_id)
            for slug, count in db.execute(due.where(table.c.due_at.is_not(None)).group_by(t.org.c.slug)):
                found[slug].append(f"{count} of {table.name} due")
        waiting = sa.select(t.org.c.slug, sa.func.count()).join(t.org, t.org.c.id == t.delivery.c.org_id)
        for slug, count in db.execute(waiting.where(t.delivery.c.status == "accepted").group_by(t.org.c.slug)):
            found[slug].append(f"{count} deliveries wait")
        paused = sa.select(t.org.c.slug, t.connection.c.paused_until, t.connection.c.problem)
        for slug, until, problem in db.execute(paused.join(t.org, t.org.c.id == t.connection.c.org_id)):
            if problem is not None or (until is not None and until > datetime.now(UTC)):
                found[slug].append(f"its connection is paused until {until}: {(problem or {}).get('code')}")
        for table, going in (
            (t.resync, t.resync.c.ended_at.is_(None)),
            (t.pending_release, t.pending_release.c.id > 0),
        ):
            noted = sa.select(t.org.c.slug, sa.func.count(table.c.id)).join(table, table.c.org_id == t.org.c.id)
            for slug, count in db.execute(noted.where(going).group_by(t.org.c.slug)):
                found[slug].append(f"{count} of {table.name} under way")
        for row in db.execute(sa.select(t.lease)):
            if row.until > datetime.now(UTC) + FAR_AHEAD:
                found[next(iter(found))].append(f"{row.name} is leased until {row.until}")
    return found


def at_rest(house: House) -> bool:
    """Whether nothing is left to do."""
    try:
        return not any(left_to_do(house.engine).values())
    except sa.exc.SQLAlchemyError as error:
        if unavailable(error):
            return False
        raise


def seen(house: House) -> dict[str, Seen]:
    """All orgs as they stand."""
    left = left_to_do(house.engine)
    for slug, org in house.orgs.items():
        left[slug] += untrue_of(house.engine, org.id)
    return {slug: _seen(house, org, left[slug]) for slug, org in house.orgs.items()}


def untrue_of(engine: Engine, org_id: int) -> list[str]:
    """Events that did not come to rest, and counts that status and metrics would show and that are wrong, in words."""
    with reading(engine) as db:
        status = t.event.c.sync_status
        held = sa.select(t.event.c.source_id, status).where(t.event.c.org_id == org_id, status.not_in(_AT_REST))
        wrong = [f"event {row.source_id} is {row.sync_status}" for row in db.execute(held)]
        shown = {(one.subject, one.status, one.problem_key): one.records for one in counted(db, org_id)}
        real = {}
        for subject, column, key in _COUNTED:
            of_org = sa.select(column, key, sa.func.count()).where(column.table.c.org_id == org_id, column.is_not(None))
            real |= {(subject, row[0], row[1] or ""): row[2] for row in db.execute(of_org.group_by(column, key))}
    real = {kind: count for kind, count in real.items() if kind[0] != "delivery" or kind[1] in ("rejected", "failed")}
    wrong += [
        f"{' '.join(kind)}: counted {shown.get(kind, 0)}, and there are {real.get(kind, 0)}"
        for kind in sorted(shown.keys() | real.keys())
        if shown.get(kind, 0) != real.get(kind, 0)
    ]
    return wrong


_AT_REST = ("synced", "excluded")
_COUNTED: tuple[tuple[str, sa.Column[Any], sa.ColumnElement[Any]], ...] = (
    ("contact", t.contact.c.status, t.contact.c.problem_key),
    ("event", t.event.c.sync_status, t.event.c.problem_key),
    ("meeting", t.meeting.c.sync_status, t.meeting.c.problem_key),
    ("delivery", t.delivery.c.status, sa.literal("")),
)


def _seen(house: House, org: Org, left: list[str]) -> Seen:
    rows = requests.get(f"{org.standin.url}/_standin/records", timeout=60).json()
    with reading(house.engine) as db:
        columns = (t.delivery.c.webhook_id, t.delivery.c.status, t.delivery.c.errors)
        kept = [
            (row.webhook_id, row.status, len(row.errors or ()))
            for row in db.execute(sa.select(*columns).where(t.delivery.c.org_id == org.id))
        ]
    return Seen(
        rows=rows,
        contacts={one["id"]: _shown(one) for one in _all(house, org, "contacts")},
        meetings={one["id"]: _shown(one) for one in _all(house, org, "meetings")},
        deliveries=kept,
        left=left,
    )


def _shown(one: dict[str, Any]) -> Shown:
    sync = one["sync"]
    return Shown(sync["status"], sync["crm_id"], (sync["problem"] or {}).get("code"))


def _all(house: House, org: Org, what: str) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        asked = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
        headers = {"authorization": f"Bearer {org.token}"}
        answer = requests.get(f"{house.url}/api/v1/{what}", params=asked, headers=headers, timeout=60)
        answer.raise_for_status()
        page = answer.json()
        yield from page["items"]
        cursor = page["next"]
        if cursor is None:
            return
