"""Settings › Field mapping, as an admin without JavaScript meets it, with a real stand-in for Salesforce behind it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.domain.mapping import MAPPED_KINDS, WriteMode
from contactsync.domain.mapping_sources import SOURCES
from contactsync.domain.roles import Role
from contactsync.store import tables as t
from contactsync.store.engine import reading
from contactsync.store.orgs import Org
from contactsync.sync import actions
from contactsync.web.console.mapping_words import KINDS, MODE_MEANS, MODES, source_hint, source_label
from tests.console.conftest import Console, Shown, Tag, counted_queries, person, sign_in
from tests.fixtures.salesforce import Salesforce
from tests.web.conftest import Caller

HTMX = {"HX-Request": "true"}


def filled_in(form: Tag) -> dict[str, str]:
    """What a browser would send of a form as it stands, by its main button."""
    sent: dict[str, str] = {}
    for tag in form.below():
        name = tag.attributes.get("name")
        if not name or name == "csrf" or tag.name not in ("input", "select", "textarea"):
            continue
        if tag.name == "select":
            options = tag.all("option")
            sent[name] = next((each["value"] for each in options if "selected" in each.attributes), options[0]["value"])
        elif tag.name == "textarea":
            sent[name] = "".join(each for each in tag.children if isinstance(each, str)).removeprefix("\n")
        elif tag.attributes.get("type") not in ("checkbox", "radio", "file") or "checked" in tag.attributes:
            sent[name] = tag.attributes.get("value", "")
    return sent


def opened(console: Console, kind: str = "lead") -> dict[str, str]:
    """The form of a kind's page."""
    shown = console.get(f"/settings/mapping?kind={kind}")
    assert shown.status == 200, shown.text
    return filled_in(shown.main.one("form", id="mapping"))


def number_of(form: dict[str, str], source: str) -> str:
    """The number of the row of a source."""
    (name,) = [name for name, value in form.items() if name.endswith("-source") and value == source]
    return name.split("-")[1]


def touched(form: dict[str, str], source: str, **said: str) -> dict[str, str]:
    number = number_of(form, source)
    return form | {f"rule-{number}-{name}": text for name, text in said.items()}


def told(shown: Shown, form: dict[str, str], source: str) -> str:
    """What stands beside the rule of a source."""
    return shown.main.one(id=f"told-{number_of(form, source)}").text


def errors(shown: Shown) -> list[str]:
    return [tag.text for tag in shown.main.all("p", class_="error")]


def rules_of(caller: Caller, kind: str = "lead") -> dict[str, dict[str, Any]]:
    return {rule["source"]: rule for rule in actions.mapping(caller.parts, caller.org.id)[kind]["rules"]}


@pytest.fixture
def org(at_salesforce: Caller, salesforce: Salesforce) -> Caller:
    """An org with fields of its own in Salesforce, and two contacts that are there."""
    own = [
        {"name": "VIP__c", "label": "VIP guest", "type": "boolean"},
        {"name": "Shoe__c", "label": "Shoe size", "type": "double"},
        {"name": "Nick__c", "label": "Nickname", "type": "string", "length": 5},
    ]
    salesforce.does("fields", object="Lead", fields=own)
    at_salesforce.deliver("contacts", "contact.created", person(1, title="Analyst", custom={"vip": True, "nick": "Al"}))
    at_salesforce.deliver("contacts", "contact.created", person(2, sync_as="contact", title="Boss"))
    at_salesforce.sync()
    return at_salesforce


# ── what stands there ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_rule_shows_what_a_real_contact_says_and_what_the_field_takes(console: Console, org: Caller) -> None:
    shown, form = console.get("/settings/mapping"), opened(console)
    row = shown.main.one("fieldset", id=f"rule-{number_of(form, 'title')}")
    assert row.one("p", class_="example").text == "Analyst", "the newest that goes as Lead, not the newest of all"
    assert told(shown, form, "title") == "Title Text, up to 128 characters"
    assert "Required in Salesforce" in told(shown, form, "last_name")
    assert "Picklist with" in told(shown, form, "source")
    assert [option.text for option in row.one("select", id=f"{row['id']}-mode").all("option")] == list(MODES.values())
    assert errors(shown) == []


def test_every_field_that_can_be_filled_is_offered_with_label_and_type_and_no_other(
    console: Console, org: Caller
) -> None:
    offered = {
        each["value"]: each.text for each in console.get("/settings/mapping").main.one("datalist", id="fields").all()
    }
    assert offered["Nick__c"] == "Nickname · Text, up to 5 characters"
    assert offered["VIP__c"] == "VIP guest · Checkbox"
    assert not {"Id", "CreatedDate", "Name"} & set(offered)


def test_what_arrives_and_goes_nowhere_is_offered_with_what_it_says(console: Console, org: Caller) -> None:
    shown = console.get("/settings/mapping")
    offered = {button["value"]: button for button in shown.main.all("button", name="add") if button["value"]}
    assert {"custom.vip", "custom.nick", "id"} <= set(offered)
    mapped = console.post("/settings/mapping/lead/check", opened(console) | {"add": "custom.nick"})
    added = filled_in(mapped.main.one("form", id="mapping"))
    assert number_of(added, "custom.nick")
    assert "Write the name of a field in the CRM" not in mapped.text, "the page says Salesforce"
    assert "custom.nick" not in rules_of(org), "looking keeps nothing"


def test_every_kind_has_its_page_and_is_kept_as_it_is_when_nobody_touches_it(console: Console, org: Caller) -> None:
    before = actions.mapping(org.parts, org.org.id)
    for kind in MAPPED_KINDS:
        saved = console.post(f"/settings/mapping/{kind}", opened(console, kind))
        assert f"Nothing changed: the mapping of {KINDS[kind][0]}" in console.follow(saved).text
    assert actions.mapping(org.parts, org.org.id) == before


def test_another_record_can_be_looked_at_and_one_found_by_its_address_which_is_in_no_url(
    console: Console, org: Caller
) -> None:
    form = opened(console)
    with reading(org.parts.engine) as db:
        boss = db.execute(sa.select(t.contact.c.id).where(t.contact.c.source_id == "c-2")).scalar_one()
    by_key = console.post("/settings/mapping/lead/check", form | {"example": str(boss)})
    by_address = console.post("/settings/mapping/lead/check", form | {"example_email": " ADA2@example.com "})
    for shown in (by_key, by_address):
        assert "Boss" in shown.main.one("fieldset", id=f"rule-{number_of(form, 'title')}").text
    then = filled_in(by_address.main.one("form", id="mapping"))
    assert (then["example"], then["example_email"]) == (str(boss), ""), (
        "the next choice is not overruled by the address"
    )
    nobody = console.post("/settings/mapping/lead/check", form | {"example_email": "no@example.com"})
    assert "No contact of yours has this address." in nobody.text


def test_an_org_that_is_not_connected_can_write_rules_and_is_told_that_nothing_was_checked(
    console: Console, acme: Caller
) -> None:
    shown = console.get("/settings/mapping")
    assert "You are not connected to Salesforce yet" in shown.text
    saved = console.post("/settings/mapping/lead", touched(opened(console), "title", target="Whatever__c"))
    assert "it was not held against its fields" in console.follow(saved).text
    assert rules_of(acme)["title"]["target"] == "Whatever__c"


def test_fields_that_cannot_be_read_now_lose_nothing_that_was_typed(
    console: Console, org: Caller, salesforce: Salesforce
) -> None:
    form = touched(opened(console), "title", target="Nick__c")
    actions.forget_fields(org.parts, org.org.id)
    salesforce.does("faults", do="status", status=503, times=50)
    shown = console.post("/settings/mapping/lead", form)
    assert shown.status == 503
    assert "The fields of Salesforce cannot be read now" in shown.text
    assert filled_in(shown.main.one("form", id="mapping")) == form
    assert rules_of(org)["title"]["target"] == "Title"


# ── errors ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_wrong_stands_beside_its_rule_in_the_words_of_the_page_and_nothing_is_kept(
    console: Console, org: Caller
) -> None:
    form = opened(console)
    form = touched(form, "title", target="Titel")
    form = touched(form, "phone", target="VIP__c")
    form = touched(form, "note", target="nick__c", default="far too long")
    form = touched(form, "website", target="FirstName", mode="on_create")
    form = touched(form, "email", mode="off")
    shown = console.post("/settings/mapping/lead", form)
    assert shown.status == 422
    assert "Lead has no field “Titel”" in told(shown, form, "title")
    assert "VIP__c takes yes or no, “Main phone” is text" in told(shown, form, "phone")
    assert "Did you mean Nick__c?" in told(shown, form, "note")
    assert "“FirstName” is the target of “First name” already" in told(shown, form, "website")
    assert shown.main.one(id="verdict").text.startswith("5 rules need you before this can be saved")
    assert filled_in(shown.main.one("form", id="mapping")) == form, "nothing typed is lost"
    assert rules_of(org)["title"]["target"] == "Title"
    put_right = {"title": "Title", "phone": "Phone", "note": "Description", "website": "Website"}
    for source, target in put_right.items():
        form = touched(form, source, target=target)
    last = console.post("/settings/mapping/lead", form)
    assert "“E-mail” must be there and on: the e-mail address is what prevents duplicates." in told(last, form, "email")


def test_a_browser_with_javascript_is_told_of_one_rule_as_soon_as_it_is_typed(console: Console, org: Caller) -> None:
    form = touched(opened(console), "title", target="Shoe__c", default="large")
    number = number_of(form, "title")
    answer = console.post("/settings/mapping/lead/check", form | {"told": number}, headers=HTMX)
    assert "<html" not in answer.html
    assert answer.html.count('id="told-') == 1
    assert f'id="told-{number}"' in answer.html
    assert "Shoe size" in answer.html
    assert "is a number: write one, such as 46 or 46.5." in answer.html
    assert 'id="verdict" role="status" hx-swap-oob="true"' in answer.html
    gone = console.post("/settings/mapping/lead/check", form | {"told": "999"}, headers=HTMX)
    assert gone.status == 200
    assert 'id="told-' not in gone.html


def test_values_are_read_as_the_field_takes_them(console: Console, org: Caller) -> None:
    added = console.post("/settings/mapping/lead/check", opened(console) | {"new_source": "custom.vip", "add": ""})
    form = filled_in(added.main.one("form", id="mapping"))
    row = {"target": "VIP__c", "default": "no", "said-0": "gold", "crm-0": "Yes", "said-1": "tin", "crm-1": "no"}
    saved = console.post("/settings/mapping/lead", touched(form, "custom.vip", **row))
    assert saved.status == 303, errors(saved)
    rule = rules_of(org)["custom.vip"]
    assert (rule["default"], rule["values"]) == (False, {"gold": True, "tin": False})


def test_a_field_that_was_just_added_in_salesforce_is_found_when_asked(
    console: Console, org: Caller, salesforce: Salesforce
) -> None:
    form = touched(opened(console), "title", target="Job__c")
    salesforce.does(
        "fields", object="Lead", fields=[{"name": "Job__c", "label": "Job", "type": "string", "length": 80}]
    )
    assert "no field “Job__c”" in told(console.post("/settings/mapping/lead/check", form), form, "title")
    again = console.post("/settings/mapping/lead/fields", form)
    assert told(again, form, "title") == "Job Text, up to 80 characters"


def test_a_field_that_vanished_from_salesforce_is_told_as_soon_as_the_page_is_opened(
    console: Console, org: Caller, salesforce: Salesforce
) -> None:
    assert console.post("/settings/mapping/lead", touched(opened(console), "title", target="Nick__c")).status == 303
    salesforce.does("fields", object="Lead", remove=["Nick__c"])
    actions.forget_fields(org.parts, org.org.id)
    assert "no field “Nick__c”" in console.get("/settings/mapping").text


# ── saving ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_saving_says_how_many_records_go_again_now_and_exactly_these_go(console: Console, org: Caller) -> None:
    assert console.post("/settings/mapping/lead", touched(opened(console), "title", target="Nick__c")).status == 303
    for number in (3, 4):
        org.deliver("contacts", "contact.created", person(number, title="Far too long"))
    org.deliver("contacts", "contact.created", person(5, title="Short"))
    org.sync()
    saved = console.post("/settings/mapping/lead", touched(opened(console), "title", too_long="truncate"))
    words = console.follow(saved).text
    assert "The mapping of Leads is saved. 2 records that waited for it go to Salesforce now." in words
    org.sync()
    assert org.get("/status")["contacts"]["synced"] == 5


def test_the_second_of_two_admins_sees_what_the_first_changed_and_may_still_save(console: Console, org: Caller) -> None:
    mine = touched(opened(console), "title", target="Nick__c")
    theirs = touched(opened(console), "phone", mode="if_empty")
    boss = sign_in(org, Role.ADMIN, "boss@acme.example")
    assert boss.post("/settings/mapping/lead", theirs).status == 303
    shown = console.post("/settings/mapping/lead", mine)
    assert shown.status == 409
    assert "Admin Person saved this mapping while you were editing" in shown.text
    (difference,) = shown.main.all("li", class_="difference")
    assert difference.text == "Main phone Changed When Always write → becomes Only if empty in Salesforce"
    assert rules_of(org)["title"]["target"] == "Title", "nothing of mine was kept"
    again = filled_in(shown.main.one("form", id="mapping"))
    assert {name: text for name, text in again.items() if name != "seen"} == {
        k: v for k, v in mine.items() if k != "seen"
    }
    assert console.post("/settings/mapping/lead", again).status == 303
    assert (rules_of(org)["title"]["target"], rules_of(org)["phone"]["mode"]) == ("Nick__c", "always")


def test_who_may_not_change_it_sees_everything_and_can_press_nothing(console: Console, org: Caller) -> None:
    for role in (Role.VIEWER, Role.EDITOR):
        other = console.as_role(role)
        shown = other.get("/settings/mapping")
        assert "An admin of your org changes it" in shown.text
        assert not [button for button in shown.main.all("button") if "Save" in button.text]
        assert all("disabled" in tag.attributes for tag in shown.main.all("fieldset", class_="bare"))
        for path in ("", "/check", "/preview", "/fields"):
            assert other.post(f"/settings/mapping/lead{path}", opened(console)).status == 403
    assert console.as_role(Role.VIEWER).post("/settings/mapping/lead/send").status == 403


def test_everything_can_be_brought_up_to_date(console: Console, org: Caller) -> None:
    assert (
        console.post(
            "/settings/mapping/lead", touched(opened(console), "title", target="Description", mode="off")
        ).status
        == 303
    )
    sent = console.post("/settings/mapping/lead/send")
    assert "Everything is looked at again" in console.follow(sent).text
    with reading(org.parts.engine) as db:
        resync = db.execute(sa.select(t.resync)).one()
    assert (resync.total, resync.forced, resync.org_id) == (2, False, org.org.id)


def test_a_kind_that_is_none_is_not_there(console: Console, acme: Caller) -> None:
    assert console.get("/settings/mapping?kind=nothing").status == 404
    assert console.get("/settings/mapping?kind=").status == 200
    for door in ("", "/check", "/preview", "/fields", "/send"):
        assert console.post(f"/settings/mapping/nothing{door}").status == 404


STRANGE: tuple[dict[str, str], ...] = (
    {},
    {"made_from": "no"},
    {"made_from": "[[[["},
    {"rule-0-source": "x" * 5_000, "rule-0-target": "<script>alert(1)</script>"},
    {"rule-0-source": "title", "rule-0-mode": "sometimes", "rule-0-too_long": "x", "rule-0-separator": "x"},
    {"rule-0-source": "title", "rule-0-target": "a\x00b"},
    {"example": "9" * 40},
    {"example": "-1", "example_email": "\x00"},
    {"add": "<b>", "remove": "x", "told": "x"},
)


def test_what_no_form_of_ours_sends_is_told_and_breaks_nothing(console: Console, org: Caller) -> None:
    before = actions.mapping(org.parts, org.org.id)
    for fields in STRANGE:
        for door in ("", "/check", "/preview"):
            shown = console.post(f"/settings/mapping/lead{door}", fields)
            assert shown.status in (200, 422), (door, shown.text)
            assert "<script>alert" not in shown.html
    assert actions.mapping(org.parts, org.org.id) == before


# ── preview ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_preview_shows_old_and_new_of_a_real_contact_and_neither_keeps_nor_writes_anything(
    console: Console, org: Caller, salesforce: Salesforce
) -> None:
    before, kept = salesforce.holds("Lead"), actions.mapping(org.parts, org.org.id)
    form = touched(opened(console), "title", **{"said-0": "Analyst", "crm-0": "Chief Analyst"})
    shown = console.post("/settings/mapping/lead/preview", form)
    tried = shown.main.one("section", id="tried")
    assert "Nothing was written" in tried.text
    assert "the CRM" not in tried.text
    (row,) = tried.all("tbody")[0].all("tr")
    assert row.text == "Title from Job title Analyst Chief Analyst Translated by the rule's values."
    assert salesforce.holds("Lead") == before
    assert actions.mapping(org.parts, org.org.id) == kept
    assert filled_in(shown.main.one("form", id="mapping")).items() >= form.items(), "and room for a further value"


def test_the_preview_of_a_record_that_these_rules_do_not_touch_says_so(console: Console, org: Caller) -> None:
    shown = console.post("/settings/mapping/lead/preview", opened(console) | {"example_email": "ada2@example.com"})
    assert "The rules for Leads do not touch this one" in shown.main.one("section", id="tried").text


def test_the_preview_of_wrong_rules_and_of_nobody_says_what_to_do(console: Console, org: Caller) -> None:
    wrong = console.post("/settings/mapping/lead/preview", touched(opened(console), "title", target="Titel"))
    assert "Put right what is marked above first" in wrong.main.one("section", id="tried").text
    nobody = console.post("/settings/mapping/lead/preview", opened(console) | {"example_email": "no@example.com"})
    assert "No contact has this address." in nobody.main.one("section", id="tried").text


def test_the_preview_of_somebody_incomplete_says_what_is_missing(console: Console, org: Caller) -> None:
    lacking = person(3)
    del lacking["last_name"]
    org.deliver("contacts", "contact.created", lacking)
    org.sync()
    shown = console.post("/settings/mapping/lead/preview", opened(console) | {"example_email": "ada3@example.com"})
    tried = shown.main.one("section", id="tried").text
    assert "The contact is incomplete" in tried
    assert "Last name is missing" in tried


def test_rules_for_campaigns_and_meetings_are_tried_on_a_real_event_and_a_real_meeting(
    console: Console, org: Caller, salesforce: Salesforce
) -> None:
    org.deliver("events", "event.created", {"id": "e-1", "name": "Expo Berlin", "city": "Berlin"})
    times = {"starts_at": "2026-11-24T09:00:00Z", "ends_at": "2026-11-24T10:00:00Z"}
    org.deliver(
        "meetings", "meeting.created", {"id": "m-1", "title": "Talk", "attendees": [{"contact_id": "c-1"}], **times}
    )
    actions.set_policies(org.parts, org.org.id, {"create_campaigns": True})
    org.absorb()
    before = len(salesforce.holds("Campaign")), len(salesforce.holds("Event"))
    event = console.post("/settings/mapping/campaign/preview", opened(console, "campaign"))
    assert "Expo Berlin" in event.main.one("section", id="tried").one("table").text
    meeting = console.post("/settings/mapping/meeting/preview", opened(console, "meeting"))
    assert "Talk" in meeting.main.one("section", id="tried").one("table").text
    assert (len(salesforce.holds("Campaign")), len(salesforce.holds("Event"))) == before


# ── size ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_page_asks_the_database_as_often_with_many_records_as_with_few(console: Console, org: Caller) -> None:
    counts = []
    for numbers in (range(10, 13), range(20, 50)):
        for number in numbers:
            org.deliver("contacts", "contact.created", person(number, custom={f"field_{number}": "x"}))
        org.absorb()
        console.get("/settings/mapping")
        with counted_queries(console) as seen:
            console.get("/settings/mapping")
        counts.append(len(seen))
    assert counts[0] == counts[1]
    assert counts[0] <= 15


def test_a_hundred_rules_and_eight_hundred_fields_fit_into_one_page_and_one_call_of_salesforce(
    console: Console, org: Caller, salesforce: Salesforce
) -> None:
    many = [{"name": f"Own_{n}__c", "label": f"Own {n}", "type": "string", "length": 80} for n in range(800)]
    salesforce.does("fields", object="Lead", fields=many)
    rules = [*rules_of(org).values(), *({"source": f"custom.own_{n}", "target": f"Own_{n}__c"} for n in range(100))]
    actions.forget_fields(org.parts, org.org.id)
    assert actions.set_mapping(org.parts, org.org.id, "lead", {"rules": rules}).checked
    before = org.get("/status")["crm"]["calls"]
    shown = console.get("/settings/mapping")
    assert len(shown.main.all("fieldset", class_="rule")) == len(rules)
    assert len(shown.main.one("datalist", id="fields").all("option")) >= 800
    assert len(shown.html) < 600_000
    saved = console.post("/settings/mapping/lead", filled_in(shown.main.one("form", id="mapping")))
    assert "Nothing changed" in console.follow(saved).text
    assert org.get("/status")["crm"]["calls"] == before, "the fields were remembered"


# ── words ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_source_and_every_way_of_writing_has_words_for_people() -> None:
    assert set(KINDS) == set(MAPPED_KINDS)
    assert set(MODES) == set(MODE_MEANS) == {mode.value for mode in WriteMode}
    for kind, sources in SOURCES.items():
        labels = [source_label(kind, source) for source in sources]
        assert not [label for label, source in zip(labels, sources, strict=True) if label == source]
        assert len(set(labels)) == len(labels), kind
    assert source_label("lead", "custom.shoe_size") == "Shoe size"
    assert source_hint("lead", "owner")


def test_records_of_another_org_are_never_shown(console: Console, org: Caller, other: Caller) -> None:
    other.deliver("contacts", "contact.created", person(9, title="Theirs alone"))
    other.absorb()
    with reading(org.parts.engine) as db:
        theirs = db.execute(sa.select(t.contact.c.id).where(t.contact.c.org_id == other.org.id)).scalar_one()
    form = opened(console)
    for said in ({"example": str(theirs)}, {"example_email": "ada9@example.com"}):
        for door in ("/check", "/preview"):
            assert "Theirs alone" not in console.post(f"/settings/mapping/lead{door}", form | said).text
    assert isinstance(other.org, Org)
    assert json.loads(form["made_from"])
