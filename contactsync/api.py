"""Everything that a plugin needs, and all that it may import from contactsync.

Importing this module is cheap: no web framework, no database, no queue. docs/plugins.md shows whole plugins.
"""

from __future__ import annotations

from contactsync.domain.batch import Choices
from contactsync.domain.choices import CompanyChoice, OwnerChoice, SyncAsChoice
from contactsync.domain.connection import Connection, TargetType, Token, TokenKeeper
from contactsync.domain.crm import (
    Action,
    Choice,
    CrmField,
    CrmTarget,
    Failure,
    FieldCatalog,
    FieldValue,
    Found,
    FoundAccount,
    FoundMember,
    FoundOwner,
    FoundPerson,
    MemberStatus,
    Next,
    Problem,
    RecordKind,
    RecordRef,
    Step,
    StepRef,
    StepResult,
    TargetHealth,
    Wanted,
)
from contactsync.domain.errors import (
    ContactsyncError,
    Misconfigured,
    PluginBroken,
    RefusedInput,
    TargetError,
    TargetRefused,
    TargetUnavailable,
)
from contactsync.domain.mapping import MAPPED_KINDS, FieldMapping, FieldRule, NamedMapping, WriteMode
from contactsync.domain.mapping_json import rules_as_json, rules_from_json
from contactsync.domain.names import company_key, normalised_domain, normalised_name
from contactsync.domain.records import Attendance, Company, Contact, Event, Scalar, SyncAs, SyncStatus
from contactsync.domain.run import FinishedRun
from contactsync.hooks import API_VERSION, Options, hookimpl

__all__ = [
    "API_VERSION",
    "MAPPED_KINDS",
    "Action",
    "Attendance",
    "Choice",
    "Choices",
    "Company",
    "CompanyChoice",
    "Connection",
    "Contact",
    "ContactsyncError",
    "CrmField",
    "CrmTarget",
    "Event",
    "Failure",
    "FieldCatalog",
    "FieldMapping",
    "FieldRule",
    "FieldValue",
    "FinishedRun",
    "Found",
    "FoundAccount",
    "FoundMember",
    "FoundOwner",
    "FoundPerson",
    "MemberStatus",
    "Misconfigured",
    "NamedMapping",
    "Next",
    "Options",
    "OwnerChoice",
    "PluginBroken",
    "Problem",
    "RecordKind",
    "RecordRef",
    "RefusedInput",
    "Scalar",
    "Step",
    "StepRef",
    "StepResult",
    "SyncAs",
    "SyncAsChoice",
    "SyncStatus",
    "TargetError",
    "TargetHealth",
    "TargetRefused",
    "TargetType",
    "TargetUnavailable",
    "Token",
    "TokenKeeper",
    "Wanted",
    "WriteMode",
    "company_key",
    "hookimpl",
    "normalised_domain",
    "normalised_name",
    "rules_as_json",
    "rules_from_json",
]
