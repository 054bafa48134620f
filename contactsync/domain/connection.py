"""What a CRM target is given to work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from contactsync.domain.crm import CrmTarget, KnownProblem, Problem


@dataclass(frozen=True)
class Token:
    """A bearer token and what belongs to it. `repr` never shows it.

    `refresh_token`: what the next token is to be asked for with, when that is no longer what the credentials hold; "": it
    is. Some CRMs give a new one with each token, and take the one before no longer.
    """

    value: str = field(repr=False)
    instance_url: str = ""
    refresh_token: str = field(default="", repr=False)


class TokenKeeper(Protocol):
    """Keeps one connection's token for all workers, encrypted in the database."""

    def token(self, fetch: Callable[[], Token], stale: str | None = None) -> Token:
        """The kept token; `fetch` is called, by one process at a time, when none is kept or the kept one is `stale`.

        `stale`: the value that the CRM just refused. When another worker has replaced it meanwhile, theirs is returned.
        What `fetch` answers is kept, sealed, before it is returned.
        """
        ...

    def last(self) -> Token | None:
        """The token kept last, refused or not: inside `fetch`, where the newest refresh token is."""
        ...


class SignIn(Protocol):
    """How a person signs in at a CRM with a browser, for CRMs that offer it. `state` and `verifier` (PKCE) are the core's:
    it makes them, keeps them sealed, and takes each `state` once.
    """

    def authorize(
        self, settings: Mapping[str, str], credentials: Mapping[str, str], redirect_uri: str, state: str, verifier: str
    ) -> str:
        """The address to open in a browser; no I/O. Raises RefusedInput naming each wrong setting."""
        ...

    def redeem(
        self, settings: Mapping[str, str], credentials: Mapping[str, str], redirect_uri: str, code: str, verifier: str
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """The settings and credentials to connect with, for the code that the browser brought back.

        Raises TargetUnavailable and TargetRefused: the person begins again.
        """
        ...

    def refused(self, error: str) -> Problem:
        """What it means that the browser came back with an `error` (OAuth's word for it) and no code."""
        ...


def _count_nothing(used: int | None, limit: int | None) -> None:
    """Nobody wants to know."""


def _always() -> None:
    """Nobody else may write."""


def _nothing_wrong(settings: Mapping[str, str], credentials: Mapping[str, str]) -> Mapping[str, str]:  # noqa: ARG001
    return {}


@dataclass(frozen=True)
class Connection:
    """An org's tie to one CRM: settings (not secret), credentials (secret, decrypted), its token keeper.

    `count_call(used, limit)` is told after every call to the CRM, with the CRM's own count of the day where it says so.
    `may_write()` is asked right before every call that writes, and raises when another worker has the org meanwhile: nothing
    more is sent then, and what it raised goes through; the other worker looks up what was done.
    """

    settings: Mapping[str, str]
    credentials: Mapping[str, str] = field(repr=False)
    tokens: TokenKeeper
    count_call: Callable[[int | None, int | None], None] = _count_nothing
    may_write: Callable[[], None] = _always


@dataclass(frozen=True)
class TargetType:
    """A kind of CRM that a plugin provides; `connect` makes a target and does no I/O.

    `check_settings` answers what is wrong with a connection's settings, by setting name; empty: nothing.
    `sign_in`: how a person may connect it with a browser; None: only with settings and credentials.
    """

    name: str
    label: str
    connect: Callable[[Connection], CrmTarget]
    check_settings: Callable[[Mapping[str, str], Mapping[str, str]], Mapping[str, str]] = _nothing_wrong
    problems: Sequence[KnownProblem] = ()
    sign_in: SignIn | None = None
