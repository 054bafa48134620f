"""Policies as people write them."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from contactsync.domain.errors import RefusedInput
from contactsync.domain.policy import (
    DEFAULT_STATUS_MAP,
    DuplicateRules,
    MoveAccounts,
    Policies,
    RemovedAttendance,
    SeveralMatches,
)
from contactsync.domain.policy_json import policies_as_json, policies_from_json
from contactsync.domain.records import SyncAs


def refused(written):
    with pytest.raises(RefusedInput) as refusal:
        policies_from_json(written)
    return refusal.value.fields


def test_what_is_left_out_has_its_default():
    assert policies_from_json({}) == Policies()


EVERYTHING = {
    "sync_as_default": "lead",
    "several_matches": "stop",
    "prefer_existing": True,
    "create_accounts": False,
    "move_accounts": "if_ours",
    "duplicate_rules": "allow",
    "removed_attendance": "remove",
    "create_member_statuses": False,
    "create_campaigns": True,
    "review_inbox": True,
    "reserve_percent": 35,
    "keep_bodies_days": 7,
    "keep_deliveries_days": 90,
    "keep_runs_days": 1,
}


def test_everything_that_is_said_is_read():
    assert policies_from_json(EVERYTHING) == Policies(
        sync_as_default=SyncAs.LEAD,
        several_matches=SeveralMatches.STOP,
        prefer_existing=True,
        create_accounts=False,
        move_accounts=MoveAccounts.IF_OURS,
        duplicate_rules=DuplicateRules.ALLOW,
        removed_attendance=RemovedAttendance.REMOVE,
        create_member_statuses=False,
        create_campaigns=True,
        review_inbox=True,
        reserve_percent=35,
        keep_bodies_days=7,
        keep_deliveries_days=90,
        keep_runs_days=1,
    )
    assert policies_from_json({"sync_as_default": None}).sync_as_default is None
    assert [policies_from_json({"reserve_percent": percent}).reserve_percent for percent in (0, 90)] == [0, 90]


def test_every_policy_there_is_can_be_written_and_is_shown():
    assert (
        set(EVERYTHING) | {"status_map"}
        == {known.name for known in fields(Policies)}
        == set(policies_as_json(Policies()))
    )


def test_policies_written_out_read_back_the_same():
    policies = policies_from_json({**EVERYTHING, "status_map": {"vip": "VIP"}})
    assert policies.status_map == {**DEFAULT_STATUS_MAP, "vip": ("VIP",)}
    assert policies_from_json(json.loads(json.dumps(policies_as_json(policies)))) == policies


def test_a_status_map_changes_what_it_names_and_keeps_the_rest():
    read = policies_from_json({"status_map": {" Attended ": "Showed Up", "vip": ["VIP", " Sent "], "invited": []}})
    assert read.status_map["attended"] == ("Showed Up",)
    assert read.status_map["vip"] == ("VIP", "Sent")
    assert read.status_map["invited"] == ()
    assert read.status_map["registered"] == DEFAULT_STATUS_MAP["registered"]


def test_an_unknown_policy_is_refused_with_the_known_ones():
    message = refused({"delete_contacts": True})["delete_contacts"]
    assert all(key in message for key in (*EVERYTHING, "status_map"))


def test_a_wrong_word_is_refused_with_the_right_ones():
    assert refused({"move_accounts": "yes"}) == {"move_accounts": "Write never, if_ours or always."}
    assert refused({"duplicate_rules": "x"}) == {"duplicate_rules": "Write respect or allow."}
    assert refused({"removed_attendance": "x"}) == {"removed_attendance": "Write keep, status or remove."}
    assert refused({"several_matches": "x"}) == {"several_matches": "Write first, most_recent or stop."}
    assert refused({"sync_as_default": "x"}) == {"sync_as_default": "Write lead, contact or null."}
    assert "0 to 90" in refused({"reserve_percent": 91})["reserve_percent"]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ({"sync_as_default": "Lead!"}, "sync_as_default"),
        ({"several_matches": "last"}, "several_matches"),
        ({"several_matches": None}, "several_matches"),
        ({"several_matches": ["first"]}, "several_matches"),
        ({"create_accounts": "yes"}, "create_accounts"),
        ({"create_accounts": 1}, "create_accounts"),
        ({"prefer_existing": None}, "prefer_existing"),
        ({"create_campaigns": "true"}, "create_campaigns"),
        ({"create_member_statuses": 0}, "create_member_statuses"),
        ({"move_accounts": True}, "move_accounts"),
        ({"reserve_percent": True}, "reserve_percent"),
        ({"reserve_percent": 10.5}, "reserve_percent"),
        ({"reserve_percent": -1}, "reserve_percent"),
        ({"reserve_percent": 91}, "reserve_percent"),
        ({"status_map": []}, "status_map"),
        ({"status_map": {"attended": 5}}, "status_map.attended"),
        ({"status_map": {"attended": ["Yes", ""]}}, "status_map.attended"),
        ({"status_map": {" ": "Sent"}}, "status_map. "),
        ([], ""),
    ],
)
def test_a_wrong_policy_is_refused_by_path(written, path):
    assert list(refused(written)) == [path]


def test_every_wrong_policy_is_named_at_once():
    assert set(refused({"x": 1, "create_accounts": 2})) == {"x", "create_accounts"}
