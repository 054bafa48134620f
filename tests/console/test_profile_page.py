"""The page of one contact: how it stands, what is missing, its edits, its preview, its history and undoing it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.domain.roles import Role
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.sync import actions
from tests.console.conftest import Console, Shown, counted_queries
from tests.fixtures.salesforce import Salesforce
from tests.web.conftest import Caller, Clock, HandBell, person


@dataclass
class WorkerBell(HandBell):
    """A bell beside which a worker stands: who rings finds the org synced."""

    caller: Caller | None = None

    def ring(self, org_id: int) -> bool:
        if self.caller is not None:
            self.caller.sync()
        return super().ring(org_id)


@pytest.fixture
def bell() -> WorkerBell:
    return WorkerBell()


@pytest.fixture
def worked(acme: Caller, bell: WorkerBell, clock: Clock) -> Caller:
    """An org whose worker is quick, connected to nothing."""
    bell.caller = acme
    return acme


@pytest.fixture
def at_work(worked: Caller, salesforce: Salesforce) -> Caller:
    """The same, connected to a stand-in for Salesforce."""
    salesforce.connect(worked.parts, worked.org.id)
    return worked


def arrive(caller: Caller, *people: dict[str, Any]) -> list[int]:
    """Contacts that come by a webhook; their keys."""
    for one in people:
        caller.deliver("contacts", "contact.updated", one)
    caller.sync()
    return [key_of(caller, one["id"]) for one in people]


def key_of(caller: Caller, contact_id: str) -> int:
    with reading(caller.parts.engine) as db:
        found = db.execute(sa.select(t.contact.c.id).where(t.contact.c.source_id == contact_id))
        return int(found.scalar_one())


def edits(caller: Caller) -> int:
    with reading(caller.parts.engine) as db:
        kept = sa.select(sa.func.count()).where(t.delivery.c.door == "console")
        return int(db.execute(kept).scalar_one())


def field(shown: Shown, name: str) -> str:
    """What a field of the page's form holds."""
    (one,) = [tag for tag in shown.main.below() if tag.attributes.get("name") == name]
    if one.name == "select":
        return next((each["value"] for each in one.all("option") if "selected" in each.attributes), "")
    return one.text if one.name == "textarea" else one["value"]


def filled_in(shown: Shown, **typed: str) -> dict[str, str]:
    """The page's own form as a browser would send it, with some fields typed over (`__` for a dot)."""
    form = next(
        each
        for each in shown.main.all("form")
        if any(tag.attributes.get("name", "").startswith("was:") for tag in each.below())
    )
    named = [tag["name"] for tag in form.below() if tag.attributes.get("name") and tag["name"] != "csrf"]
    return {name: field(shown, name) for name in named} | {
        name.replace("__", "."): value for name, value in typed.items()
    }


# ── how it stands ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_synced_contact_shows_its_record_as_a_link_and_asks_for_nothing(at_work: Caller, console: Console) -> None:
    (key,) = arrive(at_work, person(1))
    shown = console.get(f"/contacts/{key}")
    assert shown.status == 200
    state = shown.main.one("section", id="state")
    assert "Up to date in Salesforce" in state.text
    assert "Nothing to do" in state.text
    link = state.one("a", class_="crm")
    assert f"/Lead/{link.text.split()[0]}/" in link["href"]
    assert shown.page.one("head").one("title").text.startswith("Ada Lovelace 1")
    assert not shown.main.all("section", class_="missing")


def test_an_incomplete_contact_says_what_is_missing_with_the_form_for_it_right_there(
    worked: Caller, console: Console
) -> None:
    (key,) = arrive(worked, {"id": "c-1", "first_name": "Ada", "email": "ada@example.com"})
    shown = console.get(f"/contacts/{key}")
    assert "Last name, company and Sync As are missing" in shown.main.one("section", id="state").text
    form = shown.main.one("section", class_="missing").one("form")
    assert {tag["name"] for tag in form.below() if "name" in tag.attributes} >= {"last_name", "company", "sync_as"}


def test_a_contact_without_connection_says_that_salesforce_is_to_be_connected(worked: Caller, console: Console) -> None:
    (key,) = arrive(worked, person(1))
    assert "Salesforce is not connected" in console.get(f"/contacts/{key}").text
    told = console.follow(console.post(f"/contacts/{key}/sync")).text
    assert "It waits to go. Nothing goes until Salesforce is connected." in told
    several = console.follow(console.post("/contacts/several", {"key": str(key), "do": "sync"})).text
    assert "1 contact waits to go. Nothing goes until Salesforce is connected." in several
    for words in (told, several):
        assert "n its way" not in words


def test_a_contact_with_a_problem_says_cause_fix_and_who_and_can_be_corrected_here(
    at_work: Caller, console: Console
) -> None:
    (key,) = arrive(at_work, person(1, phone="1" * 60))
    state = console.get(f"/contacts/{key}").main.one("section", id="state")
    assert "too long" in state.text
    assert "Who can:" in state.text
    (correct,) = [tag for tag in state.all("a") if tag.text == "Correct it here"]
    shown = console.get(correct["href"], whole=True)
    console.post(f"/contacts/{key}/edit", filled_in(shown, phone="+44 20 7946 0018"))
    assert "Up to date in Salesforce" in console.get(f"/contacts/{key}").text


def test_a_problem_reads_on_the_page_of_a_contact_and_in_the_list_as_it_does_under_problems(
    at_work: Caller, console: Console, salesforce: Salesforce
) -> None:
    actions.set_policies(at_work.parts, at_work.org.id, {"several_matches": "stop"})
    twice = {"LastName": "Byron", "Email": "ada1@example.com", "Company": "Old"}
    salesforce.does("records", Lead=[twice, twice])
    (key,) = arrive(at_work, person(1))
    shown = console.get(f"/contacts/{key}")
    state = shown.main.one("section", id="state")
    assert "choose under Policies which one is taken. Who can: " in state.text
    (all_of_it,) = [tag for tag in state.all("a") if tag.text == "All with this problem"]
    cause = state.one("h2").text
    assert cause in console.get(all_of_it["href"], whole=True).text
    assert cause in console.get("/contacts").text
    history = shown.main.one("section", id="history")
    assert cause in history.text
    assert "Policies" not in history.text  # what to do holds now, not for a past try


def test_nothing_is_sent_of_an_incomplete_contact_and_no_button_says_so(at_work: Caller, console: Console) -> None:
    (key,) = arrive(at_work, person(1, company=None, email=None))
    assert "Sync now" not in console.get(f"/contacts/{key}").text
    told = console.follow(console.post(f"/contacts/{key}/sync"))
    assert "Nothing was sent: first add e-mail and company." in told.text
    assert "On its way" not in told.text


def test_a_deleted_contact_says_so_and_offers_nothing(worked: Caller, console: Console) -> None:
    (key,) = arrive(worked, person(1))
    worked.deliver("contacts", "contact.deleted", {"id": "c-1"})
    worked.sync()
    shown = console.get(f"/contacts/{key}")
    assert "Left out" in shown.main.one("section", id="state").text
    assert not shown.main.all("form")
    assert "cannot be edited" in console.get(f"/contacts/{key}/edit").text
    told = console.follow(console.post(f"/contacts/{key}/sync"))
    assert "deleted at the event platform" in told.text


def test_a_very_long_name_keeps_its_heading_short_and_is_there_whole(worked: Caller, console: Console) -> None:
    (key,) = arrive(worked, person(1, last_name="Long" * 30))
    heading = console.get(f"/contacts/{key}").main.one("h1", class_="long")
    assert "Long" * 30 in heading["title"]
    back = console.get(f"/contacts/{key}/edit").main.one("a", class_="back").text
    assert len(back) <= 60


def test_held_up_edits_say_so(worked: Caller, console: Console) -> None:
    (key,) = arrive(worked, person(1))
    sent = filled_in(console.get(f"/contacts/{key}/edit"), title="Countess")
    told = console.follow(console.post(f"/contacts/{key}/edit", sent)).text
    assert "Saved. Nothing goes until Salesforce is connected." in told


def test_a_number_beyond_all_is_no_address(console: Console) -> None:
    assert console.get(f"/contacts/{10**30}").status == 404


def test_contacts_of_others_and_numbers_beyond_all_are_not_there(console: Console, other: Caller) -> None:
    (theirs,) = arrive(other, person(1))
    for key in (theirs, 2**63 - 1):
        for path in ("", "/edit", "/preview", "/company", "/runs/1/undo"):
            assert console.get(f"/contacts/{key}{path}").status == 404
        for path in ("sync", "complete", "edit", "sync-as", "approve", "company/new", "company/account", "runs/1/undo"):
            assert (
                console.post(f"/contacts/{key}/{path}", {"last_name": "x", "name": "x", "account_id": "x"}).status
                == 404
            )


# ── adding and changing ────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_missing_is_typed_in_and_the_contact_goes_to_salesforce_by_itself(
    at_work: Caller, console: Console
) -> None:
    (key,) = arrive(at_work, {"id": "c-1", "first_name": "Ada", "email": "ada@example.com"})
    sent = filled_in(console.get(f"/contacts/{key}"), last_name="Lovelace", company="Engines", sync_as="lead")
    told = console.follow(console.post(f"/contacts/{key}/complete", sent))
    assert "It goes to Salesforce by itself" in told.text
    assert "Up to date in Salesforce" in told.text
    assert "Typed in here by Admin Person" in told.text


def test_completing_in_part_says_what_is_still_missing(worked: Caller, console: Console) -> None:
    (key,) = arrive(worked, {"id": "c-1", "first_name": "Ada", "email": "ada@example.com"})
    told = console.follow(
        console.post(f"/contacts/{key}/complete", {"last_name": "Lovelace", "company": "", "sync_as": ""})
    )
    assert "Still missing before it can go to Salesforce: company and Sync As" in told.text
    nothing = console.post(f"/contacts/{key}/complete", {"company": " ", "sync_as": ""})
    assert (nothing.status, edits(worked)) == (422, 1)
    assert "Fill this in." in nothing.text


def test_wrong_values_are_told_beside_their_fields_and_nothing_typed_is_lost(worked: Caller, console: Console) -> None:
    (key,) = arrive(worked, person(1))
    sent = filled_in(console.get(f"/contacts/{key}/edit"), email="nobody", title="Countess", website="x" * 1001)
    again = console.post(f"/contacts/{key}/edit", sent)
    assert again.status == 422
    assert "Not an e-mail address" in again.text
    assert [field(again, name) for name in ("email", "title")] == ["nobody", "Countess"]
    assert {tag["id"] for tag in again.main.all("p", class_="error")} == {"e-email", "e-website"}
    assert edits(worked) == 0


def test_only_what_was_changed_is_written_so_that_two_people_keep_both_their_changes(
    worked: Caller, console: Console, clock: Clock
) -> None:
    (key,) = arrive(worked, person(1, title="Countess", phone="1"))
    mine = filled_in(console.get(f"/contacts/{key}/edit"), title="Analyst")
    clock.pass_by(seconds=1)
    colleague = console.as_role(Role.EDITOR)
    colleague.post(f"/contacts/{key}/edit", filled_in(colleague.get(f"/contacts/{key}/edit"), phone="2"))
    clock.pass_by(seconds=1)
    console.post(f"/contacts/{key}/edit", mine)
    contact = worked.get("/contacts/c-1")
    assert (contact["title"], contact["phone"]) == ("Analyst", "2")


def test_a_field_that_somebody_changed_meanwhile_is_told_before_it_is_overwritten(
    worked: Caller, console: Console, clock: Clock
) -> None:
    (key,) = arrive(worked, person(1, title="Countess"))
    mine = filled_in(console.get(f"/contacts/{key}/edit"), title="Analyst")
    clock.pass_by(seconds=1)
    arrive(worked, person(1, title="Director"))
    clock.pass_by(seconds=1)
    again = console.post(f"/contacts/{key}/edit", mine)
    assert again.status == 422
    assert "changed this to “Director” while you were typing" in again.text
    assert field(again, "title") == "Analyst"
    console.post(f"/contacts/{key}/edit", filled_in(again))
    assert worked.get("/contacts/c-1")["title"] == "Analyst"


def test_an_emptied_field_is_cleared_and_an_unchanged_form_changes_nothing(
    worked: Caller, console: Console, clock: Clock
) -> None:
    note = "two\nlines"
    (key,) = arrive(worked, person(1, title="Countess", note=note))
    clock.pass_by(seconds=1)
    page = console.get(f"/contacts/{key}/edit")
    unchanged = filled_in(page) | {"note": "two\r\nlines", "was:note": "two\r\nlines"}
    assert "Nothing was changed." in console.follow(console.post(f"/contacts/{key}/edit", unchanged)).text
    assert edits(worked) == 0
    told = console.follow(console.post(f"/contacts/{key}/edit", unchanged | {"title": "", "last_name": ""}))
    assert "Still missing before it can go to Salesforce: last name" in told.text
    contact = worked.get("/contacts/c-1")
    assert (contact["title"], contact["last_name"], contact["note"]) == (None, None, note)


def test_an_edit_that_waits_is_told_by_its_fields_until_it_is_brought_in(
    acme: Caller, bell: WorkerBell, console: Console
) -> None:
    (key,) = arrive(acme, person(1, title="Countess"))
    bell.there = False  # nobody hears it: the page does not wait
    told = console.follow(console.post(f"/contacts/{key}/edit", {"title": "Analyst", "was:title": "Countess"}))
    assert "A change of job title is saved by Admin Person" in told.text
    acme.absorb()
    assert "waits to be brought in" not in console.get(f"/contacts/{key}").text


def test_an_edit_that_lost_to_newer_news_says_so(worked: Caller, console: Console, clock: Clock) -> None:
    (key,) = arrive(worked, person(1, title="Countess"))
    ahead = (clock.at.replace(hour=12)).isoformat()
    worked.deliver("contacts", "contact.updated", {"id": "c-1", "title": "Director", "updated_at": ahead})
    told = console.follow(console.post(f"/contacts/{key}/edit", {"title": "Analyst", "was:title": "Countess"}))
    assert "the event platform has sent something newer since: its job title stands" in told.text


def test_sync_as_is_chosen_on_the_page(at_work: Caller, console: Console, salesforce: Salesforce, clock: Clock) -> None:
    (key,) = arrive(at_work, person(1))
    clock.pass_by(seconds=1)
    told = console.follow(console.post(f"/contacts/{key}/sync-as", {"sync_as": "contact", "was:sync_as": "lead"}))
    assert "Salesforce Contact" in told.main.one("section", id="state").text
    assert console.post(f"/contacts/{key}/sync-as", {"sync_as": "friend", "was:sync_as": "contact"}).status == 422


def test_viewers_see_all_and_change_nothing(worked: Caller, console: Console) -> None:
    (key,) = arrive(worked, {"id": "c-1", "first_name": "Ada"})
    viewer = console.as_role(Role.VIEWER)
    shown = viewer.get(f"/contacts/{key}")
    assert "An editor of your org can add them here" in shown.text
    assert not shown.main.all("form")
    assert viewer.get(f"/contacts/{key}/edit").status == 403
    assert viewer.post(f"/contacts/{key}/complete", {"last_name": "x"}).status == 403
    assert edits(worked) == 0


def test_no_value_stands_in_an_address(at_work: Caller, console: Console) -> None:
    (key,) = arrive(at_work, person(1))
    shown = console.get(f"/contacts/{key}")
    addresses = [
        value
        for tag in shown.page.below()
        for name, value in tag.attributes.items()
        if name in ("href", "action", "hx-get", "hx-post")
    ]
    own = [one for one in addresses if not one.startswith(("mailto:", "tel:"))]
    assert not [one for one in own if "ada" in one.lower() or "lovelace" in one.lower() or "c-1" in one]


# ── preview, sync, history, undo ───────────────────────────────────────────────────────────────────────────────────


def test_a_preview_shows_old_and_new_by_record_and_changes_nothing(
    at_work: Caller, console: Console, salesforce: Salesforce, clock: Clock
) -> None:
    (key,) = arrive(at_work, person(1, title="Countess"))
    clock.pass_by(seconds=1)
    bell = at_work.parts.bell
    assert isinstance(bell, WorkerBell)
    bell.caller = None
    at_work.deliver("contacts", "contact.updated", person(1, title="Analyst"))
    at_work.absorb()
    shown = console.get(f"/contacts/{key}/preview")
    assert "A sync would change 1 record" in shown.text
    (row,) = [row for row in shown.main.all("tr") if row.all("td") and row.all("td")[0].text == "Title"]
    assert [cell.text for cell in row.all("td")] == ["Title", "Countess", "Analyst"]
    assert [lead["Title"] for lead in salesforce.holds("Lead")] == ["Countess"]


def test_a_preview_that_cannot_be_made_says_what_to_do_first(worked: Caller, console: Console) -> None:
    (key,) = arrive(worked, {"id": "c-1", "first_name": "Ada", "last_name": "Lovelace"})
    shown = console.get(f"/contacts/{key}/preview")
    assert shown.status == 409
    piece = console.get(f"/contacts/{key}/preview", headers={"HX-Request": "true"})
    assert (piece.status, "No preview now" in piece.text) == (200, True)


def test_a_sync_its_history_and_its_undoing(
    at_work: Caller, console: Console, salesforce: Salesforce, clock: Clock
) -> None:
    salesforce.does(
        "records", Lead=[{"LastName": "Byron", "Email": "ada1@example.com", "Company": "Old", "Title": "Poet"}]
    )
    (key,) = arrive(at_work, person(1, title="Countess"))
    shown = console.get(f"/contacts/{key}")
    history = shown.main.one("section", id="history")
    assert "Brought to Salesforce" in history.text
    assert "Matched by e-mail address" in history.text
    (undo,) = [tag for tag in history.all("a") if tag.text == "Undo"]
    asked = console.get(undo["href"], whole=True)
    assert "1 record would be put back" in asked.text
    assert "contactsync deletes nothing" in asked.text
    assert [lead["LastName"] for lead in salesforce.holds("Lead")] == ["Lovelace 1"]
    told = console.follow(console.post(asked.main.all("form")[-1]["action"], whole=True))
    assert "Put back:" in told.text
    assert [(lead["LastName"], lead["Title"]) for lead in salesforce.holds("Lead")] == [("Byron", "Poet")]
    history = told.main.one("section", id="history")
    assert "An earlier sync was undone" in history.text
    assert "Run " not in history.text  # a number that says nothing to a marketer
    assert [tag for tag in history.all("a") if tag.text == "Undo"] == []
    assert "undone already" in console.get(undo["href"], whole=True).text


def test_sync_now_goes_even_if_nothing_changed(at_work: Caller, console: Console) -> None:
    (key,) = arrive(at_work, person(1))
    console.post(f"/contacts/{key}/sync")
    shown = console.get(f"/contacts/{key}")
    assert len(shown.main.one("section", id="history").one("ol", class_="timeline").children) >= 2
    assert "Salesforce holds all of it already" in shown.text


def test_a_long_history_is_paged_by_number(worked: Caller, console: Console) -> None:
    (key,) = arrive(worked, person(1))
    add_runs(worked, key, 25)
    shown, seen = console.get(f"/contacts/{key}"), 0
    for expected in (10, 10, 5):
        history = shown.main.one("section", id="history")
        found = [each for each in history.one("ol", class_="timeline").children if not isinstance(each, str)]
        assert len(found) == expected
        older = [tag for tag in history.all("a") if tag.text == "Older"]
        seen += len(found)
        if older:
            shown = console.get(older[0]["href"], whole=True)
    assert seen == 25
    assert console.get(f"/contacts/{key}?before=nonsense").status == 200


def test_a_page_asks_the_database_as_often_for_thirty_records_as_for_three(at_work: Caller, console: Console) -> None:
    counts = []
    for many in (3, 30):
        events = [{"id": f"e-{n}", "status": "registered"} for n in range(many)]
        (key,) = arrive(at_work, person(1, events=events))
        for n in range(many):
            times = {"starts_at": "2026-11-24T09:00:00Z", "ends_at": "2026-11-24T10:00:00Z"}
            at_work.deliver(
                "meetings",
                "meeting.created",
                {"id": f"m-{n}", "title": "Talk", "attendees": [{"contact_id": "c-1"}], **times},
            )
        at_work.sync()
        add_runs(at_work, key, many)
        console.get(f"/contacts/{key}")
        with counted_queries(console) as seen:
            assert console.get(f"/contacts/{key}").status == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]
    assert counts[0] <= 24


def add_runs(caller: Caller, key: int, many: int) -> None:
    at = caller.parts.now()
    step = {
        "action": "update",
        "object": "Lead",
        "crm_id": "00Q",
        "why": ["so"],
        "fields": {"Title": {"old": "a", "new": "b"}},
    }
    row = {
        "org_id": caller.org.id,
        "contact_id": key,
        "source_id": "c-1",
        "started_at": at,
        "finished_at": at,
        "attempt": 1,
    }
    row |= {"outcome": "synced", "steps": [step], "why": ["so"], "subject": "contact"}
    with writing(caller.parts.engine) as db:
        db.execute(sa.insert(t.sync_run), [row] * many)


# ── the company ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_company_is_picked_from_salesforce(
    at_work: Caller, console: Console, salesforce: Salesforce, clock: Clock
) -> None:
    salesforce.does("records", Account=[{"Name": "Engines GmbH", "Website": "https://engines.example"}])
    (key,) = arrive(at_work, person(1, company="Looms", sync_as="contact"))
    clock.pass_by(seconds=1)
    found = console.post(f"/contacts/{key}/company", {"q": "gines"})
    (choice,) = [form for form in found.main.all("form") if form["action"].endswith("/company/account")]
    sent = {tag["name"]: tag["value"] for tag in choice.all("input")}
    told = console.follow(console.post(f"/contacts/{key}/company/account", sent))
    assert "The company is Engines GmbH now" in told.text
    company = at_work.get("/contacts/c-1")["company"]
    assert (company["name"], company["account_id"], company["linked"]) == ("Engines GmbH", sent["account_id"], True)


def test_an_account_is_picked_whatever_its_website_says(worked: Caller, console: Console, clock: Clock) -> None:
    (key,) = arrive(worked, person(1, company="Looms"))
    clock.pass_by(seconds=1)
    sent = {"account_id": "001A", "name": "Engines", "domain": "none yet, ask Bea"}
    assert "Engines now" in console.follow(console.post(f"/contacts/{key}/company/account", sent)).text


def test_an_account_of_the_companys_own_name_is_tied_to_it_for_all_its_contacts(
    at_work: Caller, console: Console, salesforce: Salesforce
) -> None:
    ids = salesforce.does("records", Account=[{"Name": "Looms"}, {"Name": "LOOMS"}])["Account"]
    one, _ = arrive(
        at_work, person(1, company="Looms", sync_as="contact"), person(2, company="Looms", sync_as="contact")
    )
    sent = {"account_id": ids[1], "name": "LOOMS", "domain": ""}
    told = console.follow(console.post(f"/contacts/{one}/company/account", sent))
    assert "for all its contacts" in told.text
    assert [at_work.get(f"/contacts/c-{n}")["company"]["account_id"] for n in (1, 2)] == [ids[1], ids[1]]


def test_two_accounts_of_one_name_become_two_companies(
    at_work: Caller, console: Console, salesforce: Salesforce, clock: Clock
) -> None:
    ids = salesforce.does("records", Account=[{"Name": "Looms"}, {"Name": "Looms"}])["Account"]
    picked = {"name": "Looms", "account_id": ids[0]}
    _, two = arrive(at_work, person(1, company=picked, sync_as="contact"), person(2, sync_as="contact"))
    clock.pass_by(seconds=1)
    console.post(f"/contacts/{two}/company/account", {"account_id": ids[1], "name": "Looms", "domain": ""})
    assert [at_work.get(f"/contacts/c-{n}")["company"]["account_id"] for n in (1, 2)] == ids


def test_a_new_company_is_named_and_a_wrong_website_is_told(worked: Caller, console: Console, clock: Clock) -> None:
    (key,) = arrive(worked, person(1))
    clock.pass_by(seconds=1)
    wrong = console.post(f"/contacts/{key}/company/new", {"name": "Looms", "domain": "not a host"})
    assert wrong.status == 422
    assert "Not a host name" in wrong.text
    assert field(wrong, "name") == "Looms"
    assert console.post(f"/contacts/{key}/company/new", {"name": ""}).status == 422
    console.post(f"/contacts/{key}/company/new", {"name": "Looms", "domain": "https://www.looms.example/about"})
    company = worked.get("/contacts/c-1")["company"]
    assert (company["name"], company["domain"]) == ("Looms", "looms.example")


def test_the_search_for_accounts_says_when_salesforce_does_not_answer(
    at_work: Caller, console: Console, salesforce: Salesforce
) -> None:
    (key,) = arrive(at_work, person(1))
    salesforce.does("faults", do="status", status=503, times=50)
    found = console.post(f"/contacts/{key}/company", {"q": "gines"}).main.one("div", id="found")
    assert "Salesforce does not answer now" in found.text  # the part that a browser puts into the page
    preview = console.get(f"/contacts/{key}/preview")
    assert "Salesforce does not answer now" in preview.text
    assert [tag["href"] for tag in preview.main.all("a") if tag.text == "Try again"] == [
        f"/o/{console.acme.org.slug}/contacts/{key}/preview"
    ]


def test_an_approval_lets_a_captured_contact_go(at_work: Caller, console: Console) -> None:
    actions.set_policies(at_work.parts, at_work.org.id, {"review_inbox": True})
    (key,) = arrive(at_work, person(1, source="leads_inbox"))
    shown = console.get(f"/contacts/{key}")
    assert "Waits for your approval" in shown.main.one("section", id="state").text
    told = console.follow(console.post(f"/contacts/{key}/approve"))
    assert "Up to date in Salesforce" in told.text


def test_after_a_pause_nobody_has_to_act(worked: Caller, console: Console, tmp_path: Path) -> None:
    worked.connect_file(tmp_path)
    worked.deliver("contacts", "contact.updated", person(1))
    worked.absorb()
    key = key_of(worked, person(1)["id"])
    problem = {"code": "crm_busy", "cause": "The CRM is busy.", "fix": "Nothing.", "who": "nobody", "next": "retry"}
    with writing(worked.parts.engine) as db:
        over = {"problem": problem, "paused_until": worked.parts.now() - timedelta(minutes=1)}
        db.execute(sa.update(t.connection).values(**over))
    assert "On its way to Salesforce" in console.get(f"/contacts/{key}").text
    told = console.follow(console.post(f"/contacts/{key}/sync")).text
    assert "put right" not in told
