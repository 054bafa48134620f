"""How the org's connection stands, for what is said when something was sent on its way."""

from __future__ import annotations

from contactsync.store import connections
from contactsync.store.engine import Connection as Db
from contactsync.web.console.profile_words import Standing


def standing_of(db: Db, org_id: int) -> Standing:
    """Whether the org is connected, and what stops its connection."""
    row = connections.present(db, org_id)
    if row is None:
        return Standing(connected=False)
    return Standing(connected=True, problem=row.problem, paused_until=row.paused_until)
