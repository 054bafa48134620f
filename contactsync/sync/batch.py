"""One batch of contacts: made ready, looked up, planned, applied and recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from contactsync.domain.batch import Incomplete, Ready
from contactsync.domain.crm import Failure, Mend, Next, Problem
from contactsync.domain.errors import PluginBroken, TargetError
from contactsync.domain.outcome import Outcome
from contactsync.domain.prepare import of_company, prepare
from contactsync.domain.records import SyncAs, SyncStatus
from contactsync.log import described, logger
from contactsync.store import queue
from contactsync.store.engine import Connection as Db
from contactsync.store.engine import reading
from contactsync.store.ledger import Recorded, note_attempts
from contactsync.store.queue import Claimed
from contactsync.sync.ahead import addresses_to_write_ahead
from contactsync.sync.bringing import WriteAhead, bring
from contactsync.sync.budget_gate import may_use
from contactsync.sync.deciding import CONTACTS, Decided, cannot_be_planned
from contactsync.sync.entries import Moment, Prepared, Rules, entry, failed_entry, settled
from contactsync.sync.parts import Parts
from contactsync.sync.targets import Bound
from contactsync.sync.turn import (
    NOT_CONNECTED,
    RECORDED_AT_ONCE,
    Turn,
    chance,
    failure_of,
    fares_well,
    pause,
    tell,
    write,
)

log = logger(__name__)

__all__ = ["NOT_CONNECTED", "Turn", "connection_fingerprint", "make_ready", "sync_batch"]


def sync_batch(turn: Turn, claimed: Sequence[Claimed]) -> bool:
    """Bring claimed contacts to the CRM; answers whether it can be used. Raises LeaseLost.

    for each contact    incomplete → say what is missing; unchanged since its last good sync → nothing to ask
    all the others      look up → plan → write ahead → apply → what came of each → record
    the CRM is away     they come back later, and the connection pauses
    """
    connection_id = turn.bound.row.id if turn.bound else None
    living = [one for one in claimed if not one.contact.deleted]
    ready = each_ready(turn.parts, turn.rules, turn.org_id, connection_id, living)
    made = {one.key: each for one, each in zip(living, ready, strict=True)}
    looked = [_looked_at(turn, one, made.get(one.key)) for one in claimed]
    going = [one for one in looked if isinstance(one, Prepared)]
    write(turn, (one for one in looked if isinstance(one, Recorded)))
    if not going or turn.bound is None:
        return True
    if not may_use(turn, turn.bound):
        return False
    started = turn.parts.now()
    try:
        batch = [
            *(one.ready for one in going),
            *beside(turn.parts, turn.rules, turn.bound, [(one.claimed.key, one.ready) for one in going]),
        ]
        done = bring(turn, turn.bound, CONTACTS, batch, _ahead(going))
    except TargetError as error:
        failure = failure_of(error)
        if not pause(turn, turn.bound, failure):
            failure = Failure(Next.RETRY, failure.problem, whole=True)
        write(turn, (failed_entry(one, failure, turn.rules.backoff, started, chance()) for one in going))
        return False
    moment = Moment(started, turn.parts.now(), chance())
    for first in range(0, len(going), RECORDED_AT_ONCE):  # made as they are written: whole, a batch's would be 20 MB
        some = going[first : first + RECORDED_AT_ONCE]
        entries = [entry(one, done, turn.rules, replace(moment, chance=chance())) for one in some]
        _count_arrivals(turn, some, entries, moment.ended)
        write(turn, entries)
        tell(turn, done, entries)
    fares_well(turn, turn.bound)
    return True


def _count_arrivals(turn: Turn, going: Sequence[Prepared], entries: Sequence[Recorded], now: datetime) -> None:
    """How long it took since the webhook came, for those that reached the CRM at the first attempt: later ones lost count."""
    for one, made in zip((one.claimed for one in going), entries, strict=True):
        if one.due_at is None or one.attempts or one.forced:
            continue
        if made.outcome.status is SyncStatus.SYNCED:
            turn.tallies.arrived((now - one.due_at).total_seconds())


def _ahead(going: Sequence[Prepared]) -> WriteAhead:
    """The address under which a person may be made is written down before it is sent: were the answer lost, the next attempt
    finds the record also when the contact has another address by then (I3).
    """

    def ahead(db: Db, decided: Decided) -> None:
        note_attempts(db, "contact", addresses_to_write_ahead(decided, going))

    return ahead


Made = Ready | Incomplete | Problem
"""What a claimed contact comes to: it can go, it waits for what it lacks, or something is wrong."""


def _looked_at(turn: Turn, one: Claimed, made: Made | None) -> Prepared | Recorded:
    try:
        return _look_first(turn, one, made)
    except Exception as error:  # noqa: BLE001 - it becomes a problem that people see, and stops no other contact
        log.error("contact cannot be looked at", org=turn.rules.slug, contact=one.key, **described(error))
        problem = cannot_be_planned(CONTACTS.word, error)
        return settled(one, Outcome(SyncStatus.NEEDS_ATTENTION, problem=problem), turn.parts.now())


def _look_first(turn: Turn, one: Claimed, made: Made | None) -> Prepared | Recorded:
    now = turn.parts.now()
    if made is None:  # it was deleted
        return settled(one, Outcome(SyncStatus.EXCLUDED), now)
    if isinstance(made, Problem):
        return settled(one, Outcome(SyncStatus.NEEDS_ATTENTION, problem=made), now)
    if isinstance(made, Incomplete):
        return settled(one, Outcome(SyncStatus.INCOMPLETE), now, sync_as=made.sync_as, missing=made.missing)
    if turn.bound is None:
        return settled(one, Outcome(SyncStatus.QUEUED, problem=NOT_CONNECTED), now, sync_as=made.sync_as)
    mark = connection_fingerprint(turn.bound, turn.rules.fingerprints.of(made))
    if mark == one.fingerprint and not one.forced:
        return settled(one, Outcome(SyncStatus.SYNCED), now, sync_as=made.sync_as, fingerprint=mark)
    return Prepared(one, made, mark)


def each_ready(
    parts: Parts, rules: Rules, org_id: int, connection_id: int | None, claimed: Sequence[Claimed]
) -> list[Made]:
    """`make_ready` of each. A company that a plugin named is the one that is known by that name, if there is one: it may have
    been merged into another one, or somebody may have linked or unlinked it.
    """
    made = [make_ready(parts, rules, one) for one in claimed]
    named = [_named_by_plugin(one, ready) for one, ready in zip(claimed, made, strict=True)]
    keys = {key for key in named if key is not None}
    if not keys:
        return made
    with reading(parts.engine) as db:
        known = queue.companies_named(db, org_id, connection_id, keys)
    return [
        of_company(one, *known[key]) if isinstance(one, Ready) and key in known else one
        for one, key in zip(made, named, strict=True)
    ]


def _named_by_plugin(one: Claimed, made: Made) -> str | None:
    company = made.contact.company if isinstance(made, Ready) and one.contact.company is None else None
    # A plugin may call a company anything; what no database can look for is known to none.
    return company.key if company is not None and isinstance(company.key, str) and company.key.isprintable() else None


def make_ready(parts: Parts, rules: Rules, one: Claimed) -> Made:
    """A claimed contact after the deciding plugins spoke; a Problem when one of them is broken, or said what nobody can use."""
    try:
        choices = parts.plugins.choices(one.contact)
    except PluginBroken as error:
        return Problem(
            code="plugin_broken",
            cause=str(error),
            fix="Mend or disable the plugin, then check the problem again.",
            who="developer",
            mended_by=(Mend.PLUGIN,),
        )
    try:
        attempted = [address for address in one.attempted if address not in one.passed_on]
        return prepare(
            one.contact,
            choices,
            one.links,
            rules.policies,
            rematched=one.rematched,
            attempted=attempted,
            approved=one.approved,
            account_overtaken=one.account_overtaken,
        )
    except Exception as error:  # noqa: BLE001 - it becomes a problem that people see, and stops no other contact
        log.error("contact cannot be prepared", org=rules.slug, contact=one.key, **described(error))
        return cannot_be_planned(CONTACTS.word, error)


def connection_fingerprint(bound: Bound, made_from: str) -> str:
    """A fingerprint that holds for one connection: what was synced to another CRM says nothing about this one."""
    return hashlib.sha256(f"{bound.row.id}:{made_from}".encode()).hexdigest()


def beside(parts: Parts, rules: Rules, bound: Bound, going: Sequence[tuple[int, Ready]]) -> list[Ready]:
    """Contacts that were synced before and share a CRM record with one that goes: else an older one that comes late would
    overwrite what they, the newer ones, said (I4). They are planned along, and nothing is written down of them.
    `going`: each with its row's key.
    """
    prefers = rules.policies.prefer_existing

    def record(ready: Ready) -> tuple[str | None, SyncAs | None]:
        """What two contacts have in common that are one record: where existing ones are preferred, the address alone."""
        return ready.contact.email, None if prefers else ready.sync_as

    shared = {record(ready) for _, ready in going}
    keys = {key for key, _ in going}
    with reading(parts.engine) as db:
        found = queue.sharing(db, bound.row.org_id, bound.row.id, {email for email, _ in shared if email})
    # Nobody would ask for more on their behalf: everything is asked for at once.
    others = [replace(one, rematched=True) for one in found if one.key not in keys]
    made = each_ready(parts, rules, bound.row.org_id, bound.row.id, others)
    return [one for one in made if isinstance(one, Ready) and record(one) in shared]
