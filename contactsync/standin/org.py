"""One Salesforce org in memory: its schema, its records, its users and the writes it accepts.

A write runs in this order, and the first thing that is wrong is what the row answers:

    may this object be written at all → are all fields known → are all writable → are the values well-formed
    → the object's own rules (rules.py) → required fields → references → unique values
    → the administrator's validation rules → duplicate rules → planned row faults → kept
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contactsync.standin import rules
from contactsync.standin.duplicates import DuplicateRule, check_duplicates
from contactsync.standin.errors import RefusedError, no_such_column, not_found, not_writable
from contactsync.standin.fields import Field
from contactsync.standin.ids import canonical, make_id
from contactsync.standin.objects import standard_objects
from contactsync.standin.objects_activities import share
from contactsync.standin.options import Options
from contactsync.standin.schema import Schema, SObject
from contactsync.standin.store import Record, Store
from contactsync.standin.validations import ValidationRule, check_validations
from contactsync.standin.values import Scalar, clean, wire_datetime

RowFault = Callable[[str, Record], RefusedError | None]


@dataclass(frozen=True)
class Writer:
    """Who writes, and how: `auto_assign` is Sforce-Auto-Assign, `admin` passes the permissions of the API user.

    `allow_duplicates` and `record_details` are allowSave and includeRecordDetails of Sforce-Duplicate-Rule-Header.
    """

    user_id: str
    auto_assign: bool = True
    admin: bool = False
    allow_duplicates: bool = False
    record_details: bool = False
    version: str = "v66.0"


def _now() -> datetime:
    return datetime.now(UTC)


def _no_fault(_sobject: str, _record: Record) -> RefusedError | None:
    return None


def _not_allowed(verb: str, sobject: SObject) -> RefusedError:
    """An object the API user cannot write: seen for inserts [SEEN, REST], the other verbs are [MEM]."""
    message = f"entity type cannot be {verb}: {sobject.label}"
    return RefusedError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, [])


class Org:
    """The model behind the wire. Hold `lock` around any use of it from more than one thread."""

    def __init__(self, options: Options | None = None, clock: Callable[[], datetime] = _now) -> None:
        self.lock = threading.RLock()
        self.options = options or Options()
        self.clock = clock
        self.id = make_id("00D", 1)
        self.row_fault: RowFault = _no_fault
        self.rows = 0  # rows read or written since the process began: the call log takes differences
        self.schema = Schema(standard_objects())
        self.store = Store()
        self.user_id = ""
        self.duplicate_rules: list[DuplicateRule] = []
        self.validation_rules: list[ValidationRule] = []
        self.reset()

    def reset(self) -> None:
        """Begin anew: the schema and the users of a fresh org, then the options' custom fields and seed."""
        with self.lock:
            self.schema = Schema(standard_objects())
            self.store = Store()
            self.user_id = make_id("005", 1)
            self.duplicate_rules.clear()
            self.validation_rules.clear()
            self.apply_options()
            domain = self.options.username.partition("@")[2]
            for first, last, username in (
                ("Integration", "User", self.options.username),
                ("Ada", "Admin", f"admin@{domain}"),
            ):
                user = {
                    "FirstName": first,
                    "LastName": last,
                    "Username": username,
                    "Email": username,
                    "Alias": first[:8],
                }
                self.admin_write("User", user)
            for sobject, specs in self.options.custom_fields.items():
                for spec in specs:
                    self.schema.set_field(sobject, dict(spec))
            self.seed(self.options.seed)

    def apply_options(self) -> None:
        """Bring options that live in the schema into it."""
        rights = self.options.permissions
        unseen = [name for name, given in rights.items() if not given.get("read", True)]
        self.schema.hidden = frozenset([*self.options.hidden_objects, *unseen])
        for sobject in self.schema.objects.values():
            writable = sobject.name not in self.options.read_only_objects
            given = rights.get(sobject.name, {})
            sobject.createable = writable and given.get("create", True)
            sobject.updateable = writable and given.get("edit", True)
            sobject.deletable = writable and given.get("delete", True)
        if not self.options.member_statuses_createable:
            # Newer references list only the reading calls of CampaignMemberStatus [DOC].
            self.schema.objects["CampaignMemberStatus"].forbid()
        share(self.schema.objects["EventRelation"], shared=self.options.shared_activities)
        if not self.options.attendees:
            self.schema.objects["EventRelation"].forbid()

    def now(self) -> str:
        """This moment as Salesforce writes it."""
        return wire_datetime(self.clock())

    @property
    def admin(self) -> Writer:
        """The writer behind `/_standin/`."""
        return Writer(self.user_id, auto_assign=False, admin=True)

    def seed(self, records: Mapping[str, Any]) -> dict[str, list[str]]:
        """Write records past the API user's permissions; the ids by object.

        All or nothing: raises RefusedError (CallRefusedError) with the store as it was.
        """
        with self.lock:
            mark = self.store.mark()
            try:
                made = {
                    sobject: [self.admin_write(sobject, values) for values in rows] for sobject, rows in records.items()
                }
            except RefusedError:
                self.store.rollback(mark)
                raise
            self.store.commit()
            return made

    def admin_write(self, sobject: str, values: Mapping[str, Any]) -> str:
        """Create a record, or change the one whose Id is given."""
        target = self.schema.objects.get(sobject)
        if target is None:
            raise not_found(f"no object {sobject!r}")
        known = canonical(values.get("Id"))
        if known is not None and self.store.get(sobject, known):
            return self.update(target, known, values, self.admin)
        return self.create(target, values, self.admin)

    def create(self, sobject: SObject, given: Mapping[str, Any], writer: Writer) -> str:
        """Keep a new record; its id. Raises RefusedError."""
        if not (sobject.createable or writer.admin):
            raise _not_allowed("inserted", sobject)
        values = self._read(sobject, given, writer, creating=True)
        now = self.now()
        record: Record = {
            "Id": values.pop("Id", None) or self.store.next_id(sobject),
            "IsDeleted": False,
            "CreatedDate": now,
            "CreatedById": writer.user_id,
            "LastModifiedDate": now,
            "LastModifiedById": writer.user_id,
            "SystemModstamp": now,
        }
        for field in sobject.fields.values():
            if field.default is not None:
                record[field.name] = field.default
            elif field.type == "boolean" and field.name not in record:
                record[field.name] = False
        # A null for a field that has a default means the default [MEM]; elsewhere it is no value.
        record.update({name: value for name, value in values.items() if value is not None})
        rules.assign_owner(self, sobject, record, writer.user_id, auto_assign=writer.auto_assign)
        rules.before_create(self, sobject, record)
        given_names = [name for name in (*values, "OwnerId") if name in record]
        self._check(sobject, record, {name: record[name] for name in given_names}, writer)
        self.store.put(sobject.name, record)
        rules.after_create(self, sobject, record)
        self.rows += 1
        return str(record["Id"])

    def update(self, sobject: SObject, record_id: str, given: Mapping[str, Any], writer: Writer) -> str:
        """Change a live record; its id. Raises RefusedError, ENTITY_IS_DELETED among them."""
        old = self.locate(sobject, record_id)
        if not (sobject.updateable or writer.admin):
            raise _not_allowed("updated", sobject)
        if old.get("IsConverted") and not (self.options.converted_editable or writer.admin):
            raise RefusedError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", [])
        self._check_access(old, writer)
        values = self._read(sobject, given, writer, creating=False)
        values.pop("Id", None)
        changed = {name: value for name, value in values.items() if old.get(name) != value}
        if not (writer.admin or self.options.inactive_owners_editable or "OwnerId" in changed):
            rules.check_owner(self, sobject, str(old.get("OwnerId")))
        now = self.now()
        record = {**old, "LastModifiedDate": now, "LastModifiedById": writer.user_id, "SystemModstamp": now, **values}
        if writer.auto_assign:
            rules.assign_owner(self, sobject, record, str(record.get("OwnerId")), auto_assign=True)
        rules.before_update(self, sobject, record, changed, values)
        self._check(sobject, record, changed, writer)
        self.store.put(sobject.name, record)
        rules.after_update(self, sobject, record)
        self.rows += 1
        return record_id

    def delete(self, sobject: SObject, record_id: str, writer: Writer) -> None:
        """Delete a live record and what hangs on it. Raises RefusedError."""
        record = self.locate(sobject, record_id)
        if not (sobject.deletable or writer.admin):
            raise _not_allowed("deleted", sobject)
        self._check_access(record, writer)
        rules.delete_children(self, sobject, record)
        self.store.delete(sobject.name, record)
        rules.after_delete(self, sobject, record)
        self.rows += 1

    def locate(self, sobject: SObject, record_id: str) -> Record:
        """The live record of this 18-character id; raises what the recorded rows say about ids that have none."""
        record = self.store.get(sobject.name, record_id)
        if record is not None:
            return record
        if self.store.get_deleted(sobject.name, record_id) is not None:
            raise RefusedError("ENTITY_IS_DELETED", "entity is deleted", [], status=404)
        raise RefusedError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])

    def _check_access(self, record: Record, writer: Writer) -> None:
        """Sharing may leave a record to be read only; code and text [SEEN], the status [MEM]."""
        if record["Id"] in self.options.read_only_records and not writer.admin:
            message = "insufficient access rights on object id"
            raise RefusedError("INSUFFICIENT_ACCESS_OR_READONLY", message, [], status=403)

    def _read(self, sobject: SObject, given: Mapping[str, Any], writer: Writer, *, creating: bool) -> dict[str, Scalar]:
        """The clean values of a body, by the fields' own names."""
        fields: list[tuple[Field, object]] = []
        for name, value in given.items():
            if name == "attributes":
                continue
            field = sobject.by_lower.get(name.lower())
            if field is not None:
                fields.append((field, value))
                continue
            parent = sobject.by_relationship.get(name.lower())
            if parent is None:
                raise no_such_column(name, sobject.name)
            fields.append((parent, rules.foreign_key(self, parent, value)))
        if not writer.admin:
            locked = [field.name for field, _ in fields if not (field.createable if creating else field.updateable)]
            if locked == ["Id"] and creating:
                # The SOAP wording, often quoted [MEM for REST].
                raise RefusedError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"])
            if locked:
                raise not_writable(locked)
        return {field.name: clean(field, value) for field, value in fields}

    def _check(self, sobject: SObject, record: Record, changed: Mapping[str, object], writer: Writer) -> None:
        """Required fields, references and unique values of a record about to be kept."""
        missing = [
            field.name
            for field in sobject.fields.values()
            if record.get(field.name) is None
            and (field.required or field.name in changed)
            and not (field.nillable or (writer.admin and field.custom))
        ]
        if missing:
            names = ", ".join(missing)
            raise RefusedError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{names}]", missing)
        for name, value in changed.items():
            field = sobject.fields[name]
            if value is not None and field.type == "reference":
                rules.check_reference(self, sobject, field, str(value))
            if value is not None and field.unique:
                self._check_unique(sobject, field, record)
        if not writer.admin:
            check_validations(self, sobject.name, record)
            check_duplicates(self, sobject.name, record, writer, changed)
            fault = self.row_fault(sobject.name, record)
            if fault is not None:
                raise fault

    def _check_unique(self, sobject: SObject, field: Field, record: Record) -> None:
        for other in self.store.find(sobject.name, field.name, record[field.name]):
            if other["Id"] != record["Id"]:
                raise RefusedError(
                    "DUPLICATE_VALUE",
                    f"duplicate value found: {field.name} duplicates value on record with id: {other['Id']}",
                    [],
                )
