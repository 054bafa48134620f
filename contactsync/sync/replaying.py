"""Old deliveries absorbed once more because somebody says so: one, or a filtered set bit by bit.

A delivery keeps its number, and with it the versions of what it says: nothing newer is overwritten, however often and in
whatever order deliveries are replayed (invariant I4). What it brings is what was lost: fields that this version reads and
the one before did not, records that could not be absorbed, and a look at whatever needs somebody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from contactsync.domain.errors import ContactsyncError, RefusedInput
from contactsync.intake.decode import decode
from contactsync.store import queue, replays, tally
from contactsync.store.absorption import POISON
from contactsync.store.audit import Audited, note
from contactsync.store.backlog import Backlog, backlog
from contactsync.store.engine import reading, writing
from contactsync.store.inbox import public_id
from contactsync.store.replays import Candidate, ReplayFilter
from contactsync.store.tally import Counted, Tallied
from contactsync.sync.parts import Parts

MOST = 1000
"""How many deliveries one call goes through: a transaction of that size keeps nobody waiting."""

MOST_BYTES = 20_000_000
"""And of rejected ones, which it must read, at most so many bytes."""

MOST_WAITING = 10_000
"""A replay adds nothing to an inbox in which so many wait, or half as many as it takes: webhooks need the room."""


class NoRoom(ContactsyncError):
    """So much waits to be absorbed that nothing is added to it; `retry_after`: seconds."""

    retry_after = 30


@dataclass(frozen=True)
class Replayed:
    """What became of the deliveries that a call went through, as counts.

    `replayed`: they wait to be absorbed again; `waiting`: they waited already; `gone`: their bodies were removed, by
    retention or because a person was erased; `unreadable`: they were rejected, and cannot be read now either.
    `missing`: ids that the org has no delivery of. `next`: the number to go on after; None: these were all.
    """

    replayed: int = 0
    waiting: int = 0
    gone: int = 0
    unreadable: int = 0
    missing: tuple[str, ...] = ()
    next: int | None = None


@dataclass
class _Sorted:
    """Candidates by what can be done with them; `types` and `errors` of the rejected ones, by number."""

    settled: list[int] = field(default_factory=list)
    types: dict[int, str] = field(default_factory=dict)
    errors: dict[int, list[dict[str, str]]] = field(default_factory=dict)
    waiting: int = 0
    gone: int = 0


@dataclass
class _Room:
    """What may be added to an inbox: deliveries, and bytes of them. `short`: something was turned away."""

    deliveries: float = inf
    size: float = inf
    alone: bool = False  # nothing waits: however large it is, one goes
    short: bool = False

    @classmethod
    def left(cls, parts: Parts, waits: Backlog, wanted: int) -> _Room:
        """What an inbox has for replays, beside what waits there: none for a few of many, so that steps stay large."""
        limits = parts.settings.config.intake
        most, most_size = min(MOST_WAITING, limits.most_waiting // 2), limits.most_waiting_megabytes * 1024 * 1024 // 2
        left = most - waits.deliveries
        enough = left >= min(wanted, most // 2)
        return cls(left if enough else 0, most_size - waits.size, alone=not waits.deliveries)

    def takes(self, size: int) -> bool:
        """Whether one of so many bytes goes in; then there is so much less."""
        if not self.alone and (self.deliveries < 1 or self.size < size):
            self.short = True
            return False
        self.deliveries, self.size, self.alone = self.deliveries - 1, self.size - size, False
        return True


def replay(
    parts: Parts,
    org_id: int,
    which: ReplayFilter,
    after: int = 0,
    *,
    dry_run: bool = False,
    most: int = MOST,
    most_bytes: int = MOST_BYTES,
) -> Replayed:
    """Have the first deliveries above the number `after` that a filter takes absorbed once more, at most `most`.

    To go through all call it again with what `next` says. Twice, or at once with itself and with a worker, it does what it
    does once. With `dry_run` it says what it would do. Raises NoRoom when too much waits for even one.
    """
    with reading(parts.engine) as db:
        found = replays.candidates(db, org_id, which, after, most + 1)
        room = _Room() if dry_run else _Room.left(parts, backlog(db, org_id), min(most, len(found)))
    missing = tuple(replays.shown_numbers(which.numbers - {one.id for one in found})) if which.ids and not after else ()
    taken, sorted_ = _sort(parts, org_id, found[:most], most_bytes, room)
    if room.short and not taken:
        raise NoRoom(
            "so many deliveries wait to be absorbed that none is added: try again once a worker has absorbed some"
        )
    following = taken[-1].id if len(taken) < len(found) else None
    if dry_run:
        replayed = len(sorted_.settled) + len(sorted_.types)
        return Replayed(replayed, sorted_.waiting, sorted_.gone, len(sorted_.errors), missing, following)
    now = parts.now()
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        done = replays.put_back(db, org_id, sorted_.settled, sorted_.types, now)
        for number, errors in sorted_.errors.items():
            replays.keep_errors(db, org_id, number, errors)
        if done.replayed or sorted_.errors:
            said = {"filter": which.as_json(), "replayed": len(done.replayed), "unreadable": len(sorted_.errors)}
            ends = {"first": public_id(taken[0].id), "last": public_id(taken[-1].id)}
            about = which.ids[0] if len(which.ids) == 1 else ""
            note(db, org_id, parts.actor, Audited.REPLAYED, now, about=about, details={**said, **ends})
        tally.add(db, org_id, [Counted(Tallied.DELIVERIES, "replayed", len(done.replayed))] if done.replayed else [])
    if done.replayed:
        parts.bell.ring(org_id)
    waiting, gone = sorted_.waiting + len(done.waiting), sorted_.gone + len(done.gone)
    return Replayed(len(done.replayed), waiting, gone, len(sorted_.errors), missing, following)


def _sort(
    parts: Parts, org_id: int, found: Sequence[Candidate], most_bytes: int, room: _Room
) -> tuple[Sequence[Candidate], _Sorted]:
    """The candidates that this call takes, and what they are: as many as may be read in one go, and as there is room for."""
    sorted_, size = _Sorted(), 0
    for number, one in enumerate(found):
        if one.gone:
            sorted_.gone += 1
        elif one.status == "accepted":
            sorted_.waiting += 1
        elif not room.takes(one.size):
            return found[:number], sorted_
        elif one.status != "rejected":
            sorted_.settled.append(one.id)
        else:
            size += one.size
            if number and size > most_bytes:
                return found[:number], sorted_
            _read(parts, org_id, one, sorted_)
    return found, sorted_


def _read(parts: Parts, org_id: int, one: Candidate, into: _Sorted) -> None:
    """What a rejected delivery is now."""
    with reading(parts.engine) as db:
        body = replays.body_of(db, org_id, one.id)
    try:
        into.types[one.id] = decode(one.door, body).type
    except RefusedInput as error:
        into.errors[one.id] = [{"path": path, "message": str(said)} for path, said in error.fields.items()]
    except POISON as error:  # of a door that is not there any more, say
        message = f"It cannot be read ({type(error).__name__}): report it to the developers."
        into.errors[one.id] = [{"path": "", "message": message}]
