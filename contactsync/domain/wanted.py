"""What a batch must read from the CRM before anything is decided."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from contactsync.domain.accounts import companies_asked_for
from contactsync.domain.batch import Ready
from contactsync.domain.crm import RecordKind, Wanted
from contactsync.domain.ladder import REMOVED, Ladder
from contactsync.domain.mapping import FieldMapping, FieldRule
from contactsync.domain.names import name_variants
from contactsync.domain.policy import Policies, RemovedAttendance
from contactsync.domain.records import Company, SyncAs

PERSON_KINDS = (RecordKind.LEAD, RecordKind.CONTACT)


def wanted(batch: Sequence[Ready], mapping: FieldMapping, policies: Policies) -> Wanted:
    """Everything that `plan` needs to know of the CRM for the whole batch.

    * People: by e-mail in the object that Sync As names, and by the id they are linked to; in both where the org prefers
      existing records. Also by the addresses under which one may have been made unheard. Contact fields are wanted for
      Leads too, because a Lead may have been converted.
    * Accounts: only for contacts that become Contacts (a Lead takes the company's name alone), and only when a rule brings
      the Account to the Contact. A picked or a linked Account by its id, any other company by domain and name. Were a
      linked one merged or deleted, the contact is asked for once more (`rematched`), then by domain and name too.
    * Owners when a rule sets one; members and statuses of the campaigns that anybody attends, or attended where the org
      wants something to become of removed attendances.
    """
    kinds = _kinds(batch, policies)
    companies = _companies(batch, mapping)
    by_name = companies & companies_asked_for(ready for ready in batch if ready.sync_as is SyncAs.CONTACT)
    going = [ready for ready in batch if campaigns_touched(ready, policies)]
    return Wanted(
        emails={
            kind: frozenset(_emails(ready for ready in batch if policies.prefer_existing or ready.kind is kind))
            for kind in _asked_kinds(batch, policies)
        },
        ids=_ids(batch, companies, policies),
        account_names=frozenset(spelling for company in by_name for spelling in name_variants(company.name or "")),
        account_domains=frozenset(company.domain for company in by_name if company.domain),
        owner_emails=frozenset(
            ready.owner_email for ready in batch if ready.owner_email and _sets_owner(ready, mapping, policies)
        ),
        campaigns=frozenset(campaign_id for ready in going for campaign_id in campaigns_touched(ready, policies)),
        member_emails=frozenset(_emails(going)),
        member_labels=_labels(going, policies) if policies.create_member_statuses else frozenset(),
        fields={
            kind: frozenset(rule.target for rule in mapping.of(kind))
            for kind in (*kinds, *((RecordKind.ACCOUNT,) if companies else ()))
        },
    )


def campaigns_of(ready: Ready) -> tuple[str, ...]:
    """The campaigns a contact belongs to: those of the events it attends (rule 9), each once."""
    return tuple(
        dict.fromkeys(
            attendance.campaign_id
            for attendance in ready.contact.attendances
            if attendance.campaign_id and not attendance.removed
        )
    )


def campaigns_touched(ready: Ready, policies: Policies) -> tuple[str, ...]:
    """The campaigns whose members a contact's sync may change: those it belongs to, and by policy those it left."""
    if policies.removed_attendance is RemovedAttendance.KEEP:
        return campaigns_of(ready)
    return tuple(dict.fromkeys(one.campaign_id for one in ready.contact.attendances if one.campaign_id))


def _labels(going: Sequence[Ready], policies: Policies) -> frozenset[tuple[str, ...]]:
    ladder = Ladder(policies.status_map)
    statuses = {
        attendance.status
        for ready in going
        for attendance in ready.contact.attendances
        if attendance.campaign_id and not attendance.removed
    }
    if policies.removed_attendance is RemovedAttendance.STATUS:
        attendances = (attendance for ready in going for attendance in ready.contact.attendances)
        statuses |= {REMOVED for attendance in attendances if attendance.removed}
    return frozenset(labels for status in statuses if (labels := ladder.labels(status)))


def brings_account(mapping: FieldMapping) -> bool:
    """Whether any rule brings the Account to the Contact. With none, Accounts are nobody's business."""
    return any(rule.source == "account" for rule in mapping.of(RecordKind.CONTACT))


def _asked_kinds(batch: Sequence[Ready], policies: Policies) -> tuple[RecordKind, ...]:
    present = {ready.kind for ready in batch}
    anything = policies.prefer_existing and bool(present)
    return tuple(kind for kind in PERSON_KINDS if anything or kind in present)


def _kinds(batch: Sequence[Ready], policies: Policies) -> tuple[RecordKind, ...]:
    asked = _asked_kinds(batch, policies)
    return PERSON_KINDS if RecordKind.LEAD in asked else asked


def _emails(batch: Iterable[Ready]) -> Iterable[str]:
    return (email for ready in batch for email in (ready.contact.email, *ready.attempted) if email)


def _companies(batch: Sequence[Ready], mapping: FieldMapping) -> frozenset[Company]:
    if not brings_account(mapping):
        return frozenset()
    companies = (ready.contact.company for ready in batch if ready.sync_as is SyncAs.CONTACT)
    return frozenset(company for company in companies if company is not None)


def _ids(
    batch: Sequence[Ready], companies: Collection[Company], policies: Policies
) -> dict[RecordKind, frozenset[str]]:
    ids: dict[RecordKind, set[str]] = {}
    for ready in batch:
        for kind in PERSON_KINDS if policies.prefer_existing else (ready.kind,):
            link = ready.links.people.get(kind)
            if link is not None:
                ids.setdefault(kind, set()).add(link.id)
        account_id = _account_id(ready) if companies else None
        if account_id is not None:
            ids.setdefault(RecordKind.ACCOUNT, set()).add(account_id)
    return {kind: frozenset(values) for kind, values in ids.items()}


def _account_id(ready: Ready) -> str | None:
    """The Account that a person picked for the contact's company, else the linked one."""
    company, link = ready.contact.company, ready.links.account
    if ready.sync_as is SyncAs.LEAD or company is None or company.unlinked:
        return None
    return company.account_id or (link.id if link is not None else None)


def _sets_owner(ready: Ready, mapping: FieldMapping, policies: Policies) -> bool:
    kinds: tuple[RecordKind, ...] = PERSON_KINDS if policies.prefer_existing else (ready.kind, RecordKind.CONTACT)
    if ready.sync_as is SyncAs.CONTACT:
        kinds = (*kinds, RecordKind.ACCOUNT)
    return any(_is_owner(rule) for kind in kinds for rule in mapping.of(kind))


def _is_owner(rule: FieldRule) -> bool:
    return rule.source == "owner"
