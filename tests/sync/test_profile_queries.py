"""What the page of a contact reads is the same on both databases."""

from __future__ import annotations

from contactsync.store import pages_profile, pages_runs
from contactsync.store.engine import reading
from contactsync.store.views_paging import Slice
from contactsync.sync.actions import edit_contacts
from tests.sync.conftest import World, ada


def test_a_contact_is_read_with_all_that_is_its_own_and_the_edit_that_waits(connected: World) -> None:
    connected.event(name="Expo", campaign_id=connected.seed(Campaign=[{"Name": "Expo"}])["Campaign"][0])
    connected.contact(ada(sync_as="contact", events=[{"id": "e-1", "status": "attended"}]))
    connected.meeting(
        title="Talk",
        starts_at="2026-11-24T10:00:00Z",
        ends_at="2026-11-24T11:00:00Z",
        attendees=[{"contact_id": "c-1"}],
    )
    connected.sync()
    edit_contacts(connected.parts, connected.org_id, {"c-1": {"title": "Countess", "address.city": "London"}})
    org_id, key = connected.org_id, connected.row("c-1").id
    with reading(connected.parts.engine) as db:
        shown = pages_profile.profile(db, org_id, key)
        assert shown is not None
        assert (shown.status, shown.name, shown.crm_kind) == ("synced", "Ada Lovelace", "Contact")
        assert shown.crm_id is not None
        assert shown.company is not None
        assert (shown.company.name, shown.company.linked) == ("Engines", True)
        (event,) = pages_profile.profile_events(db, org_id, shown)
        assert (event.name, event.status, event.member_id is not None) == ("Expo", "attended", True)
        (meeting,) = pages_profile.profile_meetings(db, org_id, shown)
        assert (meeting.title, meeting.crm_id is not None) == ("Talk", True)
        (run,), older = pages_runs.past_runs(db, org_id, "contact", shown.source_id, Slice(10))
        assert (run.outcome, run.of_present_crm, run.undone_by, older) == ("synced", True, None, None)
        assert pages_runs.past_run(db, org_id, "contact", shown.source_id, run.number) == run
        (origin,) = pages_profile.profile_deliveries(db, org_id, shown)
        assert (origin.door, "email" in origin.paths) == ("contacts", True)
        (edit,) = pages_profile.edits_that_wait(db, org_id, shown)
        assert (edit.by_hand, edit.paths) == (True, ("address.city", "title"))
        assert pages_profile.profile(db, org_id + 1, key) is None
