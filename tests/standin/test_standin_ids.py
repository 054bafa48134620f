from __future__ import annotations

import pytest

from contactsync.standin.ids import PREFIXES, canonical, make_id, with_checksum


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("001R00000064wdt", "001R00000064wdtIAA"),  # from Salesforce's composite documentation
        ("005000000000000", "005000000000000AAA"),
        ("00QABCDEFGHIJKL", "00QABCDEFGHIJKL255"),
    ],
)
def test_the_checksum_spells_the_capitals_of_each_five_characters(short, full):
    assert with_checksum(short) == full


def test_an_id_is_the_same_with_15_and_with_18_characters():
    assert canonical("001R00000064wdt") == canonical("001R00000064wdtIAA") == "001R00000064wdtIAA"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "001R00000064wd",
        "001R00000064wdtI",
        "001R00000064wdtIAB",
        "001R00000064wd-",
        5,
        None,
        "００１R00000064wdt",
    ],
)
def test_what_is_no_id_has_no_canonical_form(text):
    assert canonical(text) is None


def test_running_numbers_give_ids_that_differ_only_in_case_as_in_salesforce():
    ids = [make_id(PREFIXES["Lead"], number) for number in range(1, 100)]
    shorts = [found[:15] for found in ids]
    assert len(set(ids)) == len(ids)
    assert len({short.lower() for short in shorts}) < len(shorts)
    assert len({found.lower() for found in ids}) == len(ids)  # the checksum tells them apart
    assert ids == sorted(ids)


def test_every_object_has_its_recorded_prefix():
    assert PREFIXES["Lead"] == "00Q"
    assert PREFIXES["CampaignMember"] == "00v"
    assert PREFIXES["CampaignMemberStatus"] == "01Y"
