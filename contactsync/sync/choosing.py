"""What people choose for an org: its mapping, its policies, its events' campaigns. What a choice mends goes again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from typing import Any

from contactsync.domain.crm import FieldCatalog, Mend
from contactsync.domain.errors import RefusedInput
from contactsync.domain.mapping import MAPPED_KINDS, FieldRule, WriteMode
from contactsync.domain.mapping_check import check_rules
from contactsync.domain.mapping_json import mark_of_rules, rules_as_json, rules_from_json
from contactsync.domain.policy import Policies
from contactsync.domain.policy_json import mark_of_policies, policies_as_json
from contactsync.domain.texts import separator_for
from contactsync.store import choices, connections, due, orgs, problems, queue, releases
from contactsync.store.audit import Audited, note
from contactsync.store.choices import EventKnown
from contactsync.store.engine import Connection as Db
from contactsync.store.engine import reading, writing
from contactsync.sync.parts import Parts
from contactsync.sync.previewing import NotConnected, NotReady
from contactsync.sync.rules import mapping_of
from contactsync.sync.targets import Bound, asking

MOST_EVENT_ID = 255
MOST_CAMPAIGN_ID = 64


def connect_event(parts: Parts, org_id: int, event_id: str, campaign_id: str | None) -> int:
    """Connect an event to a campaign, heard of or not, or disconnect it (None). Answers how many sync again.

    Raises RefusedInput for ids that no event and no campaign can have.
    """
    wrong = {}
    if not event_id.strip() or len(event_id) > MOST_EVENT_ID:
        wrong["event_id"] = f"write the event platform's id of the event, 1 to {MOST_EVENT_ID} characters"
    if campaign_id is not None and not _may_be_campaign_id(campaign_id):
        wrong["campaign_id"] = f"write the CRM's id of the campaign, 1 to {MOST_CAMPAIGN_ID} characters without spaces"
    if wrong:
        raise RefusedInput("the event cannot be connected so", wrong)
    now = parts.now()
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        before = choices.campaign_of(db, org_id, event_id)
        changed = choices.choose_campaign(db, org_id, event_id, campaign_id, now)
        marked = queue.mark_attendees_due(db, org_id, event_id, now) if changed else 0
        action = Audited.EVENT_DISCONNECTED if campaign_id is None else Audited.EVENT_CONNECTED
        said = {"campaign_id": {"old": before, "new": campaign_id}, "contacts": marked}
        note(db, org_id, parts.actor, action, now, about=event_id, details=said)
    if changed:
        parts.bell.ring(org_id)
    return marked


def _may_be_campaign_id(said: str) -> bool:
    return 0 < len(said) <= MOST_CAMPAIGN_ID and said.isascii() and said.isprintable() and " " not in said


def create_campaign(parts: Parts, org_id: int, event_id: str) -> bool:
    """Have a campaign made for one event, whatever the policy `create_campaigns` says; False: no such event.

    The org's worker makes it, as it makes those of the policy: never twice, and one that has the event's name and day is
    taken. Whoever takes part becomes a member then. Raises NotReady, saying why and what to do, for an event that has a
    campaign or no name, that was deleted, or whose org is not connected.
    """
    now = parts.now()
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        known = choices.event_known(db, org_id, event_id)
        if known is None:
            return False
        if connections.present(db, org_id) is None:
            raise NotConnected
        if reason := _no_campaign_because(known):
            raise NotReady(reason)
        choices.choose_own_campaign(db, org_id, event_id, now)
        note(db, org_id, parts.actor, Audited.CAMPAIGN_ASKED_FOR, now, about=event_id)
    parts.bell.ring(org_id)
    return True


def _no_campaign_because(known: EventKnown) -> str | None:
    if known.deleted:
        return "The event was deleted at the event platform: no campaign is made for it."
    if known.campaign_id is not None:
        return "The event is connected to a campaign already: disconnect it first."
    if not (known.name or "").strip():
        return "The event has no name yet: name it at the event platform, its campaign is called so."
    return None


def mapping(parts: Parts, org_id: int) -> dict[str, Any]:
    """The org's mapping as it holds now: kind → `{"rules": […]}`."""
    return {kind: rules_as_json(rules) for kind, rules in present_rules(parts, org_id).items()}


def present_rules(parts: Parts, org_id: int) -> dict[str, tuple[FieldRule, ...]]:
    """The org's rules as they hold now, by kind."""
    bound = parts.targets.of(org_id)
    with reading(parts.engine) as db:
        return rules_now(db, parts, org_id, bound)


def rules_now(db: Db, parts: Parts, org_id: int, bound: Bound | None) -> dict[str, tuple[FieldRule, ...]]:
    """The same, in a transaction."""
    holding = mapping_of(db, parts, org_id, bound.row.target if bound else None)
    return {kind: holding.rules.get(kind, ()) for kind in MAPPED_KINDS}


class ChangedMeanwhile(RefusedInput):
    """Somebody saved other choices after whoever sends these looked: nothing was kept."""


@dataclass(frozen=True)
class SavedRules:
    """What keeping one kind's rules came to. `checked`: they were held against the CRM's fields; False: the org is not
    connected. `changed`: they are others than before. `released`: so many records that waited for them go again now.
    """

    checked: bool
    changed: bool
    released: int


def set_mapping(parts: Parts, org_id: int, kind: str, said: Mapping[str, Any], seen: str | None = None) -> SavedRules:
    """Keep one kind's rules.

    What they mend goes again now; what they change otherwise is sent with each record's next sync. `seen`: mark_of_rules of
    what they were made from. Raises RefusedInput naming each wrong rule, ChangedMeanwhile when other rules hold now than
    were seen, TargetError.
    """
    rules = rules_from_json(kind, said)
    bound = parts.targets.of(org_id)
    if bound is not None:
        rules = fitted(bound, kind, rules)
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        before = rules_now(db, parts, org_id, bound)[kind]
        if seen is not None and seen != mark_of_rules(before):
            raise ChangedMeanwhile("Somebody else changed this mapping meanwhile.")
        released = keep_rules(db, parts, org_id, kind, before, rules)
    if released:
        parts.bell.ring(org_id)
    return SavedRules(bound is not None, list(before) != list(rules), released)


def fitted(bound: Bound, kind: str, rules: Sequence[FieldRule]) -> tuple[FieldRule, ...]:
    """The rules, held against the CRM's fields, with what `append` puts between two values where the rule does not say.

    Raises RefusedInput naming each wrong rule, TargetError.
    """
    try:
        with asking(bound):
            catalog = bound.target.describe(MAPPED_KINDS[kind])
    finally:
        bound.connection.flush()
    check_rules(kind, rules, catalog)
    return tuple(_with_separator(rule, catalog) for rule in rules)


def _with_separator(rule: FieldRule, catalog: FieldCatalog) -> FieldRule:
    if rule.mode is not WriteMode.APPEND or rule.separator is not None:
        return rule
    return replace(rule, separator=separator_for(catalog.fields.get(rule.target)))


def keep_rules(
    db: Db, parts: Parts, org_id: int, kind: str, before: Iterable[FieldRule], rules: Iterable[FieldRule]
) -> int:
    """Write one kind's rules down and release what they mend: problems of fields whose rules changed, no others."""
    old, new = list(before), list(rules)
    changed = [rule for rule in (*old, *new) if (rule in old) != (rule in new)]
    orgs.set_mapping_json(db, org_id, kind, rules_as_json(new))
    if not changed and len(old) == len(new):
        return 0
    said = {
        "taken_out": [_told(rule) for rule in old if rule not in new],
        "put_in": [_told(rule) for rule in new if rule not in old],
    }
    note(db, org_id, parts.actor, Audited.MAPPING_CHANGED, parts.now(), about=kind, details=said)
    if not changed:
        return 0
    return problems.release_mended(
        db,
        org_id,
        mends={Mend.MAPPING},
        object=MAPPED_KINDS[kind].value,
        fields={rule.target for rule in changed if rule.target},
        now=parts.now(),
    )


def _told(rule: FieldRule) -> dict[str, Any]:
    """A rule for the audit log: of what it writes by itself only that it does."""
    also = [name for name in ("clear", "values", "default", "separator") if getattr(rule, name)]
    return {"source": rule.source, "target": rule.target, "mode": rule.mode.value, "also": also}


@dataclass(frozen=True)
class SavedPolicies:
    """What keeping policies came to. `changed`: the names of those that are others than before. `released`: so many records
    that waited for them go again now; `resumed`: the whole connection stood still for one of them, and goes on.
    """

    changed: frozenset[str] = frozenset()
    released: int = 0
    resumed: bool = False

    @property
    def mended(self) -> bool:
        """Whether there is work now that there was not before."""
        return self.released > 0 or self.resumed


def set_policies(parts: Parts, org_id: int, said: Mapping[str, Any], seen: str | None = None) -> SavedPolicies:
    """Change some of the org's policies. Records that waited for another policy go again; with another `sync_as_default` or
    `review_inbox` incomplete contacts are looked at again, one may be ready now.

    `seen`: mark_of_policies of what the change was made from. Raises RefusedInput naming each wrong one, ChangedMeanwhile
    when others hold now than were seen.
    """
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        if seen is not None and seen != mark_of_policies(orgs.policies(db, org_id)):
            raise ChangedMeanwhile("Somebody else changed the policies meanwhile.")
        saved = keep_policies(db, parts, org_id, said)
    if saved.mended:
        parts.bell.ring(org_id)
    return saved


def keep_policies(db: Db, parts: Parts, org_id: int, said: Mapping[str, Any]) -> SavedPolicies:
    """Write policies down and release what those that changed mend."""
    now = parts.now()
    before = orgs.policies(db, org_id)
    orgs.set_policies(db, org_id, said)
    holding = orgs.policies(db, org_id)
    changed = {
        each.name for each in dataclass_fields(Policies) if getattr(before, each.name) != getattr(holding, each.name)
    }
    if changed:
        old, new = policies_as_json(before), policies_as_json(holding)
        said_now = {name: {"old": old[name], "new": new[name]} for name in sorted(changed)}
        note(db, org_id, parts.actor, Audited.POLICIES_CHANGED, now, details=said_now)
    released = 0
    if changed & {"sync_as_default", "review_inbox"}:
        released += releases.release_incomplete(db, org_id, now)
    if "create_campaigns" in changed and holding.create_campaigns:
        released += due.mark_unconnected_events_due(db, org_id, now)
    if changed - {"reserve_percent"}:
        released += problems.release_mended(db, org_id, mends={Mend.POLICY}, now=now)
    resumed = "reserve_percent" in changed and _resumed(db, org_id)
    return SavedPolicies(frozenset(changed), released, resumed)


def _resumed(db: Db, org_id: int) -> bool:
    """Whether the connection stood still for the reserve: it goes on, and would pause again were the new one not enough."""
    connection = connections.present(db, org_id)
    if connection is None or Mend.POLICY not in ((connection.problem or {}).get("mended_by") or ()):
        return False
    connections.resume(db, connection.id)
    return True
