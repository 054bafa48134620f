"""The Leads Inbox: what lacks something, completed one after another, and approved where the org wants a review."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contactsync.domain.roles import Role
from contactsync.store import tables as t
from contactsync.store.engine import reading
from contactsync.sync import actions
from tests.console.conftest import Console, Shown, counted_queries, person
from tests.web.conftest import Caller


def incomplete(acme: Caller, *items: dict[str, Any]) -> None:
    acme.deliver("contacts", "contact.created", list(items))
    acme.sync()


def lacking(number: int, *names: str, **more: Any) -> dict[str, Any]:
    made = person(number, **more)
    return {name: value for name, value in made.items() if name not in names}


def key_of(acme: Caller, contact_id: str) -> int:
    with reading(acme.parts.engine) as db:
        return int(db.execute(t.contact.select().where(t.contact.c.source_id == contact_id)).one().id)


def names(shown: Shown) -> list[str]:
    return [each.text for each in shown.page.all("a", class_="name")]


def field(shown: Shown, name: str) -> Any:
    return shown.page.one("input", id=f"f-{name}")


def row(acme: Caller, contact_id: str) -> Any:
    with reading(acme.parts.engine) as db:
        return db.execute(t.contact.select().where(t.contact.c.source_id == contact_id)).one()


def typed(shown: Shown, **fields: str) -> dict[str, str]:
    """The form as a browser sends it, with some fields filled in."""
    form = shown.page.one("form", class_="card")
    held = {
        each["name"]: each.attributes.get("value", "")
        for each in form.all("input")
        if each.attributes.get("type") not in ("radio", "checkbox") and "name" in each.attributes
    }
    chosen = {each["name"]: each["value"] for each in form.all("input", type="radio") if "checked" in each.attributes}
    return {**held, **chosen, **fields}


# ── the list ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_inbox_says_that_all_is_well(console: Console) -> None:
    shown = console.get("/inbox")
    assert shown.status == 200
    assert "Inbox zero" in shown.text


def test_the_list_names_what_each_contact_lacks_the_longest_waiting_first(console: Console, acme: Caller) -> None:
    incomplete(acme, lacking(1, "last_name"), person(2), lacking(3, "email", "company"), lacking(4, "sync_as"))
    shown = console.get("/inbox")
    assert names(shown) == ["Ada", "Ada Lovelace 3", "Ada Lovelace 4"]
    rows = [each.text for each in shown.page.one("tbody").all("tr")]
    assert ["Last name" in rows[0], "E-mail Company" in rows[1], "Sync As" in rows[2]] == [True] * 3
    assert "3 contacts wait" in shown.text


def test_a_company_that_the_address_says_stands_in_every_list(console: Console, acme: Caller) -> None:
    incomplete(
        acme, lacking(1, "last_name", "company", source="Leads Inbox", sync_as="lead", email="ada@engines.example")
    )
    key = key_of(acme, "c-1")
    for page in ("/inbox", "/contacts", f"/contacts/{key}"):
        assert "engines.example" in console.get(page).text.replace("ada@engines.example", ""), page


def test_the_list_goes_on_page_by_page_and_asks_as_often_for_many_as_for_few(console: Console, acme: Caller) -> None:
    incomplete(acme, *(lacking(number, "last_name") for number in range(1, 4)))
    with counted_queries(console) as few:
        console.get("/inbox")
    incomplete(acme, *(lacking(number, "last_name") for number in range(4, 56)))
    with counted_queries(console) as many:
        first = console.get("/inbox")
    assert len(many) == len(few)
    assert len(names(first)) == 50
    (following,) = [each["href"] for each in first.page.all("a") if each.text == "Next page"]
    second = console.get(following, whole=True)
    assert len(names(second)) == 5
    assert "55 contacts wait" in second.text


def test_another_orgs_contacts_are_not_there(console: Console, acme: Caller, other: Caller) -> None:
    incomplete(other, lacking(1, "last_name"))
    key = key_of(other, "c-1")
    assert names(console.get("/inbox")) == []
    assert console.get(f"/inbox/{key}").status == 404
    assert console.post(f"/inbox/{key}", {"last_name": "X"}).status == 404
    console.post("/inbox/approve", {"key": str(key)})
    assert row(other, "c-1").approved_at is None


# ── one after another ──────────────────────────────────────────────────────────────────────────────────────────────


def test_one_after_another_is_completed_and_goes_to_the_crm(console: Console, acme: Caller, tmp_path: Path) -> None:
    acme.connect_file(tmp_path)
    incomplete(acme, lacking(1, "last_name"), lacking(2, "email"), lacking(3, "sync_as"))
    shown = console.follow(console.get("/inbox/next"))
    assert "3 left" in shown.text
    assert "autofocus" in field(shown, "last_name").attributes
    saved = console.post(f"/inbox/{key_of(acme, 'c-1')}", typed(shown, last_name="Byron"))
    shown = console.follow(saved)
    assert "Saved. It goes to Salesforce by itself." in shown.text
    assert "2 left" in shown.text
    assert "autofocus" in field(shown, "email").attributes
    shown = console.follow(console.post(f"/inbox/{key_of(acme, 'c-2')}", typed(shown, email="ada@new.example")))
    assert "1 left" in shown.text
    focused = [each["value"] for each in shown.page.all("input", type="radio") if "autofocus" in each.attributes]
    assert focused == ["lead"]
    shown = console.follow(console.post(f"/inbox/{key_of(acme, 'c-3')}", typed(shown, sync_as="contact")))
    acme.sync()
    assert names(console.get("/inbox")) == []
    assert [row(acme, f"c-{number}").missing for number in (1, 2, 3)] == [None, None, None]
    assert "All done" in console.get("/inbox/through").text


def test_skipping_goes_on_and_at_the_end_it_says_who_is_left(console: Console, acme: Caller) -> None:
    incomplete(acme, lacking(1, "last_name"), lacking(2, "email"))
    shown = console.follow(console.get("/inbox/next"))
    skip = shown.page.one("a", data_key="Escape")
    shown = console.get(skip["href"], whole=True)
    assert "1 left" in shown.text
    shown = console.get(shown.page.one("a", data_key="Escape")["href"], whole=True)
    assert "You are through" in shown.text
    assert "2 contacts still lack something" in shown.text


def test_enter_without_anything_typed_says_what_to_type(console: Console, acme: Caller) -> None:
    incomplete(acme, lacking(1, "last_name"))
    shown = console.get(f"/inbox/{key_of(acme, 'c-1')}")
    again = console.post(f"/inbox/{key_of(acme, 'c-1')}", typed(shown))
    assert again.status == 422
    assert "Add the last name, or skip this contact." in again.text


def test_no_code_of_the_event_platform_is_shown_as_it_is(console: Console, acme: Caller) -> None:
    incomplete(acme, {**lacking(1, "last_name"), "source": "leads_inbox"})
    assert "Met through Leads inbox" in console.get(f"/inbox/{key_of(acme, 'c-1')}").text


def test_where_sync_as_is_missing_its_choice_says_so_beside_it(console: Console, acme: Caller) -> None:
    incomplete(acme, lacking(1, "sync_as"))
    key = key_of(acme, "c-1")
    again = console.post(f"/inbox/{key}", typed(console.get(f"/inbox/{key}")))
    assert again.status == 422
    choice = again.main.one("fieldset")
    assert "Choose one, or skip this contact." in choice.text
    assert choice["aria-describedby"] == choice.one("p", class_="error")["id"]


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(console: Console, acme: Caller) -> None:
    incomplete(acme, lacking(1, "last_name", "email"))
    key = key_of(acme, "c-1")
    again = console.post(f"/inbox/{key}", typed(console.get(f"/inbox/{key}"), last_name="Byron", email="no address"))
    assert again.status == 422
    assert field(again, "email")["aria-invalid"] == "true"
    assert (field(again, "email")["value"], field(again, "last_name")["value"]) == ("no address", "Byron")
    assert row(acme, "c-1").missing == ["last_name", "email"]


def test_a_part_may_be_saved_and_it_says_what_is_still_needed(console: Console, acme: Caller) -> None:
    incomplete(acme, lacking(1, "last_name", "email"))
    key = key_of(acme, "c-1")
    saved = console.post(f"/inbox/{key}", typed(console.get(f"/inbox/{key}"), last_name="Byron"))
    assert "It still needs: e-mail." in console.follow(saved).text
    acme.sync()
    assert row(acme, "c-1").missing == ["email"]


def test_the_company_is_suggested_from_the_address_and_from_companies_that_are_known(
    console: Console, acme: Caller
) -> None:
    known = person(9, company="Globex International")
    incomplete(
        acme, known, lacking(1, "company", email="ada@globex.example"), lacking(2, "company", email="a@gmail.com")
    )
    shown = console.get(f"/inbox/{key_of(acme, 'c-1')}")
    assert field(shown, "company")["value"] == "globex.example"
    assert [each["value"] for each in shown.page.all("button", name="use_company")] == ["Globex International"]
    console.post(f"/inbox/{key_of(acme, 'c-1')}", {**typed(shown), "use_company": "Globex International"})
    acme.sync()
    assert row(acme, "c-1").company_key == "name:globex international"
    free = console.get(f"/inbox/{key_of(acme, 'c-2')}")
    assert field(free, "company")["value"] == ""


def test_a_suggested_company_is_taken_by_enter(console: Console, acme: Caller) -> None:
    incomplete(acme, lacking(1, "company", email="ada@globex.example"))
    key = key_of(acme, "c-1")
    console.post(f"/inbox/{key}", typed(console.get(f"/inbox/{key}")))
    acme.sync()
    assert row(acme, "c-1").company_key == "name:globex example"


def test_a_company_taken_from_the_address_of_a_captured_contact_is_nobodys_word_until_it_is_changed(
    console: Console, acme: Caller
) -> None:
    incomplete(acme, lacking(1, "company", "last_name", email="ada@globex.example", source="Leads Inbox"))
    key = key_of(acme, "c-1")
    assert row(acme, "c-1").missing == ["last_name"]
    shown = console.get(f"/inbox/{key}")
    assert field(shown, "company")["value"] == "globex.example"
    console.post(f"/inbox/{key}", typed(shown, last_name="Byron"))
    acme.sync()
    assert (row(acme, "c-1").company_key, row(acme, "c-1").missing) == (None, None)
    incomplete(acme, lacking(2, "company", "last_name", email="bob@globex.example", source="Leads Inbox"))
    key = key_of(acme, "c-2")
    console.post(f"/inbox/{key}", typed(console.get(f"/inbox/{key}"), last_name="Byron", company="Globex"))
    acme.sync()
    assert row(acme, "c-2").company_key == "name:globex"


def test_a_sync_as_that_the_policy_gives_is_nobodys_word_until_it_is_changed(console: Console, acme: Caller) -> None:
    actions.set_policies(acme.parts, acme.org.id, {"sync_as_default": "contact"})
    incomplete(acme, lacking(1, "last_name", "sync_as"), lacking(2, "last_name", "sync_as"))
    for number, more in ((1, {}), (2, {"sync_as": "lead"})):
        key = key_of(acme, f"c-{number}")
        shown = console.get(f"/inbox/{key}")
        assert typed(shown)["sync_as"] == "contact"
        console.post(f"/inbox/{key}", typed(shown, last_name="Byron", **more))
    acme.sync()
    said = [row(acme, f"c-{number}").fields["fields"].get("sync_as") for number in (1, 2)]
    assert said[0] is None
    assert said[1][0] == "lead"


def test_a_contact_that_somebody_completed_meanwhile_says_so_and_leads_on(console: Console, acme: Caller) -> None:
    incomplete(acme, person(1), lacking(2, "last_name"))
    shown = console.get(f"/inbox/{key_of(acme, 'c-1')}")
    assert "This one is complete" in shown.text
    (following,) = [each["href"] for each in shown.page.all("a") if each.text == "Next contact"]
    assert following.endswith(f"/inbox/{key_of(acme, 'c-2')}")


def test_two_who_fill_in_the_same_field_at_once_the_second_is_told(console: Console, acme: Caller) -> None:
    incomplete(acme, lacking(1, "last_name", "email"))
    key = key_of(acme, "c-1")
    shown = console.get(f"/inbox/{key}")
    console.post(f"/inbox/{key}", typed(shown, last_name="Byron"))
    acme.sync()
    again = console.post(f"/inbox/{key}", typed(shown, last_name="King"))
    assert again.status == 422
    assert "Byron" in again.text


@pytest.mark.parametrize("after", ["", "x", "-1", "9" * 30, "１"])
def test_an_odd_place_to_go_on_after_is_the_beginning(console: Console, acme: Caller, after: str) -> None:
    incomplete(acme, lacking(1, "last_name"))
    assert names(console.get(f"/inbox?after={after}")) == ["Ada"]
    assert console.get(f"/inbox/next?after={after}").goes_to.endswith(f"/inbox/{key_of(acme, 'c-1')}")


def test_a_viewer_looks_and_completes_nothing(console: Console, acme: Caller) -> None:
    incomplete(acme, lacking(1, "last_name"))
    viewer = console.as_role(Role.VIEWER)
    shown = viewer.get("/inbox")
    assert names(shown) == ["Ada"]
    assert "takes the role editor" in shown.text
    key = key_of(acme, "c-1")
    assert [viewer.get(path).status for path in ("/inbox/next", f"/inbox/{key}")] == [403, 403]
    assert [viewer.post(path, {"key": str(key)}).status for path in ("/inbox/approve", f"/inbox/{key}")] == [403, 403]


# ── review ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def reviewing(acme: Caller) -> Caller:
    actions.set_policies(acme.parts, acme.org.id, {"review_inbox": True})
    return acme


def test_ticked_contacts_are_approved_and_others_wait(console: Console, reviewing: Caller) -> None:
    captured = [person(number, source="Leads Inbox") for number in (1, 2, 3)]
    incomplete(reviewing, *captured, lacking(4, "last_name", source="Leads Inbox"))
    shown = console.get("/inbox?show=review")
    assert names(shown) == [f"Ada Lovelace {number}" for number in (1, 2, 3)]
    assert "3 ready to approve" in shown.text
    keys = [str(key_of(reviewing, f"c-{number}")) for number in (1, 2)]
    done = console.post("/inbox/approve", {"key": keys, "show": "review"})
    assert "Approved 2 contacts" in console.follow(done).text
    reviewing.sync()
    assert names(console.get("/inbox?show=review")) == ["Ada Lovelace 3"]
    assert [row(reviewing, f"c-{number}").status for number in (1, 2, 3)] == ["queued", "queued", "incomplete"]


def test_nothing_ticked_says_so(console: Console, reviewing: Caller) -> None:
    for sent in ({}, {"key": ["x", "-1", "9" * 40]}):
        assert "Tick the contacts" in console.follow(console.post("/inbox/approve", sent)).text


def test_one_after_another_is_approved_by_enter_or_saved_for_later(console: Console, reviewing: Caller) -> None:
    incomplete(reviewing, person(1, source="inbox"), lacking(2, "last_name", source="inbox"), person(3, source="inbox"))
    first, second, third = (key_of(reviewing, f"c-{number}") for number in (1, 2, 3))
    shown = console.follow(console.get("/inbox/next"))
    shown = console.follow(console.post(f"/inbox/{first}", typed(shown)))
    assert "Approved. Nothing goes until Salesforce is connected." in shown.text
    shown = console.follow(console.post(f"/inbox/{second}", typed(shown, last_name="Byron")))
    assert "Saved and approved." in shown.text
    shown = console.follow(console.post(f"/inbox/{third}", typed(shown, first_name="Augusta", do="save")))
    assert "Saved. It waits for an approval." in shown.text
    reviewing.sync()
    assert [row(reviewing, f"c-{number}").missing for number in (1, 2, 3)] == [None, None, ["approval"]]
