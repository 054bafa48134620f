"""One person's part of a body is taken out, and everybody else's stays to the letter."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.domain.bodies import parted


def meant(contact_id: str | None, email: str | None) -> bool:
    return contact_id == "c-1" or email == "ada@x.example"


def body(data: Any) -> dict[str, Any]:
    return {"type": "t", "timestamp": "2026-11-24T09:00:00Z", "data": data}


def test_a_batch_of_contacts_loses_the_persons_items_alone() -> None:
    others = [{"id": "c-2", "email": "ada@x.example.org"}, {"id": 7, "deep": {"id": "c-1", "email": "ada@x.example"}}]
    mine = [{"id": "c-1"}, {"id": " c-1 ", "email": "new@x.example"}, {"id": "c-9", "email": " ADA@X.example"}]
    done = parted("contacts", body([mine[0], others[0], mine[1], others[1], mine[2]]), meant)
    assert done.rest == body(others)
    assert done.parts == mine
    assert done.people == [("c-1", None), ("c-1", "new@x.example"), ("c-9", "ada@x.example")]


def test_of_a_body_that_is_theirs_alone_nothing_is_left() -> None:
    assert parted("contacts", body({"id": "c-1"}), meant).rest is None
    assert parted("contacts", body([{"id": "c-1"}]), meant).rest is None
    assert parted("events", body({"event_id": "e", "contacts": [{"email": "ada@x.example"}]}), meant).rest is None


def test_an_events_list_loses_the_entry_and_an_event_with_their_id_is_none_of_theirs() -> None:
    entries = [{"id": "c-2"}, {"id": "c-1", "status": "attended"}, {"email": "b@x.example"}]
    done = parted("events", body({"event_id": "c-1", "contacts": entries}), meant)
    assert done.rest == body({"event_id": "c-1", "contacts": [entries[0], entries[2]]})
    assert done.parts == [{"event_id": "c-1", "contacts": [entries[1]]}]
    assert parted("events", body({"id": "c-1", "name": "Expo"}), meant).rest == body({"id": "c-1", "name": "Expo"})


def test_a_meeting_loses_the_attendee_stays_itself_and_is_named() -> None:
    attendees = [{"contact_id": "c-1"}, {"contact_id": "c-2"}]
    meeting = {"id": 5, "title": "Talk", "notes": "n", "attendees": attendees}
    done = parted("meetings", body([meeting, {"id": "c-1"}]), meant, lambda item: {**item, "title": "?"})
    assert done.rest == body([{**meeting, "title": "?", "attendees": [attendees[1]]}, {"id": "c-1"}])
    assert done.meetings == {"5"}
    assert done.parts == [{"id": 5, "title": "Talk", "attendees": [attendees[0]]}], "its notes may speak of anybody"
    alone = parted("meetings", body({"id": "m", "attendees": [{"email": "ada@x.example"}]}), meant)
    assert alone.rest == body({"id": "m", "attendees": []}), "the meeting is not theirs alone"


@pytest.mark.parametrize("door", ["contacts", "events", "meetings"])
@pytest.mark.parametrize("data", [None, [], {}, "c-1", 1, [[{"id": "c-1"}]], [None, "x"], {"contacts": {"id": "c-1"}}])
def test_what_was_never_of_any_shape_stays_as_it_is(door: str, data: Any) -> None:
    done = parted(door, body(data), meant)
    assert done.rest == body(data)
    assert not done.parts


ITEM = st.fixed_dictionaries(
    {}, optional={
        "id": st.sampled_from(["c-1", "c-2", 1, True, None, ["c-1"]]), "contact_id": st.sampled_from(["c-1", "c-2"]),
        "email": st.sampled_from(["ada@x.example", "ADA@x.example ", "b@x.example", 3]), "title": st.text(max_size=3),
    },
)  # fmt: skip
WITH_LISTS = st.builds(lambda item, **lists: {**item, **lists}, ITEM, contacts=st.lists(ITEM, max_size=3),
                       attendees=st.lists(ITEM, max_size=3))  # fmt: skip


@given(st.sampled_from(["contacts", "events", "meetings"]), st.lists(st.one_of(ITEM, WITH_LISTS), max_size=5))
def test_parting_is_done_once_loses_nobody_else_and_changes_nothing_it_was_given(door: str, items: list[Any]) -> None:
    whole = body(items)
    before = json.dumps(whole)
    done = parted(door, whole, meant)
    assert json.dumps(whole) == before
    if done.rest is not None:
        again = parted(door, done.rest, meant)
        assert (again.rest, again.parts) == (done.rest, [])
    nobody = parted(door, whole, lambda *_: False)
    assert (nobody.rest, nobody.parts) == (whole, [])
    if door == "contacts":
        left = [] if done.rest is None else done.rest["data"]
        assert len(left) + len(done.parts) == len(items)
