"""What goes wrong, and after which delivery: from the seed alone, never from the time that something takes."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.chaos.stream import ORGS

APART = 60
"""One mischief for so many deliveries, about."""

LEASE = 3.0
LONG = (LEASE * 1.3, LEASE * 2)
SHORT = (0.3, LEASE * 0.5)

Span = tuple[float, float]

PROCESSES: dict[str, Span] = {
    "kill_web": (0, 0), "kill_web_child": (0, 0), "kill_worker": (0, 0), "kill_clock": (0, 0),
    "term_web": (0, 0), "term_worker": (0, 0), "term_clock": (0, 0),
    "stop_web": SHORT, "stop_worker_short": SHORT, "stop_worker_long": LONG, "stop_clock": LONG,
}  # fmt: skip
REDIS: dict[str, Span] = {
    "redis_flush": (0, 0),
    "redis_restart": (0.1, 1),
    "redis_kill": (0.5, 2),
    "redis_hang": (0.5, 2),
}
DATABASES: dict[str, Span] = {
    "sqlite_lock_short": (0.2, 1), "sqlite_lock_long": (5.5, 7),
    "postgres_restart_fast": (0.1, 1), "postgres_restart_immediate": (0.1, 2), "postgres_terminate": (0, 0),
    "postgres_refuse": (1, LEASE * 1.5),
}  # fmt: skip
CRM: dict[str, Span] = dict.fromkeys(
    (
        "crm_status", "crm_html", "crm_hang", "crm_drop_after", "crm_drop_before", "crm_cut", "crm_garbage", "crm_lock_call",
        "crm_rows", "crm_concurrent_limit", "crm_expired_token", "crm_slow",
    ),
    (0.2, 1.5),
)  # fmt: skip
CLOCKS: dict[str, Span] = {"jump_all": (2, 6), "jump_one": (2, 6)}


@dataclass(frozen=True)
class Mischief:
    """Before the delivery at `position` goes out, something happens. `amount`: of what is told by how much."""

    position: int
    kind: str
    seconds: float
    target: str
    amount: float = 0


def schedule(seed: int, count: int, database_kinds: tuple[str, ...]) -> tuple[Mischief, ...]:
    """All that goes wrong while `count` deliveries go out: each kind comes before any comes again, as far as there is room."""
    chance = random.Random(f"mischief {seed}")
    spans = PROCESSES | REDIS | CRM | CLOCKS | {kind: DATABASES[kind] for kind in database_kinds}
    number = max(count // APART, min(count // 12, len(spans)))
    kinds: list[str] = []
    while len(kinds) < number:
        # What endangers the lease is what this is about: it comes twice as often.
        more = [*spans, "kill_worker", "stop_worker_long", "jump_all", "jump_one", "crm_drop_after"]
        chance.shuffle(more)
        kinds += more
    positions = sorted(chance.randrange(min(5, count), max(6, count)) for _ in range(number))
    return tuple(
        Mischief(
            position,
            kind,
            round(chance.uniform(*spans[kind]), 2),
            _target(chance, kind),
            _amount(chance, kind),
        )
        for position, kind in zip(positions, kinds, strict=False)
    )


def _target(chance: random.Random, kind: str) -> str:
    if kind in CRM:
        return chance.choice(ORGS)
    if "worker" in kind:
        return chance.choice(("worker-1", "worker-2"))
    if kind == "jump_one":
        return chance.choice(("web", "worker-1", "worker-2", "clock"))
    for role in ("web", "clock"):
        if role in kind:
            return role
    return ""


def _amount(chance: random.Random, kind: str) -> float:
    """By how many seconds a clock jumps; how many calls fail."""
    if kind in CLOCKS:
        far = chance.choice((10.0, 60.0, 3 * 3600.0, 12 * 3600.0))
        return chance.choice((-1, 1)) * far * chance.uniform(0.8, 1)
    if kind == "crm_expired_token":
        return (
            1.0  # a session that is refused right after a new sign-in is a person's question, and stops the connection
        )
    return float(chance.choice((1, 1, 2, 4))) if kind in CRM else 0.0
