"""What people do from the doors: API, command line and, later, the console act through these alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contactsync.domain.batch import Incomplete, Plan
from contactsync.domain.crm import CrmTarget, Problem
from contactsync.domain.errors import RefusedInput
from contactsync.domain.mapping import MAPPED_KINDS
from contactsync.domain.mapping_check import check_rules
from contactsync.domain.mapping_json import rules_as_json, rules_from_json
from contactsync.domain.plan import plan
from contactsync.domain.wanted import wanted
from contactsync.store import choices, connections, orgs, queue
from contactsync.store.engine import reading, writing
from contactsync.sync.batch import NOT_CONNECTED, make_ready
from contactsync.sync.parts import Parts
from contactsync.sync.rules import rules_of
from contactsync.sync.targets import asking

MOST_EVENT_ID = 255
MOST_CAMPAIGN_ID = 64


class NotReady(RefusedInput):
    """The contact cannot be planned; the message says why and what to do."""


def target_of(parts: Parts, org_id: int) -> CrmTarget | None:
    """The org's CRM, None when it is not connected. Raises PluginBroken."""
    bound = parts.targets.of(org_id)
    return bound.target if bound else None


def connect(
    parts: Parts, org_id: int, target: str, settings: Mapping[str, str], credentials: Mapping[str, str]
) -> None:
    """Connect an org to a CRM, and let go what waited for that. Raises RefusedInput naming each wrong setting.

    In another CRM than before nothing is synced yet: every contact goes again, and is matched there.
    """
    wrong = parts.plugins.target_type(target).check_settings(settings, credentials)
    if wrong:
        raise RefusedInput("the connection's settings are wrong", dict(wrong))
    now = parts.now()
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        before = connections.present(db, org_id)
        connection_id = connections.connect(db, parts.vault, org_id, target, settings, credentials, now)
        if before is not None and before.id != connection_id:
            queue.mark_all_due(db, org_id, now)
        else:
            stopped_by = before.problem["code"] if before is not None and before.problem else None
            queue.release_held(db, org_id, stopped_by, now)
    parts.bell.ring(org_id)


def sync_now(parts: Parts, org_id: int, contact_id: str) -> bool:
    """Put one contact into the queue, to be brought to the CRM even if nothing changed; False: no such contact."""
    with writing(parts.engine) as db:
        found = queue.mark_one_due(db, org_id, contact_id, parts.now())
    if found:
        parts.bell.ring(org_id)
    return found


def preview(parts: Parts, org_id: int, contact_id: str) -> Plan | None:
    """What a sync of the contact would do now; reads the CRM and writes nothing. None: no such contact.

    Raises NotReady for a contact that is incomplete, deleted or whose org is not connected; TargetError.
    """
    bound = parts.targets.of(org_id)
    with reading(parts.engine) as db:
        one = queue.read_contact(db, org_id, bound.row.id if bound else None, contact_id)
        slug = queue.slug_of(db, org_id)
        if one is None or slug is None:
            return None
        rules = rules_of(db, parts, org_id, slug, bound.row.target if bound else None)
    if bound is None:
        raise NotReady(f"{NOT_CONNECTED.cause} {NOT_CONNECTED.fix}")
    if one.contact.deleted:
        raise NotReady("The contact was deleted at the event platform: nothing of it is synced any more.")
    made = make_ready(parts, rules, one)
    if isinstance(made, Problem):
        raise NotReady(f"{made.cause} {made.fix}")
    if isinstance(made, Incomplete):
        missing = dict.fromkeys(made.missing, "is missing: nothing is sent before the event platform sends it")
        raise NotReady("The contact is incomplete.", missing)
    try:
        with asking(bound):
            found = bound.target.look_up(wanted([made], rules.mapping))
    finally:
        bound.connection.flush()
    return plan([made], found, rules.mapping, rules.policies)


def connect_event(parts: Parts, org_id: int, event_id: str, campaign_id: str | None) -> int:
    """Connect an event to a campaign, heard of or not, or disconnect it (None). Answers how many sync again.

    Raises RefusedInput for ids that no event and no campaign can have.
    """
    wrong = {}
    if not event_id.strip() or len(event_id) > MOST_EVENT_ID:
        wrong["event_id"] = f"write the event platform's id of the event, 1 to {MOST_EVENT_ID} characters"
    if campaign_id is not None and not (campaign_id.strip() and len(campaign_id) <= MOST_CAMPAIGN_ID):
        wrong["campaign_id"] = f"write the CRM's id of the campaign, 1 to {MOST_CAMPAIGN_ID} characters"
    if wrong:
        raise RefusedInput("the event cannot be connected so", wrong)
    now = parts.now()
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        changed = choices.choose_campaign(db, org_id, event_id, campaign_id, now)
        marked = queue.mark_attendees_due(db, org_id, event_id, now) if changed else 0
    if marked:
        parts.bell.ring(org_id)
    return marked


def mapping(parts: Parts, org_id: int) -> dict[str, Any]:
    """The org's mapping as it holds now: kind → `{"rules": […]}`."""
    bound = parts.targets.of(org_id)
    with reading(parts.engine) as db:
        rules = rules_of(db, parts, org_id, "", bound.row.target if bound else None)
    return {kind: rules_as_json(rules.mapping.rules.get(kind, ())) for kind in MAPPED_KINDS}


def set_mapping(parts: Parts, org_id: int, kind: str, said: Mapping[str, Any]) -> bool:
    """Keep one kind's rules; False when the org is not connected, so that they could not be held against its fields.

    What the new rules change is sent with each contact's next sync. Raises RefusedInput naming each wrong rule,
    TargetError.
    """
    rules = rules_from_json(kind, said)
    bound = parts.targets.of(org_id)
    if bound is not None:
        try:
            check_rules(kind, rules, bound.target.describe(MAPPED_KINDS[kind]))
        finally:
            bound.connection.flush()
    with writing(parts.engine) as db:
        orgs.set_mapping_json(db, org_id, kind, rules_as_json(rules))
    return bound is not None


def set_policies(parts: Parts, org_id: int, said: Mapping[str, Any]) -> None:
    """Change some of the org's policies. Contacts that were incomplete are looked at again: one may be ready now."""
    now = parts.now()
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        orgs.set_policies(db, org_id, said)
        released = queue.mark_incomplete_due(db, org_id, now)
    if released:
        parts.bell.ring(org_id)
