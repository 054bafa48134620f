"""Which source field goes to which CRM field, and when it may overwrite.

A mapping is a value: TOML and JSON are read into it at the doors, `check_rules` holds it against the CRM's fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from contactsync.domain.crm import RecordKind
from contactsync.domain.records import Scalar


class WriteMode(StrEnum):
    """When a rule may write a CRM field."""

    ALWAYS = "always"
    IF_EMPTY = "if_empty"
    ON_CREATE = "on_create"
    APPEND = "append"  # beside what the CRM holds, unless it is in there already
    IF_OURS = "if_ours"  # only while the CRM holds nothing, or still what we last wrote
    OFF = "off"


class TooLong(StrEnum):
    """What happens to a text that is longer than its field."""

    STOP = "stop"  # a problem that names the field
    TRUNCATE = "truncate"  # cut, and the run says so


@dataclass(frozen=True)
class FieldRule:
    """One line of a mapping.

    `source`: a path of the contact (`address.city`, `custom.x`) or one of the worked-out sources `id` (the event
    platform's), `company` (its name), `account` (the Account's record), `owner` (the CRM user's id). `target`: the CRM's
    field name, empty only while the rule is off. `clear`: a value cleared at the source erases the CRM's. `values`: source
    value, as text ("true", "3", "VIP") → CRM value; one that is not named passes unchanged, one that becomes "" or null is
    blank. `default`: written when the source is blank and the CRM holds nothing. `separator`: what `append` puts between
    the old and the new; None: what fits the field's type (";" for a multi-select picklist, a new line for long texts).
    """

    source: str
    target: str
    mode: WriteMode = WriteMode.ALWAYS
    clear: bool = False
    values: Mapping[str, Scalar] = field(default_factory=dict)
    default: Scalar = None
    too_long: TooLong = TooLong.STOP
    separator: str | None = None

    @property
    def on(self) -> bool:
        """Whether the rule writes anything."""
        return self.mode is not WriteMode.OFF and bool(self.target)


MAPPED_KINDS: Mapping[str, RecordKind] = {
    "lead": RecordKind.LEAD,
    "contact": RecordKind.CONTACT,
    "account": RecordKind.ACCOUNT,
    "campaign": RecordKind.CAMPAIGN,
    "meeting": RecordKind.ACTIVITY,
}
"""The kinds that have a mapping, by their name in configuration and API."""


@dataclass(frozen=True)
class FieldMapping:
    """All rules, by the kind's name in configuration: `lead`, `contact`, `account`, `campaign`, `meeting`."""

    rules: Mapping[str, tuple[FieldRule, ...]] = field(default_factory=dict)

    def of(self, kind: RecordKind) -> tuple[FieldRule, ...]:
        """The rules of one kind that are on."""
        name = next((name for name, mapped in MAPPED_KINDS.items() if mapped is kind), "")
        return tuple(rule for rule in self.rules.get(name, ()) if rule.on)

    def replaced(self, name: str, rules: Iterable[FieldRule]) -> FieldMapping:
        """The same mapping with one kind's rules replaced."""
        return FieldMapping({**self.rules, name: tuple(rules)})


@dataclass(frozen=True)
class NamedMapping:
    """A mapping that a plugin provides; configuration picks it by its name."""

    name: str
    mapping: FieldMapping
