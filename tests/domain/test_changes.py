"""What a decoded delivery says about contacts, companies, events and attendances."""

from __future__ import annotations

from contactsync.domain.changes import ContactChange, changes_of
from contactsync.domain.merge import version_of

SENT = "2026-11-24T09:00:00.000000Z"
UPDATED = "2026-11-24T08:00:00.000000Z"


def one_contact(**item: object) -> ContactChange:
    (change,) = changes_of("contact.updated", SENT, ({"id": "c-1", **item},), 7).contacts
    return change


def test_nested_fields_become_paths_and_absent_ones_say_nothing() -> None:
    change = one_contact(first_name="Ada", address={"city": "London"}, custom={"vip": False}, social=None)
    assert change.changes == {
        "first_name": "Ada",
        "address.city": "London",
        "custom.vip": False,
        "social": None,
        "deleted": False,
    }


def test_the_version_is_updated_at_else_the_envelopes_time_with_arrival_last() -> None:
    assert one_contact(updated_at=UPDATED).version == version_of(UPDATED, SENT, 7000)
    assert one_contact().version == version_of(None, SENT, 7000)


def test_a_company_by_name_and_one_by_id_are_told_apart_and_its_domain_is_normalised() -> None:
    by_name = one_contact(company="Acme  Inc.")
    by_id = one_contact(company={"id": "co-1", "name": "Acme", "domain": "https://WWW.Acme.com/about"})
    assert by_name.company is not None
    assert by_name.changes["company"] == by_name.company.key
    assert by_name.company.key.startswith("name:")
    assert by_id.company is not None
    assert by_id.company.key == "id:co-1"
    assert by_id.company.changes == {"name": "Acme", "domain": "acme.com"}


def test_a_company_that_names_nothing_says_nothing_and_null_clears_it() -> None:
    assert "company" not in one_contact(company={}).changes
    assert one_contact(company=None).changes["company"] is None


def test_a_deleted_contact_says_only_that() -> None:
    (change,) = changes_of("contact.deleted", SENT, ({"id": "c-1", "email": "a@b.co"},), 7).contacts
    assert change.changes == {"deleted": True}


def test_events_null_removes_every_attendance_and_an_entry_adds_one() -> None:
    assert one_contact(events=None).changes["events"] is None
    change = one_contact(events=[{"id": "e-1", "status": "attended"}, {"id": "e-2"}])
    assert [(a.event_id, a.who, a.status, a.removed) for a in change.attendances] == [
        ("e-1", "id:c-1", "attended", False),
        ("e-2", "id:c-1", None, False),
    ]
    assert "events" not in change.changes


def test_a_roster_names_people_by_id_or_by_address_and_may_remove_them() -> None:
    item = {"event_id": "e-1", "contacts": [{"id": "c-1", "status": "attended"}, {"email": "Ada@B.co"}]}
    added = changes_of("event.contacts_added", SENT, (item,), 7).attendances
    assert [(a.who, a.status, a.removed) for a in added] == [
        ("id:c-1", "attended", False),
        ("email:ada@b.co", None, False),
    ]
    removed = changes_of("event.contacts_removed", SENT, (item,), 8).attendances
    assert [a.removed for a in removed] == [True, True]


def test_an_event_keeps_its_fields_and_cancelled_is_a_status() -> None:
    (change,) = changes_of("event.cancelled", SENT, ({"id": "e-1", "name": "Summit", "custom": {"hall": 3}},), 7).events
    assert change.changes == {"name": "Summit", "custom.hall": 3, "deleted": False, "status": "cancelled"}
    (gone,) = changes_of("event.deleted", SENT, ({"id": "e-1"},), 7).events
    assert gone.changes["deleted"] is True
