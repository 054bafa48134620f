"""An inbox is bounded per org: over it the doors answer 503 and keep nothing, until workers have brought in what waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from contactsync.config import IntakeConfig
from contactsync.intake.keyring import REMEMBERED
from contactsync.intake.room import MOST_PAUSE, is_full, pause
from contactsync.store.backlog import Backlog, backlog, backlogs
from contactsync.store.engine import reading, writing
from contactsync.store.tables import delivery
from tests.intake.conftest import ADA, Sender, kept, moved, new_org

MEGABYTE = 1024 * 1024


def absorb_all(engine) -> None:
    with writing(engine) as db:
        db.execute(sa.update(delivery).where(delivery.c.status == "accepted").values(status="absorbed"))


def refused(answer) -> bool:
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "inbox_full")
    return int(answer.headers["Retry-After"]) > 0


def test_over_the_limit_the_door_answers_503_and_keeps_nothing_until_there_is_room(make_sender, engine, bell, clock):
    sender = make_sender(engine, most_waiting=3)
    assert [sender.send(ADA).status_code for _ in range(3)] == [202, 202, 202]
    assert refused(sender.send(ADA, webhook_id="later"))
    assert len(kept(engine)) == 3
    absorb_all(engine)
    clock.pass_by(seconds=MOST_PAUSE.total_seconds())
    assert sender.send(ADA, webhook_id="later").status_code == 202
    assert len(kept(engine)) == 4


def test_what_other_processes_kept_counts_too(make_sender, engine, clock):
    sender = make_sender(engine, most_waiting=4)
    beside = moved(sender)  # doors of their own, as another process has
    assert sender.send(ADA, webhook_id="a").status_code == 202
    assert [beside.send(ADA, webhook_id=f"b{n}").status_code for n in range(3)] == [202, 202, 202]
    assert refused(beside.send(ADA, webhook_id="c"))
    clock.pass_by(seconds=MOST_PAUSE.total_seconds())
    assert refused(sender.send(ADA, webhook_id="d"))
    assert len(kept(engine)) == 4


def test_the_bytes_that_wait_are_bounded_too(make_sender, engine):
    sender = make_sender(engine, most_waiting_megabytes=1)
    big = {**ADA, "note": "x" * 10_000, "custom": {f"f{n}": "y" * 9_000 for n in range(40)}}
    answers = [sender.send(big).status_code for _ in range(4)]
    assert answers == [202, 202, 202, 503]
    with reading(engine) as db:
        waits = backlog(db, sender.org.id)
    assert waits == Backlog(3, sum(len(row.body) for row in kept(engine)))
    assert waits.size > MEGABYTE


def test_what_was_rejected_or_absorbed_or_is_another_orgs_does_not_wait(make_sender, engine):
    sender = make_sender(engine, most_waiting=2)
    assert sender.send(ADA).status_code == 202
    absorb_all(engine)
    assert sender.send({"id": 7, "email": 8}).status_code == 422
    other, secret = new_org(engine, "other")
    neighbour = Sender(sender.parts, sender.client, other, secret)
    assert [neighbour.send(ADA).status_code for _ in range(3)] == [202, 202, 503]
    assert [sender.send(ADA, webhook_id=f"n{n}").status_code for n in range(2)] == [202, 503]
    with reading(engine) as db:
        waits = backlogs(db)
    assert {org_id: one.deliveries for org_id, one in waits.items()} == {sender.org.id: 1, other.id: 2}


def test_a_full_inbox_is_no_secret_for_strangers(make_sender, engine):
    sender = make_sender(engine, most_waiting=1)
    assert sender.send(ADA).status_code == 202
    body = b"{}"
    stranger = sender.post(body, sender.headers(body, secret="whsec_" + "A" * 32))
    assert stranger.status_code == 401


def test_looking_takes_no_more_than_a_share_of_the_time():
    assert pause(0.001) == REMEMBERED
    assert pause(0.2) == timedelta(seconds=10)
    assert pause(1000) == MOST_PAUSE


@pytest.mark.parametrize(
    ("waits", "full"),
    [
        (Backlog(99, 0), False),
        (Backlog(100, 0), True),
        (Backlog(1, 2 * MEGABYTE - 1), False),
        (Backlog(1, 2 * MEGABYTE), True),
    ],
)
def test_an_inbox_is_full_by_number_or_by_size(waits, full):
    assert is_full(waits, IntakeConfig(most_waiting=100, most_waiting_megabytes=2)) is full
