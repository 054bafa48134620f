"""Lists come in pages: stable while rows arrive, bounded, and each in a fixed number of queries."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from contactsync.domain.errors import RefusedInput
from contactsync.web.api.requests import read_cursor
from tests.web.conftest import Caller, person, statements

LISTS = ("/contacts", "/contacts?status=queued", "/contacts?event=ev-1", "/events", "/events/ev-1/contacts",
         "/companies", "/deliveries", "/deliveries?status=absorbed")  # fmt: skip


def paged(path: str, limit: int, cursor: str = "") -> str:
    """The address of a page."""
    return f"{path}{'&' if '?' in path else '?'}limit={limit}{f'&cursor={cursor}' if cursor else ''}"


def fill(caller: Caller, numbers: range) -> None:
    """So many contacts with a company each, so many events, so many deliveries."""
    for number in numbers:
        caller.deliver("contacts", "contact.created", person(number, events=[{"id": "ev-1"}, {"id": f"ev-1{number}"}]))
    caller.sync()


def test_pages_neither_repeat_nor_hide_rows_while_new_ones_arrive(acme: Caller) -> None:
    fill(acme, range(5))
    whole = {path: acme.get(path)["items"] for path in LISTS}
    seen: dict[str, list[object]] = {path: [] for path in LISTS}
    cursors: dict[str, str | None] = dict.fromkeys(LISTS, "")
    for arrival in range(5, 9):
        for path in [path for path in LISTS if cursors[path] is not None]:
            page = acme.get(paged(path, 2, cursors[path] or ""))
            seen[path] += page["items"]
            cursors[path] = page["next"]
        fill(acme, range(arrival, arrival + 1))
    assert set(cursors.values()) == {None}
    assert seen == whole


def test_the_last_page_says_that_it_is_the_last(acme: Caller) -> None:
    fill(acme, range(4))
    for path in LISTS:
        whole = acme.get(path)
        assert whole["next"] is None
        assert acme.get(paged(path, len(whole["items"])))["next"] is None
        assert acme.every_page(path, 1) == acme.every_page(path, 3) == whole["items"]


def test_runs_come_in_pages(acme: Caller, tmp_path: Path) -> None:
    acme.connect_file(tmp_path)
    fill(acme, range(5))
    whole = acme.get("/runs")["items"]
    assert len(whole) == 5
    assert acme.every_page("/runs", 2) == whole


def test_a_longer_page_costs_no_more_queries(acme: Caller, engine: Engine) -> None:
    fill(acme, range(2))
    few = {path: queries(acme, engine, path) for path in LISTS}
    fill(acme, range(2, 9))
    many = {path: queries(acme, engine, path) for path in LISTS}
    assert many == few
    assert max(many.values()) <= 7
    assert all(len(acme.get(path)["items"]) >= 7 for path in LISTS)


def queries(caller: Caller, engine: Engine, path: str) -> int:
    """How many SQL statements a request makes."""
    with statements(engine) as seen:
        caller.get(path)
    return len(seen)


def test_a_limit_out_of_bounds_is_refused(acme: Caller) -> None:
    for limit in ("0", "201", "-1", "x", "1.5", "", "9" * 400, "9" * 5000):
        answer = acme.ask("GET", f"/contacts?limit={limit}")
        assert answer.status_code == 422, limit
        assert answer.json["error"]["fields"] == {"limit": "Send a number from 1 to 200."}


def test_a_page_holds_fifty_unless_asked_otherwise(acme: Caller) -> None:
    acme.deliver("contacts", "contact.created", [{"id": f"c-{number}"} for number in range(51)])
    acme.sync()
    assert len(acme.get("/contacts")["items"]) == 50
    assert len(acme.get("/contacts?limit=200")["items"]) == 51


def test_rows_of_other_orgs_take_no_place_in_a_page(acme: Caller, other: Caller) -> None:
    fill(acme, range(4))
    before = {path: acme.get(paged(path, 4)) for path in LISTS}
    fill(other, range(9))
    assert {path: acme.get(paged(path, 4)) for path in LISTS} == before


@pytest.fixture
def cursor(acme: Caller) -> str:
    """The cursor of the second page of contacts."""
    acme.deliver("contacts", "contact.created", [person(1), person(2)])
    acme.sync()
    return str(acme.get("/contacts?limit=1")["next"])


def test_a_cursor_with_any_character_changed_is_refused(acme: Caller, cursor: str) -> None:
    assert acme.ask("GET", f"/contacts?limit=1&cursor={cursor}").status_code == 200
    for place, character in enumerate(cursor):
        changed = cursor[:place] + ("A" if character != "A" else "B") + cursor[place + 1 :]
        answer = acme.ask("GET", f"/contacts?limit=1&cursor={changed}")
        assert answer.status_code == 422, changed
        assert list(answer.json["error"]["fields"]) == ["cursor"]


def test_what_is_no_cursor_is_refused(acme: Caller, cursor: str) -> None:
    for wrong in ("", cursor[:-1], cursor + "AAAA", "ü" * 24, cursor + "%0A", "%00", "A" * 5000):
        assert acme.ask("GET", f"/contacts?cursor={wrong}").status_code == 422, wrong


def test_a_cursor_holds_for_its_own_list_filter_and_org_only(acme: Caller, other: Caller, cursor: str) -> None:
    for path in ("/events?", "/contacts?status=queued&", "/contacts?event=ev-1&", "/runs?"):
        assert acme.ask("GET", f"{path}cursor={cursor}").status_code == 422
    assert other.ask("GET", f"/contacts?cursor={cursor}").status_code == 422
    assert acme.ask("GET", f"/contacts?limit=7&cursor={cursor}").status_code == 200  # the length may change


@given(text=st.text(max_size=60))
def test_no_text_as_cursor_is_taken_or_breaks_anything(text: str) -> None:
    with pytest.raises(RefusedInput):
        read_cursor(text, "a list")
