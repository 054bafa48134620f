"""Whom and what a webhook's body speaks of is found in whatever was sent, and never more than can be looked for."""

from __future__ import annotations

import json

import pytest

from contactsync.domain.spoken_of import MOST, spoken_of


def said(kind: str, data: object) -> tuple[list[str], list[str], list[str], list[str]]:
    found = spoken_of(json.dumps({"type": kind, "data": data}).encode())
    return list(found.contacts), list(found.emails), list(found.events), list(found.meetings)


def test_contacts_are_found_by_id_and_by_address_where_there_is_none():
    assert said("contact.created", {"id": 7, "email": "a@x.example"}) == (["7"], [], [], [])
    assert said("contact.created", [{"id": "c-1"}, {"email": " A@X.example "}]) == (["c-1"], ["a@x.example"], [], [])


def test_an_event_leads_to_who_takes_part_and_a_meeting_to_who_attends():
    roster = {"event_id": "e-1", "contacts": [{"id": "c-1"}, {"email": "b@x.example"}]}
    assert said("event.contacts_added", roster) == (["c-1"], ["b@x.example"], ["e-1"], [])
    assert said("event.created", {"id": "e-2"}) == ([], [], ["e-2"], [])
    meeting = {"id": "m-1", "attendees": [{"contact_id": "c-1"}, {"email": "b@x.example"}]}
    assert said("meeting.created", meeting) == (["c-1"], ["b@x.example"], [], ["m-1"])


@pytest.mark.parametrize(
    "data",
    [
        None,
        7,
        "x",
        [],
        [7, None],
        {"id": None},
        {"id": True},
        {"id": "\ud800"},
        {"id": "a\x00"},
        {"id": "x" * 256},
        {"id": []},
    ],
)
def test_what_names_nobody_leads_nowhere(data):
    assert said("contact.created", data) == ([], [], [], [])
    assert said("event.contacts_added", {"contacts": data}) == ([], [], [], [])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 100_000, b"9" * 9_999, b'{"data": 1}'])
def test_what_cannot_be_read_leads_nowhere(body):
    found = spoken_of(body)
    assert (found.contacts, found.emails, found.events, found.meetings, found.more) == ({}, {}, {}, {}, False)


def test_no_more_are_looked_for_than_a_page_shows():
    found = spoken_of(json.dumps({"type": "contact.created", "data": [{"id": n} for n in range(500)]}).encode())
    assert (len(found.contacts), found.more) == (MOST, True)
