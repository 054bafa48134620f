"""What is written down before the CRM is: under what a record may be made whose id might never be heard (I3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from contactsync.domain.crm import Action, RecordRef, Step
from contactsync.sync.deciding import Decided
from contactsync.sync.entries import Prepared

MOST_ATTEMPTS_KEPT = 10
"""Of one record. It takes as many lost answers in a row, each followed by a change, to forget the first."""


@dataclass(frozen=True)
class Attempt:
    """What an event or a meeting may be known by in the CRM: `before` what was written down so far, `now` what its record has
    after this turn. `key`: of its row; `linked`: the record that it is tied to already, if any.
    """

    key: int
    before: tuple[str, ...]
    now: str | None
    linked: RecordRef | None


def to_write_ahead(decided: Decided, attempts: Mapping[str, Attempt]) -> dict[int, tuple[str, ...]]:
    """What must be written down before records are written, `attempts` by source id: row key → all that was attempted, the new
    one with it. Also where a record was found again that is not tied yet and is changed now: were that answer lost as well, it
    would be looked for where it no longer is.
    """
    steps = {step.id: step for step in decided.steps}
    noted = {}
    for source_id, one in attempts.items():
        step = steps.get(decided.plans[source_id].person or "")
        if one.now is not None and one.now not in one.before and step is not None and _ties(step, (one.linked,)):
            noted[one.key] = _with(one.before, one.now)
    return noted


def addresses_to_write_ahead(decided: Decided, going: Sequence[Prepared]) -> dict[int, tuple[str, ...]]:
    """The same of contacts: their e-mail addresses. A contact with another address would not be known as that record."""
    steps = {step.id: step for step in decided.steps}
    noted = {}
    for one in going:
        address, before = one.ready.contact.email, one.claimed.attempted
        step = steps.get(decided.plans[one.claimed.contact.id].person or "")
        linked = one.ready.links.people.values()
        if address is not None and address not in before and step is not None and _ties(step, linked):
            noted[one.claimed.key] = _with(before, address)
    return noted


def _ties(step: Step, linked: Iterable[RecordRef | None]) -> bool:
    return step.action is not Action.LEAVE and step.ref not in [ref for ref in linked if ref is not None]


def _with(before: tuple[str, ...], now: str) -> tuple[str, ...]:
    return (*before, now)[-MOST_ATTEMPTS_KEPT:]
