"""What the sync keeps, as API and command line show it: filters, resyncs, problems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from contactsync.config import IntakeConfig
from contactsync.domain.errors import RefusedInput
from contactsync.domain.known_problems import problem_shown
from contactsync.domain.records import SyncStatus
from contactsync.intake.room import is_full
from contactsync.store import orgs, problems
from contactsync.store.backlog import Backlog
from contactsync.store.engine import Engine, reading
from contactsync.store.problems import ProblemGroup
from contactsync.store.resyncs import Resync, ResyncFilter
from contactsync.store.views import org_status
from contactsync.store.views_paging import Record, Slice

_RESYNC_ID = re.compile(r"rsy_([1-9]\d{0,17})")


def filter_from(said: Mapping[str, Any]) -> ResyncFilter:
    """A filter as people say it: `contacts` holds the event platform's ids. Raises RefusedInput naming what is wrong."""
    named = {name: value for name, value in said.items() if name not in ("contacts", "status") and value is not None}
    for name in ("since", "until"):
        if isinstance(named.get(name), str):
            named[name] = datetime.fromisoformat(named[name])
    if said.get("status"):
        named["status"] = SyncStatus(said["status"])
    try:
        return ResyncFilter(**named, ids=tuple(dict.fromkeys(said.get("contacts") or ())))
    except RefusedInput as error:
        renamed = {"contacts" if path == "ids" else path: message for path, message in error.fields.items()}
        raise RefusedInput(str(error), renamed) from None


def resync_shown(stands: Resync) -> Record:
    """A resync and how far it is. It is finished once the last of its contacts is through, not when the last is queued."""
    which = {name: getattr(stands.filter, name) for name in stands.filter.as_json()}
    if "ids" in which:
        which["contacts"] = list(which.pop("ids"))
    through = stands.ended_at is not None and not stands.waiting
    state = "cancelled" if stands.state == "cancelled" else "finished" if through or not stands.total else "running"
    return {
        "id": shown_number(stands.id),
        "state": state,
        "filter": which,
        "forced": stands.forced,
        "total": stands.total,
        "fed": stands.fed,
        "waiting": stands.waiting,
        "done": stands.done,
        "percent": 100 * stands.done // stands.total if stands.total else 100,
        "created_at": stands.created_at,
        "ended_at": stands.ended_at,
    }


def shown_number(number: int) -> str:
    """A resync's id as people see it: rsy_17."""
    return f"rsy_{number}"


def resync_number(said: str) -> int | None:
    """Its number; None: no resync can be called so."""
    found = _RESYNC_ID.fullmatch(said)
    return int(found[1]) if found else None


def status_shown(engine: Engine, limits: IntakeConfig, org_id: int, now: datetime) -> Record:
    """How an org's sync stands, how much may wait in its inbox, and what it keeps of the CRM's calls for other tools."""
    with reading(engine) as db:
        stands = org_status(db, org_id, now)
        waits = Backlog(stands["deliveries"]["waiting"], stands.pop("waiting_bytes"))
        stands["inbox"] = {
            "waiting": waits.deliveries,
            "most_waiting": limits.most_waiting,
            "waiting_megabytes": round(waits.size / 2**20, 1),
            "most_waiting_megabytes": limits.most_waiting_megabytes,
            "full": is_full(waits, limits),
        }
        stands["crm"]["reserve_percent"] = orgs.policies(db, org_id).reserve_percent
    return stands


def problems_shown(engine: Engine, org_id: int, now: datetime) -> list[Record]:
    """Everything that is wrong with an org's sync now, the connection's own first, then what holds the most."""
    with reading(engine) as db:
        state = org_status(db, org_id, now)["crm"]["state"]
        groups = _present(problems.groups(db, org_id), state)
        latest = {one.key: problems.records(db, org_id, one.key, Slice(1)).items for one in groups if one.total}
    return [_group_shown(one, latest.get(one.key, ()), paused=state == "paused") for one in groups]


def _present(groups: Iterable[ProblemGroup], state: str) -> list[ProblemGroup]:
    """The connection's own problem is one only while it pauses or is stopped: after a pause it is tried again."""
    if state in {"paused", "stopped"}:
        return list(groups)
    records = [replace(one, subject="record") for one in groups if one.total]
    return sorted(records, key=lambda one: (-one.total, one.key))


def _group_shown(one: ProblemGroup, latest: Iterable[Record], *, paused: bool) -> Record:
    stops_org = one.subject == "connection"
    return {
        **problem_shown(one.problem),
        "id": one.key,
        "counts": dict(one.counts),
        "stops_org": stops_org,
        "comes_back": (stops_org and paused) or any(record["status"] == SyncStatus.RETRYING for record in latest),
    }
