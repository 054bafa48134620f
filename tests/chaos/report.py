"""What a run shows: what was sent, what went wrong, what it came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.chaos.judge import Verdict

SHOWN = 20
"""So many findings of a kind are told one by one."""


@dataclass
class Report:
    """One run."""

    seed: int
    database: str
    deliveries: int
    accepted: int = 0
    rejected: int = 0
    sends: int = 0
    copies: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    retried: Counter[int] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    mischief: Counter[str] = field(default_factory=Counter)
    restarts: Mapping[str, int] = field(default_factory=dict)
    runs: Mapping[str, int] = field(default_factory=dict)
    records: Mapping[str, int] = field(default_factory=dict)
    calls: int = 0
    seconds: float = 0
    settling: float = 0
    spoilt: list[str] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def command(self) -> str:
        """What replays this run."""
        return f"make chaos SEED={self.seed} N={self.deliveries} DATABASE={self.database}"

    @property
    def good(self) -> bool:
        """Whether everything is as it must be."""
        return not self.spoilt and not any(self.verdict.counts().values())

    def lines(self) -> list[str]:
        """For people."""
        lines = [
            f"chaos  seed {self.seed}  {self.database}  {'good' if self.good else 'NOT GOOD'}",
            f"  deliveries        {self.deliveries}: {self.accepted} accepted, {self.rejected} rejected as unreadable",
            f"  sends             {self.sends}, {self.copies} of them copies; answers {_counted(self.answers)}",
            f"  sent again after  {_counted(self.retried)}  (0: no answer: {_counted(self.unanswered)})",
            *(f"  {name:<17} {_counted(some)}" for name, some in self._by_theme().items()),
            f"  started           {_counted(self.restarts)}",
            f"  runs              {_counted(self.runs)}",
            f"  in the CRMs       {_counted(self.records)}; {self.calls} calls",
            f"  seconds           {self.seconds:.0f}, then {self.settling:.0f} to come to rest",
            f"  found             {_counted(self.verdict.counts())}",
        ]
        lines += [f"  spoilt            {text}" for text in self.spoilt]
        told: Counter[str] = Counter()
        for kind, text in self.verdict.findings():
            told[kind] += 1
            if told[kind] <= SHOWN:
                lines.append(f"  {kind}: {text}")
        if not self.good:
            lines.append(f"  replay with       {self.command}")
        return lines

    def _by_theme(self) -> Mapping[str, Counter[str]]:
        themes: dict[str, Counter[str]] = {}
        for kind, count in sorted(self.mischief.items()):
            first = kind.partition("_")[0]
            name = {"crm": "CRM", "redis": "Redis", "sqlite": "database", "postgres": "database", "jump": "clocks"}
            themes.setdefault(name.get(first, "processes"), Counter())[kind] += count
        return themes


def _counted(some: Mapping[str, int] | Mapping[int, int]) -> str:
    return (
        ", ".join(f"{name} {count}" for name, count in sorted(some.items(), key=lambda one: str(one[0]))) or "nothing"
    )
