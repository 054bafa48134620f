"""The page of problems: a marketer sees what is wrong, how much it holds, what to do and who can; and does it there."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.domain.crm import Mend, Next, Problem
from contactsync.domain.outcome import Outcome
from contactsync.domain.records import SyncStatus
from contactsync.domain.roles import Role
from contactsync.store import tables as t
from contactsync.store.audit import entries
from contactsync.store.engine import reading, writing
from contactsync.store.ledger import Recorded, problem_as_json, record
from contactsync.store.tables_console import dismissed_problem
from contactsync.store.views_paging import Slice
from contactsync.web.console.problem_words import said_of
from tests.console.conftest import Console, counted_queries, person
from tests.web.conftest import START, Caller

TITLE = Problem(
    "string_too_long", "The text for Title is too long.", "Shorten it at the source.", "event team", ("Title",), "Lead",
    (Mend.SOURCE, Mend.MAPPING),
)  # fmt: skip
LOCKED = Problem("entity_is_locked", "The Lead is locked.", "It is tried again by itself.", "nobody", (), "Lead")
SIGN_IN = Problem(
    "sign_in_expired", "Salesforce no longer takes the sign-in.",
    "Sign in again (`contactsync connect <org> --web`). All that waits goes by itself then.", "Salesforce admin",
    mended_by=(Mend.CONNECTION,),
)  # fmt: skip

REVOKED = {"error": "invalid_grant", "error_description": "expired access/refresh token"}


def hold(acme: Caller, number: int, problem: Problem, *others: int, again: bool = False, **more: Any) -> None:
    """Contacts that this problem holds."""
    numbers = (number, *others)
    acme.deliver("contacts", "contact.created", [person(each, **more) for each in numbers])
    acme.absorb()
    c = t.contact.c
    with writing(acme.parts.engine) as db:
        named = c.source_id.in_(f"c-{each}" for each in numbers)
        rows = db.execute(sa.select(c.id, c.source_id, c.change).where(named)).all()
        stopped = Outcome(SyncStatus.NEEDS_ATTENTION, problem=problem, next=Next.STOP)
        outcome = (
            Outcome(SyncStatus.RETRYING, START + timedelta(minutes=5), 1, problem, Next.RETRY) if again else stopped
        )
        record(db, acme.org.id, None, [Recorded(*row, 1, outcome, START) for row in rows], START)


def audited(acme: Caller) -> list[tuple[str, str, Any]]:
    with reading(acme.parts.engine) as db:
        page = entries(db, acme.org.id, Slice())
    return [(one["action"], one["about"], one["details"]) for one in page.items if one["action"] != "connection.made"]


def stopped_connection(acme: Caller, tmp_path: Any, problem: Problem) -> None:
    acme.connect_file(tmp_path)
    with writing(acme.parts.engine) as db:
        db.execute(sa.update(t.connection).values(problem=problem_as_json(problem)))


@pytest.fixture
def held(acme: Caller) -> str:
    """Two contacts with one problem, one that comes back by itself; the first problem's key."""
    hold(acme, 1, TITLE, 2)
    hold(acme, 3, LOCKED, again=True)
    return TITLE.key


def test_nothing_wrong_is_said_as_good_news(console: Console) -> None:
    shown = console.get("/problems")
    assert shown.status == 200
    assert "All clear" in shown.text


def test_a_card_says_what_is_wrong_how_much_it_holds_what_to_do_and_who_can(console: Console, held: str) -> None:
    shown = console.get("/problems")
    assert "2 records need somebody, for one reason. 1 record is tried again by itself." in shown.text
    stuck, again = shown.main.all("article")
    for words in ("2 contacts", TITLE.cause, said_of(TITLE).fix, "You, or whoever looks after the event",
                  "Lead › Title", "Open Field mapping", "Try all 2 again"):  # fmt: skip
        assert words in stuck.text
    for words in ("1 contact", LOCKED.cause, LOCKED.fix):
        assert words in again.text
    assert "Who can" not in again.text, "what passes by itself asks for nobody"
    titles = [title.text for title in shown.main.all("h2")]
    assert titles == ["Needs somebody", "Comes back by itself"]


def test_what_stops_everything_comes_first_without_commands_and_cannot_be_dismissed(
    console: Console, acme: Caller, tmp_path: Any
) -> None:
    stopped_connection(acme, tmp_path, SIGN_IN)
    hold(acme, 1, TITLE)
    shown = console.get("/problems")
    first = shown.main.all("article")[0]
    assert [title.text for title in shown.main.all("h2")] == ["Nothing goes to Salesforce", "Needs somebody"]
    assert "Sign in again. All that waits goes by itself then." in first.text
    assert "Open Salesforce connection" in first.text
    assert "Dismiss" not in first.text
    refused = console.post(f"/problems/{SIGN_IN.key}/dismiss")
    assert refused.status == 422
    assert "only put right" in refused.text


def test_what_is_tried_again_by_itself_and_was_dismissed_hides_nobody_else_on_the_overview(
    console: Console, acme: Caller, held: str, tmp_path: Any
) -> None:
    acme.connect_file(tmp_path)
    console.post(f"/problems/{LOCKED.key}/dismiss")
    assert console.get("").page.one("h1").text == "2 contacts need you"
    console.post(f"/problems/{held}/dismiss")
    assert console.get("").page.one("h1").text == "1 contact is on the way to Salesforce"


def test_a_problem_has_a_page_with_its_records_each_leading_to_its_own(console: Console, held: str) -> None:
    shown = console.get(f"/problems/{held}")
    rows = shown.main.one("tbody").all("tr")
    assert [row.all("td")[0].all("a")[0].text for row in rows] == ["Ada Lovelace 2", "Ada Lovelace 1"]
    assert "Engines 2" in rows[0].text
    assert "Needs attention" in rows[0].text
    ways = [item.text for item in shown.main.one(class_="problem-card").all("li")]
    assert ways == ["A correction at the event platform", "A change of the field mapping"]


def test_records_to_choose_among_open_in_salesforce(at_salesforce: Caller, console: Console) -> None:
    two = ("00QWs0000000001IAA", "00QWs0000000002IAA")
    asked = Problem("several_matches", "2 Leads have it.", "Merge them.", "event team", (), "Lead")
    hold(at_salesforce, 1, replace(asked, found=two))
    hold(at_salesforce, 2, asked)
    without, having = console.get(f"/problems/{asked.key}").main.one("tbody").all("tr")
    links = having.all("a", class_="crm")
    assert [link["href"].split("/")[-2] for link in links] == list(two)
    assert "In Salesforce" not in without.text


def test_many_records_come_page_by_page(console: Console, acme: Caller) -> None:
    hold(acme, 1, TITLE, *range(2, 61))
    first = console.get(f"/problems/{TITLE.key}")
    assert len(first.main.one("tbody").all("tr")) == 50
    link = next(a for a in first.main.all("a") if a.text == "Show older ones")
    rest = console.get(link["href"], whole=True)
    assert len(rest.main.one("tbody").all("tr")) == 10
    assert "Show older ones" not in rest.text
    assert "example" not in link["href"]
    beyond = console.get(f"/problems/{TITLE.key}?before=1")
    assert "No more of them" in beyond.text
    assert console.get(f"/problems/{TITLE.key}?before=x%00").status == 200


def test_a_problem_that_is_gone_is_said_to_be_gone_and_one_that_never_was_is_not_there(
    console: Console, held: str
) -> None:
    assert "Nothing has this problem now" in console.get(f"/problems/{'0' * 16}").text
    for key in ("none", "%00" * 16, "A" * 16, f"{'0' * 16}%0A"):
        assert console.get(f"/problems/{key}").status == 404
        for act in ("check", "try", "dismiss", "bring-back", "export"):
            assert console.post(f"/problems/{key}/{act}").status == 404
    for act in ("check", "try", "dismiss", "export"):
        assert "gone already" in console.follow(console.post(f"/problems/{'0' * 16}/{act}")).text


def test_trying_all_again_puts_exactly_its_records_into_the_queue(
    console: Console, acme: Caller, held: str, bell
) -> None:
    shown = console.follow(console.post(f"/problems/{held}/check"))
    assert "2 records go again now." in shown.text
    assert "Nothing has this problem now" in shown.text
    assert [acme.get(f"/contacts/c-{number}")["sync"]["status"] for number in (1, 2, 3)] == [
        "queued",
        "queued",
        "retrying",
    ]
    assert bell.rung[-1] == acme.org.id
    assert audited(acme)[0] == ("problem.checked", held, {"ok": True, "released": 2})


def test_one_may_be_tried_first(console: Console, acme: Caller, held: str) -> None:
    shown = console.follow(console.post(f"/problems/{held}/try"))
    assert "The newest contact goes again now." in shown.text
    assert [acme.get(f"/contacts/c-{number}")["sync"]["status"] for number in (1, 2)] == ["needs_attention", "queued"]
    assert audited(acme)[0] == ("problem.tried", held, {"records": 1})
    assert "gone already" in console.follow(console.post(f"/problems/{'0' * 16}/try")).page.text


def test_a_check_of_a_connection_that_is_still_refused_says_what_is_wrong_now(
    console: Console, at_salesforce: Caller, salesforce
) -> None:
    with writing(at_salesforce.parts.engine) as db:
        db.execute(sa.update(t.connection).values(problem=problem_as_json(SIGN_IN)))
    salesforce.does("faults", times=1, match={"path": "oauth2/token"}, do="status", status=400, body=REVOKED)
    shown = console.follow(console.post(f"/problems/{SIGN_IN.key}/check"))
    assert "Not yet: " in shown.text
    assert "contactsync connect" not in shown.text
    shown = console.follow(console.post(f"/problems/{SIGN_IN.key}/check"))
    assert "The connection works again. All that waits goes now." in shown.text
    assert "All clear" in shown.text


def test_salesforce_away_while_it_is_checked_is_no_error_page(
    console: Console, at_salesforce: Caller, salesforce
) -> None:
    with writing(at_salesforce.parts.engine) as db:
        db.execute(sa.update(t.connection).values(problem=problem_as_json(SIGN_IN)))
    salesforce.does("faults", times=9, match={"path": "oauth2/token"}, do="status", status=503)
    shown = console.follow(console.post(f"/problems/{SIGN_IN.key}/check"))
    assert "Salesforce is not available just now. Nothing is lost: try again in a minute." in shown.text


def test_a_connection_that_is_not_set_up_right_holds_up_its_own_check_alone(
    console: Console, at_salesforce: Caller, held: str
) -> None:
    with writing(at_salesforce.parts.engine) as db:
        db.execute(sa.update(t.connection).values(problem=problem_as_json(SIGN_IN), settings={}, revision=9))
    shown = console.follow(console.post(f"/problems/{SIGN_IN.key}/check"))
    assert "The connection cannot be used as it is set up." in shown.text
    assert "2 records go again now." in console.follow(console.post(f"/problems/{held}/check")).text


def test_a_dismissed_problem_is_folded_away_until_it_holds_more(console: Console, acme: Caller, held: str) -> None:
    assert [badge.text for badge in console.get("/problems").page.one("aside").all("b", class_="badge")] == ["2"]
    shown = console.follow(console.post(f"/problems/{held}/dismiss"))
    assert [TITLE.cause in card.text for card in shown.main.all("article")] == [False]
    assert TITLE.cause in shown.main.one("details", class_="problem-dismissed").text
    assert "Nothing needs you." in shown.text
    assert shown.page.one("aside").all("b", class_="badge") == []
    assert audited(acme)[0] == ("problem.dismissed", held, {"records": 2})
    hold(acme, 4, TITLE)
    assert "3 contacts" in console.get("/problems").main.all("article")[0].text


def test_it_is_brought_back_by_hand_and_by_trying_it_again(console: Console, acme: Caller, held: str) -> None:
    console.post(f"/problems/{held}/dismiss")
    shown = console.follow(console.post(f"/problems/{held}/bring-back"))
    assert TITLE.cause in shown.main.all("article")[0].text
    assert audited(acme)[0][:2] == ("problem.brought_back", held)
    console.post(f"/problems/{held}/dismiss")
    console.post(f"/problems/{held}/check")
    with reading(acme.parts.engine) as db:
        assert db.execute(sa.select(dismissed_problem)).all() == []


def test_its_records_are_a_file_that_a_spreadsheet_reads_and_never_runs(
    console: Console, acme: Caller, held: str
) -> None:
    hold(acme, 4, TITLE, first_name="=cmd|'/c calc'!A1", last_name="Müller", company={"name": "\uff0bEngines;=1"})
    answer = console.post(f"/problems/{held}/export").answer
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="problem-{held}.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data.startswith(b"\xef\xbb\xbf")
    columns, *rows = csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""))
    assert columns[:4] == ["Kind", "Name", "E-mail", "Company"]
    assert [row[1] for row in rows] == ["'=cmd|'/c calc'!A1 Müller", "Ada Lovelace 2", "Ada Lovelace 1"]
    assert rows[0][3] == "'\uff0bEngines;'=1"
    assert rows[1] == [
        "Contact", "Ada Lovelace 2", "ada2@example.com", "Engines 2", "Needs attention", TITLE.cause, said_of(TITLE).fix,
        "You, or whoever looks after the event", "Lead › Title", "c-2", "2026-11-24 09:00:00",
    ]  # fmt: skip
    assert audited(acme)[0] == ("problem.exported", held, {"records": 3})


def test_a_large_file_is_written_while_it_is_read(console: Console, acme: Caller, held: str) -> None:
    row = {"org_id": acme.org.id, "created_at": START, "updated_at": START, "change": 1, "status": "needs_attention"}
    more = {"fields": {"versions": [], "fields": {}}, "problem": problem_as_json(TITLE), "problem_key": held}
    with writing(acme.parts.engine) as db:
        db.execute(sa.insert(t.contact), [{**row, **more, "source_id": f"many-{number}"} for number in range(1_200)])
    answer = console.client.post(f"/o/acme/problems/{held}/export", data={"csrf": console.csrf}, buffered=False)
    pieces = [piece.count(b"\r\n") for piece in answer.response]
    assert max(pieces) <= 500
    assert sum(pieces) == 1 + 1_202
    small = console.post(f"/problems/{held}/export", headers={"Accept-Encoding": "gzip"}).answer
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data).count(b"\r\n") == 1 + 1_202
    assert len(small.data) < 100_000


def test_a_viewer_sees_it_all_and_changes_nothing(console: Console, acme: Caller, held: str) -> None:
    viewer = console.as_role(Role.VIEWER)
    assert TITLE.cause in viewer.get("/problems").text
    assert viewer.get(f"/problems/{held}").status == 200
    for act in ("check", "try", "dismiss", "bring-back", "export"):
        assert viewer.post(f"/problems/{held}/{act}").status == 403
    assert audited(acme) == []


def test_the_pages_ask_as_often_for_many_as_for_few(console: Console, acme: Caller, held: str) -> None:
    def asked(path: str) -> int:
        with counted_queries(console) as seen:
            console.get(path)
        return len(seen)

    few = asked("/problems"), asked(f"/problems/{held}")
    hold(acme, 10, TITLE, *range(11, 30))
    for number in range(30, 36):
        hold(acme, number, replace(TITLE, fields=(f"F{number}",)))
    assert (asked("/problems"), asked(f"/problems/{held}")) == few
