"""Erasing a person by e-mail address from all that is kept; their records in the CRM are left to the org."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from contactsync.domain.changes import who_by_email, who_by_id
from contactsync.domain.crm import RecordKind, RecordRef
from contactsync.domain.errors import ContactsyncError, Misconfigured, RefusedInput, SealBroken, TargetError
from contactsync.domain.person import Person
from contactsync.intake.strict_json import read_json
from contactsync.log import described, logger
from contactsync.store import erasures, people
from contactsync.store.audit import Audited, note
from contactsync.store.engine import overwrite_deleted, reading, unavailable, writing
from contactsync.store.lease import HeldLease, LeaseWatch, org_lease
from contactsync.store.mentions import GROUNDS, Key, stretch
from contactsync.store.people import CrmRecord
from contactsync.store.queue import LeaseLost, OrgLease, lease_is_free
from contactsync.store.scrubbing import Learned, scrub, scrub_meetings
from contactsync.store.tombstones import Tombstones
from contactsync.sync.parts import Parts
from contactsync.sync.targets import asking

AT_ONCE = 20
"""Rows that are rewritten in one transaction: bodies may be large, and web processes wait for the same lock on SQLite."""

PATIENCE = 10.0
"""Seconds to wait for the worker that has the org."""

BETWEEN_TRIES = 0.002
"""A worker that has much to do lets go of the org for a few milliseconds between two turns: who looks seldom misses that."""

BETWEEN_LOOKS = 0.5
"""How often to look for a lease whose holder died."""

LONGEST = 254
_ADDRESS = re.compile(r"[^@\s<>,;\x00-\x1f\x7f\ud800-\udfff]+@[^@\s<>,;\x00-\x1f\x7f\ud800-\udfff]+")

_DELIVERIES = tuple(name for name, ground in GROUNDS.items() if ground.status is not None)
_STAGES = tuple(GROUNDS)

log = logger(__name__)


class NotFinished(ContactsyncError):
    """The erasure has not come to its end yet; asking again goes on where it stopped. `retry_after`: seconds. `busy`: it has
    not begun, another process has the org.
    """

    def __init__(self, message: str, *, busy: bool = False) -> None:
        super().__init__(message)
        self.retry_after = 5 if busy else 1
        self.busy = busy


@dataclass(frozen=True)
class Erased:
    """What came of it; all but `id` and `removed` is told this once and kept nowhere.

    `crm_records`: what the org must delete in its CRM itself: {"object", "crm_id", "url", "shared"}. `other_contacts`: named
    with the address once, but with another of their own; `other_addresses`: once the address of one of the person's contacts.
    """

    id: str
    removed: dict[str, int]
    crm_records: tuple[dict[str, Any], ...]
    other_contacts: tuple[str, ...] = ()
    other_addresses: tuple[str, ...] = ()


@dataclass
class _Erasing:
    """How far an erasure is. Sealed while it is under way, so that it can go on after a kill at any line."""

    number: int
    person: Person
    records: tuple[CrmRecord, ...]
    stage: int = 0
    after: Key | None = None
    fresh: bool = False  # contacts were learned of since the deliveries were begun
    removed: Counter[str] = field(default_factory=Counter)
    other_contacts: set[str] = field(default_factory=set)
    other_addresses: set[str] = field(default_factory=set)


def checked_address(said: str) -> str:
    """An e-mail address as it is compared. Raises RefusedInput for what no contact could have."""
    address = said.strip().lower()
    if len(address) > LONGEST or not _ADDRESS.fullmatch(address):
        hint = "write one e-mail address, nothing around it"
        raise RefusedInput(f"that is no e-mail address: {hint}", {"email": hint})
    return address


def erase_person(
    parts: Parts, org_id: int, email: str, *, seconds: float = float("inf"), patience: float = PATIENCE
) -> Erased:
    """Erase whoever has this address. Raises RefusedInput, and NotFinished when `seconds` are over or the org is busy.

        take the org's lease: no worker brings the person back meanwhile
        mark address and contacts as erased          from here on nothing that comes later gets in
        take them out of the deliveries              again, if those name more contacts of theirs
        take them out of others' records and runs
        delete their own rows, write the proof       the contacts last: by them a second call finds its way

    It may be killed at any line: how far it is stands sealed beside the proof, and a second call goes on there.
    """
    address = checked_address(email)
    over = time.monotonic() + seconds
    done: Erased | None = None
    try:
        with _ringing(parts, org_id), _lease(parts, org_id, patience) as lease, _not_lost(), lease.kept_alive():
            erasing = _begun(parts, org_id, lease, address)
            while erasing.stage < len(_STAGES):
                _go_on(parts, org_id, lease, erasing)
                if time.monotonic() >= over:
                    raise NotFinished(
                        "the erasure is not finished yet: send the same again, it goes on where it stopped"
                    )
            done = _finish(parts, org_id, lease, erasing)
            log.info("person erased", org=org_id, erasure=erasing.number, **done.removed)
        overwrite_deleted(parts.engine)
    except Exception as error:
        if done is None or not unavailable(error):
            raise
        # It is done, and what is told of it is told this once: a lease that was not dropped runs out by itself.
        log.warning("database lost after an erasure", org=org_id, **described(error))
    return done


@contextmanager
def _not_lost() -> Iterator[None]:
    try:
        yield
    except LeaseLost as error:  # this process stood still for longer than its lease
        raise NotFinished("the erasure was interrupted: send the same again, it goes on where it stopped") from error


@contextmanager
def _ringing(parts: Parts, org_id: int) -> Iterator[None]:
    """Whoever rang for the org meanwhile was not heard: ring once more, after the lease was dropped."""
    try:
        yield
    finally:
        parts.bell.ring(org_id)


@contextmanager
def _lease(parts: Parts, org_id: int, patience: float) -> Iterator[HeldLease]:
    """The org's lease, as soon as its worker lets go of it."""
    give_up = time.monotonic() + patience
    wanted = OrgLease(org_id, f"erasure:{secrets.token_hex(8)}", parts.settings.config.sync.lease_seconds)
    watch = LeaseWatch(parts.settings.config.sync.lease_seconds)
    look_again = 0.0
    while True:
        if time.monotonic() >= look_again:
            watch.free_unprolonged(parts.engine)  # of an erasure that was killed, say: a clock need not run
            look_again = time.monotonic() + BETWEEN_LOOKS
        with reading(parts.engine) as db:
            # Only looked at: who tries to take it knocks, and a worker that hears knocking does not let go.
            free = lease_is_free(db, org_id)
        with org_lease(parts.engine, wanted, parts.now) if free else nullcontext() as held:
            if held is not None:
                yield held
                return
        if time.monotonic() >= give_up:
            raise NotFinished("the org is being synced just now: try again in a few seconds", busy=True)
        time.sleep(BETWEEN_TRIES)


# ── the steps ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _begun(parts: Parts, org_id: int, lease: HeldLease, address: str) -> _Erasing:
    with lease.writing() as db:
        marks = Tombstones.begun(db, parts.vault, org_id)
        earlier = marks.among(db, [who_by_email(address)]).get(who_by_email(address))
        under_way = erasures.progress(db, org_id, earlier) if earlier is not None else None
        if earlier is not None and under_way is not None:
            there = _opened(parts, org_id, earlier, *under_way)
            if there is not None and there.person.email == address:
                return there
        person, records = people.person_of(db, org_id, address)
        number = earlier if under_way is not None and earlier is not None else None
        if number is None:
            number = erasures.begin(db, org_id, parts.actor, parts.now())
            marks.take_over(db, [earlier] if earlier is not None else [], number)
        erasing = _Erasing(number, person, records)
        marks.add(db, number, people.who_is(address, person.ids))
        _keep(parts, db, org_id, erasing)
    return erasing


def _go_on(parts: Parts, org_id: int, lease: HeldLease, erasing: _Erasing) -> None:
    """One stretch of the present stage; at its end the next stage."""
    stage = _STAGES[erasing.stage]
    person = erasing.person
    bodies = stage in _DELIVERIES
    needles = person.needles if bodies or stage in ("contact", "meeting") else person.record_needles
    with reading(parts.engine) as db:
        keys, last = stretch(db, org_id, GROUNDS[stage], erasing.after, needles, person.word_needles)
    for start in range(0, len(keys), AT_ONCE):
        with lease.writing() as db:
            learned = Learned()
            some = keys[start : start + AT_ONCE]
            many = scrub(db, org_id, stage, some, person, learned, parts.now(), read_json)
            erasing.removed["deliveries" if bodies else f"{stage}s_that_named_them"] += many
            _learn(parts, db, org_id, erasing, learned)
            _keep(parts, db, org_id, erasing)
    erasing.after = last
    if last is None:
        erasing.stage += 1
        if erasing.stage == len(_DELIVERIES) and erasing.fresh:
            erasing.stage, erasing.fresh = 0, False
    with lease.writing() as db:
        _keep(parts, db, org_id, erasing)


def _learn(parts: Parts, db: Any, org_id: int, erasing: _Erasing, learned: Learned) -> None:
    """Contacts that bodies name with the address are the person's, unless they have another address of their own."""
    person = erasing.person
    erasing.other_addresses |= learned.addresses
    if learned.meetings:
        erasing.person = person = replace(person, meetings=person.meetings | learned.meetings)
        erasing.fresh = True
    unknown = learned.ids - erasing.other_contacts - person.ids
    if not unknown:
        return
    # Whoever named them with this address, with one of their own they are somebody else.
    addresses = people.addresses_of(db, org_id, unknown)
    strangers = {name for name, address in addresses.items() if address != person.email}
    erasing.other_contacts |= strangers
    theirs = unknown - strangers
    if theirs:
        more, records = people.person_of(db, org_id, person.email, person.ids | theirs)
        erasing.person = replace(
            more,
            words=more.words | person.words,
            meetings=more.meetings | person.meetings,
            records=more.records | person.records,
        )
        erasing.records = tuple(dict.fromkeys((*erasing.records, *records)))
        erasing.fresh = True
        marks = Tombstones.begun(db, parts.vault, org_id)
        marks.add(db, erasing.number, map(who_by_id, theirs))


def _finish(parts: Parts, org_id: int, lease: HeldLease, erasing: _Erasing) -> Erased:
    person = erasing.person
    with reading(parts.engine) as db:
        meetings = sorted(person.meetings | people.meetings_of(db, org_id, people.who_is(person.email, person.ids)))
        records = (*erasing.records, *people.activities_of(db, org_id, meetings))
    told = records_shown(parts, org_id, records)  # before all is settled: it cannot be told a second time
    for start in range(0, len(meetings), AT_ONCE):
        with lease.writing() as db:
            scrub_meetings(db, org_id, person, meetings[start : start + AT_ONCE])
    with lease.writing() as db:
        erasing.removed += people.remove_person(db, org_id, person, erasing.records)
        erasing.removed["meetings"] = len(meetings)
        removed = dict(+erasing.removed)
        erasures.finish(db, erasing.number, removed, parts.now())
        about = erasures.public_id(erasing.number)
        note(db, org_id, parts.actor, Audited.PERSON_ERASED, parts.now(), about=about, details=removed)
    return Erased(about, removed, told, tuple(sorted(erasing.other_contacts)), tuple(sorted(erasing.other_addresses)))


def records_shown(parts: Parts, org_id: int, records: Sequence[CrmRecord]) -> tuple[dict[str, Any], ...]:
    """Records of the CRM as people are told of them; `url` None: of a CRM that the org has left, or nobody can tell."""
    try:
        bound = parts.targets.of(org_id)
    except Misconfigured:
        bound = None  # the erasure must not wait for a plugin or a key
    shown = []
    for one in records:
        url = None
        if bound is not None and one.present:
            with suppress(TargetError), asking(bound):
                url = bound.target.url(RecordRef(RecordKind(one.kind), one.id))
        shown.append({"object": one.kind, "crm_id": one.id, "url": url, "shared": one.shared})
    return tuple(shown)


# ── how far it is ──────────────────────────────────────────────────────────────────────────────────────────────────


def _keep(parts: Parts, db: Any, org_id: int, erasing: _Erasing) -> None:
    person = {
        name: sorted(said) if isinstance(said, frozenset) else said for name, said in asdict(erasing.person).items()
    }
    rest = {
        "person": person,
        "records": [asdict(one) for one in erasing.records],
        "stage": erasing.stage,
        "after": erasing.after,
        "fresh": erasing.fresh,
        "other_contacts": sorted(erasing.other_contacts),
        "other_addresses": sorted(erasing.other_addresses),
    }
    sealed = parts.vault.seal(org_id, erasures.PROGRESS_PURPOSE, json.dumps(rest))
    erasures.keep_progress(db, erasing.number, erasing.removed, sealed)


def _opened(parts: Parts, org_id: int, number: int, removed: dict[str, int], sealed: str | None) -> _Erasing | None:
    """Where an erasure stopped; None when nobody can tell any more: then it begins anew."""
    try:
        rest = json.loads(parts.vault.open(org_id, erasures.PROGRESS_PURPOSE, sealed or ""))
    except SealBroken:
        return None
    person: dict[str, Any] = {
        name: frozenset(said) if isinstance(said, list) else said for name, said in rest["person"].items()
    }
    return _Erasing(
        number,
        Person(**person),
        tuple(CrmRecord(**one) for one in rest["records"]),
        rest["stage"],
        rest["after"],
        rest["fresh"],
        Counter(removed),
        set(rest["other_contacts"]),
        set(rest["other_addresses"]),
    )


# ── letting in again ───────────────────────────────────────────────────────────────────────────────────────────────


def allow_person(parts: Parts, org_id: int, email: str) -> str | None:
    """Let a person who was erased in again, from the next webhook on; answers the erasure's id, None: nobody was erased."""
    address = checked_address(email)
    now: datetime = parts.now()
    with writing(parts.engine) as db:
        marks = Tombstones.of(db, parts.vault, org_id)
        number = marks.among(db, [who_by_email(address)]).get(who_by_email(address)) if marks is not None else None
        if marks is None or number is None:
            return None
        if erasures.progress(db, org_id, number) is not None:
            raise RefusedInput("this person's erasure has not come to its end: finish it first, by asking for it again")
        marks.lift(db, number)
        erasures.lift(db, number, now)
        about = erasures.public_id(number)
        note(db, org_id, parts.actor, Audited.PERSON_ALLOWED, now, about=about)
    return about
