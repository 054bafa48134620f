"""Settings › Policies: each choice in plain words, nothing lost, nobody's change overwritten unseen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.domain.policy import (
    DEFAULT_STATUS_MAP,
    DuplicateRules,
    MoveAccounts,
    Policies,
    RemovedAttendance,
    SeveralMatches,
)
from contactsync.domain.policy_json import policies_as_json, policies_from_json
from contactsync.domain.records import SyncAs
from contactsync.domain.roles import Role
from contactsync.store import orgs
from contactsync.store.engine import reading
from contactsync.web.console.policy_form import PolicyForm, form_of, read_form, said_by
from contactsync.web.console.policy_words import ATTENDANCES, GROUPS, POLICIES, typed_policy
from tests.console.conftest import Console, Shown, Tag, counted_queries, person
from tests.web.conftest import Caller

labels = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=8).map(str.strip).filter(bool)
policies = st.builds(
    Policies,
    sync_as_default=st.sampled_from([None, *SyncAs]),
    several_matches=st.sampled_from(SeveralMatches),
    prefer_existing=st.booleans(),
    create_accounts=st.booleans(),
    move_accounts=st.sampled_from(MoveAccounts),
    duplicate_rules=st.sampled_from(DuplicateRules),
    removed_attendance=st.sampled_from(RemovedAttendance),
    create_member_statuses=st.booleans(),
    create_campaigns=st.booleans(),
    review_inbox=st.booleans(),
    reserve_percent=st.integers(0, 90),
    keep_runs_days=st.integers(1, 3650),
    status_map=st.dictionaries(
        st.sampled_from(["attended", "on stage", "vip"]), st.lists(labels, min_size=1).map(tuple)
    ).map(lambda own: {**DEFAULT_STATUS_MAP, **own}),
)


def posted(form: PolicyForm) -> dict[str, str]:
    """What a browser sends back of a form that nobody touched."""
    rows = {f"status-{row.number}": row.status for row in form.statuses}
    return {**form.texts, **rows, **{f"labels-{row.number}": row.labels for row in form.statuses}, "seen": form.seen}


@given(policies)
def test_policies_that_nobody_touched_come_back_exactly(before: Policies) -> None:
    said, errors = said_by(read_form(posted(form_of(before, "mark"))), before)
    assert errors == {}
    assert policies_as_json(policies_from_json(said)) == policies_as_json(before)


def test_every_policy_and_each_of_its_choices_has_words() -> None:
    said = policies_as_json(Policies())
    assert set(POLICIES) == set(said) - {"status_map"}
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(POLICIES)
    assert set(ATTENDANCES) == set(DEFAULT_STATUS_MAP)
    words = {
        "several_matches": SeveralMatches,
        "move_accounts": MoveAccounts,
        "duplicate_rules": DuplicateRules,
        "removed_attendance": RemovedAttendance,
    }
    for name, one in POLICIES.items():
        choices = {choice.value for choice in one.choices}
        known = {typed_policy(value) for value in words.get(name, ())} or {typed_policy(said[name])}
        assert known <= choices if one.choices else one.unit, name


# ── the page ───────────────────────────────────────────────────────────────────────────────────────────────────────


def filled_in(shown: Shown) -> dict[str, str]:
    """What a browser would send of the page as it stands."""
    form = shown.main.one("form", action="/o/acme/settings/policies")

    def is_sent(tag: Tag) -> bool:
        unticked = tag.attributes.get("type") == "radio" and "checked" not in tag.attributes
        return bool(tag.attributes.get("name")) and tag["name"] != "csrf" and not unticked

    return {tag["name"]: tag.attributes.get("value", "") for tag in form.all("input") if is_sent(tag)}


def opened(console: Console) -> dict[str, str]:
    return filled_in(console.get("/settings/policies"))


def holding(acme: Caller) -> Policies:
    with reading(acme.parts.engine) as db:
        return orgs.policies(db, acme.org.id)


def test_a_page_that_nobody_touched_changes_nothing(console: Console, acme: Caller) -> None:
    before = holding(acme)
    saved = console.post("/settings/policies", opened(console))
    assert "Nothing changed" in console.follow(saved).text
    assert holding(acme) == before


def test_a_choice_is_kept_and_what_waited_for_it_is_said(console: Console, acme: Caller) -> None:
    for number in (1, 2, 3):
        lacking = person(number)
        del lacking["sync_as"]
        acme.deliver("contacts", "contact.created", lacking)
    acme.sync()
    form = opened(console) | {"sync_as_default": "lead", "several_matches": "stop", "reserve_percent": "25"}
    words = console.follow(console.post("/settings/policies", form)).text
    assert "Contacts that do not say what they go as" in words
    assert "3 records that waited for it are looked at again now." in words
    now = holding(acme)
    assert (now.sync_as_default, now.several_matches, now.reserve_percent) == (SyncAs.LEAD, SeveralMatches.STOP, 25)
    assert acme.get("/audit")["items"][0]["action"] == "policies.changed"


def test_the_status_map_takes_labels_of_an_attendance_of_the_orgs_own(console: Console, acme: Caller) -> None:
    form = opened(console)
    spare = next(name for name, text in form.items() if name.startswith("status-") and not text)
    number = spare.removeprefix("status-")
    attended = next(name for name, text in form.items() if text == "attended").removeprefix("status-")
    form |= {spare: " On Stage ", f"labels-{number}": "Sp\x00oke, Attended,, Spoke", f"labels-{attended}": "Was there"}
    assert console.post("/settings/policies", form).status == 303
    assert holding(acme).status_map["on stage"] == ("Spoke", "Attended"), "and Postgres can keep it"
    assert holding(acme).status_map["attended"] == ("Was there",)
    gone = opened(console)
    row = next(name for name, text in gone.items() if text == "on stage").removeprefix("status-")
    assert console.post("/settings/policies", gone | {f"status-{row}": "", f"labels-{row}": ""}).status == 303
    assert "on stage" not in holding(acme).status_map


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("reserve_percent", "91", "Write a whole number from 0 to 90: percent of Salesforce's daily calls."),
        ("keep_bodies_days", "a week", "Write a whole number from 7 to 3650"),
        ("keep_runs_days", "9" * 5_000, "Write a whole number from 1 to 3650"),
        ("several_matches", "<b>", "Write first, most_recent or stop."),
        ("create_accounts", "perhaps", "Choose yes or no."),
        ("labels-6", " , ", "Write at least one label of the campaign’s statuses."),
        ("labels-9", "Spoke", "Write the attendance that the event platform sends"),
        ("status-9", "attended", ""),
    ],
)
def test_what_cannot_be_taken_is_told_where_it_stands_and_nothing_typed_is_lost(
    console: Console, acme: Caller, name: str, text: str, words: str
) -> None:
    before = holding(acme)
    form = opened(console) | {"move_accounts": "always", name: text}
    if name == "status-9":
        form["labels-9"] = "Twice"
        words = "“attended” stands there twice: keep one of the two."
    shown = console.post("/settings/policies", form)
    assert shown.status == 422
    assert [tag.text for tag in shown.main.all("p", class_="error") if words in tag.text]
    again = filled_in(shown)
    assert again["move_accounts"] == "always"
    assert again.get(name, text.strip()) == text.strip()
    assert holding(acme) == before


def test_all_that_is_wrong_is_told_at_once(console: Console) -> None:
    wrong = opened(console) | {"reserve_percent": "999", "keep_runs_days": "soon", "labels-0": ","}
    shown = console.post("/settings/policies", wrong)
    assert "3 things are not right yet" in shown.text
    assert len(shown.main.all("p", class_="error")) == 3


def test_the_second_of_two_admins_sees_what_the_first_chose_and_may_still_save(console: Console, acme: Caller) -> None:
    mine = opened(console) | {"several_matches": "most_recent"}
    assert console.post("/settings/policies", opened(console) | {"several_matches": "stop"}).status == 303
    shown = console.post("/settings/policies", mine)
    assert shown.status == 409
    assert "Admin Person saved policies while you were editing" in shown.text
    assert "They chose: Ask us" in shown.text
    assert holding(acme).several_matches is SeveralMatches.STOP
    assert console.post("/settings/policies", filled_in(shown)).status == 303
    assert holding(acme).several_matches is SeveralMatches.MOST_RECENT


def test_who_may_not_change_them_sees_them_all_and_can_press_nothing(console: Console) -> None:
    editor = console.as_role(Role.EDITOR)
    shown = editor.get("/settings/policies")
    assert "An admin of your org changes it" in shown.text
    assert not [button for button in shown.main.all("button") if "Save" in button.text]
    assert editor.post("/settings/policies", {"several_matches": "stop"}).status == 403


def test_the_page_asks_the_database_a_few_times(console: Console) -> None:
    console.get("/settings/policies")
    with counted_queries(console) as seen:
        console.get("/settings/policies")
    assert len(seen) <= 6
