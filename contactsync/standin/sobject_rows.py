"""`/sobjects/…`: describes, and one record at a time: create, read, update, upsert, delete."""

from __future__ import annotations

from typing import Any

from contactsync.standin.errors import CallRefusedError, RefusedError, not_found
from contactsync.standin.fields import Field
from contactsync.standin.ids import canonical
from contactsync.standin.org import Org, Writer
from contactsync.standin.schema import SObject
from contactsync.standin.store import Record
from contactsync.standin.values import clean
from contactsync.standin.wire import Answer, Request, is_true


def answer(org: Org, request: Request) -> Answer:
    """Route what stands behind `/sobjects`. Raises RefusedError."""
    pieces = request.path[1:]
    if not pieces:
        request.allow("GET", "HEAD")
        summaries = [found.as_summary(request.version) for found in org.schema.visible()]
        return Answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": summaries})
    sobject = org.schema.get(pieces[0])
    if len(pieces) == 1:
        return _basics(org, request, sobject)
    if len(pieces) == 2 and pieces[1].lower() == "describe":
        request.allow("GET", "HEAD")
        return Answer(200, sobject.as_describe(request.version))
    if len(pieces) == 2:
        return _row(org, request, sobject, pieces[1])
    if len(pieces) == 3:
        return _row_by_key(org, request, sobject, sobject.key_field(pieces[1]), pieces[2])
    raise not_found()


def writer_of(org: Org, request: Request) -> Writer:
    """The API user, with assignment and duplicate rules as the request's headers have them."""
    duplicates = request.duplicate_header
    return Writer(
        org.user_id,
        auto_assign=request.auto_assign,
        allow_duplicates=duplicates.get("allowsave") == "true",
        record_details=duplicates.get("includerecorddetails") == "true",
        version=request.version,
    )


def location(request: Request, sobject: SObject, record_id: str) -> dict[str, str]:
    """The Location header of a create, recorded in composite answers too."""
    return {"Location": f"/services/data/{request.version}/sobjects/{sobject.name}/{record_id}"}


def shown(org: Org, sobject: SObject, record: Record, fields: list[Field], version: str) -> Record:
    """A record as a read shows it: attributes, then the fields asked for."""
    org.rows += 1
    url = f"/services/data/{version}/sobjects/{sobject.name}/{record['Id']}"
    values = {field.name: record.get(field.name) for field in fields}
    return {"attributes": {"type": sobject.name, "url": url}, **values}


def wanted_fields(sobject: SObject, names: str | None) -> list[Field]:
    """The fields of `?fields=A,B`, or all; raises INVALID_FIELD."""
    if not names:
        return list(sobject.fields.values())
    return [sobject.find(name.strip()) for name in names.split(",")]


def locate_by_url(org: Org, sobject: SObject, text: str) -> Record:
    """The record an id in a URL names; raises 404 NOT_FOUND, or 404 ENTITY_IS_DELETED as recorded."""
    full = canonical(text)
    if full is None:
        raise not_found(f"Provided external ID field does not exist or is not accessible: {text}")
    try:
        return org.locate(sobject, full)
    except RefusedError as refusal:
        if refusal.code == "INVALID_CROSS_REFERENCE_KEY":
            raise not_found() from refusal
        raise


def _basics(org: Org, request: Request, sobject: SObject) -> Answer:
    request.allow("GET", "HEAD", "POST")
    if request.method != "POST":
        return Answer(200, {"objectDescribe": sobject.as_summary(request.version), "recentItems": []})
    record_id = org.create(sobject, request.object_body(), writer_of(org, request))
    return Answer(201, {"id": record_id, "success": True, "errors": []}, location(request, sobject, record_id))


def _row(org: Org, request: Request, sobject: SObject, text: str) -> Answer:
    request.allow("GET", "HEAD", "PATCH", "DELETE")
    if request.method == "PATCH":
        body = request.object_body()
        record = locate_by_url(org, sobject, text)
        _refuse_key(sobject.fields["Id"], body)
        org.update(sobject, record["Id"], body, writer_of(org, request))
        return Answer(204)
    record = locate_by_url(org, sobject, text)
    if request.method == "DELETE":
        org.delete(sobject, record["Id"], writer_of(org, request))
        return Answer(204)
    fields = wanted_fields(sobject, request.params.get("fields"))
    return Answer(200, shown(org, sobject, record, fields, request.version))


def _row_by_key(org: Org, request: Request, sobject: SObject, key: Field, text: str) -> Answer:
    request.allow("GET", "HEAD", "PATCH", "DELETE")
    if key.name == "Id":
        # Upsert by Id with an id in the URL is a plain update that answers like an upsert [MEM].
        found = [locate_by_url(org, sobject, text)]
    else:
        found = org.store.find(sobject.name, key.name, text.strip())
    if len(found) > 1:
        # More than one match: 300 with the records' URLs, and nothing is written [DOC].
        base = f"/services/data/{request.version}/sobjects/{sobject.name}"
        return Answer(300, [f"{base}/{record['Id']}" for record in found])
    if request.method == "PATCH":
        return _upsert(org, request, sobject, key, text, found=found)
    if not found:
        raise not_found()
    if request.method == "DELETE":
        org.delete(sobject, found[0]["Id"], writer_of(org, request))
        return Answer(204)
    fields = wanted_fields(sobject, request.params.get("fields"))
    return Answer(200, shown(org, sobject, found[0], fields, request.version))


def _upsert(org: Org, request: Request, sobject: SObject, key: Field, text: str, *, found: list[Record]) -> Answer:
    body = request.object_body()
    _refuse_key(key, body)
    writer = writer_of(org, request)
    if found:
        org.update(sobject, found[0]["Id"], body, writer)
        return Answer(200, {"id": found[0]["Id"], "success": True, "errors": [], "created": False})
    if is_true(request.params.get("updateOnly")):
        raise not_found()
    record_id = org.create(sobject, {**body, key.name: clean(key, text)}, writer)
    headers = location(request, sobject, record_id)
    return Answer(201, {"id": record_id, "success": True, "errors": [], "created": True}, headers)


def _refuse_key(key: Field, body: dict[str, Any]) -> None:
    if any(name.lower() == key.name.lower() for name in body):
        message = f"The {key.name} field should not be specified in the sobject data."  # [DOC]
        raise CallRefusedError("INVALID_FIELD", message)
