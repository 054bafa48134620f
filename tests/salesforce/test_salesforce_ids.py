"""Ids of 15 and 18 characters are one id."""

from __future__ import annotations

import pytest
from contactsync_plugins.salesforce.ids import full_id, is_id, kind_of

from contactsync.api import RecordKind
from contactsync.standin.ids import make_id

REAL = "001D000000IRFmaIAH"  # from Salesforce's documentation


def test_the_checksum_is_salesforces() -> None:
    assert full_id(REAL[:15]) == REAL
    assert full_id(REAL) == REAL


def test_ids_that_differ_in_case_alone_stay_apart() -> None:
    assert full_id("001D000000IRFma") != full_id("001D000000IRFmA")


def test_every_id_of_the_stand_in_is_whole() -> None:
    for number in (1, 61, 62, 12345, 10**9):
        record_id = make_id("00Q", number)
        assert full_id(record_id[:15]) == record_id


@pytest.mark.parametrize(
    "text", ["", "001", "001D000000IRFm", "001D000000IRFmaIA", "001D000000IRFm'", REAL + "x", "é" * 15]
)
def test_what_is_no_id_is_known(text: str) -> None:
    assert not is_id(text)
    assert full_id(text) == text


def test_an_id_says_its_kind() -> None:
    assert kind_of(REAL) is RecordKind.ACCOUNT
    assert kind_of("00Q000000000001") is RecordKind.LEAD
    assert kind_of("500000000000001") is None
