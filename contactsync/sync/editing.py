"""Contacts changed by hand: an edit is put into the inbox, as a webhook is, and holds by the same rule.

Each field has the value of the newest version that spoke of it (invariant I4), whoever said it. So an edit survives a kill
(it is kept before anybody is told), an older webhook never overwrites it, however late it comes, and a newer one does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from contactsync.domain.changes import moment_text, who_by_email
from contactsync.domain.edits import CONSOLE, Changed, RefusedEdit, body_of, edited_at, item_of
from contactsync.domain.errors import RefusedInput
from contactsync.domain.merge import State
from contactsync.domain.names import company_key
from contactsync.intake.decode import decode
from contactsync.store.audit import Audited, note
from contactsync.store.backlog import backlog
from contactsync.store.edits import Editable, company_states, editable, still_waiting
from contactsync.store.engine import Connection as Db
from contactsync.store.engine import reading, writing
from contactsync.store.inbox import keep, public_id
from contactsync.store.tombstones import Tombstones
from contactsync.sync.parts import Parts
from contactsync.sync.replaying import NoRoom

MOST_CONTACTS = 1000
"""At most so many contacts are edited in one go: a transaction of that size keeps nobody waiting."""

EACH = 100
"""So many contacts go into one delivery."""

ROOM_FOR_PEOPLE = 1.1
"""Edits are still kept when senders' webhooks are not any more, until the inbox is a tenth over what it takes."""

PATIENCE = 0.7
"""Seconds that a page waits for its edit to be brought in before it says that it waits."""

_COMPANY_PATHS = ("name", "domain", "account_id")


@dataclass(frozen=True)
class Edited:
    """What became of an edit. `deliveries`: their numbers in the inbox; `missing`: the ids of contacts that are not there, or
    were deleted at the event platform; `ahead`: those whose values had times ahead of ours, and were overwritten all the same.
    """

    deliveries: tuple[int, ...] = ()
    contacts: int = 0
    missing: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()
    heard: bool = True  # a worker was told; else the clock tells one


def edit_contacts(parts: Parts, org_id: int, changes: Mapping[str, Changed]) -> Edited:
    """Change contacts by hand: {contact's id: {path: value}}; see `Changed` for paths and values.

    look at every value as the webhook door does                        → RefusedEdit, by contact and path
    refuse addresses of people who were erased                          → RefusedEdit
    give each the time of now, or of just after what it overwrites
    keep it in the inbox and write down who did it, in one commit       → CannotKeep, NoRoom
    ring the org's bell

    A path may be left out: what is not said stays as it is. One bad value refuses all. Nothing is written of contacts that
    are not there (`missing`). Whoever is erased in between is left out as the worker brings the edit in.
    """
    if len(changes) > MOST_CONTACTS:
        raise RefusedInput(f"at most {MOST_CONTACTS:,} contacts can be edited at once")
    changes = {contact_id: changed for contact_id, changed in changes.items() if changed}
    now = parts.now()
    items = _checked(changes, now)
    with reading(parts.engine) as db:
        _refuse_erased(db, parts, org_id, items)
        limits = parts.settings.config.intake
        if backlog(db, org_id).part_of(limits.most_waiting, limits.most_waiting_megabytes) >= ROOM_FOR_PEOPLE:
            raise NoRoom("so much waits to be brought in that nothing is added: try again in some minutes")
    with writing(parts.engine) as db:
        there = editable(db, org_id, items)
        times = _times(db, org_id, there, items, now)
        rows = [{**item, "updated_at": times[contact_id]} for contact_id, item in items.items() if contact_id in there]
        parted = [rows[start : start + EACH] for start in range(0, len(rows), EACH)]
        deliveries = tuple(_keep(db, parts.actor, org_id, some, now) for some in parted)
        if deliveries:
            fields = sorted({path for row in rows for path in changes[row["id"]]})
            said = _told([there[row["id"]] for row in rows], fields, deliveries)
            note(db, org_id, parts.actor, Audited.CONTACT_EDITED, now, **said)
    heard = parts.bell.ring(org_id) if deliveries else True
    missing = tuple(contact_id for contact_id in items if contact_id not in there)
    ahead = tuple(contact_id for contact_id, at in times.items() if at > moment_text(now))
    return Edited(deliveries, len(rows), missing, ahead, heard)


def wait_for_edit(
    parts: Parts, org_id: int, edited: Edited, seconds: float = PATIENCE, pause: Callable[[float], None] = time.sleep
) -> bool:
    """Wait a moment for an edit to be brought in, so that the next page shows it; whether it is. False harms nothing: it is
    kept, and the worker brings it in. Nobody waits for a worker who was not told.
    """
    end, step = time.monotonic() + (seconds if edited.heard else 0), 0.01
    while edited.deliveries:
        with reading(parts.engine) as db:
            if not still_waiting(db, org_id, edited.deliveries):
                break
        if time.monotonic() + step > end:
            return False
        pause(step)
        step = min(2 * step, 0.1)
    return True


def _checked(changes: Mapping[str, Changed], now: datetime) -> dict[str, dict[str, Any]]:
    """The contacts as a webhook would say them; raises RefusedEdit for whatever the webhook door would refuse."""
    at = moment_text(now)
    items: dict[str, dict[str, Any]] = {}
    wrong: dict[str, Mapping[str, str]] = {}
    for contact_id, changed in changes.items():
        try:
            item = item_of(contact_id, changed, at)
            unknown = decode(CONSOLE, body_of([item], at, checked=False)).unknown_keys
            if unknown:
                raise RefusedEdit({contact_id: {_path(each): "There is no such field." for each in unknown}})
        except RefusedEdit as error:
            wrong |= error.by_contact
        except RefusedInput as error:
            wrong[contact_id] = {_path(path): str(words) for path, words in error.fields.items()}
        else:
            items[contact_id] = item
    if wrong:
        raise RefusedEdit(wrong)
    return items


def _path(path: str) -> str:
    """`data.0.email` or `data.email` → `email`."""
    return path.removeprefix("data.").removeprefix("0.")


def _refuse_erased(db: Db, parts: Parts, org_id: int, items: Mapping[str, Mapping[str, Any]]) -> None:
    """The worker would leave such a contact out, and with it everything else that was typed."""
    marks = Tombstones.of(db, parts.vault, org_id)
    typed = {contact_id: who_by_email(item["email"]) for contact_id, item in items.items() if item.get("email")}
    if marks is None or not typed:
        return
    erased = marks.among(db, typed.values())
    words = "The person with this address was erased: nothing of them is kept. Use another address."
    wrong = {contact_id: {"email": words} for contact_id, who in typed.items() if who in erased}
    if wrong:
        raise RefusedEdit(wrong)


def _times(
    db: Db, org_id: int, there: Mapping[str, Editable], items: Mapping[str, Mapping[str, Any]], now: datetime
) -> dict[str, str]:
    """When each contact is edited."""
    keys = {contact_id: key for contact_id, item in items.items() if (key := _company_key(item.get("company")))}
    companies = company_states(db, org_id, set(keys.values()))
    touched: dict[str, list[tuple[State, Sequence[str]]]] = {
        contact_id: [(one.state, tuple(_paths(items[contact_id])))] for contact_id, one in there.items()
    }
    for contact_id, key in keys.items():
        if key in companies and contact_id in touched:
            touched[contact_id].append((companies[key], _COMPANY_PATHS))
    return {contact_id: edited_at(states, now) for contact_id, states in touched.items()}


def _company_key(said: object) -> str | None:
    return company_key(said if isinstance(said, Mapping) else {"name": said})


def _paths(item: Mapping[str, Any]) -> Iterator[str]:
    for name, value in item.items():
        if isinstance(value, Mapping) and name != "company":
            yield from (f"{name}.{inner}" for inner in value)
        else:
            yield name


def _keep(db: Db, actor: str, org_id: int, rows: Sequence[Mapping[str, Any]], now: datetime) -> int:
    """Its webhook id is `console:<who, by number>:<something unique>`: pages say by it who typed a value in."""
    who = actor.removeprefix("user:") if actor.startswith("user:") else ""
    webhook_id = f"{CONSOLE}:{who[:20]}:{uuid4()}"
    put = partial(keep, db, org_id=org_id, webhook_id=webhook_id, door=CONSOLE, errors=None, now=now)
    return put(body=body_of(rows, moment_text(now)), status="accepted", type="contact.updated").delivery_id


def _told(edited: Sequence[Editable], fields: Sequence[str], deliveries: Sequence[int]) -> dict[str, Any]:
    """Which fields of which contact, by its number, for the audit log: no value, and no id that may be an address."""
    about = f"contact {edited[0].key}" if len(edited) == 1 else ""
    counted = {"contacts": len(edited), "deliveries": [public_id(number) for number in deliveries]}
    return {"about": about, "details": {"fields": list(fields), **counted}}
