"""Everything that a sync is made from, and nothing else, is in the fingerprint."""

from __future__ import annotations

import pytest

from contactsync.domain.fingerprint import fingerprint
from contactsync.domain.policy import Policies
from contactsync.domain.records import Attendance, Company
from tests.domain.made import LEAD, MAPPING, mapping_with, ready, ref, rule

BASE = {"title": "Countess", "company": Company("id:7", "Acme", "acme.com"), "attendances": [("701A", "registered")]}


def printed(mapping=MAPPING, policies=None, **said):
    return fingerprint(ready(**{**BASE, **said}), mapping, policies or Policies())


def test_it_is_64_hex_digits_and_the_same_every_time():
    assert printed() == printed()
    assert len(printed()) == 64
    assert int(printed(), 16)


@pytest.mark.parametrize("sync_as", ["lead", "contact"])
@pytest.mark.parametrize(
    "said",
    [
        {"title": "Duchess"},
        {"title": None},
        {"email": "ada@other.com"},
        {"address__city": "Paris"},
        {"owner": "sales@acme.com"},
        {"company": Company("id:7", "Acme Inc", "acme.com")},
        {"attendances": [("701A", "attended")]},
        {"attendances": [("701B", "registered")]},
        {"attendances": [("701A", "registered"), ("701B", "registered")]},
        {"policies": Policies(create_accounts=False)},
        {"mapping": MAPPING.replaced("contact", (*MAPPING.rules["contact"], rule("custom.x", "X__c")))},
    ],
    ids=str,
)
def test_whatever_a_sync_is_made_from_changes_it(said, sync_as):
    assert printed(**said, sync_as=sync_as) != printed(sync_as=sync_as)


def test_sync_as_changes_it():
    assert printed(sync_as="contact") != printed(sync_as="lead")


@pytest.mark.parametrize(
    "said",
    [
        {"custom__shoe_size": 42},
        {"changed": "2027"},
        {"person": ref(LEAD, 1)},
        {"why": ("told",)},
        {"attendances": [Attendance("another event", "registered", "701A")]},
        {"attendances": [("701A", "registered"), Attendance("e9", "registered")]},
        {"attendances": [("701A", "registered"), Attendance("e9", "registered", "701B", removed=True)]},
        {"mapping": mapping_with("lead", rule("social.twitter", "", "off"))},
        {"mapping": MAPPING.replaced("account", ())},
    ],
    ids=str,
)
def test_what_no_sync_is_made_from_does_not(said):
    assert printed(**said) == printed()


def test_an_account_that_was_picked_matters_to_a_contact_and_not_to_a_lead():
    picked = Company("id:7", "Acme", "acme.com", "001A")
    assert printed(company=picked) == printed()
    assert printed(company=picked, sync_as="contact") != printed(sync_as="contact")


def test_the_order_of_attendances_does_not_matter():
    both = [("701A", "registered"), ("701B", "attended")]
    assert printed(attendances=both) == printed(attendances=both[::-1])


def test_true_and_one_and_text_are_different_values():
    mapping = mapping_with("lead", rule("custom.x", "X__c"))
    assert len({printed(mapping, custom__x=value) for value in (True, 1, "1", "true", None)}) == 5


def test_text_that_is_no_valid_unicode_does_not_break_it():
    assert printed(title="\ud800") != printed()
