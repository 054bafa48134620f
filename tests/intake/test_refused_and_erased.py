"""What the doors refuse names nobody who was erased: no worker would ever take them out of it."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from contactsync.domain.person import ERASED
from contactsync.intake.strict_json import read_json
from contactsync.store import erasures
from contactsync.store.engine import writing
from contactsync.store.refusals import MOST_NAMES, Refusals
from contactsync.store.tables import org
from contactsync.store.tombstones import Tombstones
from tests.intake.conftest import ADA, Sender, kept, written

BAD = {"id": "c-2", "email": "nonsense"}


def erase(sender: Sender, *names: str) -> None:
    with writing(sender.parts.engine) as db:
        marks = Tombstones.begun(db, sender.parts.vault, sender.org.id)
        number = erasures.begin(db, sender.org.id, "tests", sender.parts.now())
        marks.add(db, number, names or ("email:ada@example.com", "id:c-1"))


def test_of_a_refused_batch_the_items_that_name_somebody_erased_are_not_kept(sender: Sender) -> None:
    erase(sender)
    items = [
        ADA,
        BAD,
        {"id": "c-1"},
        {"id": "c-3", "note": "ask ADA@example.com."},
        {"id": "c-4", "note": "x.ada@example.com"},
    ]
    assert sender.send(items).status_code == 422
    (row,) = kept(sender.parts.engine)
    assert [item["id"] for item in json.loads(row.body)["data"]] == ["c-2", "c-4"]
    assert (row.status, row.log, row.body_removed_for) == ("rejected", {"erased": 3}, "erasure")


@pytest.mark.parametrize(
    "body",
    [
        b'{"type": "contact.updated", "data": [{"email": "Ada@example.com"',
        b'\xff{"email": "\\u0041da\\u0040example.com"}',
        b'{"id":"c-1", ',
        written({"mail": "ada%40example.com"}),
        json.dumps({"type": "contact.updated", "by": "ada@example.com", "data": [BAD]}).encode(),
        b'"ada@example.com"',
    ],
)
def test_a_body_that_has_no_items_or_cannot_be_read_goes_whole(quick_sender: Sender, body: bytes) -> None:
    erase(quick_sender)
    assert quick_sender.post(body, quick_sender.headers(body)).status_code == 422
    (row,) = kept(quick_sender.parts.engine)
    assert (row.body, row.status, row.body_removed_for) == (b"", "rejected", "erasure")


def test_an_error_does_not_quote_them_either(quick_sender: Sender) -> None:
    erase(quick_sender)
    quick_sender.send([{"id": "c-2", "custom": {"Ada@example.com": {"too": "deep"}}}])
    (row,) = kept(quick_sender.parts.engine)
    assert row.body == b""
    assert ERASED in str(row.errors)
    assert "ada@" not in str(row.errors).lower()


def test_others_are_kept_to_the_byte_and_an_org_without_erasures_is_asked_one_question(quick_sender: Sender) -> None:
    seen: list[str] = []
    sa.event.listen(quick_sender.parts.engine, "before_cursor_execute", lambda *said: seen.append(said[2]))
    body = written([ADA, BAD])
    quick_sender.post(body, quick_sender.headers(body))
    assert not any("tombstone" in one for one in seen)
    erase(quick_sender, "email:grace@example.com", "id:c-9")
    quick_sender.post(body, quick_sender.headers(body, "msg_2"))
    assert [(row.body, row.log, row.body_removed_at) for row in kept(quick_sender.parts.engine)] == [
        (body, None, None)
    ] * 2


def test_an_erasure_that_goes_past_while_a_refused_webhook_is_kept_does_not_miss_it(sender: Sender) -> None:
    """The door asked before anybody was erased; the erasure looked before the delivery was there."""

    refusals = Refusals(sender.parts.engine, sender.parts.vault, read_json)
    body = written([ADA, BAD])
    bare = refusals.without_erased(sender.org.id, body, [])
    assert bare.body == body
    sender.post(body, sender.headers(body))
    erase(sender)
    (row,) = kept(sender.parts.engine)
    refusals.settle(sender.org.id, row.id, bare, sender.parts.now())
    (row,) = kept(sender.parts.engine)
    assert json.loads(row.body)["data"] == [BAD]
    assert row.log == {"erased": 1}


def test_a_body_that_names_more_than_can_be_looked_up_is_not_kept(quick_sender: Sender) -> None:
    erase(quick_sender)
    body = json.dumps({"data": [f"{number}@example.com" for number in range(MOST_NAMES + 1)]}).encode()
    quick_sender.post(body, quick_sender.headers(body))
    (row,) = kept(quick_sender.parts.engine)
    assert (row.body, row.status) == (b"", "rejected")


def test_marks_that_no_key_opens_make_the_door_wait_not_guess(quick_sender: Sender) -> None:
    with writing(quick_sender.parts.engine) as db:
        db.execute(sa.update(org).values(sealed_erasure_key="of another key"))
    assert quick_sender.send([BAD]).status_code == 503
    assert kept(quick_sender.parts.engine) == []


def test_however_deep_a_refused_body_is_the_door_answers_and_keeps_nothing_of_them(quick_sender: Sender) -> None:
    erase(quick_sender)
    for depth in (50, 300, 900, 990, 1100, 5000):
        deep = b"[" * depth + b"]" * depth
        body = b'{"type": "contact.updated", "data": [{"id": "c-1"}, {"id": "c-2", "x": ' + deep + b"}]}"
        assert quick_sender.post(body, quick_sender.headers(body, f"msg_{depth}")).status_code == 422
    assert not any(b"c-1" in row.body for row in kept(quick_sender.parts.engine))
