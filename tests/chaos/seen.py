"""What there is at the end: the CRMs' rows, what the API shows, what the database still holds to be done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
import sqlalchemy as sa

from contactsync.store import tables as t
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
    return {slug: _seen(house, org, left[slug]) for slug, org in house.orgs.items()}


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
