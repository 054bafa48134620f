"""The audit log: what people did, in words, by their names."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contactsync.domain.roles import Role
from contactsync.store.audit import Audited, note
from contactsync.store.engine import writing
from contactsync.web.console.audit_words import ACTIONS, action_words, actions_of, detail_lines
from tests.console.conftest import Console, counted_queries
from tests.web.conftest import START, Caller, person


def noted(acme: Caller, actor: str, action: Audited, **more: object) -> None:
    with writing(acme.parts.engine) as db:
        note(db, acme.org.id, actor, action, START, **more)  # type: ignore[arg-type]


@pytest.fixture
def done(console: Console, acme: Caller) -> None:
    noted(acme, "token:3 Zapier", Audited.POLICIES_CHANGED, details={"create_accounts": {"old": True, "new": False}})
    noted(acme, console.user.actor, Audited.BODY_SHOWN, about="dlv_7")
    noted(acme, "command line (root)", Audited.PROBLEM_CHECKED, about="0" * 16, details={"ok": True, "released": 1200})


def test_nothing_done_yet_says_what_will_stand_here(console: Console) -> None:
    assert "Nothing yet" in console.get("/settings/audit").text


def test_it_says_who_did_what_to_which_and_when(console: Console, done: None) -> None:
    lines = console.get("/settings/audit").main.one("ol").all("li")
    checked, shown, policies = (line.text for line in lines)
    for words in ("Tried a problem’s records again", "Command line (root)", "Released 1,200", "Ok yes"):
        assert words in checked
    assert "Looked at a delivery unmasked" in shown
    assert "Admin Person · delivery 7" in shown
    for words in ("Changed the policies", "API token “Zapier”", "Make Accounts for companies that have none Yes → No"):
        assert words in policies
    assert lines[1].one("a")["href"] == "/o/acme/deliveries/7"
    assert lines[0].one("a")["href"] == f"/o/acme/problems/{'0' * 16}"


def test_it_is_narrowed_by_what_it_is_about(console: Console, done: None) -> None:
    shown = console.get("/settings/audit?about=people")
    assert [line.one("b").text for line in shown.main.one("ol").all("li")] == ["Looked at a delivery unmasked"]
    assert "Nothing of this kind" in console.get("/settings/audit?about=access").text
    assert len(console.get("/settings/audit?about=nonsense&before=%00").main.one("ol").all("li")) == 3


def test_it_goes_on_page_by_page(console: Console, acme: Caller) -> None:
    for _ in range(55):
        noted(acme, "token:3 Zapier", Audited.REPLAYED)
    link = next(a for a in console.get("/settings/audit?about=problems").main.all("a") if a.text == "Show older ones")
    assert len(console.get(link["href"], whole=True).main.one("ol").all("li")) == 5


def test_another_orgs_log_is_not_shown_and_a_viewer_sees_ones_own(console: Console, other: Caller, done: None) -> None:
    with writing(other.parts.engine) as db:
        note(db, other.org.id, "token:9 Theirs", Audited.REPLAYED, START + timedelta(hours=1))
    shown = console.as_role(Role.VIEWER).get("/settings/audit")
    assert "Theirs" not in shown.text
    assert len(shown.main.one("ol").all("li")) == 3


def test_it_asks_as_often_for_many_as_for_few(console: Console, acme: Caller, done: None) -> None:
    def asked() -> int:
        with counted_queries(console) as seen:
            console.get("/settings/audit")
        return len(seen)

    few = asked()
    for number in range(1, 31):
        noted(acme, f"user:{number}", Audited.REPLAYED)
    assert asked() == few


def test_every_action_has_its_words() -> None:
    assert [one.value for one in Audited if one not in ACTIONS] == []


def test_an_action_of_another_version_is_shown_by_its_name() -> None:
    assert action_words("moon.landed_on") == "Moon landed on"
    assert actions_of("moon") is None


def test_details_are_said_plainly() -> None:
    said = detail_lines({"ids": [], "fields": ["Title", "Phone"], "rules": [{"a": 1}], "since": None, "filter": {}})
    assert [(one.name, one.new) for one in said] == [
        ("Ids", "nothing"),
        ("Fields", "Title, Phone"),
        ("Rules", '[{"a": 1}]'),
        ("Since", "nothing"),
        ("Filter", "nothing"),
    ]


def test_a_change_of_the_mapping_names_its_fields_and_a_secret_its_end() -> None:
    rule = {"source": "phone", "target": "Phone", "mode": "if_empty", "also": []}
    (put_in,) = detail_lines({"taken_out": [], "put_in": [rule]}, Audited.MAPPING_CHANGED, "lead")
    assert (put_in.name, put_in.new) == ("Put in", "Main phone → Phone (Only if empty in Salesforce)")
    assert detail_lines({"in_hours": 24.0})[0].new == "in 24 h"
    assert detail_lines({"expires_at": START.isoformat()})[0].at == START


def test_it_names_whom_and_what_was_changed_and_leads_there(console: Console, acme: Caller, other: Caller) -> None:
    acme.deliver("events", "event.created", {"id": "ev-1", "name": "Summit"})
    acme.deliver("contacts", "contact.created", person(1))
    acme.absorb()
    other.deliver("events", "event.created", {"id": "ev-2", "name": "Theirs"})
    other.absorb()
    noted(acme, "command line (root)", Audited.EVENT_CONNECTED, about="ev-1")
    noted(acme, "command line (root)", Audited.EVENT_CONNECTED, about="ev-2")
    noted(acme, "command line (root)", Audited.CONTACT_EDITED, about="contact 1")
    noted(acme, "command line (root)", Audited.ROLE_CHANGED, about=console.user.actor,
          details={"role": {"old": "admin", "new": None}})  # fmt: skip
    role, edited, foreign, event = console.get("/settings/audit").main.one("ol").all("li")
    assert "Took a user out of this org" in role.text
    assert "· Admin Person" in role.text
    assert edited.one("a").text == "Ada Lovelace 1"
    assert edited.one("a")["href"] == "/o/acme/contacts/1"
    assert (event.one("a").text, event.one("a")["href"]) == ("Summit", "/o/acme/events/1")
    assert "Theirs" not in foreign.text
    assert "ev-2" in foreign.text
