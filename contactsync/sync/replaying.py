"""Old deliveries absorbed once more because somebody says so: one, or a filtered set bit by bit.

A delivery keeps its number, and with it the versions of what it says: nothing newer is overwritten, however often and in
whatever order deliveries are replayed (invariant I4). What it brings is what was lost: fields that this version reads and
the one before did not, records that could not be absorbed, and a look at whatever needs somebody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from contactsync.domain.errors import RefusedInput
from contactsync.intake.decode import decode
from contactsync.store import queue, replays, tally
from contactsync.store.absorption import POISON
from contactsync.store.audit import Audited, note
from contactsync.store.engine import reading, writing
from contactsync.store.inbox import public_id
from contactsync.store.replays import Candidate, ReplayFilter
from contactsync.store.tally import Counted, Tallied
from contactsync.sync.parts import Parts

MOST = 1000
"""How many deliveries one call goes through: a transaction of that size keeps nobody waiting."""

MOST_BYTES = 20_000_000
"""And of rejected ones, which it must read, at most so many bytes."""


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
    does once. With `dry_run` it says what it would do.
    """
    with reading(parts.engine) as db:
        found = replays.candidates(db, org_id, which, after, most + 1)
    missing = tuple(replays.shown_numbers(which.numbers - {one.id for one in found})) if which.ids and not after else ()
    taken, sorted_ = _sort(parts, org_id, found[:most], most_bytes)
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
    parts: Parts, org_id: int, found: Sequence[Candidate], most_bytes: int
) -> tuple[Sequence[Candidate], _Sorted]:
    """The candidates that this call takes, and what they are: as many as may be read in one go."""
    sorted_, size = _Sorted(), 0
    for number, one in enumerate(found):
        if one.gone:
            sorted_.gone += 1
        elif one.status == "accepted":
            sorted_.waiting += 1
        elif one.status != "rejected":
            sorted_.settled.append(one.id)
        else:
            with reading(parts.engine) as db:
                body = replays.body_of(db, org_id, one.id)
            size += len(body)
            if number and size > most_bytes:
                return found[:number], sorted_
            try:
                sorted_.types[one.id] = decode(one.door, body).type
            except RefusedInput as error:
                sorted_.errors[one.id] = [{"path": p, "message": str(said)} for p, said in error.fields.items()]
            except POISON as error:  # of a door that is not there any more, say
                message = f"It cannot be read ({type(error).__name__}): report it to the developers."
                sorted_.errors[one.id] = [{"path": "", "message": message}]
    return found, sorted_
