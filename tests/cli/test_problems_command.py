"""Problems and resyncs from the command line: one line for each cause, a check that releases, a bar that fills."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from contactsync.cli.resync import held_words
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.sync.parts import wall_clock
from tests.cli.conftest import CommandLine, contact
from tests.fixtures.salesforce import Salesforce
from tests.fixtures.waiting import wait_until

Deliver = Callable[..., None]
Sync = Callable[[], None]


@pytest.fixture
def held(connected: CommandLine, deliver: Deliver, sync: Sync, salesforce: Salesforce) -> CommandLine:
    """Three contacts that one cause holds."""
    salesforce.does("fields", object="Lead", fields=[{"name": "Fax", "required": True}])
    deliver("contact.created", [contact(number) for number in (1, 2, 3)])
    sync()
    return connected


# ── problems ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_problems_says_cause_fix_who_and_how_many_once_for_each_cause(held: CommandLine) -> None:
    (problem,) = held.json("problems", "acme")
    assert problem["counts"]["contact"] == 3
    said = held.good("problems", "acme").stdout
    assert said == held.good("problems", "list", "acme").stdout
    for words in (problem["id"], "3 contacts", problem["cause"], problem["fix"], "Salesforce admin"):
        assert words in said


def test_status_points_to_the_problems(held: CommandLine) -> None:
    said = held.good("status", "acme").stdout
    assert "needs attention 3" in said
    assert "contactsync problems acme" in said


def test_a_check_after_the_fix_lets_them_go(held: CommandLine, sync: Sync, salesforce: Salesforce) -> None:
    (problem,) = held.json("problems", "acme")
    salesforce.does("fields", object="Lead", fields=[{"name": "Fax", "required": False}])
    assert held.good("problems", "check", "acme", problem["id"]).stdout == "3 records go again.\n"
    sync()
    assert held.good("problems", "acme").stdout == "Nothing is wrong with the sync of acme.\n"
    assert held.json("problems", "acme") == []
    assert len(salesforce.holds("Lead")) == 3


def test_a_check_of_a_sign_in_that_still_fails_ends_with_1_and_says_why(
    connected: CommandLine, deliver: Deliver, sync: Sync, salesforce: Salesforce
) -> None:
    salesforce.does("options", client_secret="another")
    salesforce.does("revoke")
    deliver("contact.created", contact(1))
    sync()
    (problem,) = connected.json("problems", "acme")
    said = connected.good("problems", "acme").stdout
    assert "stops the whole org" in said
    done = connected.run("problems", "check", "acme", problem["id"])
    assert done.exit_code == 1
    assert "Nothing was released." in done.stdout
    assert "stopped" in connected.good("status", "acme").stdout


def test_a_problem_that_is_not_there_is_said(held: CommandLine) -> None:
    assert "contactsync problems acme" in held.refused("problems", "check", "acme", "0" * 16)


# ── status ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_status_shows_the_budget_and_why_the_crm_is_left_alone(held: CommandLine, engine_of: Engine) -> None:
    problem = {"code": "budget_reserved", "cause": "The calls are kept for others.", "fix": "Wait.", "who": "nobody"}
    values = {"budget_used": 8120, "budget_limit": 15000, "paused_until": wall_clock() + timedelta(hours=1)}
    with writing(engine_of) as db:
        db.execute(sa.update(t.connection).values(problem=problem, **values))
    said = held.good("status", "acme").stdout
    assert "8,120 of 15,000 calls used in the last 24 hours, 10% kept for other tools" in said
    assert "paused until" in said
    assert "The calls are kept for others." in said
    assert held.json("status", "acme")["crm"]["reserve_percent"] == 10


def test_a_pause_that_is_over_is_ended_by_a_check_in_words_and_nobody_is_told_to_act(
    held: CommandLine, engine_of: Engine
) -> None:
    problem = {
        "code": "salesforce_unavailable",
        "cause": "Away.",
        "fix": "Nothing: it goes by itself.",
        "who": "nobody",
    }
    with writing(engine_of) as db:
        until = wall_clock() + timedelta(hours=1)
        db.execute(sa.update(t.connection).values(problem=problem, paused_until=until, failures=1))
    said = held.good("problems", "acme").stdout
    assert "pauses the whole org" in said
    assert "nobody" not in said
    assert "It is tried again by itself." not in said  # the fix says so already
    (pause,) = [one for one in held.json("problems", "acme") if one["stops_org"]]
    checked = held.good("problems", "check", "acme", pause["id"]).stdout
    assert checked == "The CRM can be used: what waits goes again.\n"
    assert held.json("status", "acme")["crm"]["state"] == "ready"


# ── resync ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_resync_is_begun_shown_and_carried_on_by_whoever_syncs(held: CommandLine, sync: Sync) -> None:
    begun = held.json("resync", "acme", "--status", "needs_attention")
    assert (begun["state"], begun["total"], begun["forced"]) == ("running", 3, True)
    assert "0 of 3 contacts" in held.good("resync", "acme", "--no-watch").stdout
    assert "0 of 3 contacts" in held.good("status", "acme").stdout
    sync()
    assert "No resync of acme is running" in held.refused("resync", "acme")


def test_a_watched_resync_ends_when_the_last_is_through_and_names_what_is_held(
    held: CommandLine, sync: Sync, engine_of: Engine
) -> None:
    def begun() -> bool:
        with reading(engine_of) as db:
            return db.execute(sa.select(t.resync.c.id)).first() is not None

    done: list[str] = []
    watching = threading.Thread(target=lambda: done.append(held.good("resync", "acme", "--all").stdout))
    watching.start()
    wait_until(begun, 10, "the resync is begun")
    sync()
    watching.join(20)
    (said,) = done
    assert "is finished: 3 of 3 contacts are through (100 %)." in said
    assert "3 contacts of the org need attention: contactsync problems acme" in said


def test_only_changed_and_contacts_narrow_it(held: CommandLine) -> None:
    begun = held.json("resync", "acme", "--contact", "c-1", "--contact", "c-3", "--only-changed")
    assert (begun["total"], begun["forced"], begun["filter"]) == (2, False, {"contacts": ["c-1", "c-3"]})


def test_a_resync_is_cancelled(held: CommandLine, sync: Sync) -> None:
    held.json("resync", "acme", "--all")
    assert "was cancelled" in held.good("resync", "acme", "--cancel").stdout
    sync()
    assert "No resync" in held.refused("resync", "acme", "--cancel")


@pytest.mark.parametrize(
    "options", [("--status", "lost"), ("--until", "soon"), ("--all", "--event", "ev-9")], ids=" ".join
)
def test_a_filter_that_is_nonsense_is_refused(held: CommandLine, options: tuple[str, ...]) -> None:
    held.refused("resync", "acme", *options)
    assert "No resync of acme is running" in held.refused("resync", "acme")


def test_one_contact_that_is_held_is_one() -> None:
    assert held_words(1) == "1 contact of the org needs attention"
    assert held_words(1_200) == "1,200 contacts of the org need attention"
