"""The pages of deliveries: what arrived and what became of it, with bodies masked until an editor asks, and replay."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.domain.roles import Role
from contactsync.store import tables as t
from contactsync.store.engine import writing
from contactsync.store.inbox import keep
from tests.console.conftest import Console, counted_queries, person
from tests.console.test_problems_page import audited
from tests.web.conftest import START, Caller

SECRETS = ("Ada", "Lovelace", "ada1@example.com", "Engines", "co-1")


def keep_raw(acme: Caller, body: bytes, *, webhook_id: str = "raw", status: str = "rejected", **more: Any) -> int:
    said = {"door": "contacts", "type": None, "errors": [{"path": "body", "message": "Not JSON."}], **more}
    with writing(acme.parts.engine) as db:
        kept = keep(
            db, org_id=acme.org.id, webhook_id=webhook_id, body=body, status=status, now=acme.parts.now(), **said
        )
    return kept.delivery_id


@pytest.fixture
def arrived(acme: Caller) -> int:
    """One contact that was taken in; the number of its delivery."""
    number = acme.deliver("contacts", "contact.created", person(1, phone="+49 171 4711", shoe="42"))
    acme.absorb()
    return number


def test_nothing_yet_says_where_to_begin(console: Console) -> None:
    shown = console.get("/deliveries")
    assert "Nothing has arrived yet" in shown.text
    assert "Endpoints and secrets" in shown.text


def test_the_list_says_from_whom_what_and_what_became_of_it(console: Console, acme: Caller, arrived: int) -> None:
    keep_raw(acme, b"{", webhook_id="a")
    keep_raw(acme, b"{", webhook_id="a")
    acme.deliver("events", "event.created", {"id": "e-1", "name": "Expo"})
    shown = console.get("/deliveries").main
    assert [head.text for head in shown.all("th")] == ["Arrived", "Endpoint", "What it says", "Became", "Size"]
    rows = [row.text for row in shown.one("tbody").all("tr")]
    assert ["Events" in rows[0], "Event created" in rows[0], "Waiting" in rows[0]] == [True] * 3
    assert ["Refused" in rows[1], "sent 2 times" in rows[1], "Not JSON." in rows[1]] == [True] * 3
    assert ["Contacts" in rows[2], "Contact created" in rows[2], "Taken in" in rows[2]] == [True] * 3


def test_the_list_is_narrowed_by_what_became_of_them_by_where_from_and_by_being_sent_again(
    console: Console, acme: Caller, arrived: int
) -> None:
    keep_raw(acme, b"{")
    acme.deliver("events", "event.created", {"id": "e-1", "name": "Expo"})

    def found(query: str) -> int:
        tables = console.get(f"/deliveries?{query}").main.all("tbody")
        return len(tables[0].all("tr")) if tables else 0

    assert [found(query) for query in ("", "status=rejected", "status=accepted", "from=events", "again=1")] == [
        3,
        1,
        1,
        1,
        0,
    ]
    assert "There is none of these" in console.get("/deliveries?again=1").text
    assert found("status=nonsense&from=%00&before=x&again=2") == 3
    tabs = console.get("/deliveries?from=contacts").main.one("nav", class_="tabs").all("a")
    assert [tab.text for tab in tabs] == ["All", "Waiting", "Taken in", "Refused 1", "Not usable"]
    assert tabs[3]["href"].endswith("/deliveries?status=rejected&from=contacts")


def test_more_than_a_page_goes_on_by_number(console: Console, acme: Caller) -> None:
    for number in range(60):
        keep_raw(acme, b"{}", webhook_id=f"w-{number}")
    link = next(a for a in console.get("/deliveries").main.all("a") if a.text == "Show older ones")
    rest = console.get(link["href"], whole=True)
    assert len(rest.main.one("tbody").all("tr")) == 10


def test_one_delivery_shows_its_body_masked(console: Console, arrived: int) -> None:
    shown = console.get(f"/deliveries/{arrived}")
    body = shown.main.one("pre").text
    assert '"first_name": "A··"' in body
    assert '"email": "a··@···.com"' in body
    assert '"type": "contact.created"' in body
    assert not [secret for secret in SECRETS if secret in body and secret != "Ada"]
    assert "data.shoe" in shown.text
    assert shown.answer.headers["Cache-Control"] == "no-store"


def test_it_leads_to_what_it_spoke_of(console: Console, acme: Caller, arrived: int) -> None:
    shown = console.get(f"/deliveries/{arrived}")
    assert "Ada Lovelace 1" in shown.main.one("section", aria_labelledby="spoken").text
    acme.deliver("events", "event.created", {"id": "e-1", "name": "Expo"})
    roster = {"event_id": "e-1", "contacts": [{"id": "c-1"}, {"email": "ADA1@example.com"}, {"id": "\ud800"}, 7]}
    number = acme.deliver("events", "event.contacts_added", roster, status="rejected")
    acme.absorb()
    spoken = console.get(f"/deliveries/{number}").main.one("section", aria_labelledby="spoken")
    assert [row.all("td")[0].text for row in spoken.one("tbody").all("tr")] == ["Expo", "Ada Lovelace 1"]


def test_an_editor_sees_the_whole_body_and_that_is_written_down(console: Console, acme: Caller, arrived: int) -> None:
    editor = console.as_role(Role.EDITOR)
    shown = editor.post(f"/deliveries/{arrived}/body")
    assert shown.status == 200
    assert "Ada" in shown.main.one("pre").text
    assert "ada1@example.com" in shown.main.one("pre").text
    assert shown.answer.headers["Cache-Control"] == "no-store"
    assert audited(acme) == [("delivery.body_shown", f"dlv_{arrived}", {})]
    assert "ada1@example.com" not in editor.get(f"/deliveries/{arrived}").main.one("pre").text


def test_a_viewer_sees_it_masked_alone_and_replays_nothing(console: Console, acme: Caller, arrived: int) -> None:
    viewer = console.as_role(Role.VIEWER)
    assert viewer.get(f"/deliveries/{arrived}").status == 200
    for path in (f"/deliveries/{arrived}/body", f"/deliveries/{arrived}/replay", "/deliveries/replay"):
        refused = viewer.post(path)
        assert refused.status == 403
        assert "ada1@example.com" not in refused.html
    assert viewer.get("/deliveries/replay").status == 403
    assert audited(acme) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"email": "ada1@example.com', "text that is no JSON"),
        (b"\xff\xfe" * 20, "40 bytes that are no text"),
        (b"", "the body was empty"),
        (b"[" * 100_000, "100.0 kB of text that is no JSON"),
    ],
)
def test_what_cannot_be_read_shows_how_large_it_is_and_nothing_else(
    console: Console, acme: Caller, body: bytes, words: str
) -> None:
    number = keep_raw(acme, body)
    shown = console.get(f"/deliveries/{number}")
    assert words in shown.text
    assert "ada1" not in shown.html
    assert shown.main.all("pre") == []


def test_a_body_that_is_no_text_is_shown_in_hexadecimal_digits(console: Console, acme: Caller) -> None:
    number = keep_raw(acme, b"\xff\xfe<script>alert(1)</script>")
    assert "000000 ff fe 3c" in console.post(f"/deliveries/{number}/body").main.one("pre").text


def test_a_body_is_shown_and_never_run_or_turned_round(console: Console, acme: Caller) -> None:
    said = json.dumps({"</pre><script>alert(1)</script>": "\u202eevil \ud800"}).encode()
    number = keep_raw(acme, said)
    for shown in (console.get(f"/deliveries/{number}"), console.post(f"/deliveries/{number}/body")):
        assert "<script>alert" not in shown.html
        assert "\u202e" not in shown.html


def test_a_body_that_is_gone_is_said_to_be_gone(console: Console, acme: Caller, arrived: int) -> None:
    with writing(acme.parts.engine) as db:
        removed = {"body": b"", "body_removed_at": START, "body_removed_for": "retention"}
        db.execute(sa.update(t.delivery).values(removed))
    shown = console.get(f"/deliveries/{arrived}")
    assert "removed because it was old enough" in shown.text
    assert "removed because it was old enough" in console.follow(console.post(f"/deliveries/{arrived}/body")).text
    assert "nothing to replay" in console.follow(console.post(f"/deliveries/{arrived}/replay")).text
    assert audited(acme) == []


def test_a_path_or_a_field_that_names_somebody_is_masked(console: Console, acme: Caller) -> None:
    errors = [{"path": "data.0.ada1@example.com", "message": "Not a valid string."}]
    number = keep_raw(acme, b"{}", errors=errors)
    with writing(acme.parts.engine) as db:
        db.execute(sa.update(t.delivery).values(log={"unknown_keys": {"data.Ada Lovelace": 2}}))
    shown = console.get(f"/deliveries/{number}")
    assert "data.0.a··@···.com" in shown.text
    assert "data.A·· L·· (2)" in shown.text
    assert "Lovelace" not in shown.html
    assert "ada1" not in shown.html + console.get("/deliveries").html


def test_another_orgs_deliveries_are_not_there(console: Console, other: Caller) -> None:
    theirs = other.deliver("contacts", "contact.created", person(1))
    for path in (f"/deliveries/{theirs}", "/deliveries/99999999999999999999999", "/deliveries/0"):
        assert console.get(path).status == 404
    for path in (f"/deliveries/{theirs}/body", f"/deliveries/{theirs}/replay"):
        assert console.post(path).status == 404


def test_one_delivery_is_replayed(console: Console, acme: Caller, arrived: int, bell: Any) -> None:
    shown = console.follow(console.post(f"/deliveries/{arrived}/replay"))
    assert "It goes through once more." in shown.text
    assert "Waiting" in shown.text
    assert bell.rung[-1] == acme.org.id
    assert audited(acme)[0][:2] == ("deliveries.replayed", f"dlv_{arrived}")
    assert "It waits already" in console.follow(console.post(f"/deliveries/{arrived}/replay")).text
    acme.absorb()
    assert "replayed once" in console.get(f"/deliveries/{arrived}").text


def test_one_that_cannot_be_read_says_why_when_it_is_replayed(console: Console, acme: Caller) -> None:
    number = keep_raw(acme, b"{")
    shown = console.follow(console.post(f"/deliveries/{number}/replay"))
    assert "It cannot be read now either" in shown.text
    assert "Not JSON" in shown.text


def test_several_are_counted_first_and_then_replayed(console: Console, acme: Caller, arrived: int) -> None:
    acme.deliver("contacts", "contact.created", person(2))
    acme.absorb()
    acme.parts.now.pass_by(hours=1)  # type: ignore[attr-defined]
    acme.deliver("contacts", "contact.created", person(3))
    acme.absorb()
    said = {"status": "absorbed", "until": f"{START + timedelta(minutes=30):%Y-%m-%dT%H:%M}"}
    counted = console.post("/deliveries/replay", {**said, "step": "count"})
    assert "2 deliveries would go through once more" in counted.text
    assert audited(acme) == []
    assert counted.main.all("input", name="until")[0]["value"] == said["until"]
    gone = console.post("/deliveries/replay", {**said, "step": "go"})
    assert "Done: 2 deliveries go through once more" in gone.text
    assert audited(acme)[0][2]["replayed"] == 2


def test_the_times_of_a_range_are_in_the_viewers_zone(console: Console, acme: Caller, arrived: int) -> None:
    console.client.set_cookie("zone", "Europe/Berlin")  # an hour ahead: START is 10:00 there
    for until, count in (("2026-11-24T10:00", "Nothing to replay"), ("2026-11-24T10:01", "1 delivery would go")):
        shown = console.post("/deliveries/replay", {"until": until, "step": "count"})
        assert count in shown.text


def test_a_range_that_takes_nothing_or_cannot_be_read_says_what_to_do_and_keeps_what_was_typed(
    console: Console,
) -> None:
    shown = console.post("/deliveries/replay", {"step": "count"})
    assert shown.status == 422
    assert "Say which deliveries" in shown.text
    shown = console.post("/deliveries/replay", {"since": "tomorrow", "until": "2026-11-24T10:00", "step": "go"})
    assert shown.status == 422
    assert shown.main.all("input", id="f-until")[0]["value"] == "2026-11-24T10:00"
    shown = console.post("/deliveries/replay", {"since": "2026-11-24T10:00", "until": "2026-11-24T09:00"})
    assert "Must be later than “Arrived since”." in shown.text
    shown = console.post("/deliveries/replay", {"status": "nonsense", "door": "\x00", "after": "x", "so_far": "x"})
    assert shown.status == 422


def test_the_pages_ask_as_often_for_many_as_for_few(console: Console, acme: Caller, arrived: int) -> None:
    def asked(path: str) -> int:
        with counted_queries(console) as seen:
            assert console.get(path).status == 200
        return len(seen)

    paths = ("/deliveries", "/deliveries?from=contacts", f"/deliveries/{arrived}")
    few = [asked(path) for path in paths]
    for number in range(30):
        keep_raw(acme, b"{}", webhook_id=f"w-{number}")
    many = acme.deliver("contacts", "contact.created", [person(number) for number in range(2, 32)])
    acme.absorb()
    paths = (*paths[:2], f"/deliveries/{many}")
    assert [asked(path) for path in paths] == few
