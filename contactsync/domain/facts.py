"""What the doctor looks at and says: facts about an installation and its orgs, and the lines that are made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from contactsync.domain.crm import Problem


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    RED = "red"


@dataclass(frozen=True)
class Finding:
    """One line. `org`: None for the installation. `do` is empty when all is well."""

    check: str
    level: Level
    says: str
    do: str = ""
    org: str | None = None


@dataclass(frozen=True)
class Process:
    """A process that said it was alive, and must have said so again by `until`."""

    name: str
    owner: str
    beat_at: datetime
    until: datetime


@dataclass(frozen=True)
class DatabaseFacts:
    """What the database told. `trouble`: why it cannot be asked, then nothing else is known.

    `unopened`: what does not open with the keys at hand → the orgs whose it is. `clock`: the time it has, None: it has none
    of its own.
    """

    kind: str = ""
    trouble: str | None = None
    pending: bool = False
    clock: datetime | None = None
    newest_delivery: datetime | None = None
    processes: Sequence[Process] = ()
    sealed: int = 0
    unopened: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that cannot be used."""

    name: str
    problem: str
    fix: str


@dataclass(frozen=True)
class Health:
    """What the CRM answered when it was asked, with its count of the day. `away`: why it could not be asked at all."""

    ok: bool = True
    problems: Sequence[Problem] = ()
    away: str | None = None
    fix: str = ""
    used: int | None = None
    limit: int | None = None


@dataclass(frozen=True)
class OrgFacts:
    """What is known of one org. `state`: none | ready | paused | stopped, as in its status; `health`: None when the CRM was not
    asked. `secrets`: when each secret that counts expires; `tokens`: the same by label. `filled`: the part of the room for what
    waits that is taken, in deliveries or megabytes; at 1 nothing is let in.
    `rejected_at`: when the last that could not be read came.
    """

    slug: str
    state: str = "none"
    target: str = ""
    problem: Problem | None = None
    paused_until: datetime | None = None
    health: Health | None = None
    calls_used: int | None = None
    calls_limit: int | None = None
    reserve_percent: int = 0
    secrets: Sequence[datetime | None] = ()
    tokens: Sequence[tuple[str, datetime | None]] = ()
    due_seconds: float | None = None
    waiting_seconds: float | None = None
    waiting: int = 0
    most_waiting: int | None = None
    filled: float = 0.0
    failed: int = 0
    rejected: int = 0
    rejected_at: datetime | None = None
    lease_owner: str | None = None
    lease_until: datetime | None = None
    latest_due: datetime | None = None


@dataclass(frozen=True)
class Facts:
    """Everything, at one moment. `lease_seconds` and `retry_seconds`: how far ahead a lease and a retry may lie."""

    now: datetime
    database: DatabaseFacts
    redis: bool
    plugins: int = 0
    broken: Sequence[BrokenPlugin] = ()
    complaints: Sequence[str] = ()
    orgs: Sequence[OrgFacts] = ()
    lease_seconds: float = 60.0
    retry_seconds: float = 3600.0


# ── words ──────────────────────────────────────────────────────────────────────────────────────────────────────────

NAMED = 5
"""How many a line names."""


def many(count: int, what: str, several: str | None = None) -> str:
    """1 plugin, 2 plugins; 1 delivery, 2 deliveries."""
    return f"{count:,} {what if count == 1 else several or f'{what}s'}"


def named(names: Sequence[str]) -> str:
    """The first of them, and how many more."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def long(seconds: float) -> str:
    """A time for people: 90 s, 12 min, 3.5 h, 12 days."""
    for size, most, word in ((1, 120, "s"), (60, 120, "min")):
        if seconds < size * most:
            return f"{seconds / size:.0f} {word}"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
