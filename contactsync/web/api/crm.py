"""What the API asks of the org's CRM: links for people to open, and records to pick from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import marshmallow as ma

from contactsync.domain.crm import RecordKind, RecordRef
from contactsync.domain.errors import Misconfigured
from contactsync.store.views_paging import Record
from contactsync.sync import actions
from contactsync.web.api.routes import Routes
from contactsync.web.api.schemas import Choices
from contactsync.web.auth import org, parts
from contactsync.web.errors import Refusal

routes = Routes("CRM", "Records of the CRM to pick from.")


class SearchQuery(ma.Schema):
    """What to look for."""

    q = ma.fields.String(
        required=True,
        validate=[
            ma.validate.Length(max=255, error="Send at most 255 characters."),
            ma.validate.Regexp(r".*\S", error="Send a part of the name."),
        ],
        error_messages={"required": "Send a part of the name."},
        metadata={"description": "A part of the name.", "example": "Globex"},
    )


@routes.operation("GET", "/accounts", Choices, query=SearchQuery, refuses=(409, 422, 502, 503))
def search_accounts(query: dict[str, Any]) -> Record:
    """Accounts of the CRM by a part of their name, for pickers."""
    return _search(RecordKind.ACCOUNT, query["q"])


@routes.operation("GET", "/campaigns", Choices, query=SearchQuery, refuses=(409, 422, 502, 503))
def search_campaigns(query: dict[str, Any]) -> Record:
    """Campaigns of the CRM by a part of their name, for pickers."""
    return _search(RecordKind.CAMPAIGN, query["q"])


def _search(kind: RecordKind, words: str) -> Record:
    bound = parts().targets.of(org().id)
    if bound is None:
        words = f"Your org is not connected to a CRM yet: contactsync connect {org().slug} --help says how."
        raise Refusal(409, "not_connected", words)
    try:
        return {"items": bound.target.search(kind, words)}
    finally:
        bound.connection.flush()  # the calls it counted


@contextmanager
def as_things_stand() -> Iterator[None]:
    """Around what may not be possible now: 409 with what to do first."""
    try:
        yield
    except actions.NotReady as error:
        raise Refusal(409, "not_ready", str(error), error.fields) from error


def links() -> Callable[[str | None, str | None], str | None]:
    """From a record's kind and id to where a person can open it; None while nothing can tell."""
    try:
        bound = parts().targets.of(org().id)
    except Misconfigured:  # lists must not go down with a plugin or a key; /readyz and the log tell the operator
        bound = None

    def link(kind: str | None, record_id: str | None) -> str | None:
        if bound is None or not kind or not record_id:
            return None
        return bound.target.url(RecordRef(RecordKind(kind), record_id))

    return link


def with_links(items: Iterable[Record]) -> list[Record]:
    """Contacts with the addresses of their records."""
    link = links()
    return [_contact_linked(item, link) for item in items]


def _contact_linked(item: Record, link: Callable[[str | None, str | None], str | None]) -> Record:
    sync = item["sync"]
    company = item["company"]
    return {
        **item,
        "sync": {**sync, "crm_url": link(sync["crm_object"], sync["crm_id"])},
        "company": company and company_linked(company, link),
    }


def company_linked(company: Record, link: Callable[[str | None, str | None], str | None]) -> Record:
    """A company with the address of its Account."""
    return {**company, "account_url": link(RecordKind.ACCOUNT, company["account_id"])}
