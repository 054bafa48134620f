"""The CRM lost a field that the mapping names: the records that need it stop with one problem, all others go on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from contactsync.domain.crm import Action, Mend, Problem, RecordKind, Step
from contactsync.domain.mapping import MAPPED_KINDS, FieldMapping, FieldRule, WriteMode


@dataclass(frozen=True)
class Drifted:
    """What is wrong with one kind's rules. `fields`: lower-case names of the fields that are gone; none: all is in doubt."""

    problem: Problem
    fields: frozenset[str] = frozenset()

    def hits(self, rule: FieldRule) -> bool:
        """Whether the rule writes a field that is gone."""
        return not self.fields or rule.target.lower() in self.fields


@dataclass(frozen=True)
class Drift:
    """What no longer fits, kind by kind, of the mapping that was meant."""

    meant: FieldMapping
    kinds: Mapping[RecordKind, Drifted] = field(default_factory=dict)

    @property
    def mapping(self) -> FieldMapping:
        """The rules that still fit."""
        left = self.meant
        for kind, drifted in self.kinds.items():
            name = next(name for name, mapped in MAPPED_KINDS.items() if mapped is kind)
            rules = self.meant.rules.get(name, ())
            left = left.replaced(name, (rule for rule in rules if not drifted.hits(rule)))
        return left

    def widened(self, problem: Problem) -> Drift | None:
        """With one more problem. None: it is not of the mapping, or says nothing that was not known."""
        kind = next((kind for kind in MAPPED_KINDS.values() if kind.value == problem.object), None)
        if kind is None or Mend.MAPPING not in problem.mended_by:
            return None
        known = self.kinds.get(kind)
        written = {rule.target.lower() for rule in self.meant.of(kind)}
        named = frozenset(name.lower() for name in problem.fields) & written
        before = known.fields if known else frozenset()
        if known is not None and not known.fields:
            return None
        if named and not named <= before:
            every = tuple(sorted({*problem.fields, *(known.problem.fields if known else ())}))
            drifted = Drifted(replace(problem, fields=every), named | before)
        else:
            drifted = Drifted(problem)
        return replace(self, kinds={**self.kinds, kind: drifted})

    def holding(self, kinds: Iterable[RecordKind]) -> Problem | None:
        """Why a record that may touch these kinds cannot even be looked up; None when it can."""
        doubtful = (self.kinds[kind] for kind in kinds if kind in self.kinds)
        return next((drifted.problem for drifted in doubtful if not drifted.fields), None)

    def stopping(self, steps: Iterable[Step]) -> Problem | None:
        """Why a record with these steps must wait; None when none of them would write a field that is gone."""
        for step in steps:
            drifted = self.kinds.get(step.kind)
            if drifted is None:
                continue
            gone = [rule for rule in self.meant.of(step.kind) if drifted.hits(rule)]
            if step.action is Action.CREATE or any(rule.mode is not WriteMode.ON_CREATE for rule in gone):
                return drifted.problem
        return None
