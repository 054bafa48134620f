"""Companies: what there is to look at beside contacts, events, meetings and deliveries."""

from __future__ import annotations

from typing import Any

from contactsync.store import views
from contactsync.store.engine import reading
from contactsync.store.views_paging import Record
from contactsync.web.api.crm import company_linked, links
from contactsync.web.api.requests import PageQuery, page_shown, slice_of
from contactsync.web.api.routes import Routes
from contactsync.web.api.schemas import CompanyList
from contactsync.web.auth import org, parts

companies = Routes("Companies", "Companies of the event platform, and the Accounts they are tied to.")


@companies.operation("GET", "/companies", CompanyList, query=PageQuery, refuses=(422,))
def list_companies(query: dict[str, Any]) -> Record:
    """Companies, newest first."""
    part = slice_of(query)
    with reading(parts().engine) as db:
        page = views.companies(db, org().id, part)
    link = links()
    return {**page_shown(page, query), "items": [company_linked(item, link) for item in page.items]}
