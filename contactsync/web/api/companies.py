"""Companies: see them, say which Account one is, and which two are one."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from contactsync.domain.names import KEY_LENGTH
from contactsync.store import views
from contactsync.store.engine import reading
from contactsync.store.views_paging import Record
from contactsync.sync import actions
from contactsync.sync.companies import CompanyChanged
from contactsync.web.api.crm import as_things_stand, company_linked, links
from contactsync.web.api.requests import PageQuery, page_shown, slice_of
from contactsync.web.api.routes import Routes
from contactsync.web.api.schemas import CompanyList
from contactsync.web.auth import org, parts
from contactsync.web.errors import missing

routes = Routes("Companies", "Companies of the event platform, and the Accounts they are tied to.")


@routes.operation("GET", "/companies", CompanyList, query=PageQuery, refuses=(422,))
def list_companies(query: dict[str, Any]) -> Record:
    """Companies, newest first."""
    part = slice_of(query)
    with reading(parts().engine) as db:
        page = views.companies(db, org().id, part)
    link = links()
    return {**page_shown(page, query), "items": [company_linked(item, link) for item in page.items]}


# ── put right by a person ──────────────────────────────────────────────────────────────────────────────────────────


def _named(description: str) -> ma.fields.String:
    return ma.fields.String(
        required=True,
        validate=ma.validate.Length(1, KEY_LENGTH, error=f"Send 1 to {KEY_LENGTH} characters."),
        error_messages={"required": "Send the key of a company, as GET companies shows it."},
        metadata={"description": description},
    )


class CompanyBody(ma.Schema):
    """A company."""

    company = _named("Its key, as GET companies shows it.")


class LinkBody(CompanyBody):
    """A company and its Account."""

    account_id = ma.fields.String(
        required=True,
        validate=ma.validate.Length(1, 64, error="Send 1 to 64 characters."),
        error_messages={"required": "Send the CRM's id of the Account."},
        metadata={"description": "The CRM's id of the Account; GET accounts finds them."},
    )


class MergeBody(CompanyBody):
    """Two companies that are one."""

    into = _named("The key of the one that stays.")


class ChangedCompany(ma.Schema):
    """What became of a company."""

    company = ma.fields.String(
        metadata={"description": "Its key; a merged one's is that of the company that it is now."}
    )
    contacts = ma.fields.Integer(metadata={"description": "How many contacts go to the CRM again."})


@routes.operation("POST", "/companies/link", ChangedCompany, body=LinkBody, refuses=(404, 409, 413, 415, 422, 502, 503),
                     example={"company": "name:acme", "account_id": "001Ws00000AbCdEIAV"})  # fmt: skip
def link_company(body: dict[str, Any]) -> Record:
    """Say which Account a company is.

    It holds over what the event platform says and what matching would find. 409 while no CRM is connected.
    """
    with as_things_stand():
        return _changed(actions.link_company(parts(), org().id, body["company"], body["account_id"]))


@routes.operation("POST", "/companies/unlink", ChangedCompany, body=CompanyBody, refuses=(404, 409, 413, 415, 422),
                     example={"company": "name:acme"})  # fmt: skip
def unlink_company(body: dict[str, Any]) -> Record:
    """Say that a company has no Account.

    It stays so, nothing is matched or made for it, until it is linked or matched again. In the CRM nothing changes.
    """
    with as_things_stand():
        return _changed(actions.unlink_company(parts(), org().id, body["company"]))


@routes.operation("POST", "/companies/match", ChangedCompany, body=CompanyBody, refuses=(404, 409, 413, 415, 422),
                     example={"company": "name:acme"})  # fmt: skip
def match_company(body: dict[str, Any]) -> Record:
    """Forget what was linked or unlinked by hand: the company is matched again, by domain and name."""
    with as_things_stand():
        return _changed(actions.match_company(parts(), org().id, body["company"]))


@routes.operation("POST", "/companies/merge", ChangedCompany, body=MergeBody, refuses=(413, 415, 422),
                     example={"company": "name:acme corp", "into": "name:acme"})  # fmt: skip
def merge_companies(body: dict[str, Any]) -> Record:
    """Have one company be another one from now on, also in webhooks that come later, late or again.

    In the CRM nothing is merged or deleted.
    """
    return _changed(actions.merge_companies(parts(), org().id, body["company"], body["into"]))


@routes.operation("POST", "/companies/part", ChangedCompany, body=CompanyBody, refuses=(404, 413, 415, 422),
                     example={"company": "name:acme corp"})  # fmt: skip
def part_company(body: dict[str, Any]) -> Record:
    """Take a merge back. 404 for a company that was not merged."""
    return _changed(actions.part_company(parts(), org().id, body["company"]))


def _changed(changed: CompanyChanged | None) -> Record:
    if changed is None:
        raise missing("company")
    return {"company": changed.key, "contacts": changed.contacts}
