"""Replaying over the API: one delivery or many, and what is said of those that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.store import tables as t
from contactsync.store.engine import writing
from contactsync.store.inbox import public_id
from contactsync.sync.replaying import MOST_WAITING
from tests.web.conftest import Caller, Clock, HandBell, person

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def delivered(acme: Caller, number: int = 1, **more: Any) -> str:
    return public_id(acme.deliver("contacts", "contact.created", person(number), **more))


def changed(acme: Caller, delivery: str, **columns: Any) -> None:
    with writing(acme.parts.engine) as db:
        here = t.delivery.c.id == int(delivery.removeprefix("dlv_"))
        db.execute(sa.update(t.delivery).where(here).values(**columns))


def test_one_is_absorbed_once_more_and_says_how_often_it_was(acme: Caller, bell: HandBell, clock: Clock) -> None:
    delivery = delivered(acme)
    acme.absorb()
    clock.pass_by(hours=1)
    for _ in range(2):  # twice is once
        answer = acme.ask("POST", f"/deliveries/{delivery}/replay")
        assert answer.status_code == 202
        shown = (answer.json["id"], answer.json["status"], answer.json["replays"], answer.json["replayed_at"])
        assert shown == (delivery, "accepted", 1, "2026-11-24T10:00:00.000000Z")
        assert answer.json["absorbed_at"] is None
    assert bell.rung == [acme.org.id]
    acme.absorb()
    found = acme.get(f"/deliveries/{delivery}")
    assert (found["status"], found["replays"]) == ("absorbed", 1)


def test_one_whose_body_was_removed_says_why_and_what_to_do(acme: Caller, clock: Clock) -> None:
    delivery = delivered(acme)
    acme.absorb()
    changed(acme, delivery, body=b"", body_removed_at=clock.at, body_removed_for="retention")
    answer = acme.ask("POST", f"/deliveries/{delivery}/replay")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "body_removed")
    assert "(retention)" in answer.json["error"]["message"]
    assert "send it again" in answer.json["error"]["message"]
    found = acme.get(f"/deliveries/{delivery}")
    assert (found["status"], found["replays"], found["body_removed_for"]) == ("absorbed", 0, "retention")


def test_one_that_cannot_be_read_now_either_says_what_is_wrong_and_keeps_it(acme: Caller) -> None:
    wrong = person(1, email="nobody")
    errors = [{"path": "data", "message": "An older version said so."}]
    delivery = public_id(acme.deliver("contacts", "contact.created", wrong, status="rejected", errors=errors))
    answer = acme.ask("POST", f"/deliveries/{delivery}/replay")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "unreadable")
    assert list(answer.json["error"]["fields"]) == ["data.email"]
    assert "nobody" not in answer.get_data(as_text=True)
    found = acme.get(f"/deliveries/{delivery}")
    assert (found["status"], [error["path"] for error in found["errors"]]) == ("rejected", ["data.email"])


@SQLITE
@pytest.mark.parametrize("delivery", ["dlv_999", "dlv_0", "17", "dlv_1x", "dlv_99999999999999999999"])
def test_one_that_is_not_there_is_not_found(acme: Caller, delivery: str) -> None:
    assert acme.ask("POST", f"/deliveries/{delivery}/replay").status_code == 404


def test_many_are_counted_by_what_became_of_them(acme: Caller, clock: Clock) -> None:
    failed, gone, absorbed = (delivered(acme, number) for number in range(3))
    acme.absorb()
    changed(acme, failed, status="failed", errors=[{"path": "", "message": "It broke."}])
    changed(acme, gone, body=b"", body_removed_at=clock.at, body_removed_for="erasure")
    waiting = delivered(acme, 4)
    asked = {"ids": [failed, gone, absorbed, waiting, "dlv_99", failed]}
    answer = acme.ask("POST", "/deliveries/replay", asked)
    assert answer.status_code == 202
    counts = {"replayed": 2, "waiting": 1, "gone": 1, "unreadable": 0}
    assert answer.json == {**counts, "missing": ["dlv_99"], "next": None}
    assert acme.ask("POST", "/deliveries/replay", {"status": "failed"}).json["replayed"] == 0


def test_a_range_goes_on_after_what_the_answer_before_said(acme: Caller) -> None:
    for number in range(4):
        delivered(acme, number)
    acme.absorb()
    asked = {"since": "2026-11-24T00:00:00Z", "until": "2026-11-25T00:00:00+01:00", "door": "contacts"}
    answer = acme.ask("POST", "/deliveries/replay", {**asked, "after": "dlv_2"})
    assert (answer.json["replayed"], answer.json["next"]) == (2, None)
    assert [one["replays"] for one in acme.get("/deliveries")["items"]] == [1, 1, 0, 0]


@SQLITE
@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "status"),
        ({"status": "accepted"}, "status"),
        ({"since": "2026-11-24T00:00:00Z", "until": "2026-11-23T00:00:00Z"}, "until"),
        ({"since": "yesterday"}, "since"),
        ({"ids": []}, "ids"),
        ({"ids": ["dlv_1"] * 1001}, "ids"),
        ({"ids": ["c-1"]}, "ids.0"),
        ({"ids": [17]}, "ids.0"),
        ({"status": "failed", "after": "17"}, "after"),
        ({"status": "failed", "everything": True}, "everything"),
        ({"door": "x" * 64}, "door"),
        ({"door": "contact"}, "door"),
    ],
)
def test_a_filter_that_is_wrong_is_refused_by_path(acme: Caller, body: dict[str, Any], path: str) -> None:
    answer = acme.ask("POST", "/deliveries/replay", body)
    assert answer.status_code == 422
    assert list(answer.json["error"]["fields"]) == [path]


@SQLITE
def test_a_replay_into_a_full_inbox_is_asked_to_come_back(acme: Caller) -> None:
    delivered(acme)
    acme.absorb()
    with writing(acme.parts.engine) as db:
        (row,) = db.execute(sa.select(t.delivery)).mappings()
        waiting = {**row, "status": "accepted"}
        db.execute(
            sa.insert(t.delivery), [{**waiting, "id": n, "webhook_id": f"w{n}"} for n in range(10, 10 + MOST_WAITING)]
        )
    for path, body in (("/deliveries/dlv_1/replay", None), ("/deliveries/replay", {"status": "absorbed"})):
        answer = acme.ask("POST", path, body)
        assert (answer.status_code, answer.json["error"]["code"]) == (503, "inbox_full")
        assert answer.headers["Retry-After"] == "30"
    assert acme.get("/deliveries/dlv_1")["status"] == "absorbed"
