"""What people do from the doors: API, command line and, later, the console act through these alone."""

from __future__ import annotations

from contactsync.sync.carrying import Difference, export_org, import_diff, import_org
from contactsync.sync.choosing import connect_event, mapping, set_mapping, set_policies
from contactsync.sync.connecting import connect, target_of
from contactsync.sync.editing import Edited, edit_contacts, wait_for_edit
from contactsync.sync.erasing import NotFinished, allow_person, erase_person
from contactsync.sync.exporting import TooMuch, export_person
from contactsync.sync.mending import CheckedProblem, check_problem
from contactsync.sync.previewing import NotReady, preview, preview_many, preview_meeting
from contactsync.sync.replaying import NoRoom, Replayed, replay
from contactsync.sync.resyncing import cancel_resync, resync_progress, start_resync, sync_meeting_now, sync_now
from contactsync.sync.undoing import undo

__all__ = [
    "CheckedProblem",
    "Difference",
    "Edited",
    "NoRoom",
    "NotFinished",
    "NotReady",
    "Replayed",
    "TooMuch",
    "allow_person",
    "cancel_resync",
    "check_problem",
    "connect",
    "connect_event",
    "edit_contacts",
    "erase_person",
    "export_org",
    "export_person",
    "import_diff",
    "import_org",
    "mapping",
    "preview",
    "preview_many",
    "preview_meeting",
    "replay",
    "resync_progress",
    "set_mapping",
    "set_policies",
    "start_resync",
    "sync_meeting_now",
    "sync_now",
    "target_of",
    "undo",
    "wait_for_edit",
]
