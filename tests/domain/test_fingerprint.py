"""Everything that a sync is made from, and nothing else, is in the fingerprint."""

from __future__ import annotations

import pytest

from contactsync.domain.fingerprint import fingerprint
from contactsync.domain.policy import DuplicateRules, MoveAccounts, Policies, RemovedAttendance, SeveralMatches
from contactsync.domain.records import Attendance, Company, SyncAs
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
        {"policies": Policies(several_matches=SeveralMatches.STOP)},
        {"policies": Policies(prefer_existing=True)},
        {"policies": Policies(move_accounts=MoveAccounts.ALWAYS)},
        {"policies": Policies(removed_attendance=RemovedAttendance.REMOVE)},
        {"policies": Policies(create_member_statuses=False)},
        {"policies": Policies(status_map={"registered": ("Coming",)})},
        {
            "mapping": MAPPING.replaced(
                "contact", (*MAPPING.rules["contact"], rule("note", "X__c", "append", separator="|"))
            )
        },
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
        {"mapping": MAPPING.replaced("meeting", ())},
        {"mapping": MAPPING.replaced("campaign", ())},
        {"policies": Policies(sync_as_default=SyncAs.CONTACT)},
        {"policies": Policies(duplicate_rules=DuplicateRules.ALLOW)},
        {"policies": Policies(create_campaigns=True)},
        {"policies": Policies(reserve_percent=50)},
    ],
    ids=str,
)
def test_what_no_sync_is_made_from_does_not(said):
    assert printed(**said) == printed()


def test_an_account_that_was_picked_matters_to_a_contact_and_not_to_a_lead():
    picked = Company("id:7", "Acme", "acme.com", "001A")
    assert printed(company=picked) == printed()
    assert printed(company=picked, sync_as="contact") != printed(sync_as="contact")


def test_a_removed_attendance_matters_where_the_org_wants_it_to_and_nothing_else_brings_the_contact_there():
    def with_removed(campaign, policy):
        going = [("701A", "registered"), Attendance("e9", "registered", campaign, removed=True)]
        return printed(attendances=going, policies=Policies(removed_attendance=policy))

    for policy in (RemovedAttendance.STATUS, RemovedAttendance.REMOVE):
        without = printed(policies=Policies(removed_attendance=policy))
        assert with_removed("701B", policy) != without
        assert with_removed("701A", policy) == without
        assert with_removed(None, policy) == without


def test_a_leads_rules_matter_to_a_contact_that_may_be_one():
    other = mapping_with("lead", rule("title", "Other__c"))
    either = Policies(prefer_existing=True)
    assert printed(other, sync_as="contact") == printed(sync_as="contact")
    assert printed(other, either, sync_as="contact") != printed(policies=either, sync_as="contact")


def test_the_order_of_attendances_does_not_matter():
    both = [("701A", "registered"), ("701B", "attended")]
    assert printed(attendances=both) == printed(attendances=both[::-1])


def test_true_and_one_and_text_are_different_values():
    mapping = mapping_with("lead", rule("custom.x", "X__c"))
    assert len({printed(mapping, custom__x=value) for value in (True, 1, "1", "true", None)}) == 5


def test_text_that_is_no_valid_unicode_does_not_break_it():
    assert printed(title="\ud800") != printed()
