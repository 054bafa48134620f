"""One object with its fields, and all objects of an org."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from contactsync.standin.errors import no_such_column, not_found
from contactsync.standin.fields import LONG_TEXT, Field, field_keywords
from contactsync.standin.ids import PREFIXES


@dataclass
class SObject:
    """One object: its fields by name, and what the API user may do with its records."""

    name: str
    label: str
    fields: dict[str, Field]
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    by_lower: dict[str, Field] = field(default_factory=dict)
    by_relationship: dict[str, Field] = field(default_factory=dict)
    removed: dict[str, Field] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.index()

    def index(self) -> None:
        """Build the case-insensitive look-ups anew: Salesforce takes field names in any case."""
        self.by_lower = {name.lower(): found for name, found in self.fields.items()}
        self.by_relationship = {
            found.relationship.lower(): found for found in self.fields.values() if found.relationship is not None
        }

    def forbid(self) -> None:
        """Leave the API user nothing but reading."""
        self.createable = self.updateable = self.deletable = False

    @property
    def prefix(self) -> str:
        """The first three characters of its ids."""
        return PREFIXES[self.name]

    def find(self, name: str) -> Field:
        """The field of this name in any case; raises INVALID_FIELD."""
        found = self.by_lower.get(name.lower())
        if found is None:
            raise no_such_column(name, self.name)
        return found

    def key_field(self, name: str) -> Field:
        """A field that records can be found by in a URL; raises the recorded NOT_FOUND."""
        found = self.by_lower.get(name.lower())
        if found is None or not found.is_key:
            raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
        return found

    def as_summary(self, version: str) -> dict[str, Any]:
        """The entry in describe global."""
        base = f"/services/data/{version}/sobjects/{self.name}"
        return {
            "createable": self.createable,
            "custom": False,
            "deletable": self.deletable,
            "keyPrefix": self.prefix,
            "label": self.label,
            "labelPlural": f"{self.label}s",
            "name": self.name,
            "queryable": True,
            "retrieveable": True,
            "searchable": True,
            "undeletable": False,
            "updateable": self.updateable,
            "urls": {"describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}", "sobject": base},
        }

    def as_describe(self, version: str) -> dict[str, Any]:
        """The whole describe."""
        return {
            **self.as_summary(version),
            "childRelationships": [],
            "fields": [found.as_describe() for found in self.fields.values()],
            "recordTypeInfos": [],
        }


class Schema:
    """All objects of one org. Objects may be hidden, as CampaignMember is without a Marketing licence."""

    def __init__(self, objects: Sequence[SObject]) -> None:
        self.objects = {found.name: found for found in objects}
        self._by_lower = {name.lower(): found for name, found in self.objects.items()}
        self._by_prefix = {found.prefix: found for found in self.objects.values()}
        self.hidden: frozenset[str] = frozenset()

    def find(self, name: str) -> SObject | None:
        """The visible object of this name in any case."""
        found = self._by_lower.get(name.lower())
        return None if found is None or found.name in self.hidden else found

    def get(self, name: str) -> SObject:
        """The object in a URL; raises 404 NOT_FOUND."""
        found = self.find(name)
        if found is None:
            raise not_found()
        return found

    def of_id(self, record_id: str) -> SObject | None:
        """The object an id belongs to, by its prefix."""
        return self._by_prefix.get(record_id[:3])

    def visible(self) -> list[SObject]:
        """All objects the API user can see, by name."""
        return [self.objects[name] for name in sorted(self.objects) if name not in self.hidden]

    def set_field(self, sobject: str, spec: dict[str, Any]) -> Field:
        """Add a custom field, or change flags of a field that exists: what an administrator does at night.

        Raises ValueError on an unknown object or flag, or on a new name that does not end in `__c`.
        """
        target = self.objects.get(sobject)
        if target is None:
            message = f"no object {sobject!r}"
            raise ValueError(message)
        keywords = field_keywords(spec)
        name = keywords.get("name")
        if name in target.removed:
            target.fields[str(name)] = target.removed.pop(str(name))
        if name in target.fields:
            made = replace(target.fields[name], **keywords)
        elif isinstance(name, str) and name.endswith("__c"):
            label = name.removesuffix("__c").replace("_", " ")
            made = Field(**{"type": "string", "label": label, "length": 255, **keywords})
            if made.type == "reference" and made.relationship is None:
                made = replace(made, relationship=f"{name.removesuffix('__c')}__r", length=18)
            if made.type == "textarea" and made.length > LONG_TEXT:
                made = replace(made, filterable=False, sortable=False)
        else:
            message = f"{sobject} has no field {name!r}, and a custom field ends in __c"
            raise ValueError(message)
        target.fields[made.name] = made
        target.index()
        return made

    def remove_field(self, sobject: str, name: str) -> None:
        """Make a field invisible. Raises KeyError when there is none."""
        target = self.objects[sobject]
        target.removed[name] = target.fields.pop(name)
        target.index()
