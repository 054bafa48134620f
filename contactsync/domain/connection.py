"""What a CRM target is given to work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from contactsync.domain.crm import CrmTarget, KnownProblem


@dataclass(frozen=True)
class Token:
    """A bearer token and what belongs to it. `repr` never shows it."""

    value: str = field(repr=False)
    instance_url: str = ""


class TokenKeeper(Protocol):
    """Keeps one connection's token for all workers, encrypted in the database."""

    def token(self, fetch: Callable[[], Token], stale: str | None = None) -> Token:
        """The kept token; `fetch` is called, by one process at a time, when none is kept or the kept one is `stale`.

        `stale`: the value that the CRM just refused. When another worker has replaced it meanwhile, theirs is returned.
        """
        ...


def _count_nothing(used: int | None, limit: int | None) -> None:
    """Nobody wants to know."""


def _nothing_wrong(settings: Mapping[str, str], credentials: Mapping[str, str]) -> Mapping[str, str]:  # noqa: ARG001
    return {}


@dataclass(frozen=True)
class Connection:
    """An org's tie to one CRM: settings (not secret), credentials (secret, decrypted), its token keeper.

    `count_call(used, limit)` is told after every call to the CRM, with the CRM's own count of the day where it says so.
    """

    settings: Mapping[str, str]
    credentials: Mapping[str, str] = field(repr=False)
    tokens: TokenKeeper
    count_call: Callable[[int | None, int | None], None] = _count_nothing


@dataclass(frozen=True)
class TargetType:
    """A kind of CRM that a plugin provides; `connect` makes a target and does no I/O.

    `check_settings` answers what is wrong with a connection's settings, by setting name; empty: nothing.
    """

    name: str
    label: str
    connect: Callable[[Connection], CrmTarget]
    check_settings: Callable[[Mapping[str, str], Mapping[str, str]], Mapping[str, str]] = _nothing_wrong
    problems: Sequence[KnownProblem] = ()
