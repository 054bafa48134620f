"""Field by field, the newest version wins, in whatever order deliveries come (I4)."""

from __future__ import annotations

import json
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from contactsync.domain.merge import Stamped, as_json, from_json, merge, newest, values, version_of

OLD = version_of("2026-01-01T00:00:00.000000Z", "2026-06-01T00:00:00.000000Z", 9)
NEW = version_of("2026-01-02T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z", 1)

paths = st.sampled_from(["title", "phone", "address.city", "address.street", "custom.x"])
texts = st.sampled_from([None, "a", "b", 0, False])
said = st.one_of(
    st.dictionaries(paths, texts, max_size=4),
    st.sampled_from([{"address": None}, {"custom": None}, {"address": None, "title": "t"}]),
)


def test_the_newest_updated_at_wins_whenever_it_arrives() -> None:
    after = merge(merge({}, {"title": "new"}, NEW), {"title": "old", "phone": "1"}, OLD)
    assert values(after) == {"title": "new", "phone": "1"}


def test_without_updated_at_the_envelopes_time_decides_and_then_arrival() -> None:
    assert version_of(None, "2026-01-01T00:00:00.000000Z", 5) < version_of(None, "2026-01-02T00:00:00.000000Z", 4)
    assert version_of(None, "2026-01-01T00:00:00.000000Z", 5) < version_of(None, "2026-01-01T00:00:00.000000Z", 10)


def test_an_older_part_of_a_group_stays_cleared_after_the_group_was() -> None:
    cleared = merge({}, {"address": None}, NEW)
    assert values(merge(cleared, {"address.city": "Bern"}, OLD)) == {"address.city": None}
    assert values(merge(merge({}, {"address.city": "Bern"}, OLD), {"address": None}, NEW)) == {"address.city": None}


def test_false_and_zero_are_values_like_any_other() -> None:
    assert values(merge(merge({}, {"custom.vip": True}, OLD), {"custom.vip": False}, NEW)) == {"custom.vip": False}


@given(st.lists(said, min_size=1, max_size=4))
def test_every_order_of_the_same_changes_ends_in_one_state(changes: list[dict[str, object]]) -> None:
    dated = [(change, version_of(f"2026-01-0{n + 1}T00:00:00.000000Z", "x", n)) for n, change in enumerate(changes)]
    ends = set()
    for order in permutations(dated):
        state: dict[str, Stamped] = {}
        for change, version in order:
            state = merge(state, change, version)  # type: ignore[arg-type]
        ends.add(json.dumps(dict(sorted(state.items()))))
    assert len(ends) == 1


@given(st.lists(said, max_size=3))
def test_a_state_comes_back_from_the_database_as_it_was(changes: list[dict[str, object]]) -> None:
    state: dict[str, Stamped] = {}
    for n, change in enumerate(changes):
        state = merge(state, change, version_of(None, f"2026-01-0{n + 1}", n))  # type: ignore[arg-type]
    assert from_json(json.loads(json.dumps(as_json(state)))) == state


def test_the_newest_version_of_a_record_is_that_of_its_newest_field() -> None:
    assert newest(merge(merge({}, {"title": "x"}, NEW), {"phone": "1"}, OLD)) == NEW
    assert newest({}) == ""
