"""Everything that is sealed in the database, brought under the first key of CONTACTSYNC_SECRET_KEYS."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from contactsync.domain.errors import SealBroken
from contactsync.store.authorizations import AUTHORIZATION_PURPOSE
from contactsync.store.engine import writing
from contactsync.store.orgs import SECRET_PURPOSE
from contactsync.store.tables import authorization, connection, webhook_secret
from contactsync.store.tokens import CREDENTIALS_PURPOSE, TOKEN_PURPOSE
from contactsync.store.vault import Vault

_SEALED = (
    (webhook_secret.c.sealed, SECRET_PURPOSE),
    (connection.c.sealed_credentials, CREDENTIALS_PURPOSE),
    (connection.c.sealed_token, TOKEN_PURPOSE),
    (authorization.c.sealed, AUTHORIZATION_PURPOSE),
)


@dataclass(frozen=True)
class Rotated:
    """What came of it. `broken`: why some could not be opened; they stand as they were."""

    resealed: int
    broken: tuple[str, ...]


def reseal_all(engine: Engine, vault: Vault) -> Rotated:
    """Seal everything anew. When nothing is broken, the keys after the first can be removed."""
    resealed = 0
    broken: list[str] = []
    with writing(engine) as conn:
        for column, purpose in _SEALED:
            rows = sa.select(column.table.c.id, column.table.c.org_id, column).where(column.is_not(None), column != "")
            for row_id, org_id, sealed in conn.execute(rows).all():
                try:
                    anew = vault.reseal(org_id, purpose, sealed)
                except SealBroken as error:
                    broken.append(str(error))
                    continue
                resealed += _replace(conn, column, row_id, sealed, anew)
    return Rotated(resealed, tuple(dict.fromkeys(broken)))


def _replace(conn: Connection, column: sa.Column[str], row_id: int, seen: str, anew: str) -> int:
    """Only what is still as it was read: a worker may have kept a new token meanwhile."""
    table = column.table
    changed = sa.update(table).where(table.c.id == row_id, column == seen).values({column.name: anew})
    return conn.execute(changed).rowcount
