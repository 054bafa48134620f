"""Policies as people write them."""

from __future__ import annotations

import json

import pytest

from contactsync.domain.errors import RefusedInput
from contactsync.domain.policy import DEFAULT_STATUS_MAP, Policies, SeveralMatches
from contactsync.domain.policy_json import policies_as_json, policies_from_json
from contactsync.domain.records import SyncAs


def refused(written):
    with pytest.raises(RefusedInput) as refusal:
        policies_from_json(written)
    return refusal.value.fields


def test_what_is_left_out_has_its_default():
    assert policies_from_json({}) == Policies()


def test_everything_that_is_said_is_read():
    read = policies_from_json({"sync_as_default": "lead", "several_matches": "stop", "create_accounts": False})
    assert read == Policies(SyncAs.LEAD, SeveralMatches.STOP, create_accounts=False)
    assert policies_from_json({"sync_as_default": None}).sync_as_default is None


def test_policies_written_out_read_back_the_same():
    statuses = {**DEFAULT_STATUS_MAP, "vip": ("VIP",)}
    policies = Policies(SyncAs.CONTACT, SeveralMatches.MOST_RECENT, create_accounts=False, status_map=statuses)
    assert policies_from_json(json.loads(json.dumps(policies_as_json(policies)))) == policies


def test_a_status_map_changes_what_it_names_and_keeps_the_rest():
    read = policies_from_json({"status_map": {" Attended ": "Showed Up", "vip": ["VIP", " Sent "], "invited": []}})
    assert read.status_map["attended"] == ("Showed Up",)
    assert read.status_map["vip"] == ("VIP", "Sent")
    assert read.status_map["invited"] == ()
    assert read.status_map["registered"] == DEFAULT_STATUS_MAP["registered"]


def test_an_unknown_policy_is_refused_with_the_known_ones():
    message = refused({"prefer_existing": True})["prefer_existing"]
    assert "sync_as_default, several_matches, create_accounts, status_map" in message


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ({"sync_as_default": "Lead!"}, "sync_as_default"),
        ({"several_matches": "last"}, "several_matches"),
        ({"several_matches": None}, "several_matches"),
        ({"several_matches": ["first"]}, "several_matches"),
        ({"create_accounts": "yes"}, "create_accounts"),
        ({"create_accounts": 1}, "create_accounts"),
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
