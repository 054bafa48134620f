"""What is written down before the CRM is: under what a record may be made whose id might never be heard (I3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contactsync.domain.crm import Action, Step
from contactsync.sync.deciding import Decided
from contactsync.sync.entries import Prepared

MOST_ATTEMPTS_KEPT = 10
"""Of one record. It takes as many lost answers in a row, each followed by a change, to forget the first."""


def to_write_ahead(
    decided: Decided, attempts: Mapping[str, tuple[int, tuple[str, ...], str | None]]
) -> dict[int, tuple[str, ...]]:
    """What must be written down before records are made: row key → all that was attempted, the new one with it.

    `attempts`: id → its row's key, what was attempted before, and under what it would be made now.
    """
    made = {step.id for step in decided.steps if step.action is Action.CREATE}
    return {
        key: _with(before, now)
        for record_id, (key, before, now) in attempts.items()
        if now is not None and now not in before and decided.plans[record_id].person in made
    }


def addresses_to_write_ahead(decided: Decided, going: Sequence[Prepared]) -> dict[int, tuple[str, ...]]:
    """The same of contacts: their e-mail addresses. Also where a record is written that is there already and that the contact
    is not linked to yet: were the answer lost, a contact with another address by then would not be known as that record.
    """
    steps = {step.id: step for step in decided.steps}
    noted = {}
    for one in going:
        address, before = one.ready.contact.email, one.claimed.attempted
        step = steps.get(decided.plans[one.claimed.contact.id].person or "")
        if address is not None and address not in before and step is not None and _ties(one, step):
            noted[one.claimed.key] = _with(before, address)
    return noted


def _ties(one: Prepared, step: Step) -> bool:
    return step.action is not Action.LEAVE and step.ref not in one.ready.links.people.values()


def _with(before: tuple[str, ...], now: str) -> tuple[str, ...]:
    return (*before, now)[-MOST_ATTEMPTS_KEPT:]
