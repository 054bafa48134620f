"""One person across everything: exported, erased, let in again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import marshmallow as ma

from contactsync.store import erasures
from contactsync.store.engine import reading
from contactsync.store.views_paging import Record
from contactsync.sync import actions
from contactsync.web.api.requests import PageQuery, page_shown, slice_of
from contactsync.web.api.routes import Routes
from contactsync.web.api.schemas import moment, noted, text
from contactsync.web.auth import org, parts
from contactsync.web.errors import Refusal

routes = Routes("People", "One person across everything, for their own rights: an export, an erasure.")

SECONDS = 10.0
"""For how long a request works at an erasure: web processes and Heroku's router end what takes half a minute."""

EXPORT_SECONDS = 15.0
"""The same for an export."""

PATIENCE = 12.0
"""How long it waits for the org's worker before: longer than the slice of time after which a worker lets go (10 s)."""


class PersonBody(ma.Schema):
    """Who is meant. Never in an address: those end up in access logs."""

    email = ma.fields.String(
        required=True,
        validate=ma.validate.Length(1, 320, error="Send 1 to 320 characters."),
        error_messages={"required": "Send the person's e-mail address."},
        metadata=noted("The person's e-mail address; upper or lower case is the same."),
    )


class CrmRecordOfPerson(ma.Schema):
    """A record of the CRM that is the person's or may name them."""

    object = ma.fields.String(metadata=noted("The kind of record."))
    crm_id = ma.fields.String(metadata=noted("Its id."))
    url = text("Where to open it; null for a CRM that the org has left.")
    shared = ma.fields.Boolean(
        metadata=noted(
            "True: it is others' as well (an Activity, a Lead of two contacts). Look what it says of the person."
        )
    )


def _counts(description: str) -> ma.fields.Dict:
    return ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), metadata=noted(description))


def _texts(description: str) -> Any:
    return ma.fields.List(ma.fields.String(), metadata=noted(description))


def _records(description: str) -> Any:
    return ma.fields.List(ma.fields.Dict(keys=ma.fields.String()), metadata=noted(description))


class ErasedPerson(ma.Schema):
    """What came of an erasure. But for `id` and `removed` it is told this once, and kept nowhere."""

    id = ma.fields.String(metadata=noted("The proof: `GET erasures` lists it."))
    removed = _counts("How many of what were deleted or lost the person.")
    crm_records = ma.fields.List(
        ma.fields.Nested(CrmRecordOfPerson),
        metadata=noted("What your CRM holds of the person. contactsync never deletes there: you have to."),
    )
    other_contacts = _texts("Contacts that were named with the address once and have another now: they were kept.")
    other_addresses = _texts("Addresses that the person's contacts had once. If they are theirs, erase them as well.")


class Erasure(ma.Schema):
    """That somebody was erased: the proof, without the person."""

    id = ma.fields.String()
    asked_at = moment("When it was asked for.")
    finished_at = moment("When it was done; null: ask for it again, it goes on where it stopped.")
    lifted_at = moment("Since when the person may come in again; null: what names them is left out.")
    actor = ma.fields.String(metadata=noted("Who asked for it."))
    removed = _counts("How many of what were deleted or lost the person.")


class ErasureList(ma.Schema):
    """A page of erasures."""

    items = ma.fields.List(ma.fields.Nested(Erasure))
    next = text("Send it as `cursor` for the next page; null ends.")


class AllowedPerson(ma.Schema):
    """Whose erasure was lifted."""

    id = ma.fields.String(metadata=noted("The erasure, as `GET erasures` lists it."))


class PersonExport(ma.Schema):
    """All that is kept of a person, and of nobody else."""

    made_at = ma.fields.String()
    contacts = _records(
        "Their contacts, as `GET contacts` shows them, and since when each field has been so (`said_at`)."
    )
    attendances = _records("In which events they take part, known by id or by address.")
    meetings = _records("Their meetings: what, when, where, and their own answer; no notes, no others.")
    runs = _records("All that was tried to bring them to the CRM.")
    deliveries = _records("Their part of each webhook's body (`said`); null where a refused body cannot be read.")
    crm_records = ma.fields.List(ma.fields.Nested(CrmRecordOfPerson), metadata=noted("Their records in the CRM."))


EXAMPLE = {"email": "ada@example.com"}
REFUSES = (413, 415, 422)


@routes.operation("POST", "/people/erase", ErasedPerson, body=PersonBody, example=EXAMPLE, refuses=(*REFUSES, 503))
def erase_person(body: dict[str, Any]) -> Record:
    """Erase a person from all that is kept here, and keep them out from then on.

    Webhooks that name them later come in without them. A 503 `not_finished` says that it takes longer than one request may:
    send the same again, it goes on where it stopped. Your CRM is never touched: the answer lists what it holds.
    """
    try:
        done = actions.erase_person(parts(), org().id, body["email"], seconds=SECONDS, patience=PATIENCE)
    except actions.NotFinished as error:
        words = f"{str(error)[:1].upper()}{str(error)[1:]}."
        raise Refusal(503, "not_finished", words, headers={"Retry-After": str(error.retry_after)}) from error
    return asdict(done)


@routes.operation("POST", "/people/allow", AllowedPerson, body=PersonBody, example=EXAMPLE, refuses=(404, *REFUSES))
def allow_person(body: dict[str, Any]) -> Record:
    """Let a person who was erased come in again, from the next webhook that names them."""
    lifted = actions.allow_person(parts(), org().id, body["email"])
    if lifted is None:
        raise Refusal(404, "not_found", "Nobody with this address was erased.")
    return {"id": lifted}


@routes.operation(
    "POST", "/people/export", PersonExport, body=PersonBody, example=EXAMPLE, refuses=(409, *REFUSES), changes=False
)  # fmt: skip
def export_person(body: dict[str, Any]) -> Record:
    """All that is kept here of a person, as one document.

    409 `too_much` where so much is kept that to go through it takes longer than a request may: the command has no limit.
    """
    try:
        return actions.export_person(parts(), org().id, body["email"], seconds=EXPORT_SECONDS)
    except actions.TooMuch as error:
        words = (
            "So much is kept of your org that this takes longer than a request may: have an operator run "
            f"`contactsync person export {org().slug} --email -`, which takes the time it needs."
        )
        raise Refusal(409, "too_much", words) from error


@routes.operation("GET", "/erasures", ErasureList, query=PageQuery, refuses=(422,))
def list_erasures(query: dict[str, Any]) -> Record:
    """Who was erased when and by whom, without saying who they were; newest first."""
    part = slice_of(query)
    with reading(parts().engine) as db:
        return page_shown(erasures.erasures(db, org().id, part), query)
