"""Settings › Export and import: a file out, and what a file would change before it changes it."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest

from contactsync.domain.roles import Role
from contactsync.sync import actions
from contactsync.sync.carrying import Difference
from contactsync.web.console.differences import differences_shown
from tests.console.conftest import Console, Shown
from tests.fixtures.salesforce import Salesforce
from tests.web.conftest import Caller


def exported(console: Console) -> dict[str, Any]:
    answer = console.get("/settings/export").answer
    assert answer.headers["Content-Disposition"] == 'attachment; filename="contactsync-acme.json"'
    document: dict[str, Any] = json.loads(answer.data)
    return document


def sent(console: Console, content: bytes) -> Shown:
    """Choose a file, and have shown what it changes."""
    fields = {"file": (io.BytesIO(content), "acme.json")}
    return console.post("/settings/import", fields, content_type="multipart/form-data")


def shown_changes(shown: Shown) -> list[str]:
    return [item.text for item in shown.main.all("li", class_="difference")]


def apply(console: Console, shown: Shown) -> Shown:
    """Press the button under the changes, as a browser sends it."""
    form = shown.main.one("form", action="/o/acme/settings/import/apply")
    document = "".join(each for each in form.one("textarea").children if isinstance(each, str))
    fields = {"seen": form.one("input", name="seen")["value"], "document": document.replace("\n", "\r\n")}
    return console.post("/settings/import/apply", fields, content_type="multipart/form-data")


@pytest.fixture
def changed(console: Console) -> dict[str, Any]:
    """An export that somebody edited."""
    document = exported(console)
    lead = document["mapping"]["lead"]["rules"]
    next(rule for rule in lead if rule["source"] == "title")["mode"] = "if_empty"
    document["mapping"]["lead"]["rules"] = [rule for rule in lead if rule["source"] != "website"]
    document["mapping"]["contact"]["rules"].append(
        {"source": "custom.nick", "target": "Nick__c", "values": {"a": "b\nc"}}
    )
    document["policies"]["several_matches"] = "stop"
    document["policies"]["status_map"]["attended"] = ["Was there"]
    return document


CHANGES = [
    "Job title Changed When Always write → becomes Only if empty in Salesforce",
    "Website Taken out Goes to Website When Always write",
    "Nick New Goes to Nick__c When Always write Values a → b c",
    "Several records have the e-mail address Changed The oldest → becomes Ask us",
    "Attendance and campaign status Changed attended Attended, Responded → becomes Was there",
]


def test_what_a_file_changes_is_shown_in_words_before_anything_is_changed(
    console: Console, acme: Caller, changed: dict[str, Any]
) -> None:
    before = actions.export_org(acme.parts, acme.org.id)
    shown = sent(console, json.dumps(changed).encode())
    assert sorted(shown_changes(shown)) == sorted(CHANGES)
    assert actions.export_org(acme.parts, acme.org.id) == before
    applied = apply(console, shown)
    assert "The file is applied." in console.follow(applied).text
    now = actions.export_org(acme.parts, acme.org.id)
    assert now["policies"] == changed["policies"]
    assert now["mapping"]["contact"]["rules"][-1]["values"] == {"a": "b\nc"}
    assert "This org has exactly this already" in sent(console, json.dumps(changed).encode()).text


def test_a_file_is_not_applied_over_what_somebody_changed_after_it_was_shown(
    console: Console, acme: Caller, changed: dict[str, Any]
) -> None:
    shown = sent(console, json.dumps(changed).encode())
    actions.set_policies(acme.parts, acme.org.id, {"prefer_existing": True})
    late = apply(console, shown)
    assert late.status == 409
    assert "Somebody else in" not in late.text
    assert "Nothing was applied. This is what the file changes now." in late.text
    assert len(shown_changes(late)) == len(CHANGES) + 1
    assert apply(console, late).status == 303


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Choose a file first"),
        (b"  \n", "Choose a file first"),
        (b"\xff\xfe\x00", "This is no file that was exported here"),
        (b"[" * 10_000, "This is no file that was exported here"),
        (b'{"a": 1, "a": 2}', "This is no file that was exported here"),
        (b"[1]", "This is no export of an org."),
        (b'{"contactsync": 2}', "The file is of another version of contactsync"),
        (b'{"contactsync": 1, "mapping": {"lead": {"rules": [1]}}, "policies": {"x": 1}}', "Leads › 1st rule:"),
        (b" " * 400_001 + b"{}", "larger than 400 kB"),
    ],
)
def test_what_is_no_export_is_told_and_changes_nothing(
    console: Console, acme: Caller, content: bytes, words: str
) -> None:
    before = actions.export_org(acme.parts, acme.org.id)
    shown = sent(console, content)
    assert shown.status == 422
    assert words in shown.text
    assert actions.export_org(acme.parts, acme.org.id) == before


def test_a_form_without_a_file_and_a_made_up_one_are_told(console: Console) -> None:
    assert "Choose a file first" in console.post("/settings/import").text
    assert "Choose a file first" in console.post("/settings/import/apply").text
    assert console.post("/settings/import/apply", {"document": '{"contactsync": 1}', "seen": "x"}).status == 409


def test_a_file_that_does_not_fit_the_fields_of_salesforce_says_so_rule_by_rule(
    console: Console, salesforce: Salesforce, changed: dict[str, Any]
) -> None:
    salesforce.connect(console.acme.parts, console.acme.org.id)
    shown = sent(console, json.dumps(changed).encode())
    assert shown.status == 422
    assert re.search(r"Contacts › \d+(st|nd|rd|th) rule", shown.text), [li.text for li in shown.main.all("li")]
    assert "no field “Nick__c”" in shown.text
    salesforce.does("faults", do="status", status=503, times=50)
    actions.forget_fields(console.acme.parts, console.acme.org.id)
    away = sent(console, json.dumps(changed).encode())
    assert away.status == 503
    assert "Salesforce does not answer now" in away.text


def test_only_admins_bring_files_in_and_everybody_may_take_a_copy_out(console: Console) -> None:
    editor = console.as_role(Role.EDITOR)
    assert not editor.get("/settings/export-import").main.all("input", type="file")
    assert exported(editor)["contactsync"] == 1
    assert editor.post("/settings/import").status == 403
    assert editor.post("/settings/import/apply").status == 403


def test_a_rule_of_a_source_that_has_several_is_named_by_its_number() -> None:
    (shown,) = differences_shown([Difference("mapping.lead.address.city #2.separator", None, "\n")])
    assert (shown.about, shown.name) == ("Leads", "City (2. rule)")
    assert [tuple(vars(line).values()) for line in shown.lines] == [
        ("Between values", "what fits the field", "a new line")
    ]
