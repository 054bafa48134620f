"""Policies in plain words: what each decides, what each choice means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contactsync.domain.policy_json import LEAST_KEPT, MOST_KEPT, MOST_RESERVED


@dataclass(frozen=True)
class Choice:
    """One answer to a policy's question. `value`: as the form sends it; `means`: what happens then."""

    value: str
    label: str
    means: str = ""


@dataclass(frozen=True)
class PolicyWords:
    """One policy as a question. `choices`: none for a number, which has `least`, `most` and a `unit`."""

    title: str
    means: str
    choices: tuple[Choice, ...] = ()
    least: int = 0
    most: int = 0
    unit: str = ""


YES, NO, NONE = "yes", "no", "none"


def _yes_or_no(yes: str, no: str) -> tuple[Choice, ...]:
    return Choice(YES, "Yes", yes), Choice(NO, "No", no)


POLICIES: Mapping[str, PolicyWords] = {
    "sync_as_default": PolicyWords(
        "Contacts that do not say what they go as",
        "Each contact goes to Salesforce as a Lead or as a Contact. This is for those that say neither.",
        (
            Choice(NONE, "Wait for somebody to choose", "They stand in the Leads Inbox as “Needs details”."),
            Choice("lead", "Go as Lead"),
            Choice("contact", "Go as Contact"),
        ),
    ),
    "review_inbox": PolicyWords(
        "Look at captured leads before they go",
        "People captured in the Leads Inbox may wait until somebody of your team approves them.",
        _yes_or_no("Nothing captured there goes to Salesforce before it is approved.", "They go as soon as they are complete."),
    ),
    "several_matches": PolicyWords(
        "Several records have the e-mail address",
        "Salesforce may hold the same person twice. Which one is kept up to date?",
        (
            Choice("first", "The oldest"),
            Choice("most_recent", "The newest"),
            Choice("stop", "Ask us", "The contact waits under Problems until the duplicates are merged."),
        ),
    ),
    "prefer_existing": PolicyWords(
        "Somebody is in Salesforce already, as the other kind",
        "A contact is to go as Lead and is a Contact in Salesforce already, or the other way about.",
        _yes_or_no(
            "The record that is there is kept up to date. No second one is made.",
            "Another record is made, as the contact says.",
        ),
    ),
    "duplicate_rules": PolicyWords(
        "A duplicate rule of Salesforce warns",
        "Your Salesforce may warn that a new record resembles another one. A rule that blocks always blocks.",
        (
            Choice("respect", "Use the record it resembles"),
            Choice("allow", "Make the new record all the same"),
        ),
    ),
    "create_accounts": PolicyWords(
        "Make Accounts for companies that have none",
        "A Contact belongs to an Account, found by website domain or by name.",
        _yes_or_no("A company that is not found gets an Account.", "Its Contacts go without an Account."),
    ),
    "move_accounts": PolicyWords(
        "Move a Contact to another Account",
        "A Contact is in Salesforce under another Account than its company’s.",
        (
            Choice("never", "Never", "It stays where your team put it."),
            Choice("if_ours", "Only if we put it there", "What your team moved stays."),
            Choice("always", "Always", "It goes to its company’s Account, whoever put it elsewhere."),
        ),
    ),
    "create_campaigns": PolicyWords(
        "Make campaigns for events that have none",
        "Those who take part in an event become members of its campaign.",
        _yes_or_no("Every event gets a campaign with its name.", "Connect the events you want under Events."),
    ),
    "create_member_statuses": PolicyWords(
        "Add missing statuses to campaigns",
        "A campaign may have none of the labels that you name below for an attendance.",
        _yes_or_no("The first label is added to the campaign.", "The member gets the campaign’s default status."),
    ),
    "removed_attendance": PolicyWords(
        "Somebody is taken out of an event",
        "What becomes of the campaign member?",
        (
            Choice("keep", "Stays as it is"),
            Choice("status", "Gets the status for “removed”", "You name it below."),
            Choice("remove", "Is taken out of the campaign", "The Lead or Contact itself stays."),
        ),
    ),
    "reserve_percent": PolicyWords(
        "Calls left to your other tools",
        "Salesforce allows so many calls in 24 hours, for all tools together. contactsync stops early enough to leave "
        "this share.",
        least=0, most=MOST_RESERVED, unit="percent",
    ),
    "keep_bodies_days": PolicyWords(
        "Keep what webhooks said",
        "After that only their time and outcome are kept, and they cannot be replayed any more.",
        least=LEAST_KEPT, most=MOST_KEPT, unit="days",
    ),
    "keep_deliveries_days": PolicyWords(
        "Keep the list of deliveries",
        "After that it is forgotten that they ever arrived.",
        least=LEAST_KEPT, most=MOST_KEPT, unit="days",
    ),
    "keep_runs_days": PolicyWords(
        "Keep the history of syncs",
        "After that it is no longer shown what a sync did and why, and it cannot be undone.",
        least=1, most=MOST_KEPT, unit="days",
    ),
}  # fmt: skip
"""By the policy's name, in the order of the page; `status_map` is a table of its own."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Who goes to Salesforce, and as what": ("sync_as_default", "review_inbox"),
    "Finding who is there already": ("several_matches", "prefer_existing", "duplicate_rules"),
    "Companies": ("create_accounts", "move_accounts"),
    "Events and campaigns": ("create_campaigns", "create_member_statuses", "removed_attendance"),
    "Limits and memory": ("reserve_percent", "keep_bodies_days", "keep_deliveries_days", "keep_runs_days"),
}

STATUS_MAP = PolicyWords(
    "Attendance and campaign status",
    "What a campaign member’s status becomes. Name several labels, best first: the first one that the campaign has is taken.",
)

ATTENDANCES: Mapping[str, str] = {
    "invited": "Invited",
    "waitlisted": "On the waiting list",
    "registered": "Registered",
    "cancelled": "Cancelled",
    "declined": "Declined",
    "no_show": "Did not come",
    "attended": "Attended",
    "removed": "Taken out of the event",
}


def policy_title(name: str) -> str:
    """What a policy is called."""
    return POLICIES[name].title if name in POLICIES else STATUS_MAP.title if name == "status_map" else name


def policy_value(name: str, value: Any) -> str:
    """A policy's value for people."""
    words = POLICIES.get(name)
    said = typed_policy(value)
    if words is not None and words.choices:
        return next((choice.label for choice in words.choices if choice.value == said), said)
    return f"{said} {words.unit}" if words is not None and words.unit else said


def typed_policy(value: Any) -> str:
    """A policy's value as the form sends it."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return YES if value else NO
    return str(value)
