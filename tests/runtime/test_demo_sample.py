"""What the demo's platform sends is always the same people, each of whom the doors take, and enough of each kind."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

from contactsync.demo.history import NEAR, moments
from contactsync.demo.sample import GATHERINGS, meetings, people
from contactsync.demo.today import SAMPLE
from contactsync.intake.decode import decode

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def test_the_demo_has_enough_of_every_kind() -> None:
    ends = Counter(one.ends for one in people())
    assert ends["synced"] >= 60
    assert all(ends[status] for status in ("incomplete", "needs_attention", "retrying", "excluded"))
    assert len(GATHERINGS) >= 3
    assert len(meetings(NOW)) >= 3


def test_nobody_is_there_twice() -> None:
    every = [one.payload() for one in people()] + list(SAMPLE)
    for name in ("id", "email"):
        said = [one[name] for one in every if one.get(name)]
        assert len(said) == len(set(said)), name


def test_everything_but_the_webhooks_that_are_wrong_on_purpose_is_taken_at_the_door() -> None:
    refused = 0
    for moment in moments(NOW):
        for door, kind, items in moment.posts:
            body = json.dumps({"type": kind, "timestamp": "2026-11-24T09:30:00Z", "data": items}).encode()
            if b"not an address" in body:
                refused += 1
                continue
            decode(door, body)
    assert refused == 2


def test_what_happened_lies_before_now_in_its_order_and_partly_within_the_last_day() -> None:
    when = [moment.ago for moment in moments(NOW)]
    assert when == sorted(when, reverse=True)
    assert min(when) > timedelta(0)
    assert max(when) <= timedelta(days=15)
    assert sum(ago < NEAR for ago in when) >= 5
