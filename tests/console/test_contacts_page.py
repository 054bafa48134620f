"""The page of all contacts: who stands on it, in which order, found by what, and what is done with several at once."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.domain.roles import Role
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from tests.console.conftest import Shown, counted_queries, person
from tests.web.conftest import Caller


def arrive(acme: Caller, *people: Any) -> None:
    acme.deliver("contacts", "contact.created", list(people))
    acme.absorb()


def keys(acme: Caller) -> dict[str, int]:
    with reading(acme.parts.engine) as db:
        query = sa.select(t.contact.c.source_id, t.contact.c.id).where(t.contact.c.org_id == acme.org.id)
        return {row.source_id: row.id for row in db.execute(query)}


def names(shown: Shown) -> list[str]:
    assert shown.status == 200, shown.text
    return [each.text for each in shown.main.all("a", class_="name")]


def made(acme: Caller) -> int:
    """How many calls to the CRM."""
    return int(acme.get("/status")["crm"]["calls"])


def ticks(shown: Shown) -> list[str]:
    return [each["value"] for each in shown.main.all("input", name="key")]


ADA = person(
    1,
    first_name="Ada",
    last_name="Lovelace",
    email="ada@engines.example",
    company={"name": "Engines"},
    sync_as="contact",
)
ZOE = person(2, first_name="Zoë", last_name="Ångström", email="zoe@rays.example", company={"name": "Rays"})
JAN = person(3, first_name="Jan", last_name="van der Berg", email="jan@hills.example", company={"name": "Hill & Co"})


def test_before_anybody_has_arrived_the_page_says_how_they_will(console):
    shown = console.get("/contacts")
    assert "No contacts yet" in shown.text
    assert "Connect your event platform" in shown.text
    assert "Connect your event platform" not in console.as_role(Role.VIEWER).get("/contacts").text


def test_a_contact_stands_there_with_its_company_status_and_what_it_lacks(console, acme, at_salesforce):
    arrive(acme, ADA, person(4, first_name="Tom", last_name=None, company=None))
    acme.sync()
    shown = console.get("/contacts")
    first, second = shown.main.one("tbody").all("tr")
    assert "Tom" in first.text and "Needs details" in first.text and "Needs last name" in first.text
    assert "Ada Lovelace ada@engines.example" in second.text and "Engines" in second.text
    assert "Synced" in second.text and "just now" in second.text
    link = second.one("a", class_="crm")
    assert f"/lightning/r/Contact/{link.text.split()[0]}/" in link["href"]


def test_the_newest_comes_first_and_names_are_sorted_as_people_sort_them(console, acme):
    arrive(acme, ADA)
    arrive(acme, ZOE)
    arrive(acme, JAN)
    assert names(console.get("/contacts")) == ["Jan van der Berg", "Zoë Ångström", "Ada Lovelace"]
    assert names(console.get("/contacts?sort=name")) == ["Zoë Ångström", "Ada Lovelace", "Jan van der Berg"]


FOUND = (
    ("love", ["Ada Lovelace"]),
    ("ADA", ["Ada Lovelace"]),
    ("ada lovelace", ["Ada Lovelace"]),
    ("Lovelace  Ada", ["Ada Lovelace"]),
    ("angstrom", ["Zoë Ångström"]),
    ("Zoe", ["Zoë Ångström"]),
    ("van der berg", ["Jan van der Berg"]),
    ("jan van der", ["Jan van der Berg"]),
    ("jan hill &", ["Jan van der Berg"]),
    ("zoe@rays", ["Zoë Ångström"]),
    ("engines love", ["Ada Lovelace"]),
    ("berg", []),
    ("ada angstrom", []),
    ("%", []),
    ("\u0301", []),
)


def test_people_are_found_by_how_their_names_addresses_and_companies_begin(console, acme):
    arrive(acme, ADA, ZOE, JAN)
    for words, found in FOUND:
        shown = console.post("/contacts", {"q": words})
        assert names(shown) == found, words
        assert found or "Nobody found" in shown.text


def test_what_was_searched_for_stands_in_no_address(console, acme):
    arrive(acme, *(person(n, last_name="Lovelace") for n in range(60)))
    shown = console.post("/contacts", {"q": "lovelace", "sort": "name"})
    assert len(names(shown)) == 50
    assert not [each for each in shown.page.all("a") if "lovelace" in each.attributes.get("href", "").lower()]
    form = shown.main.one("form", class_="more")
    sent = {each["name"]: each["value"] for each in form.all("input") if each["name"] != "csrf"}
    assert sent["q"] == "lovelace" and sent["after"].isdigit()
    again = console.post("/contacts", sent)
    assert len(names(again)) == 10 and not set(ticks(again)) & set(ticks(shown))
    assert "lovelace" in again.html  # and what was typed is still there
    assert len(names(console.get("/contacts?q=zoe"))) == 50  # a search is never read from an address


@pytest.mark.parametrize("sort", ["newest", "name", "synced"])
def test_every_contact_stands_on_just_one_of_the_pages(console, acme, sort):
    arrive(acme, *(person(n, last_name=f"L{n % 7}") for n in range(120)))
    with writing(acme.parts.engine) as db:
        some = sa.update(t.contact).where(t.contact.c.id % 3 == 0).values(last_synced_at=acme.parts.now())
        db.execute(some)
    seen: list[str] = []
    address = f"/o/{acme.org.slug}/contacts?sort={sort}"
    while address:
        shown = console.get(address, whole=True)
        seen += ticks(shown)
        more = shown.main.all("p", class_="more")
        address = more[0].one("a")["href"] if more else ""
    assert len(seen) == 120 and len(set(seen)) == 120


def test_a_place_whose_contact_was_erased_begins_the_list_anew(console, acme):
    arrive(acme, ADA, ZOE)
    assert len(names(console.get("/contacts?sort=name&after=999999"))) == 2


def test_filters_hold_together(console, acme):
    arrive(acme, ADA, {**ZOE, "sync_as": "lead"}, {**JAN, "company": None})
    acme.deliver("events", "event.created", {"id": "e-1", "name": "Summit"})
    attending = {"event_id": "e-1", "contacts": [{"id": "c-1"}, {"email": "zoe@rays.example"}, {"id": "c-2"}]}
    acme.deliver("events", "event.contacts_added", attending)
    acme.absorb()
    with reading(acme.parts.engine) as db:
        event = db.execute(sa.select(t.event.c.id)).scalar_one()
        company = db.execute(sa.select(t.company.c.id).where(t.company.c.name == "Engines")).scalar_one()
    assert names(console.get(f"/contacts?event={event}&sort=name")) == ["Zoë Ångström", "Ada Lovelace"]
    assert "Event: Summit" in console.get(f"/contacts?event={event}").text
    assert names(console.get(f"/contacts?event={event}&sync_as=lead")) == ["Zoë Ångström"]
    assert names(console.get(f"/contacts?company={company}")) == ["Ada Lovelace"]
    assert names(console.get("/contacts?status=queued&sort=name")) == [
        "Zoë Ångström",
        "Ada Lovelace",
        "Jan van der Berg",
    ]
    assert "Nobody here" in console.get("/contacts?status=synced").text
    assert names(console.post("/contacts", {"q": "ada", "event": event})) == ["Ada Lovelace"]


def test_somebody_removed_from_an_event_by_the_newer_word_is_not_among_its_contacts(console, acme):
    arrive(acme, ADA)
    acme.deliver("events", "event.contacts_added", {"event_id": "e-1", "contacts": [{"id": "c-1"}]})
    acme.absorb()
    acme.parts.now.pass_by(minutes=1)
    removed = {"event_id": "e-1", "contacts": [{"email": "ada@engines.example"}]}
    acme.deliver("events", "event.contacts_removed", removed)
    acme.absorb()
    with reading(acme.parts.engine) as db:
        event = db.execute(sa.select(t.event.c.id)).scalar_one()
    assert names(console.get(f"/contacts?event={event}")) == []


REFUSED = (
    "status=lost", "sync_as=owner", "sort=age", "event=x", "company=-1", "after=x", "after=1.x", "problem=a b",
    "event=99999999999999999999", "after=99999999999999999999", "company=9223372036854775808",
)  # fmt: skip


def test_a_filter_that_nobody_can_have_chosen_is_refused_with_what_to_do(console):
    for query in REFUSED:
        shown = console.get(f"/contacts?{query}")
        assert shown.status == 422, query
        assert "open the list" in shown.text


def test_an_event_or_company_that_is_not_there_or_of_another_org_is_not_found(console, acme, other):
    other.deliver("events", "event.created", {"id": "e-1", "name": "Theirs"})
    other.absorb()
    with reading(acme.parts.engine) as db:
        theirs = db.execute(sa.select(t.event.c.id)).scalar_one()
    assert console.get(f"/contacts?event={theirs}").status == 404
    assert console.get("/contacts?company=12345").status == 404


def test_another_orgs_contacts_are_never_shown_nor_touched(console, acme, other):
    other.deliver("contacts", "contact.created", ADA)
    other.absorb()
    arrive(acme, ZOE)
    assert names(console.get("/contacts")) == ["Zoë Ångström"]
    assert names(console.post("/contacts", {"q": "ada"})) == []
    theirs = keys(other)["c-1"]
    shown = console.post("/contacts/several", {"key": [str(theirs)], "do": "sync"})
    assert "gone" in console.follow(shown).text
    with reading(acme.parts.engine) as db:
        assert not db.execute(sa.select(t.contact.c.forced).where(t.contact.c.id == theirs)).scalar_one()


def test_several_are_synced_at_once_and_who_was_deleted_is_left_out(console, acme, at_salesforce):
    arrive(acme, ADA, ZOE, JAN)
    acme.deliver("contacts", "contact.deleted", {"id": "c-3"})
    acme.absorb()
    acme.sync()
    calls = made(acme)
    mine = [str(key) for key in keys(acme).values()]
    said = console.follow(console.post("/contacts/several", {"key": mine, "do": "sync"})).text
    assert "2 contacts are on their way to Salesforce. 1 of them was deleted" in said
    acme.sync()
    assert made(acme) > calls  # though nothing changed


def test_who_lacks_something_is_not_said_to_be_on_the_way(console, acme, at_salesforce):
    arrive(acme, ADA, {**ZOE, "company": None}, {**JAN, "email": None})
    acme.sync()
    mine = {name: str(key) for name, key in keys(acme).items()}
    said = console.follow(console.post("/contacts/several", {"key": list(mine.values()), "do": "sync"})).text
    assert "1 contact is on its way to Salesforce. 2 of them lack something" in said
    acme.sync()
    said = console.follow(console.post("/contacts/several", {"key": mine["c-2"], "do": "sync"})).text
    assert "Nothing was sent. 1 of them lacks something, and stays here until it is completed" in said
    acme.sync()
    shown = console.get("/contacts?status=incomplete")
    assert "again" not in shown.main.one("div", class_="head").text  # it would bring none of them
    assert "Complete one after another" in shown.text


def test_several_become_leads_by_an_edit_that_is_kept_as_webhooks_are(console, acme):
    arrive(acme, ADA, ZOE)
    mine = [str(key) for key in keys(acme).values()]
    said = console.follow(console.post("/contacts/several", {"key": mine, "do": "lead"})).text
    assert "2 contacts are to become Leads in Salesforce." in said
    acme.absorb()
    rows = console.get("/contacts?sync_as=lead").main.one("tbody").all("tr")
    assert [row.all("td", data_label="Sync As")[0].text for row in rows] == ["Lead", "Lead"]


def test_after_something_was_done_the_same_list_is_shown_and_no_other_site(console, acme):
    arrive(acme, ADA)
    key = str(keys(acme)["c-1"])
    back = f"/o/{acme.org.slug}/contacts?status=queued"
    assert console.post("/contacts/several", {"key": key, "do": "sync", "back": back}).goes_to == back
    for elsewhere in (
        "https://evil.example/",
        "//evil.example",
        f"/o/{acme.org.slug}/\\evil",
        "/o/other/contacts",
        "\r\n",
    ):
        sent = {"key": key, "do": "sync", "back": elsewhere}
        assert console.post("/contacts/several", sent).goes_to == f"/o/{acme.org.slug}/contacts"


def test_nothing_ticked_or_nothing_chosen_is_said(console, acme):
    assert "Tick the contacts first" in console.follow(console.post("/contacts/several", {"do": "sync"})).text
    assert console.post("/contacts/several", {"key": "1", "do": "delete"}).status == 422
    assert console.post("/contacts/several", {"key": "x", "do": "sync"}).status == 422
    assert console.post("/contacts/several", {"key": "9" * 19, "do": "sync"}).status == 422
    many = [str(number) for number in range(1001)]
    assert console.post("/contacts/several", {"key": many, "do": "sync"}).status == 422


def test_all_of_a_filter_go_again_bit_by_bit(console, acme, at_salesforce):
    arrive(acme, ADA, ZOE)
    acme.sync()
    shown = console.get("/contacts?status=synced")
    assert "Sync all 2 again" in shown.text
    said = console.follow(console.post("/contacts/sync-all", {"status": "synced"})).text
    assert "On their way to Salesforce" in said
    with reading(acme.parts.engine) as db:
        assert db.execute(sa.select(t.resync.c.filter, t.resync.c.total)).one() == ({"status": "synced"}, 2)
    assert console.post("/contacts/sync-all", {"status": "lost"}).status == 422


def test_a_viewer_sees_the_list_and_may_do_nothing_with_it(console, acme):
    arrive(acme, ADA)
    viewer = console.as_role(Role.VIEWER)
    assert names(viewer.get("/contacts")) == ["Ada Lovelace"]
    assert names(viewer.post("/contacts", {"q": "ada"})) == ["Ada Lovelace"]
    assert not viewer.get("/contacts").main.all("button", name="do")
    assert not viewer.get("/contacts").main.all("input", type="checkbox")
    assert viewer.post("/contacts/several", {"key": "1", "do": "sync"}).status == 403
    assert viewer.post("/contacts/sync-all").status == 403


def test_a_page_asks_as_often_for_thirty_contacts_as_for_three(console, acme):
    acme.deliver("events", "event.created", {"id": "e-1", "name": "Summit"})
    queries = ("", "?sort=name", "?sort=synced", "?status=queued&sort=name", "?event=1", "?sync_as=lead")
    took: dict[int, list[int]] = {3: [], 30: []}
    for count, each in took.items():
        people = [person(n, events=[{"id": "e-1", "status": "registered"}], sync_as="lead") for n in range(count)]
        arrive(acme, *people)
        for query in queries:
            with counted_queries(console) as seen:
                assert len(names(console.get(f"/contacts{query}"))) == count
            each.append(len(seen))
    assert took[3] == took[30]
    assert max(took[3]) < 20


def test_nothing_of_a_contact_is_read_as_html(console, acme):
    arrive(acme, person(1, first_name="<script>alert(1)</script>", company={"name": "<b>&"}, last_name='"><img>'))
    shown = console.post("/contacts", {"q": '"><img>'})
    assert "<script>alert" not in shown.html and "<img>" not in shown.html.replace("&lt;img&gt;", "")
