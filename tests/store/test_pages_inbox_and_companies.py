"""The Leads Inbox and companies as the console reads them, on both databases; and who goes with an erased person."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.store import pages_companies, pages_inbox
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.pages_companies import Show
from contactsync.sync import actions
from tests.sync.conftest import World, ada, parts, world

__all__ = ["parts", "world"]


def lacking(number: int, *names: str, **more: Any) -> dict[str, Any]:
    made = ada(id=f"c-{number}", email=f"ada{number}@engines.example", **more)
    return {name: value for name, value in made.items() if name not in names}


def inbox(world: World, **more: Any) -> tuple[list[str], int | None]:
    with reading(world.parts.engine) as db:
        entries, following = pages_inbox.inbox_page(db, world.org_id, **{"after": 0, "limit": 10, **more})
    return [entry.source_id for entry in entries], following


def test_the_inbox_holds_what_lacks_something_the_longest_waiting_first_page_by_page(world: World) -> None:
    actions.set_policies(world.parts, world.org_id, {"review_inbox": True})
    world.contact(
        lacking(1), lacking(2, "last_name"), lacking(3, source="inbox"), lacking(4, "last_name", source="inbox"),
        lacking(5, source="badge scan"),
    )  # fmt: skip
    world.sync()
    assert inbox(world)[0] == ["c-2", "c-3", "c-4", "c-5"]
    first, following = inbox(world, limit=3)
    assert first == ["c-2", "c-3", "c-4"]
    assert inbox(world, limit=3, after=following) == (["c-5"], None)
    assert inbox(world, review_alone=True) == (["c-3", "c-5"], None)
    with reading(world.parts.engine) as db:
        assert pages_inbox.left_in_inbox(db, world.org_id) == 4
        assert pages_inbox.left_in_inbox(db, world.org_id, review_alone=True) == 2
        assert pages_inbox.left_in_inbox(db, world.org_id + 1) == 0
        assert pages_inbox.inbox_page(db, world.org_id + 1, after=0, limit=10) == ([], None)
    actions.approve_contacts(world.parts, world.org_id, ["c-3"])
    assert inbox(world, review_alone=True)[0] == ["c-5"], "one that was approved waits for nobody, also before its turn"


def test_companies_are_suggested_by_how_their_names_begin_and_merged_ones_are_not(world: World) -> None:
    names = ("Éclair Foods", "Eclair GmbH", "Eclairage", "Other")
    world.contact(*(lacking(number, company=name) for number, name in enumerate(names)))
    world.sync()
    with writing(world.parts.engine) as db:
        db.execute(sa.update(t.company).where(t.company.c.name == "Eclairage").values(merged_into="name:other"))
    with reading(world.parts.engine) as db:
        assert pages_inbox.companies_called(db, world.org_id, "ECLAIR", 5) == ["Éclair Foods", "Eclair GmbH"]
        assert pages_inbox.companies_called(db, world.org_id, "eclair", 1) == ["Éclair Foods"]
        assert pages_inbox.companies_called(db, world.org_id, "  ", 5) == []
        assert pages_inbox.companies_called(db, world.org_id + 1, "eclair", 5) == []


@pytest.fixture
def companies(world: World) -> World:
    world.contact(*(lacking(number, company=f"Company {number}") for number in range(1, 8)))
    world.sync()
    actions.connect(world.parts, world.org_id, "salesforce", {"instance_url": "http://127.0.0.1:9", "client_id": "id",
                    "flow": "client_credentials"}, {"client_secret": "secret"})  # fmt: skip
    with writing(world.parts.engine) as db:
        connection = db.execute(sa.select(t.connection.c.id)).scalar_one()
        row = {"connection_id": connection, "kind": "Account", "created_by_us": False, "updated_at": world.clock()}
        tied = [{**row, "source": f"name:company {number}", "crm_id": f"00{number}"} for number in (2, 4)]
        db.execute(sa.insert(t.link), tied)
    return world


def listed(world: World, show: Show, **more: Any) -> tuple[list[str | None], int | None]:
    with reading(world.parts.engine) as db:
        found = pages_companies.company_list(db, world.org_id, show, **more)
    return [row.name for row in found.rows], found.following


def test_linked_and_unlinked_companies_by_name_page_by_page(companies: World) -> None:
    assert listed(companies, Show.LINKED) == (["Company 2", "Company 4"], None)
    names, after = listed(companies, Show.OPEN, limit=3)
    assert names == ["Company 1", "Company 3", "Company 5"]
    assert listed(companies, Show.OPEN, limit=3, after=after) == (["Company 6", "Company 7"], None)
    assert listed(companies, Show.ALL, beginning="COMPANY 3") == (["Company 3"], None)
    assert listed(companies, Show.ALL, limit=2, after=10**9)[0] == ["Company 1", "Company 2"]


def test_those_that_fit_but_lie_far_apart_are_found_by_going_on(companies: World) -> None:
    found: list[str | None] = []
    after, rounds = None, 0
    while rounds == 0 or after is not None:
        names, after = listed(companies, Show.LINKED, after=after, stretch=3)
        found, rounds = found + names, rounds + 1
    assert (found, rounds) == (["Company 2", "Company 4"], 3)


def test_a_company_that_a_person_unlinked_shows_no_account_whatever_is_tied(companies: World) -> None:
    actions.unlink_company(companies.parts, companies.org_id, "name:company 2")
    with reading(companies.parts.engine) as db:
        found = {row.name: row for row in pages_companies.company_list(db, companies.org_id).rows}
        whole = pages_companies.company_whole(db, companies.org_id, found["Company 2"].key)
        assert pages_companies.company_whole(db, companies.org_id + 1, found["Company 2"].key) is None
    assert whole is not None
    shown = whole.company
    assert (shown.unlinked, shown.linked, shown.account_id, shown.contacts) == (True, False, None, 1)
    assert (found["Company 4"].linked, found["Company 4"].account_id) == (True, "004")
    assert [one.name for one in whole.people] == ["Ada Lovelace"]


def keys(world: World) -> list[tuple[str, str | None]]:
    return [(row.key, row.merged_into) for row in world.rows(t.company)]


ADA = "adalina@lovelacy.example"


def test_with_a_person_go_companies_that_are_called_like_them_also_merged_ones(world: World) -> None:
    theirs = {"first_name": "Adalina", "last_name": "Lovelacy", "email": ADA}
    world.contact(ada(id="c-1", company="Adalina Lovelacy", **theirs), ada(id="c-2", company="Engines"),
                  ada(id="c-3", company="Lovelacy, Adalina", **theirs))  # fmt: skip
    world.sync()
    actions.merge_companies(world.parts, world.org_id, "name:adalina lovelacy", "name:engines")
    assert keys(world) == [
        ("name:adalina lovelacy", "name:engines"), ("name:engines", None), ("name:lovelacy adalina", None),
    ]  # fmt: skip
    actions.erase_person(world.parts, world.org_id, ADA)
    assert keys(world) == [("name:engines", None)], "a company that somebody else is of stays"


def test_of_a_company_that_goes_with_a_person_those_that_were_merged_into_it_are_their_own_again(world: World) -> None:
    theirs = {"first_name": "Adalina", "last_name": "Lovelacy", "email": ADA}
    world.contact(ada(id="c-1", company="Adalina Lovelacy", **theirs), ada(id="c-2", company="Engines"))
    world.sync()
    actions.merge_companies(world.parts, world.org_id, "name:engines", "name:adalina lovelacy")
    world.deliver("contacts", "contact.updated", {"id": "c-2", "company": "Other"}, "2026-11-24T09:00:01.000000Z")
    world.sync()
    actions.erase_person(world.parts, world.org_id, ADA)
    assert keys(world) == [("name:engines", None), ("name:other", None)]
    world.contact(ada(id="c-4", company="Engines", email="new@engines.example"))
    world.sync()
    assert world.row("c-4").company_key == "name:engines"
