"""`/composite/sobjects`: up to 200 records in one call, each row with an answer of its own.

An answer is always HTTP 200 with one result per record, in order; only a body that cannot be read, too many records
or too many changes of type refuse the call as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from contactsync.standin.errors import CallRefusedError, RefusedError, not_found
from contactsync.standin.fields import Field
from contactsync.standin.ids import canonical
from contactsync.standin.org import Org
from contactsync.standin.schema import SObject
from contactsync.standin.sobject_rows import shown, wanted_fields, writer_of
from contactsync.standin.store import Record
from contactsync.standin.values import clean
from contactsync.standin.wire import Answer, Request, is_true

MAX_RECORDS = 200
MAX_CHUNKS = 10
MAX_RETRIEVED = 2000
Row = Mapping[str, Any]
Write = Callable[[Row], dict[str, Any]]

_ROLLED_BACK = RefusedError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)

_TOO_MUCH = RefusedError(  # often quoted [SEEN]: a trigger of the customer's that breaks a governor limit
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "AfterSave: execution of AfterInsert caused by: System.LimitException: Apex CPU time limit exceeded",
)


def answer(org: Org, request: Request) -> Answer:
    """Route what stands behind `/composite/sobjects`. Raises CallRefusedError."""
    pieces = request.path[2:]
    if not pieces:
        request.allow("POST", "PATCH", "DELETE")
        if request.method == "DELETE":
            return _delete(org, request)
        write = _creator(org, request) if request.method == "POST" else _updater(org, request)
        return _write_all(org, request, write)
    sobject = org.schema.get(pieces[0])
    if len(pieces) == 1:
        request.allow("GET", "POST")
        return _retrieve(org, request, sobject)
    if len(pieces) == 2:
        request.allow("PATCH")
        return _write_all(org, request, _upserter(org, request, sobject, sobject.key_field(pieces[1])))
    raise not_found()


def _records(org: Org, request: Request) -> Sequence[Row]:
    records = request.object_body().get("records")
    if not isinstance(records, list) or not records:
        raise CallRefusedError("REQUIRED_FIELD_MISSING", "At least 1 record is required")  # recorded
    if len(records) > MAX_RECORDS:
        # [SEEN] for collections.
        message = f"record limit reached. cannot submit more than {MAX_RECORDS} records into this call"
        raise CallRefusedError("EXCEEDED_ID_LIMIT", message)
    for record in records:
        if not isinstance(record, dict):
            raise CallRefusedError(
                "JSON_PARSER_ERROR", "Cannot deserialize instance of sobject from a value that is no object"
            )
        kind = _type_of(record)
        if kind is None:
            # [MEM] wording: without the attributes nothing says what the record is.
            raise CallRefusedError("INVALID_INPUT", "The attributes.type of a record is missing")
        if org.schema.find(kind) is None:
            message = f"sObject type '{kind}' is not supported."
            raise CallRefusedError("INVALID_TYPE", message)
    if sum(1 for _ in groupby(records, _type_of)) > MAX_CHUNKS:
        message = (  # [MEM]: the Apex wording for the same limit
            f"Cannot have more than {MAX_CHUNKS} chunks in a single operation. "
            "Please rearrange the data to reduce chunking."
        )
        raise CallRefusedError("LIMIT_EXCEEDED", message)
    return records


def _type_of(record: Row) -> str | None:
    attributes = record.get("attributes")
    kind = attributes.get("type") if isinstance(attributes, dict) else None
    return kind if isinstance(kind, str) else None


def _write_all(org: Org, request: Request, write: Write) -> Answer:
    """Every row by itself; with allOrNone, one bad row takes all others back."""
    records = _records(org, request)
    all_or_none = bool(request.object_body().get("allOrNone", False))
    most = org.options.governor_rows
    if most is not None and len(records) > most:
        return Answer(200, [_failed(_TOO_MUCH) for _ in records])
    return Answer(200, _row_by_row(org, records, write, all_or_none=all_or_none))


def _row_by_row(org: Org, records: Sequence[Row], write: Write, *, all_or_none: bool) -> list[dict[str, Any]]:
    start = org.store.mark()
    results: list[dict[str, Any]] = []
    for record in records:
        mark = org.store.mark()
        try:
            results.append(write(record))
        except CallRefusedError:
            raise
        except RefusedError as refusal:
            org.store.rollback(mark)
            results.append(_failed(refusal))
    if all_or_none and not all(result["success"] for result in results):
        org.store.rollback(start)
        results = [_failed(_ROLLED_BACK) if result["success"] else result for result in results]
    return results


def _failed(refusal: RefusedError) -> dict[str, Any]:
    return {"success": False, "errors": [refusal.as_row()]}


def _sobject(org: Org, record: Row) -> SObject:
    found = org.schema.find(str(_type_of(record)))
    if found is None:
        raise not_found()
    return found


def _creator(org: Org, request: Request) -> Write:
    writer = writer_of(org, request)

    def create(record: Row) -> dict[str, Any]:
        return {"id": org.create(_sobject(org, record), record, writer), "success": True, "errors": []}

    return create


def _updater(org: Org, request: Request) -> Write:
    writer = writer_of(org, request)
    records = _records(org, request)
    times = Counter(canonical(_id_of(record)) for record in records)

    def update(record: Row) -> dict[str, Any]:
        sobject = _sobject(org, record)
        record_id = _row_id(sobject, _id_of(record))
        if times[record_id] > 1:
            # One id twice in one update: every row with it fails [MEM for "every"].
            raise RefusedError("DUPLICATE_VALUE", f"duplicate id specified: {record_id}", ["Id"])
        org.update(sobject, record_id, _without_id(record), writer)
        return {"id": record_id, "success": True, "errors": []}

    return update


def _id_of(record: Row) -> object:
    return next((value for name, value in record.items() if name.lower() == "id"), None)


def _without_id(record: Row) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name.lower() != "id"}


def _row_id(sobject: SObject, given: object) -> str:
    if given is None or given == "":
        raise RefusedError("MISSING_ARGUMENT", "Id not specified in an update call", [])  # recorded
    full = canonical(given)
    if full is None:
        raise RefusedError(
            "MALFORMED_ID", f"{sobject.label} ID: id value of incorrect type: {given}", ["Id"]
        )  # recorded
    if not full.startswith(sobject.prefix):
        # The body recorded for the wrong object names the Id field with this message; the code is that of section 4.
        raise RefusedError(
            "FIELD_INTEGRITY_EXCEPTION", f"{sobject.label} ID: id value of incorrect type: {given}", ["Id"]
        )
    return full


def _upserter(org: Org, request: Request, sobject: SObject, key: Field) -> Write:
    writer = writer_of(org, request)
    records = _records(org, request)
    keys = Counter(str(_key_of(record, key)).lower() for record in records)

    def upsert(record: Row) -> dict[str, Any]:
        if _sobject(org, record) is not sobject:
            raise RefusedError("INVALID_TYPE", f"The record is no {sobject.name}", [])  # [MEM]
        value = _key_of(record, key)
        if value is not None and keys[str(value).lower()] > 1:
            raise RefusedError("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", [key.name])
        rest = {name: found for name, found in record.items() if name.lower() != key.name.lower()}
        found = _matches(org, sobject, key, value)
        if len(found) > 1:
            ids = ", ".join(match["Id"] for match in found)
            message = f"{key.name}: more than one record found for external id field: [{ids}]"
            raise RefusedError("DUPLICATE_EXTERNAL_ID", message, [key.name])
        if found:
            record_id = org.update(sobject, found[0]["Id"], rest, writer)
        else:
            record_id = org.create(sobject, rest if key.name == "Id" else {**rest, key.name: value}, writer)
        return {"id": record_id, "success": True, "errors": [], "created": not found}

    return upsert


def _key_of(record: Row, key: Field) -> object:
    value = next((value for name, value in record.items() if name.lower() == key.name.lower()), None)
    return value.strip() if isinstance(value, str) else value


def _matches(org: Org, sobject: SObject, key: Field, value: object) -> list[Record]:
    if key.name == "Id":
        return [] if value in (None, "") else [org.locate(sobject, _row_id(sobject, value))]
    if value in (None, ""):
        raise RefusedError("MISSING_ARGUMENT", f"{key.name} not specified", [])  # [MEM] wording
    return org.store.find(sobject.name, key.name, clean(key, value))


def _retrieve(org: Org, request: Request, sobject: SObject) -> Answer:
    """Records by id, null where there is none; GET takes `?ids=&fields=`, POST the same in a body, for longer lists."""
    if request.method == "POST":
        body = request.object_body()
        ids, names = body.get("ids"), body.get("fields")
        if not isinstance(ids, list) or not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise CallRefusedError("MISSING_ARGUMENT", "ids and fields must be arrays of strings")  # [MEM] wording
        fields = wanted_fields(sobject, ",".join(names))
    else:
        ids = [piece for piece in request.params.get("ids", "").split(",") if piece]
        if not ids or not request.params.get("fields"):
            raise CallRefusedError("MISSING_ARGUMENT", "ids and fields are required")  # [MEM] wording
        fields = wanted_fields(sobject, request.params["fields"])
    if len(ids) > MAX_RETRIEVED:
        raise CallRefusedError(
            "EXCEEDED_ID_LIMIT", f"cannot retrieve more than {MAX_RETRIEVED} records"
        )  # [MEM] wording
    rows: list[Record | None] = []
    for given in ids:
        full = canonical(given)
        record = org.store.get(sobject.name, full) if full else None
        rows.append(shown(org, sobject, record, fields, request.version) if record else None)
    return Answer(200, rows)


def _delete(org: Org, request: Request) -> Answer:
    ids = [piece for piece in request.params.get("ids", "").split(",") if piece]
    if not ids:
        raise CallRefusedError("MISSING_ARGUMENT", "ids is required")  # [MEM] wording
    if len(ids) > MAX_RECORDS:
        message = f"record limit reached. cannot submit more than {MAX_RECORDS} records into this call"
        raise CallRefusedError("EXCEEDED_ID_LIMIT", message)
    writer = writer_of(org, request)

    def delete(record: Row) -> dict[str, Any]:
        full = canonical(record["id"])
        sobject = org.schema.of_id(full) if full else None
        if full is None or sobject is None:
            raise RefusedError("MALFORMED_ID", f"malformed id {record['id']}", [])  # [MEM] wording
        org.delete(sobject, full, writer)
        return {"id": full, "success": True, "errors": []}

    results = _row_by_row(
        org, [{"id": given} for given in ids], delete, all_or_none=is_true(request.params.get("allOrNone"))
    )
    return Answer(200, results)
