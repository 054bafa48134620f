"""What people change by hand holds by the rule of all deliveries: the newest word counts, and nobody comes back by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.domain.edits import RefusedEdit
from contactsync.domain.errors import RefusedInput
from contactsync.domain.merge import from_json, values
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.lease import org_lease
from contactsync.store.queue import OrgLease
from contactsync.store.replays import ReplayFilter
from contactsync.sync.absorb import absorb
from contactsync.sync.actions import NoRoom, edit_contacts, erase_person, replay, wait_for_edit
from tests.sync.conftest import START, Rung, World, ada

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def absorb_all(world: World) -> None:
    with org_lease(world.parts.engine, OrgLease(world.org_id, "me", 60), world.clock) as lease:
        assert lease is not None
        while absorb(world.parts, world.org_id, lease):
            pass


def arrive(world: World, **said: Any) -> None:
    world.contact(ada(**said))
    absorb_all(world)


def edit(world: World, contact_id: str = "c-1", **changed: Any) -> None:
    edited = edit_contacts(world.parts, world.org_id, {contact_id: changed})
    assert edited.missing == ()


def fields(world: World, contact_id: str = "c-1") -> dict[str, Any]:
    return values(from_json(world.row(contact_id).fields))


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_an_edit_is_kept_in_the_inbox_and_rung_for_before_it_is_answered(world: World) -> None:
    arrive(world)
    rung = world.parts.bell
    assert isinstance(rung, Rung)
    rung.orgs.clear()
    edited = edit_contacts(world.parts, world.org_id, {"c-1": {"title": "Countess"}})
    (delivery,) = [row for row in world.rows(t.delivery) if row.id in edited.deliveries]
    assert (delivery.status, delivery.door, delivery.type) == ("accepted", "console", "contact.updated")
    assert rung.orgs == [world.org_id]
    assert not wait_for_edit(world.parts, world.org_id, edited, seconds=0)
    absorb_all(world)
    assert wait_for_edit(world.parts, world.org_id, edited, seconds=0)
    assert fields(world)["title"] == "Countess"
    assert world.row("c-1").status == "queued"


@on_sqlite
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2)])
def test_an_older_webhook_never_overwrites_an_edit_and_a_newer_one_does(world: World, order: tuple[int, ...]) -> None:
    arrive(world, updated_at=at(-100))
    world.clock.forward(seconds=10)
    edits = [
        lambda: edit(world, title="by hand", phone="by hand"),
        lambda: world.contact(ada(title="older", phone="older", updated_at=at(5))),
        lambda: world.contact(ada(title="newer", updated_at=at(20))),
    ]
    for n in order:
        edits[n]()
        absorb_all(world)
    assert (fields(world)["title"], fields(world)["phone"]) == ("newer", "by hand")


@on_sqlite
def test_an_edit_that_came_before_its_turn_wins_over_a_webhook_without_times_that_came_before_it(world: World) -> None:
    arrive(world, title="first")
    world.clock.forward(seconds=1)
    world.contact(ada(title="second"))
    world.clock.forward(seconds=1)
    edit(world, title="by hand")
    absorb_all(world)
    assert fields(world)["title"] == "by hand"


@on_sqlite
def test_an_edit_wins_over_a_value_whose_time_lies_ahead_and_says_so(world: World) -> None:
    arrive(world, title="of a fast clock", updated_at=at(3600), company={"id": "7", "name": "Engines"})
    edited = edit_contacts(world.parts, world.org_id, {"c-1": {"title": "by hand", "phone": "1"}})
    assert edited.ahead == ("c-1",)
    absorb_all(world)
    assert fields(world)["title"] == "by hand"
    world.contact(ada(title="of the fast clock, later", updated_at=at(3601)))
    absorb_all(world)
    assert fields(world)["title"] == "of the fast clock, later"


@on_sqlite
def test_an_edit_wins_over_a_value_at_the_furthest_time_that_is_believed(world: World) -> None:
    arrive(world, title="tomorrow", updated_at=at(24 * 3600))
    edit(world, title="by hand")
    absorb_all(world)
    assert fields(world)["title"] == "by hand"


@on_sqlite
def test_an_edit_of_one_word_wins_over_a_group_that_was_cleared_ahead(world: World) -> None:
    arrive(world, address={"city": "London"})
    arrive(world, address=None, updated_at=at(60))
    edit(world, **{"address.city": "Paris"})
    absorb_all(world)
    assert fields(world)["address.city"] == "Paris"


@on_sqlite
def test_an_edit_clears_fields_and_groups(world: World) -> None:
    arrive(world, title="Countess", phone="1", address={"city": "London"}, custom={"diet": "vegan"})
    world.clock.forward(seconds=1)
    edit(world, title="  ", phone=None, address=None, **{"custom.diet": ""})
    absorb_all(world)
    held = fields(world)
    assert [held[path] for path in ("title", "phone", "address.city", "custom.diet")] == [None] * 4


@on_sqlite
def test_an_edit_that_says_what_is_there_makes_nothing_due(world: World) -> None:
    arrive(world, title="Countess")
    with writing(world.parts.engine) as db:
        db.execute(sa.update(t.contact).values(due_at=None, status="synced"))
    world.clock.forward(seconds=1)
    edit(world, title="Countess")
    absorb_all(world)
    assert world.row("c-1").due_at is None


@on_sqlite
def test_an_edit_completes_a_contact_of_an_org_that_is_connected_to_nothing(world: World) -> None:
    world.contact({"id": "c-1", "email": "ada@engines.example"})
    world.sync()
    world.clock.forward(seconds=1)
    edit(world, first_name="Ada", last_name="Lovelace", company="Engines", sync_as="lead")
    world.sync()
    assert fields(world)["company"] == "name:engines"
    assert world.row("c-1").status == "queued"


def test_an_edit_reaches_the_crm(connected: World) -> None:
    connected.contact({k: v for k, v in ada().items() if k != "last_name"})
    connected.sync()
    assert connected.row("c-1").missing == ["last_name"]
    connected.clock.forward(seconds=1)
    edit(connected, last_name="Lovelace")
    connected.sync()
    assert connected.row("c-1").status == "synced"
    assert [lead["LastName"] for lead in connected.crm("Lead")] == ["Lovelace"]


@on_sqlite
def test_a_company_is_said_by_name_or_in_full_and_its_older_account_is_overwritten(world: World) -> None:
    arrive(world, company={"id": "7", "name": "Engines", "account_id": "001A"}, updated_at=at(50))
    edit(world, company={"id": "7", "name": "Engines", "account_id": "001B"})
    absorb_all(world)
    (company,) = world.rows(t.company)
    assert values(from_json(company.fields))["account_id"] == "001B"
    world.clock.forward(seconds=60)
    edit(world, company="Looms Ltd")
    absorb_all(world)
    assert fields(world)["company"] == "name:looms ltd"


@on_sqlite
def test_wrong_values_are_named_by_field_and_nothing_is_kept(world: World) -> None:
    arrive(world)
    wrong: dict[str, Any] = {
        "email": "nobody",
        "title": "x" * 1001,
        "sync_as": "friend",
        "shoe": "42",
        "company": {"domain": "a.co"},
    }
    with pytest.raises(RefusedEdit) as refused:
        edit_contacts(world.parts, world.org_id, {"c-1": {"first_name": "Ada"}, "c-2": {"phone": "1"} | wrong})
    assert set(refused.value.fields) == {"email", "title", "sync_as", "company"}
    assert set(refused.value.by_contact) == {"c-2"}
    assert "nobody" not in str(refused.value.fields)
    with pytest.raises(RefusedEdit) as unknown:
        edit_contacts(world.parts, world.org_id, {"c-1": {"shoe": "42", "adress.city": "x", "social.myspace": "y"}})
    assert set(unknown.value.fields) == {"adress.city"}
    for path in ("shoe", "social.myspace", "id", "events", "updated_at", "deleted", "custom.", ".x", "a\x00b"):
        with pytest.raises(RefusedInput):
            edit_contacts(world.parts, world.org_id, {"c-1": {path: "x"}})
    for value in ("a\x00b", "\ud800", float("nan"), {"a": 1}, ["b"]):
        with pytest.raises(RefusedEdit) as refused:
            edit_contacts(world.parts, world.org_id, {"c-1": {"title": value}})  # type: ignore[dict-item]
        assert list(refused.value.fields) == ["title"]
    assert len(world.rows(t.delivery)) == 1


@on_sqlite
def test_contacts_that_are_not_there_are_named_and_the_others_edited(world: World) -> None:
    arrive(world)
    world.contact({"id": "c-2"}, kind="contact.deleted")
    absorb_all(world)
    edited = edit_contacts(world.parts, world.org_id, {each: {"title": "x"} for each in ("c-1", "c-2", "c-3")})
    assert (edited.contacts, edited.missing) == (1, ("c-2", "c-3"))
    assert edit_contacts(world.parts, world.org_id, {"c-3": {"title": "x"}}).deliveries == ()
    assert edit_contacts(world.parts, world.org_id, {"c-1": {}}).deliveries == ()


@on_sqlite
def test_an_edit_brings_no_deleted_contact_back(world: World) -> None:
    arrive(world, updated_at=at(-5))
    world.contact({"id": "c-1", "updated_at": at(-1)}, kind="contact.deleted")
    edit(world, title="by hand")
    absorb_all(world)
    assert world.row("c-1").status == "excluded"
    assert fields(world)["deleted"] is True


def test_an_edit_of_somebody_who_is_erased_meanwhile_brings_nobody_back(world: World) -> None:
    arrive(world)
    edit(world, title="Countess of Lovelace")
    erase_person(world.parts, world.org_id, "ada@engines.example")
    absorb_all(world)
    assert world.rows(t.contact) == []
    assert all(b"Countess" not in row.body for row in world.rows(t.delivery))
    assert edit_contacts(world.parts, world.org_id, {"c-1": {"title": "x"}}).missing == ("c-1",)


@on_sqlite
def test_the_address_of_an_erased_person_is_refused(world: World) -> None:
    arrive(world)
    world.contact({"id": "c-2", "first_name": "Bea"})
    absorb_all(world)
    erase_person(world.parts, world.org_id, "ada@engines.example")
    with pytest.raises(RefusedEdit) as refused:
        edit_contacts(world.parts, world.org_id, {"c-2": {"email": "Ada@Engines.example"}})
    assert list(refused.value.fields) == ["email"]
    assert world.row("c-2") is not None


@on_sqlite
def test_an_edit_that_is_replayed_after_newer_news_changes_nothing(world: World) -> None:
    arrive(world)
    edited = edit_contacts(world.parts, world.org_id, {"c-1": {"title": "by hand"}})
    absorb_all(world)
    world.contact(ada(title="newer", updated_at=at(5)))
    absorb_all(world)
    done = replay(world.parts, world.org_id, ReplayFilter(ids=(f"dlv_{edited.deliveries[0]}",)))
    assert done.replayed == 1
    absorb_all(world)
    assert fields(world)["title"] == "newer"


@on_sqlite
def test_people_still_edit_when_senders_are_turned_away_but_not_without_end(world: World) -> None:
    intake = replace(world.parts.settings.config.intake, most_waiting=10)
    config = replace(world.parts.settings.config, intake=intake)
    world.parts = replace(world.parts, settings=replace(world.parts.settings, config=config))
    arrive(world)
    for _ in range(10):
        world.contact(ada())
    edit(world, title="by hand")
    with pytest.raises(NoRoom):
        edit(world, title="by hand again")


def test_many_contacts_are_edited_in_few_deliveries_and_one_line_of_the_audit_log(world: World) -> None:
    world.contact(*[ada(id=f"c-{n}", email=f"ada{n}@engines.example") for n in range(250)])
    absorb_all(world)
    world.clock.forward(seconds=1)
    edited = edit_contacts(world.parts, world.org_id, {f"c-{n}": {"sync_as": "contact"} for n in range(250)})
    assert (edited.contacts, len(edited.deliveries)) == (250, 3)
    absorb_all(world)
    assert {fields(world, f"c-{n}")["sync_as"] for n in (0, 99, 100, 249)} == {"contact"}
    with pytest.raises(RefusedInput, match="1,000"):
        edit_contacts(world.parts, world.org_id, {f"c-{n}": {"title": "x"} for n in range(1001)})
    with reading(world.parts.engine) as db:
        (entry,) = db.execute(sa.select(t.audit_entry).where(t.audit_entry.c.action == "contact.edited"))
    assert (entry.about, entry.details["fields"], entry.details["contacts"]) == ("", ["sync_as"], 250)


@on_sqlite
def test_the_audit_log_names_the_fields_of_an_edit_and_no_value(world: World) -> None:
    arrive(world, id="ada@engines.example")
    edit(world, "ada@engines.example", title="Countess", email="countess@engines.example")
    with reading(world.parts.engine) as db:
        (entry,) = db.execute(sa.select(t.audit_entry).where(t.audit_entry.c.action == "contact.edited"))
    assert entry.about == f"contact {world.row('ada@engines.example').id}"
    assert entry.details["fields"] == ["email", "title"]
    assert "ngines" not in str(entry.details)
