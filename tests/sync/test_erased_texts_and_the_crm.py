"""What an erasure took out of other people's texts is not sent to the CRM as if somebody had changed it at the source."""

from __future__ import annotations

from typing import Any

from contactsync.domain.person import ERASED
from contactsync.store import tables as t
from contactsync.sync.erasing import erase_person
from tests.sync.conftest import World, ada

ADA = "ada.love@engines.example"
NOTE = f"Met at the booth with {ADA}, wants an offer"


def bob(**more: Any) -> dict[str, Any]:
    return ada(id="c-5", last_name="Bob", email="bob@other.example", company="Other", **more)


def lead(world: World) -> dict[str, Any]:
    (found,) = [one for one in world.crm("Lead") if one["LastName"] == "Bob"]
    return found


def test_a_colleagues_note_stands_in_the_crm_as_it_was_until_the_source_says_another(connected: World) -> None:
    connected.contact(bob(note=NOTE, title="CEO"))
    connected.sync()
    before = lead(connected)
    assert before["Description"] == NOTE
    erase_person(connected.parts, connected.org_id, ADA)
    connected.contact({"id": "c-5", "title": "Chair"})
    connected.sync()
    now = lead(connected)
    assert (now["Title"], now["Description"]) == ("Chair", NOTE)
    step = connected.rows(t.sync_run)[-1].steps[0]
    assert set(step["fields"]) == {"Title"}
    assert "erased" in step["left"]["Description"]
    connected.contact({"id": "c-5", "note": "wants two offers"})
    connected.sync()
    assert lead(connected)["Description"] == "wants two offers"


def test_what_waits_overwrites_no_note_with_what_is_left_of_its_own_but_fills_an_empty_one(connected: World) -> None:
    connected.contact(bob(note="wants an offer"))
    connected.sync()
    connected.contact({"id": "c-5", "note": NOTE}, ada(id="c-6", last_name="New", email="new@other.example", note=NOTE))
    erase_person(connected.parts, connected.org_id, ADA)
    connected.sync()
    assert lead(connected)["Description"] == "wants an offer"
    (new,) = [one for one in connected.crm("Lead") if one["LastName"] == "New"]
    assert new["Description"] == f"Met at the booth with {ERASED}, wants an offer"


def test_a_meetings_activity_keeps_its_words_and_is_still_cancelled(connected: World) -> None:
    connected.contact(bob(), ada(id="c-ada", first_name="Adalina", last_name="Lovelacy", email=ADA))
    times = {"starts_at": "2026-11-24T10:00:00Z", "ends_at": "2026-11-24T11:00:00Z"}
    said = {"title": "Adalina Lovelacy and Bob", "notes": f"Ask {ADA}"}
    connected.meeting(**said, **times, attendees=[{"contact_id": "c-5"}, {"contact_id": "c-ada"}])
    connected.sync()
    (before,) = connected.crm("Event")
    assert before["Subject"] == "Adalina Lovelacy and Bob"
    erase_person(connected.parts, connected.org_id, ADA)
    connected.meeting(location="Hall 7")
    connected.sync()
    (now,) = connected.crm("Event")
    assert (now["Location"], now["Subject"], now["Description"]) == ("Hall 7", before["Subject"], before["Description"])
    connected.meeting(kind="meeting.cancelled")
    connected.sync()
    (now,) = connected.crm("Event")
    assert now["Subject"] == "Cancelled: Adalina Lovelacy and Bob"
    connected.meeting(title="Lunch", status="scheduled", notes="Soup")
    connected.sync()
    (now,) = connected.crm("Event")
    assert now["Subject"] == "Lunch"
    assert now["Description"].startswith("Soup")


def test_a_title_and_notes_that_were_nothing_but_the_person_do_not_make_the_activity_untitled(connected: World) -> None:
    connected.contact(bob(), ada(id="c-ada", first_name="Adalina", last_name="Lovelacy", email=ADA))
    times = {"starts_at": "2026-11-24T10:00:00Z", "ends_at": "2026-11-24T11:00:00Z"}
    connected.meeting(title=ADA, notes=ADA, **times, attendees=[{"contact_id": "c-5"}, {"contact_id": "c-ada"}])
    connected.sync()
    (before,) = connected.crm("Event")
    erase_person(connected.parts, connected.org_id, ADA)
    connected.meeting(location="Hall 7")
    connected.sync()
    (now,) = connected.crm("Event")
    assert (now["Location"], now["Subject"], now["Description"]) == ("Hall 7", ADA, before["Description"])
