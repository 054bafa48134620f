"""Preview, runs and undo from the command line, against the stand-in for Salesforce."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.conftest import CommandLine, contact
from tests.fixtures.salesforce import Salesforce

Deliver = Callable[..., None]
Sync = Callable[[], None]


@pytest.fixture
def synced(connected: CommandLine, deliver: Deliver, sync: Sync) -> CommandLine:
    """Two contacts and a meeting of theirs in Salesforce; one of them changed since, and one is incomplete."""
    deliver("contact.created", [contact(1, title="CTO"), contact(2), {"id": "c-9", "first_name": "Nobody"}])
    times = {"starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T10:00:00Z"}
    deliver("meeting.created", {"id": "m-7", "title": "Demo", "attendees": [{"contact_id": "c-1"}], **times})
    sync()
    return connected


@pytest.fixture
def overwritten(synced: CommandLine, deliver: Deliver, sync: Sync) -> CommandLine:
    """A second run has overwritten a title."""
    deliver("contact.updated", {"id": "c-1", "title": "CEO"})
    sync()
    return synced


# ── preview ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_preview_of_a_meeting_names_its_activity_and_totals(synced: CommandLine) -> None:
    shown = synced.json("preview", "acme", "--meeting", "m-7")
    (step, *_) = shown["steps"]
    assert (step["action"], step["object"]) == ("leave", "Activity")
    assert shown["totals"]["Activity"] == {"leave": 1}
    said = synced.good("preview", "acme", "--meeting", "m-7").stdout
    assert "Activity: 1 unchanged" in said
    assert said.endswith("Nothing was written.\n")


def test_a_preview_of_many_shows_old_and_new_counts_them_and_writes_nothing(
    synced: CommandLine, salesforce: Salesforce
) -> None:
    before = salesforce.holds("Lead")
    said = synced.good("preview", "acme", "--all").stdout
    assert "nothing to change" in said
    assert "Lead: 2 unchanged" in said
    assert "incomplete" in said
    assert salesforce.holds("Lead") == before
    many = synced.json("preview", "acme", "--all", "--limit", "1")
    assert [one["id"] for one in many["contacts"]] == ["c-1"]
    assert many["totals"] == {"Lead": {"leave": 1}}


def test_a_preview_says_when_its_limit_was_reached_and_when_nothing_fits(synced: CommandLine) -> None:
    assert (
        "These are the first 1: --limit shows more." in synced.good("preview", "acme", "--all", "--limit", "1").stdout
    )
    assert "No contact fits" in synced.good("preview", "acme", "--event", "ev-none").stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--all"),
        (("c-1", "--all"), "not several"),
        (("c-1", "--meeting", "m-7"), "not several"),
        (("--meeting", "m-none"), "'m-none'"),
        (("--all", "--limit", "0"), "--limit"),
        (("--since", "yesterday"), "2026-11-24"),
        (("--since", "2026-12-01", "--until", "2026-11-01"), "later than since"),
        (("--all", "--event", "ev-9"), "contradicts"),
    ],
)
def test_what_cannot_be_previewed_is_said(synced: CommandLine, options: tuple[str, ...], words: str) -> None:
    assert words in synced.refused("preview", "acme", *options)


def test_a_crm_that_refuses_is_said_with_its_cause_and_who(synced: CommandLine, salesforce: Salesforce) -> None:
    salesforce.does("options", client_secret="another")
    salesforce.does("revoke")
    said = synced.refused("preview", "acme", "c-1")
    assert said.startswith("The CRM refuses: ")
    assert "(for: " in said


# ── runs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_runs_are_shown_newest_first_for_all_for_one_contact_and_for_one_meeting(overwritten: CommandLine) -> None:
    assert [run["source_id"] for run in overwritten.json("runs", "acme", "--contact", "c-1")] == ["c-1", "c-1"]
    assert [run["subject"] for run in overwritten.json("runs", "acme", "--meeting", "m-7")][-1] == "meeting"
    said = overwritten.good("runs", "acme").stdout
    assert "update Lead" in said
    assert "meeting m-7" in said
    assert len(overwritten.json("runs", "acme", "--limit", "1")) == 1


def test_one_run_shows_each_field_before_and_after(overwritten: CommandLine) -> None:
    (newest, *_) = overwritten.json("runs", "acme", "--contact", "c-1")
    said = overwritten.good("runs", "acme", "--run", newest["id"]).stdout
    assert "Before" in said
    row = next(line for line in said.splitlines() if "Title" in line)
    assert row.index("CTO") < row.index("CEO")
    assert overwritten.json("runs", "acme", "--run", newest["id"])["steps"] == newest["steps"]


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--run", "run_999"), "'run_999'"), (("--run", "x"), "'x'"), (("--contact", "a", "--meeting", "b"), "one of")],
)
def test_runs_that_are_not_there_are_said(synced: CommandLine, options: tuple[str, ...], words: str) -> None:
    assert words in synced.refused("runs", "acme", *options)


# ── undo ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def title(salesforce: Salesforce) -> str | None:
    return next(lead.get("Title") for lead in salesforce.holds("Lead") if lead["Email"] == "ada1@example.com")


def newest_run(cli: CommandLine) -> str:
    return str(cli.json("runs", "acme", "--contact", "c-1")[0]["id"])


def test_an_undo_puts_back_what_the_run_changed_and_is_a_run_itself(
    overwritten: CommandLine, salesforce: Salesforce
) -> None:
    run = newest_run(overwritten)
    shown = overwritten.good("undo", "acme", run, "--dry-run").stdout
    assert "Nothing was written: 1 record would be put back." in shown
    assert title(salesforce) == "CEO"
    assert "1 record put back." in overwritten.good("undo", "acme", run).stdout
    assert title(salesforce) == "CTO"
    (undoing, *_) = overwritten.json("runs", "acme", "--contact", "c-1")
    assert undoing["undoes"] == run
    assert f"undo {run}" in overwritten.good("runs", "acme").stdout


def test_what_somebody_changed_since_stays_and_the_undo_says_so(
    overwritten: CommandLine, deliver: Deliver, sync: Sync, salesforce: Salesforce
) -> None:
    run = newest_run(overwritten)
    deliver("contact.updated", {"id": "c-1", "title": "Countess"})
    sync()
    done = overwritten.json("undo", "acme", run)
    assert [step["action"] for step in done["steps"]] == ["leave"]
    assert title(salesforce) == "Countess"


def test_created_records_are_listed_and_stay(synced: CommandLine, salesforce: Salesforce) -> None:
    said = synced.good("undo", "acme", newest_run(synced)).stdout
    assert "contactsync deletes nothing" in said
    assert "No record put back." in said
    assert len(salesforce.holds("Lead")) == 2


def test_a_run_that_is_not_there_cannot_be_undone(synced: CommandLine) -> None:
    assert "'run_999'" in synced.refused("undo", "acme", "run_999")
