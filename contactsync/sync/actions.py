"""What people do from the doors: API, command line and, later, the console act through these alone."""

from __future__ import annotations

from contactsync.sync.approving import approve_contacts
from contactsync.sync.carrying import Difference, export_org, import_diff, import_org, mark_of_choices
from contactsync.sync.choosing import (
    ChangedMeanwhile,
    SavedPolicies,
    SavedRules,
    connect_event,
    create_campaign,
    mapping,
    present_rules,
    set_mapping,
    set_policies,
)
from contactsync.sync.choosing_sync_as import set_sync_as
from contactsync.sync.companies import (
    CompanyChanged,
    link_company,
    match_company,
    merge_companies,
    part_company,
    unlink_company,
)
from contactsync.sync.connecting import connect, disconnect, target_of
from contactsync.sync.editing import Edited, edit_contacts, wait_for_edit
from contactsync.sync.erasing import NotFinished, allow_person, erase_person
from contactsync.sync.exporting import TooMuch, export_person
from contactsync.sync.issuing import Given, add_secret, add_token, revoke_secret, revoke_token
from contactsync.sync.mending import (
    CheckedProblem,
    bring_back_problem,
    check_problem,
    dismiss_problem,
    note_problem_export,
    try_one,
)
from contactsync.sync.previewing import NotConnected, NotReady, preview, preview_many, preview_meeting
from contactsync.sync.replaying import NoRoom, Replayed, replay
from contactsync.sync.resyncing import (
    cancel_resync,
    resync_progress,
    start_resync,
    sync_many,
    sync_meeting_now,
    sync_now,
)
from contactsync.sync.trying import check_mapping, fields_of, forget_fields, preview_with_rules
from contactsync.sync.undoing import undo
from contactsync.sync.unmasking import show_body

__all__ = [
    "ChangedMeanwhile",
    "CheckedProblem",
    "CompanyChanged",
    "Difference",
    "Edited",
    "Given",
    "NoRoom",
    "NotConnected",
    "NotFinished",
    "NotReady",
    "Replayed",
    "SavedPolicies",
    "SavedRules",
    "TooMuch",
    "add_secret",
    "add_token",
    "allow_person",
    "approve_contacts",
    "bring_back_problem",
    "cancel_resync",
    "check_mapping",
    "check_problem",
    "connect",
    "connect_event",
    "create_campaign",
    "disconnect",
    "dismiss_problem",
    "edit_contacts",
    "erase_person",
    "export_org",
    "export_person",
    "fields_of",
    "forget_fields",
    "import_diff",
    "import_org",
    "link_company",
    "mapping",
    "mark_of_choices",
    "match_company",
    "merge_companies",
    "note_problem_export",
    "part_company",
    "present_rules",
    "preview",
    "preview_many",
    "preview_meeting",
    "preview_with_rules",
    "replay",
    "resync_progress",
    "revoke_secret",
    "revoke_token",
    "set_mapping",
    "set_policies",
    "set_sync_as",
    "show_body",
    "start_resync",
    "sync_many",
    "sync_meeting_now",
    "sync_now",
    "target_of",
    "try_one",
    "undo",
    "unlink_company",
    "wait_for_edit",
]
