"""What we wrote is known again by marks: a rule with if_ours overwrites our own values and nobody else's."""

from __future__ import annotations

import sqlalchemy as sa

from contactsync.store import tables as t
from contactsync.store.engine import reading
from contactsync.sync import actions
from tests.sync.conftest import World, ada
from tests.sync.test_event_campaigns import rules
from tests.sync.test_rules import only


def change_title(world: World, title: str) -> str | None:
    world.clock.forward(seconds=1)
    world.contact(ada(title=title))
    world.sync()
    value = only(world.crm("Lead"))["Title"]
    assert value is None or isinstance(value, str)
    return value


def test_our_own_value_is_written_over_and_one_that_a_person_wrote_stays(connected: World) -> None:
    connected.contact(ada(title="Countess"))
    connected.sync()
    rules(connected, "lead", title="if_ours")
    assert change_title(connected, "Programmer") == "Programmer", "it was written before the rule asked for it"
    connected.by_hand("Lead", connected.row("c-1").crm_id, Title="Dame")
    assert change_title(connected, "Analyst") == "Dame"
    connected.by_hand("Lead", connected.row("c-1").crm_id, Title=None)
    assert change_title(connected, "Mathematician") == "Mathematician"


def test_a_row_that_failed_leaves_no_marks(connected: World) -> None:
    error = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "No", "fields": ["Title"]}
    connected.fault(do="row", times=1, where={"object": "Lead"}, error=error)
    connected.contact(ada(title="Countess"))
    connected.sync()
    assert marks(connected) == []
    actions.sync_now(connected.parts, connected.org_id, "c-1")
    connected.sync()
    (kept,) = marks(connected)
    assert set(kept) >= {"Title", "LastName", "Email"}
    assert "Countess" not in str(kept)


def marks(world: World) -> list[dict[str, str]]:
    with reading(world.parts.engine) as db:
        return list(db.execute(sa.select(t.written.c.marks)).scalars())
