"""What an org keeps no longer goes: bodies, deliveries, runs, and the values of deleted contacts; what is needed stays."""

from __future__ import annotations

import sqlalchemy as sa

from contactsync.domain.merge import from_json, values
from contactsync.store import orgs
from contactsync.store import tables as t
from contactsync.store.engine import writing
from contactsync.store.inbox import keep
from contactsync.sync.clock import tick
from contactsync.sync.keeping import LOOK_AGAIN, ROWS, House, keep_house
from tests.sync.conftest import World, ada


def kept(world: World, house: House | None = None) -> dict[str, int]:
    """One round, and what it took."""
    return dict(keep_house(world.parts, world.clock(), house or House()))


def choose(world: World, **days: int) -> None:
    with writing(world.parts.engine) as db:
        orgs.set_policies(db, world.org_id, {f"keep_{name}_days": number for name, number in days.items()})


def statement(world: World, statement: sa.Executable) -> None:
    with writing(world.parts.engine) as db:
        db.execute(statement)


def test_bodies_go_after_their_days_while_id_and_outcome_stay(world: World) -> None:
    choose(world, bodies=7)
    world.contact(ada())
    world.sync()
    world.clock.forward(days=7)
    assert kept(world) == {}, "to the second"
    world.clock.forward(seconds=1)
    assert kept(world) == {"bodies": 1}
    (row,) = world.rows(t.delivery)
    assert (row.body, row.body_removed_for, row.body_removed_at) == (b"", "retention", world.clock())
    assert (row.status, row.webhook_id) == ("absorbed", "msg_1")
    assert kept(world) == {}, "once is enough"


def test_the_body_of_a_delivery_that_waits_is_never_taken_nor_what_came_after_it(world: World) -> None:
    choose(world, bodies=7, deliveries=7)
    world.contact(ada())
    world.sync()
    world.contact(ada(title="CTO"))
    world.contact(ada(title="CEO"))
    statement(world, sa.update(t.delivery).where(t.delivery.c.id == 3).values(status="failed"))
    world.clock.forward(days=30)
    keep_house(world.parts, world.clock(), House())
    assert [(row.id, bool(row.body)) for row in world.rows(t.delivery)] == [(2, True), (3, True)]
    world.sync()
    assert world.row("c-1").fields["fields"]["title"][0] == "CTO"


def test_deliveries_go_after_their_days_but_for_the_newest_whose_number_must_not_come_again(world: World) -> None:
    choose(world, bodies=7, deliveries=10)
    for number in range(3):
        world.contact(ada(id=f"c-{number}"))
    world.sync()
    world.clock.forward(days=11)
    assert kept(world) == {"bodies": 3, "deliveries": 2}
    assert [row.id for row in world.rows(t.delivery)] == [3]
    world.contact(ada())
    assert [row.id for row in world.rows(t.delivery)] == [3, 4]


def test_runs_go_after_their_days_but_for_the_newest(connected: World) -> None:
    choose(connected, runs=1)
    for title in ("CTO", "CEO", "CFO"):
        connected.contact(ada(title=title))
        connected.sync()
    assert len(connected.rows(t.sync_run)) == 3
    connected.clock.forward(days=2)
    assert kept(connected) == {"runs": 2}
    assert [row.id for row in connected.rows(t.sync_run)] == [3]


def test_a_contact_deleted_at_the_source_loses_its_values_and_nothing_late_brings_it_back(connected: World) -> None:
    choose(connected, bodies=7)
    connected.contact(ada(title="CTO", note="likes tea"), sent_at="2026-11-01T00:00:00Z")
    connected.sync()
    connected.contact({"id": "c-1"}, kind="contact.deleted", sent_at="2026-11-02T00:00:00Z")
    connected.sync()
    connected.clock.forward(days=8)
    assert kept(connected)["contacts"] == 1
    row = connected.row("c-1")
    assert {value for value in values(from_json(row.fields)).values() if value} == {True}, "deleted, and nothing else"
    assert (row.email, row.company_key, row.why, row.crm_id is not None) == (None, None, None, True)
    links = connected.rows(t.link)
    assert [link.source for link in links if link.kind == "Lead"] == ["c-1"]

    connected.contact(ada(title="CEO", phone="1"), sent_at="2026-10-31T00:00:00Z")  # older than all that was known
    connected.sync()
    late = values(from_json(connected.row("c-1").fields))
    assert (late["title"], late["deleted"], late["first_name"]) == ("", True, "")
    assert connected.row("c-1").status == "excluded"
    assert kept(connected) == {}, "what came just now is kept as long as any"
    connected.clock.forward(days=8)
    assert kept(connected)["contacts"] == 1
    assert "1" not in values(from_json(connected.row("c-1").fields)).values()


def test_a_contact_that_comes_back_after_all_is_synced_to_its_record_with_what_is_said_then(connected: World) -> None:
    choose(connected, bodies=7)
    connected.contact(ada(title="CTO"))
    connected.sync()
    connected.clock.forward(days=1)
    connected.contact({"id": "c-1"}, kind="contact.deleted")
    connected.sync()
    connected.clock.forward(days=8)
    keep_house(connected.parts, connected.clock(), House())
    connected.contact(ada(phone="2"))
    connected.sync()
    (lead,) = connected.crm("Lead")
    assert (lead["Phone"], lead["Title"]) == ("2", "CTO"), "what was not said again stays in the CRM"
    assert connected.row("c-1").status == "synced"


def test_much_goes_in_small_transactions_and_orgs_take_turns(world: World) -> None:
    choose(world, bodies=7)
    with writing(world.parts.engine) as db:
        other = orgs.add_org(db, "other", "Other", world.clock())
        rows = [
            {"org_id": org_id, "webhook_id": f"w{number}", "door": "contacts", "received_at": world.clock(),
             "body": b"{}", "status": "absorbed"}
            for org_id, many in ((world.org_id, ROWS + 20), (other.id, 20)) for number in range(many)
        ]  # fmt: skip
        db.execute(sa.insert(t.delivery), rows)
    world.clock.forward(days=31)
    house = House()
    while keep_house(world.parts, world.clock(), house):
        pass
    assert {row.body for row in world.rows(t.delivery)} == {b""}
    assert house.look_again == {world.org_id: world.clock() + LOOK_AGAIN, other.id: world.clock() + LOOK_AGAIN}


def test_a_clock_that_is_set_back_does_not_keep_its_house_from_being_kept(world: World) -> None:
    house = House()
    world.clock.forward(days=1000)
    keep_house(world.parts, world.clock(), house)
    world.clock.forward(days=-990)
    assert house.due(world.org_id, world.clock())
    assert house.contacts_due(world.org_id, world.clock())


def test_a_time_from_a_wrong_clock_in_between_holds_nobody_up(world: World) -> None:
    choose(world, bodies=7)
    for ahead in (0, 4000, 0):
        world.clock.forward(days=ahead)
        world.contact(ada())
        world.clock.forward(days=-ahead)
    world.sync()
    world.clock.forward(days=8)
    assert kept(world) == {"bodies": 3}


def test_a_time_of_long_ago_from_a_wrong_clock_takes_nothing_new_with_it(connected: World) -> None:
    """A machine that starts with the year 1970 keeps one webhook, and syncs one contact, before its clock is set."""
    connected.contact(ada())
    connected.sync()
    connected.clock.forward(days=-20_000)
    connected.contact(ada(title="CTO"))
    connected.clock.forward(days=20_000)
    connected.contact(ada(title="CEO"))
    connected.sync()
    statement(
        connected,
        sa.update(t.sync_run).where(t.sync_run.c.id == 2).values(finished_at=sa.text("'1970-01-01 00:00:00'")),
    )
    connected.contact(ada(title="Chair"))
    connected.sync()
    assert kept(connected) == {"hours": 1}  # of 1970 itself
    assert len(connected.rows(t.sync_run)) == 3
    connected.clock.forward(days=401)
    assert kept(connected).keys() == {"bodies", "deliveries", "runs", "hours"}


def test_the_clock_that_leads_keeps_the_house(world: World) -> None:
    choose(world, bodies=7)
    world.contact(ada())
    world.sync()
    world.clock.forward(days=8)
    assert tick(world.parts, "one", House()).leads
    assert world.rows(t.delivery)[0].body == b""


def test_a_duplicate_of_a_delivery_whose_body_is_gone_is_not_counted_as_different(world: World) -> None:
    choose(world, bodies=7)
    number = world.deliver("contacts", "contact.updated", ada())
    body = world.rows(t.delivery)[0].body
    world.sync()
    world.clock.forward(days=8)
    assert kept(world) == {"bodies": 1}
    with writing(world.parts.engine) as db:
        again = keep(
            db, org_id=world.org_id, webhook_id="msg_1", door="contacts", body=body, status="accepted",
            type="contact.updated", errors=None, now=world.clock(),
        )  # fmt: skip
    assert (again.delivery_id, again.duplicate) == (number, True)
    assert world.rows(t.delivery)[0].log == {"duplicates": 1, "different_bodies": 0}
