"""What meetings may say at the door, and what is refused with words that help."""

from __future__ import annotations

from typing import Any

import pytest

from contactsync.domain.errors import RefusedInput
from contactsync.intake.decode import decode
from tests.intake.conftest import Sender, kept, written


def meeting(**fields: object) -> dict[str, Any]:
    (item,) = decode("meetings", written({"id": "m-1", **fields}, "meeting.updated")).items
    return {name: value for name, value in item.items() if name != "id"}


def wrong(data: object, type_: str = "meeting.updated") -> dict[str, str]:
    with pytest.raises(RefusedInput) as refused:
        decode("meetings", written(data, type_))
    return {path: str(message) for path, message in refused.value.fields.items()}


def test_a_meeting_has_a_door_of_its_own(quick_sender: Sender):
    body = written({"id": "m-1", "title": "Coffee"}, "meeting.created")
    answer = quick_sender.post(body, quick_sender.headers(body), "meetings")
    assert answer.status_code == 202
    (row,) = kept(quick_sender.parts.engine)
    assert (row.door, row.type, row.status) == ("meetings", "meeting.created", "accepted")


def test_a_meeting_at_another_door_is_told_its_own():
    with pytest.raises(RefusedInput) as refused:
        decode("contacts", written({"id": 1}, "meeting.created"))
    assert refused.value.fields == {"type": "Wrong door: send this type to /webhooks/<org>/meetings."}


@pytest.mark.parametrize(
    ("sent", "kept_as"),
    [
        ("2026-11-24T10:00:00Z", "2026-11-24T10:00:00+00:00"),
        ("2026-11-24t10:00:00.5z", "2026-11-24T10:00:00+00:00"),
        ("2026-11-24T11:00:00+01:00", "2026-11-24T11:00:00+01:00"),
        ("2026-11-24T11:00:00", "2026-11-24T11:00:00"),
        ("2026-11-24 11:00", "2026-11-24T11:00:00"),
        ("2026-11-24", "2026-11-24"),
    ],
)
def test_a_time_is_a_moment_a_local_time_or_a_day(sent, kept_as):
    assert meeting(starts_at=sent, ends_at=sent) == {"starts_at": kept_as, "ends_at": kept_as}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("tomorrow", "Not a time such as"),
        ("24.11.2026", "Not a time such as"),
        ("2026-11-23T10", "Not a time such as"),
        ("2026-11-24T10:00:00 CET", "Not a time such as"),
        ("2026-11-31", "No such time"),
        ("2026-11-24T25:00:00Z", "No such time"),
        ("2026-11-24T10:00:00+99:00", "No such time"),
        ("0001-01-01T00:00:00+14:00", "No such time"),
        ("9999-01-01", "Too far from now"),
        (1795492391, "Must be text"),
    ],
)
def test_what_is_no_time_is_refused_and_not_repeated(sent, words):
    refused = wrong({"id": "m-1", "starts_at": sent})
    assert set(refused) == {"data.starts_at"}
    assert refused["data.starts_at"].startswith(words)
    assert str(sent) not in refused["data.starts_at"]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "America/Argentina/Ushuaia", "Etc/GMT+3"])
def test_a_time_zone_is_taken_by_its_iana_name(zone):
    assert meeting(timezone=zone) == {"timezone": zone}


@pytest.mark.parametrize(
    "zone",
    [
        "Europe/Berlim",
        "W. Europe Standard Time",
        "../../etc/passwd",
        "/etc/passwd",
        "Europe",
        "+01:00",
        "localtime",
        "posixrules",
        "right/Europe/Berlin",
    ],
)
def test_what_is_no_time_zone_is_refused(zone):
    assert wrong({"id": "m-1", "timezone": zone}) == {
        "data.timezone": "Not the IANA name of a time zone, such as Europe/Berlin."
    }


@pytest.mark.parametrize(
    ("sent", "kept_as"), [("No-Show", "no_show"), ("canceled", "cancelled"), ("Scheduled", "scheduled")]
)
def test_a_status_is_one_of_four_words_however_they_are_spelt(sent, kept_as):
    assert meeting(status=sent) == {"status": kept_as}


@pytest.mark.parametrize("sent", ["postponed", "no show!"])
def test_any_other_status_is_refused_and_the_four_are_named(sent):
    assert wrong({"id": "m-1", "status": sent}) == {
        "data.status": "Must be scheduled, completed, cancelled or no_show."
    }


def test_attendees_are_contacts_by_id_or_addresses_alone():
    attendees = [
        {"contact_id": 7, "response": "Accepted", "attended": True},
        {"email": "Ada@example.com", "attended": None},
    ]
    assert meeting(attendees=attendees) == {
        "attendees": [{"contact_id": "7", "response": "accepted", "attended": True}, {"email": "Ada@example.com"}]
    }
    assert meeting(attendees=[]) == {"attendees": []}
    assert meeting(attendees=None) == {"attendees": None}


def test_an_attendee_that_names_nobody_is_refused_with_its_place():
    attendees = [{"contact_id": "c-1"}, {"response": "accepted"}, {"contact_id": "", "email": None}]
    message = "Has neither contact_id nor email: send one of them."
    assert wrong({"id": "m-1", "attendees": attendees}) == {"data.attendees.1": message, "data.attendees.2": message}


def test_at_most_two_hundred_attend_a_meeting():
    attendees = [{"contact_id": number} for number in range(201)]
    assert len(meeting(attendees=attendees[:200])["attendees"]) == 200
    assert wrong({"id": "m-1", "attendees": attendees}) == {"data.attendees": "Too many: at most 200."}


def test_a_delivery_carries_at_most_five_hundred_meetings():
    rows = [{"id": number} for number in range(501)]
    assert len(decode("meetings", written(rows[:500], "meeting.created")).items) == 500
    assert wrong(rows) == {"data": "Too many: at most 500 in one webhook."}


def test_attended_is_true_or_false_and_no_word_for_it():
    refused = wrong({"id": "m-1", "attendees": [{"contact_id": 1, "attended": "yes"}]})
    assert refused == {"data.attendees.0.attended": "Must be true or false, without quotes."}


def test_deleting_a_meeting_looks_at_its_id_alone():
    payload = decode("meetings", written({"id": "m-1", "title": 7, "shoe": 1}, "meeting.deleted"))
    assert payload.items == ({"id": "m-1"},)
    assert payload.unknown_keys == {"data.shoe": 1}
