"""Reasons as marketers read them."""

from __future__ import annotations

import pytest

from contactsync.domain import person_steps, writes
from contactsync.web.console.reason_words import reason


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Owner: the CRM user with the e-mail address.", "Owner: the Salesforce user with the e-mail address."),
        (
            "No active standard user has the owner's e-mail address: the owner was left to the CRM.",
            "No active Salesforce user has the owner's e-mail address: the owner is chosen by Salesforce.",
        ),
        (writes.KEPT_ON_CREATE, "This rule writes new records only."),
        (writes.CLEARED, "It was cleared at the event platform, and the rule clears."),
        (person_steps.KEPT_IN_ACCOUNT, "Your org’s policies keep the Contact in the Account that it is in."),
        ("The status stays “made in the CRM”: none was made.", "The status stays “made in the CRM”: none was created."),
    ],
)
def test_a_reason_says_no_setting_and_nobodys_jargon(said: str, read: str) -> None:
    assert reason(said) == read
