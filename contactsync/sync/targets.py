"""The CRM of an org, ready to use: kept between batches, so that tokens, descriptions and sockets are too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from contactsync.domain.crm import CrmTarget, Mend, Problem
from contactsync.domain.errors import ContactsyncError, TargetUnavailable
from contactsync.hooks import Plugins
from contactsync.loading import place
from contactsync.store.connections import ConnectionRow, OpenConnection, open_connection, present
from contactsync.store.engine import Engine, reading, unavailable
from contactsync.store.tokens import utc_now
from contactsync.store.vault import Vault


@dataclass(frozen=True)
class Bound:
    """An org's present connection and the target made of it."""

    row: ConnectionRow
    target: CrmTarget
    connection: OpenConnection


@contextmanager
def asking(bound: Bound) -> Iterator[None]:
    """Around calls of a target: whatever its plugin raises against the contract is TargetUnavailable, so that it is tried
    ever more rarely and people see what is broken. Its text is left out, it may quote a person.
    """
    try:
        yield
    except ContactsyncError:
        raise
    except Exception as error:
        if unavailable(error):  # the database, under the target's tokens
            raise
        cause = f"The plugin of the CRM {bound.row.target} failed: {type(error).__name__} at {place(error)}."
        fix = "Mend the plugin; it is tried again by itself."
        raise TargetUnavailable(
            cause, Problem("plugin_broken", cause, fix, "developer", mended_by=(Mend.PLUGIN,))
        ) from None


class Targets:
    """Makes targets, and makes a new one when the connection was changed, or what is remembered of the CRM is stale."""

    def __init__(self, engine: Engine, vault: Vault, plugins: Plugins, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._engine = engine
        self._vault = vault
        self._plugins = plugins
        self._bound: dict[int, Bound] = {}

    def of(self, org_id: int) -> Bound | None:
        """The org's target, None when it is not connected. Raises PluginBroken when its plugin cannot be used."""
        with reading(self._engine) as db:
            row = present(db, org_id)
        if row is None:
            self._bound.pop(org_id, None)
            return None
        bound = self._bound.get(org_id)
        if bound is None or _identity(bound.row) != _identity(row):
            bound = self._made(row)
        else:
            bound = Bound(row, bound.target, bound.connection)
        self._bound[org_id] = bound
        return bound

    def renewed(self, bound: Bound) -> Bound:
        """The same connection with a target that remembers nothing of the CRM yet. Raises PluginBroken."""
        self._bound[bound.row.org_id] = self._made(bound.row)
        return self._bound[bound.row.org_id]

    def _made(self, row: ConnectionRow) -> Bound:
        connection = open_connection(self._engine, self._vault, row, self._now)
        return Bound(row, self._plugins.target_type(row.target).connect(connection), connection)


def _identity(row: ConnectionRow) -> tuple[object, ...]:
    return (row.id, row.target, sorted(row.settings.items()), row.sealed_credentials, row.revision)
