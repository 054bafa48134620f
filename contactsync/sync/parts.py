"""What the doors and the sync work with; `contactsync.bootstrap` makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from contactsync.hooks import Plugins
from contactsync.settings import Settings
from contactsync.store.engine import Engine
from contactsync.store.vault import Vault
from contactsync.sync.targets import Targets


class Ringer(Protocol):
    """Says "this org has work" to the workers."""

    def ring(self, org_id: int) -> bool:
        """Wake a worker for the org. Never raises; False when it could not (the clock makes good)."""
        ...

    def answers(self) -> bool:
        """Whether ringing would be heard now, for /readyz. Never raises."""
        ...


def wall_clock() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Parts:
    """The parts of a running process. `now` is the clock, so that tests may set it. `actor`: for whom it acts, as the audit
    log names them; the doors put in who is asking.
    """

    settings: Settings
    engine: Engine
    vault: Vault
    plugins: Plugins
    bell: Ringer
    targets: Targets
    now: Callable[[], datetime] = field(default=wall_clock)
    actor: str = "contactsync"
