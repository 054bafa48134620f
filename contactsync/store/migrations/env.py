"""Run the migrations on the connection that `contactsync.store.engine.upgrade` gives, within its transaction."""

from __future__ import annotations

from alembic import context

from contactsync.domain.errors import Misconfigured
from contactsync.store import tables_console, tables_counted  # noqa: F401 - they join the others by being imported
from contactsync.store.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise Misconfigured("migrations run by `contactsync db upgrade`")

# SQLite can roll DDL back as Postgres can, because the transaction is ours and not Python's.
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
context.run_migrations()
