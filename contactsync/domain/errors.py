"""Every error that contactsync raises on purpose, named by what happens next.

ContactsyncError
├── RefusedInput            the caller must change what was sent; carries field paths
├── Misconfigured           the operator must change a setting; raised at start or when it is saved
│   ├── PluginBroken        one plugin cannot be used; names it and its distribution
│   └── SealBroken          a secret at rest cannot be opened with the keys at hand
├── SignatureRefused        a webhook is not proven to come from its org; the sender is told 401 and nothing more
├── CannotKeep              the database cannot keep a delivery now: the sender should come again (503)
└── TargetError             the CRM did not do a whole call; rows of their own fail in a StepResult instead
    ├── TargetUnavailable   by itself again later, with back-off (network, 5xx, limits)
    └── TargetRefused       never by itself: somebody must act (sign-in, permission); carries the Problem
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contactsync.domain.crm import Problem


class ContactsyncError(Exception):
    """The root. Messages hold no personal data and no secret (invariant I8)."""


class RefusedInput(ContactsyncError):
    """What was sent cannot be taken; `fields` maps a path such as `data.3.email` to what to do about it."""

    def __init__(self, message: str, fields: Mapping[str, str | Sequence[str]] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class Misconfigured(ContactsyncError):
    """A setting is wrong; the message names its path and what to write there."""


class PluginBroken(Misconfigured):
    """A plugin cannot be used; the message names it and the distribution that brought it."""


class SignatureRefused(ContactsyncError):
    """A webhook is not proven to come from its org. `reason` (missing, malformed, stale, wrong) is for logs, never for the
    sender.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the webhook's signature is refused: {reason}")
        self.reason = reason


class SealBroken(Misconfigured):
    """A sealed secret does not open: its key is gone, or it was sealed for something else."""


class CannotKeep(ContactsyncError):
    """The database cannot keep a delivery now; `retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TargetError(ContactsyncError):
    """A whole call to the CRM failed."""


class TargetUnavailable(TargetError):
    """The CRM cannot answer now; nothing was written by this call. `retry_after`: seconds, when the CRM named them."""

    def __init__(self, message: str, problem: Problem | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.problem = problem
        self.retry_after = retry_after


class TargetRefused(TargetError):
    """The CRM refuses every call until somebody acts."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.cause)
        self.problem = problem
