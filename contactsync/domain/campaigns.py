"""Events and their campaigns: fields of a connected one by mapping, and one made where the org's policy says so (rule 9)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC

from contactsync.domain.batch import Catalogs, ReadyEvent, RecordPlan, RecordsPlan, Written
from contactsync.domain.crm import (
    MOST_FOUND,
    FieldValue,
    Found,
    FoundCampaign,
    Mend,
    Problem,
    RecordKind,
    RecordRef,
    Step,
    Wanted,
)
from contactsync.domain.found_index import SHORT_ID
from contactsync.domain.mapping import FieldMapping, FieldRule, WriteMode
from contactsync.domain.mapping_json import rules_as_json
from contactsync.domain.moments import local_date, utc_moment
from contactsync.domain.plan import NO_CATALOGS, NOTHING_WRITTEN
from contactsync.domain.policy import Policies, SeveralMatches
from contactsync.domain.records import Event, Scalar
from contactsync.domain.texts import cut
from contactsync.domain.writes import changed_record, created, new_record
from contactsync.domain.writes import written as kept_or_changed

VERSION = 1
"""Counts up when the decider would send something else for the same event."""

NAME_LENGTH = 80
"""What a campaign's name holds (facts: Campaign): where the rule cuts a longer one, it is known again by what is left."""

CANCELLED = frozenset({"cancelled", "canceled"})


def event_needs_crm(ready: ReadyEvent, mapping: FieldMapping, policies: Policies) -> bool:
    """Whether the CRM has anything to do with this event: fields to bring to its campaign, or a campaign to make."""
    event = ready.event
    if event.deleted:
        return False
    if ready.campaign is not None:
        rules = (rule for rule in mapping.of(RecordKind.CAMPAIGN) if rule.mode is not WriteMode.ON_CREATE)
        return any(True for _ in rules)
    wanted = ready.asked_for or (policies.create_campaigns and not _cancelled(event))
    return wanted and bool(_name(event))


def event_wanted(batch: Sequence[ReadyEvent], mapping: FieldMapping, policies: Policies) -> Wanted:
    """Everything that `plan_events` needs to know of the CRM: connected campaigns by id, others by name."""
    needing = [ready for ready in batch if event_needs_crm(ready, mapping, policies)]
    ids = frozenset(ready.campaign.id for ready in needing if ready.campaign is not None)
    names = frozenset(name for ready in needing if ready.campaign is None for name in _names(ready))
    targets = frozenset(rule.target for rule in mapping.of(RecordKind.CAMPAIGN))
    return Wanted(
        ids={RecordKind.CAMPAIGN: ids} if ids else {},
        campaign_names=names,
        fields={RecordKind.CAMPAIGN: targets} if needing else {},
    )


def names_to_attempt(ready: ReadyEvent) -> str:
    """The name under which a campaign would be made for the event, to be written down before it is made."""
    return _name(ready.event)


def plan_events(
    batch: Sequence[ReadyEvent],
    found: Found,
    mapping: FieldMapping,
    policies: Policies,
    *,
    written: Written = NOTHING_WRITTEN,
    catalogs: Catalogs = NO_CATALOGS,
) -> RecordsPlan:
    """The steps that bring a batch of events to their campaigns, by the event platform's id; pure.

        connected       its campaign's fields, by the rules' modes
        not connected   a campaign with the event's name is taken, unless it begins on another day; of several the oldest,
                        the most recent or a question, as the org chose; none: a new one, where the org makes campaigns
        else            nothing

    `found` is what `event_wanted(batch, mapping, policies)` asked for. Step ids: `campaign1` …, in the order of event ids.
    Events of one batch that have one name and day share the campaign that is made.
    """
    rules = mapping.of(RecordKind.CAMPAIGN)
    catalog = catalogs.get(RecordKind.CAMPAIGN)
    steps: dict[str, Step] = {}
    plans: dict[str, RecordPlan] = {}
    makers: dict[tuple[str, str | None], Step] = {}
    changing: dict[RecordRef, Step] = {}
    for number, ready in enumerate(sorted(batch, key=lambda ready: ready.event.id), start=1):
        event = ready.event
        if not event_needs_crm(ready, mapping, policies):
            plans[event.id] = RecordPlan(event.id, why=(_nothing_to_do(ready),))
            continue
        match = _matched(ready, found.campaigns, rules, policies.several_matches)
        if match.problem is not None:
            plans[event.id] = RecordPlan(event.id, why=match.why, problem=match.problem)
            continue
        said = _Sources(event).said
        if match.campaign is None:
            key = (_name(event).casefold(), _starts_on(event))
            step = makers.get(key) or created(
                f"campaign{number}", RecordKind.CAMPAIGN, new_record(rules, said, catalog), match.why
            )
            makers[key] = step
        else:
            ref = match.campaign.ref
            writes = changed_record(rules, said, match.campaign.fields, marks=written.get(ref, {}), catalog=catalog)
            step = changing.get(ref) or kept_or_changed(f"campaign{number}", ref, writes, match.why)
            changing[ref] = step
        steps[step.id] = step
        plans[event.id] = RecordPlan(event.id, step.id, why=tuple(dict.fromkeys((*match.why, *step.why))))
    return RecordsPlan(tuple(steps.values()), plans)


def event_fingerprint(ready: ReadyEvent, mapping: FieldMapping, policies: Policies) -> str:
    """The sha256, in hex, of what the plan for an event is made from; what the CRM holds is no part of it."""
    rules = mapping.of(RecordKind.CAMPAIGN)
    sources = {rule.source for rule in rules} | {"name", "status", "starts_at", "timezone"}
    made_from: dict[str, object] = {
        "version": VERSION,
        "rules": rules_as_json(rules),
        "create_campaigns": policies.create_campaigns,
        "several_matches": policies.several_matches.value,
        "campaign": ready.campaign.id if ready.campaign is not None else None,
        "deleted": ready.event.deleted,
        "fields": {source: list(_Sources(ready.event).values(source)) for source in sorted(sources)},
    }
    if ready.asked_for:
        made_from["asked_for"] = True
    text = json.dumps(made_from, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class _Match:
    """The campaign that an event has, or None: a new one; or a question that a person must answer."""

    campaign: FoundCampaign | None = None
    why: tuple[str, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True)
class _Sources:
    """What an event says, rule by rule."""

    event: Event

    def said(self, rule: FieldRule) -> Iterator[FieldValue]:
        return self.values(rule.source)

    def values(self, source: str) -> Iterator[Scalar]:
        fields = self.event.fields
        zone = _zone(self.event)
        match source:
            case "id":
                yield self.event.id
            case "active":
                yield not (self.event.deleted or _cancelled(self.event))
            case "starts_on" | "ends_on":
                is_end = source == "ends_on"
                day = local_date(fields.get("ends_at" if is_end else "starts_at"), zone, is_end=is_end)
                if day is not None:
                    yield day.isoformat()
            case "starts_at" | "ends_at":
                moment = utc_moment(fields.get(source), zone)
                if moment is not None:
                    yield moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                elif source in fields and fields[source] is None:
                    yield None
            case path:
                if path in fields:
                    yield fields[path]


def _matched(
    ready: ReadyEvent, campaigns: Sequence[FoundCampaign], rules: Sequence[FieldRule], several: SeveralMatches
) -> _Match:
    if ready.campaign is not None:
        return _connected(ready.campaign, campaigns)
    names = {name.casefold() for name in _names(ready)}
    named = [campaign for campaign in campaigns if campaign.name.strip().casefold() in names]
    named.sort(key=lambda campaign: (campaign.created_at, campaign.ref.id))
    # One that an earlier sync may have made is the event's, whatever day it is on now; of several the day tells.
    if len(named) > 1 or not _attempted(ready, named):
        named = _on_the_same_day(named, _starts_on(ready.event), rules)
    if not named:
        return _Match(why=("The event has no campaign: one is made for it.",))
    if len(named) == 1:
        return _Match(named[0], ("A campaign has the event's name: it is taken.",))
    return _chosen(named, several)


def _chosen(named: Sequence[FoundCampaign], several: SeveralMatches) -> _Match:
    """One of the campaigns, which stand oldest first."""
    having = f"{len(named)} campaigns have the event's name"
    match several:
        case SeveralMatches.FIRST:
            return _Match(named[0], (f"{having}: the oldest was taken.",))
        case SeveralMatches.MOST_RECENT:
            newest = max(campaign.created_at for campaign in named)
            campaign = next(campaign for campaign in named if campaign.created_at == newest)
            return _Match(campaign, (f"{having}: the most recent was taken.",))
        case SeveralMatches.STOP:
            problem = Problem(
                code="several_campaigns",
                cause=f"{having}, and the org wants to be asked which one it is.",
                fix="Connect the event to its campaign, give the campaigns different names or start dates, or set the policy "
                "several_matches to first or most_recent.",
                who="event team",
                object=RecordKind.CAMPAIGN.value,
                mended_by=(Mend.SOURCE, Mend.CRM, Mend.POLICY),
                found=tuple(campaign.ref.id for campaign in named[:MOST_FOUND]),
            )
            return _Match(problem=problem)


def _connected(ref: RecordRef, campaigns: Sequence[FoundCampaign]) -> _Match:
    for campaign in campaigns:
        # A person may have named it by the short form of its id, which tells upper from lower case.
        if campaign.ref.id[:SHORT_ID] == ref.id[:SHORT_ID]:
            return _Match(campaign, ("The event is connected to this campaign.",))
    return _Match(
        problem=Problem(
            code="campaign_not_found",
            cause="The campaign that the event is connected to is not in the CRM, or cannot be seen there.",
            fix="Connect the event to another campaign, or disconnect it.",
            who="event team",
            object=RecordKind.CAMPAIGN.value,
            mended_by=(Mend.SOURCE, Mend.PERMISSION),
        )
    )


def _attempted(ready: ReadyEvent, named: Sequence[FoundCampaign]) -> bool:
    attempted = {cut(name.strip(), NAME_LENGTH).casefold() for name in ready.attempted}
    return any(cut(campaign.name.strip(), NAME_LENGTH).casefold() in attempted for campaign in named)


def _on_the_same_day(
    named: Sequence[FoundCampaign], starts_on: str | None, rules: Sequence[FieldRule]
) -> list[FoundCampaign]:
    """Those that begin on the event's day; with none, those that do not say when they begin. Last year's is another one."""
    targets = [rule.target for rule in rules if rule.source in ("starts_on", "starts_at")]
    if starts_on is None or not targets:
        return list(named)
    days = {
        campaign.ref: next((str(day)[:10] for target in targets if (day := campaign.fields.get(target))), None)
        for campaign in named
    }
    same = [campaign for campaign in named if days[campaign.ref] == starts_on]
    return same or [campaign for campaign in named if days[campaign.ref] is None]


def _nothing_to_do(ready: ReadyEvent) -> str:
    if ready.event.deleted:
        return "The event was deleted at its source: its campaign is left as it is."
    if ready.campaign is not None:
        return "No rule brings anything of the event to a campaign that is there already."
    if _cancelled(ready.event):
        return "The event was cancelled before it had a campaign: none is made."
    return "The event is not connected to a campaign."


def _names(ready: ReadyEvent) -> tuple[str, ...]:
    whole = (_name(ready.event), *(name.strip() for name in ready.attempted))
    names = (spelling for name in whole for spelling in (name, cut(name, NAME_LENGTH)))
    return tuple(dict.fromkeys(name for name in names if name))


def _name(event: Event) -> str:
    return str(event.fields.get("name") or "").strip()


def _starts_on(event: Event) -> str | None:
    day = local_date(event.fields.get("starts_at"), _zone(event))
    return day.isoformat() if day is not None else None


def _zone(event: Event) -> str | None:
    zone = event.fields.get("timezone")
    return zone if isinstance(zone, str) else None


def _cancelled(event: Event) -> bool:
    return str(event.fields.get("status") or "").strip().lower() in CANCELLED
