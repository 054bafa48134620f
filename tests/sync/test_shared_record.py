"""Contacts with one e-mail address are one CRM record: what is newest holds, whichever of them is synced last (I4)."""

from __future__ import annotations

from contactsync.domain.records import SyncStatus
from tests.sync.conftest import World, ada

OLD, NEW, NEWEST = "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z"


def lead(world: World) -> dict[str, object]:
    (record,) = world.crm("Lead")
    return record


def test_an_older_contact_that_comes_later_fills_what_the_newer_left_open_and_overwrites_nothing(
    connected: World,
) -> None:
    connected.contact(ada(title="Countess", updated_at=NEW))
    connected.sync()
    connected.contact(ada(id="c-2", title="Analyst", phone="+44 1", updated_at=OLD))
    connected.sync()
    assert {name: lead(connected)[name] for name in ("Title", "Phone")} == {"Title": "Countess", "Phone": "+44 1"}
    assert {connected.row(name).status for name in ("c-1", "c-2")} == {SyncStatus.SYNCED}


def test_a_newer_contact_that_comes_later_overwrites(connected: World) -> None:
    connected.contact(ada(title="Analyst", updated_at=OLD))
    connected.sync()
    connected.contact(ada(id="c-2", title="Countess", updated_at=NEW))
    connected.sync()
    assert lead(connected)["Title"] == "Countess"


def test_a_contact_that_shares_its_record_is_written_down_once_and_not_again_and_again(connected: World) -> None:
    connected.contact(ada(title="Countess", updated_at=NEW))
    connected.contact(ada(id="c-2", title="Analyst", updated_at=OLD))
    connected.sync()
    connected.contact({"id": "c-2", "phone": "+44 1", "updated_at": NEWEST})
    connected.sync()
    connected.calls()
    assert not connected.sync()
    assert connected.calls() == 0


def test_one_that_was_deleted_or_is_incomplete_says_nothing_about_the_shared_record(connected: World) -> None:
    connected.contact(ada(title="Countess", updated_at=NEW))
    connected.sync()
    connected.contact({"id": "c-1", "updated_at": NEWEST}, kind="contact.deleted")
    connected.contact({"id": "c-3", "email": "ada@engines.example", "title": "Nobody", "updated_at": NEWEST})
    connected.contact(ada(id="c-2", title="Analyst", updated_at=OLD))
    connected.sync()
    assert lead(connected)["Title"] == "Analyst"
    assert connected.row("c-1").status == SyncStatus.EXCLUDED
    assert connected.row("c-3").status == SyncStatus.INCOMPLETE
