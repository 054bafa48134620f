"""How the org's connection stands, for what is said when something was sent on its way."""

from __future__ import annotations

from contactsync.store import connections
from contactsync.store.engine import Connection as Db
from contactsync.store.engine import reading
from contactsync.web.auth import parts
from contactsync.web.console.profile_words import HELD_UP, Standing
from contactsync.web.console.seat import seat


def standing_of(db: Db) -> Standing:
    """How the connection of the seat's org stands now."""
    row = connections.present(db, seat().org.id)
    return Standing() if row is None else Standing(row.state(parts().now()), row.problem, row.paused_until)


def held_up() -> str:
    """Why nothing goes to the CRM just now; "" when it does."""
    with reading(parts().engine) as db:
        return HELD_UP[standing_of(db).state]


def then_goes(otherwise: str = "It goes to Salesforce by itself.") -> tuple[str, str]:
    """What becomes of what was saved or approved, and its tone. `otherwise`: where nothing holds it up."""
    held = held_up()
    return (held, "warn") if held else (otherwise, "good")
