"""Contacts, found records and rules for tests, with everything that a test does not speak about filled in."""

from __future__ import annotations

import tomllib
from importlib import resources

from contactsync.domain.batch import Choices, Links, Ready
from contactsync.domain.crm import (
    Found,
    FoundAccount,
    FoundMember,
    FoundOwner,
    FoundPerson,
    MemberStatus,
    RecordKind,
    RecordRef,
    Step,
)
from contactsync.domain.mapping import FieldMapping, FieldRule, WriteMode
from contactsync.domain.mapping_json import rules_from_json
from contactsync.domain.plan import plan
from contactsync.domain.policy import Policies
from contactsync.domain.prepare import prepare
from contactsync.domain.records import Attendance, Company, Contact

LEAD, CONTACT, ACCOUNT = RecordKind.LEAD, RecordKind.CONTACT, RecordKind.ACCOUNT
OWNER, MEMBER = RecordKind.OWNER, RecordKind.MEMBER


def default_mapping() -> FieldMapping:
    """The mapping that the product comes with."""
    text = (resources.files("contactsync_config") / "mappings" / "salesforce.toml").read_text("utf-8")
    return FieldMapping({kind: rules_from_json(kind, written) for kind, written in tomllib.loads(text).items()})


MAPPING = default_mapping()


def mapping_with(kind, *rules):
    """The default mapping with the rules for some targets or sources replaced or added."""
    replaced = {rule.target for rule in rules} | {rule.source for rule in rules if rule.mode is WriteMode.OFF}
    kept = [rule for rule in MAPPING.rules[kind] if rule.target not in replaced and rule.source not in replaced]
    return MAPPING.replaced(kind, [*kept, *rules])


def ref(kind, number):
    return RecordRef(kind, f"{kind.value[:2]}{number}")


def contact(contact_id="c1", company="Acme", attendances=(), changed="2026-01-01", **fields):
    """A contact with everything that is required; a double underscore in a name is a dot (`address__city`)."""
    said = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@acme.com", "sync_as": "lead"}
    said.update({name.replace("__", "."): value for name, value in fields.items()})
    if isinstance(company, str):
        company = Company(f"name:{company.lower()}", company)
    going = tuple(
        one if isinstance(one, Attendance) else Attendance(f"event-of-{one[0]}", one[1], one[0]) for one in attendances
    )
    return Contact(contact_id, said, company, going, changed=changed)


def ready(contact_id="c1", *, owner=None, person=None, account=None, why=(), **said) -> Ready:
    """A contact made ready, through prepare(); `person` and `account`: what it is linked to."""
    links = Links({person.kind: person} if person else {}, account)
    made = prepare(contact(contact_id, **said), Choices(), links, Policies())
    assert isinstance(made, Ready), made
    return Ready(made.contact, made.sync_as, owner, links, why)


def lead(number=1, email="ada@acme.com", created="2020", converted_to=None, **fields):
    return FoundPerson(
        ref(LEAD, number), email, created, {"Email": email, **fields}, converted_to is not None, converted_to
    )


def person(number=1, email="ada@acme.com", created="2020", **fields):
    return FoundPerson(ref(CONTACT, number), email, created, {"Email": email, **fields})


def account(number=1, name="Acme", domain=None, created="2020", **fields):
    return FoundAccount(ref(ACCOUNT, number), name, domain, created, {"Name": name, **fields})


def owner(number=1, email="sales@acme.com"):
    return FoundOwner(ref(OWNER, number), email, "Sam Sales")


def member(number, of, status, campaign="701A", email=None):
    return FoundMember(ref(MEMBER, number), campaign, of, status, email)


def found(*records, statuses=("Sent*", "Responded"), campaigns=("701A",), can_add_statuses=False) -> Found:
    """Found, from records of any kind. Of the statuses of a campaign the one with a star is the default."""
    of = {
        kind: tuple(one for one in records if isinstance(one, kind))
        for kind in (FoundPerson, FoundAccount, FoundOwner, FoundMember)
    }
    listed = tuple(MemberStatus(label.rstrip("*"), label.endswith("*")) for label in statuses)
    return Found(
        of[FoundPerson],
        of[FoundAccount],
        of[FoundOwner],
        of[FoundMember],
        dict.fromkeys(campaigns, listed),
        can_add_statuses=can_add_statuses,
    )


def planned(batch, *records, mapping=MAPPING, policies=None, **more):
    """The plan for a batch against records of the CRM."""
    batch = [batch] if isinstance(batch, Ready) else batch
    return plan(batch, found(*records, **more), mapping, policies or Policies())


def steps_of(made, kind) -> list[Step]:
    return [step for step in made.steps if step.kind is kind]


def person_step(made, contact_id="c1") -> Step:
    return _step(made, made.contacts[contact_id].person)


def account_step(made, contact_id="c1") -> Step | None:
    step_id = made.contacts[contact_id].account
    return _step(made, step_id) if step_id else None


def member_step(made, contact_id="c1", campaign="701A") -> Step:
    return _step(made, made.contacts[contact_id].members[campaign])


def _step(made, step_id) -> Step:
    return next(step for step in made.steps if step.id == step_id)


def rule(source, target, mode="always", **more) -> FieldRule:
    return FieldRule(source, target, WriteMode(mode), **more)
