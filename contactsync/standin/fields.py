"""What one field of an object is, and how `describe` shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

TEXT_TYPES = frozenset({"string", "textarea", "email", "phone", "url", "picklist", "combobox"})
NUMBER_TYPES = frozenset({"int", "double", "currency", "percent"})
SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
}
LONG_TEXT = (
    255  # textareas above this length can be neither filtered nor sorted (Description: not filterable, recorded)
)


@dataclass(frozen=True)
class Field:
    """One field. The names are those of Salesforce's describe, in our spelling."""

    name: str
    type: str
    label: str
    length: int = 0
    createable: bool = True
    updateable: bool = True
    nillable: bool = True
    defaulted: bool = False
    id_lookup: bool = False
    external_id: bool = False
    unique: bool = False
    filterable: bool = True
    sortable: bool = True
    calculated: bool = False
    reference_to: tuple[str, ...] = ()
    relationship: str | None = None
    picklist: tuple[str, ...] = field(default=())
    restricted: bool = False
    default: str | int | float | bool | None = None

    @property
    def required(self) -> bool:
        """Must a create carry it?"""
        return self.createable and not self.nillable and not self.defaulted and self.type != "boolean"

    @property
    def custom(self) -> bool:
        """Did a customer add it?"""
        return self.name.endswith("__c")

    @property
    def is_text(self) -> bool:
        """Is its value a piece of text?"""
        return self.type in TEXT_TYPES

    @property
    def is_key(self) -> bool:
        """Can an upsert or a nested foreign key find records by it?"""
        return self.id_lookup or self.external_id or self.name == "Id"

    def as_describe(self) -> dict[str, Any]:
        """The entry in `describe`'s `fields`."""
        return {
            "aggregatable": self.filterable,
            "autoNumber": False,
            "byteLength": self.length * 3,
            "calculated": self.calculated,
            "createable": self.createable,
            "custom": self.custom,
            "defaultValue": self.default,
            "defaultedOnCreate": self.defaulted,
            "deprecatedAndHidden": False,
            "externalId": self.external_id,
            "filterable": self.filterable,
            "groupable": self.filterable and self.type not in {"datetime", "double", "currency"},
            "idLookup": self.id_lookup or self.name == "Id",
            "inlineHelpText": None,
            "label": self.label,
            "length": self.length,
            "name": self.name,
            "nameField": self.name == "Name",
            "namePointing": len(self.reference_to) > 1,
            "nillable": self.nillable,
            "permissionable": self.nillable and self.createable,
            "picklistValues": [
                {
                    "active": True,
                    "defaultValue": value == self.default,
                    "label": value,
                    "validFor": None,
                    "value": value,
                }
                for value in self.picklist
            ],
            "polymorphicForeignKey": len(self.reference_to) > 1,
            "precision": 18 if self.type in NUMBER_TYPES else 0,
            "referenceTo": list(self.reference_to),
            "relationshipName": self.relationship,
            "restrictedPicklist": self.restricted,
            "scale": 2 if self.type in {"double", "currency"} else 0,
            "soapType": SOAP_TYPES.get(self.type, "xsd:string"),
            "sortable": self.sortable,
            "type": self.type,
            "unique": self.unique,
            "updateable": self.updateable,
        }


def text(name: str, label: str, length: int, **more: Any) -> Field:
    """A one-line text field."""
    return Field(name, "string", label, length, **more)


def picklist(name: str, label: str, values: Sequence[str], length: int = 255, **more: Any) -> Field:
    """A picklist; unrestricted unless said otherwise: the API then takes any text."""
    return Field(name, "picklist", label, length, picklist=tuple(values), **more)


def reference(name: str, label: str, to: Sequence[str], relationship: str | None, **more: Any) -> Field:
    """A foreign key."""
    return Field(name, "reference", label, 18, reference_to=tuple(to), relationship=relationship, **more)


def read_only(name: str, kind: str, label: str, length: int = 0, **more: Any) -> Field:
    """A field that Salesforce alone writes."""
    return Field(name, kind, label, length, createable=False, updateable=False, **more)


FIELD_KEYS = frozenset(known.name for known in fields(Field))
_DESCRIBE_KEYS = {
    "defaultedOnCreate": "defaulted",
    "idLookup": "id_lookup",
    "externalId": "external_id",
    "referenceTo": "reference_to",
    "relationshipName": "relationship",
    "picklistValues": "picklist",
    "restrictedPicklist": "restricted",
    "defaultValue": "default",
}


def field_keywords(spec: dict[str, Any]) -> dict[str, Any]:
    """The keywords of `Field` for a field written by hand in describe's or in our own names.

    `required: true` is short for not nillable. Raises ValueError on a key that neither side knows.
    """
    found: dict[str, Any] = {}
    for key, value in spec.items():
        if key == "required":
            found["nillable"] = not value
            continue
        name = _DESCRIBE_KEYS.get(key, key)
        if name not in FIELD_KEYS:
            message = f"a field has no {key!r}"
            raise ValueError(message)
        if name == "picklist":
            value = tuple(entry["value"] if isinstance(entry, dict) else entry for entry in value)  # noqa: PLW2901
        found[name] = tuple(value) if isinstance(value, list) else value
    return found
