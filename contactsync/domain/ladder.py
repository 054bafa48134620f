"""A member's status: which label an attendance has in a campaign, and never down the ladder (rule 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contactsync.domain.crm import MemberStatus
from contactsync.domain.policy import STATUS_LADDER

_UNNAMED_STEP = next(number for number, step in enumerate(STATUS_LADDER) if "registered" in step)
_TOP_STEP = len(STATUS_LADDER) - 1
REMOVED = "removed"
"""The word of the status map for attendances that were removed."""

_BOTTOM_STEP = -1
_NOT_COMING = frozenset({"cancelled", "declined"})


class Ladder:
    """An org's status map, read both ways: attendance → label, and label → the steps that it may stand for."""

    def __init__(self, status_map: Mapping[str, Sequence[str]]) -> None:
        self._labels = {status.strip().lower(): tuple(labels) for status, labels in status_map.items()}
        self._steps: dict[str, set[int]] = {}
        for status, labels in self._labels.items():
            for label in labels if status != REMOVED else ():
                self._steps.setdefault(_folded(label), set()).add(_step_of(status))
        for label in self._labels.get(REMOVED, ()):
            # Whoever was removed may be invited again; a label that means something else too keeps that step.
            self._steps.setdefault(_folded(label), {_BOTTOM_STEP})

    def standing(self, status: str) -> tuple[int, bool]:
        """How high an attendance stands; of two on one step, the one that means to come."""
        return _step_of(status.lower()), status.lower() not in _NOT_COMING

    def labels(self, status: str) -> tuple[str, ...]:
        """The labels that will do for an attendance's status, best first; none when the map does not know it."""
        return self._labels.get(status.lower(), ())

    def responded(self, status: str) -> bool:
        """Whether somebody with this status counts as having responded to the campaign."""
        return _step_of(status.lower()) == _TOP_STEP

    def label(self, status: str, statuses: Sequence[MemberStatus]) -> str | None:
        """The first label of the map for an attendance's status that the campaign has, in the campaign's spelling."""
        present = {_folded(known.label): known.label for known in reversed(statuses)}
        wanted = (_folded(label) for label in self.labels(status))
        return next((present[label] for label in wanted if label in present), None)

    def refusal(self, held: str | None, status: str, label: str, statuses: Sequence[MemberStatus]) -> str | None:
        """Why a member with the status `held` must not get `label`; None when it may."""
        if held is None or not held.strip():
            return None
        if _folded(held) == _folded(label):
            return "The status is right already."
        step = self._held_step(held, statuses)
        if step is None:
            return f"Somebody set the status “{held}” in the CRM: it stays."
        # Both count: a late "registered" says less than "Attended", and "Sent", all that a campaign may have for somebody
        # who cancelled, says less than "Registered".
        if min(_step_of(status.lower()), self._label_step(label)) < step:
            return f"The status stays “{held}”: “{label}” would be a step down."
        return None

    def removal_refusal(self, held: str | None, label: str, statuses: Sequence[MemberStatus]) -> str | None:
        """Why a member whose attendance was removed must not get `label`; None when it may. Attended stays attended."""
        if held is None or not held.strip():
            return None
        if _folded(held) == _folded(label):
            return "The status is right already."
        step = self._held_step(held, statuses)
        if step is None:
            return f"Somebody set the status “{held}” in the CRM: it stays."
        return f"The status stays “{held}”: whoever attended has attended." if step == _TOP_STEP else None

    def _held_step(self, held: str, statuses: Sequence[MemberStatus]) -> int | None:
        """The step that a member's label stands for; None when a person must have set it."""
        if _folded(held) in self._steps:
            return self._label_step(held)
        default = any(known.is_default and _folded(known.label) == _folded(held) for known in statuses)
        return _BOTTOM_STEP if default else None

    def _label_step(self, label: str) -> int:
        """The step of a label of the map.

        A label may stand for several steps: "Sent" is what a campaign without finer words shows for everybody who was
        invited or registered. It counts as the lowest of them, or nobody would ever move from there; but one that may
        mean `attended` counts as that, because attended stays attended.
        """
        steps = self._steps[_folded(label)]
        return _TOP_STEP if _TOP_STEP in steps else min(steps)


def _step_of(status: str) -> int:
    return next((number for number, step in enumerate(STATUS_LADDER) if status in step), _UNNAMED_STEP)


def _folded(label: str) -> str:
    return label.strip().casefold()
