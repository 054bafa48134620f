"""Companies and deliveries: what there is to look at beside contacts, events and meetings."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from contactsync.store import views
from contactsync.store.engine import reading
from contactsync.store.views_paging import Record
from contactsync.web.api.crm import company_linked, links
from contactsync.web.api.requests import PageQuery, page_shown, slice_of
from contactsync.web.api.routes import Routes
from contactsync.web.api.schemas import CompanyList, Delivery, DeliveryList
from contactsync.web.auth import org, parts
from contactsync.web.errors import missing

companies = Routes("Companies", "Companies of the event platform, and the Accounts they are tied to.")
deliveries = Routes("Deliveries", "Webhooks as they arrived.")


class DeliveryQuery(PageQuery):
    """Which deliveries."""

    status = ma.fields.String(
        validate=ma.validate.OneOf(views.DELIVERY_STATUSES, error="Send one of: {choices}."),
        metadata={"description": "Only with this status."},
    )


@companies.operation("GET", "/companies", CompanyList, query=PageQuery, refuses=(422,))
def list_companies(query: dict[str, Any]) -> Record:
    """Companies, newest first."""
    part = slice_of(query)
    with reading(parts().engine) as db:
        page = views.companies(db, org().id, part)
    link = links()
    return {**page_shown(page, query), "items": [company_linked(item, link) for item in page.items]}


@deliveries.operation("GET", "/deliveries", DeliveryList, query=DeliveryQuery, refuses=(422,))
def list_deliveries(query: dict[str, Any]) -> Record:
    """Webhooks as they arrived, newest first, without their bodies."""
    part = slice_of(query)
    with reading(parts().engine) as db:
        return page_shown(views.deliveries(db, org().id, query.get("status"), part), query)


@deliveries.operation("GET", "/deliveries/<delivery_id>", Delivery, refuses=(404,))
def get_delivery(delivery_id: str) -> Record:
    """One webhook: what became of it, and what was wrong with it."""
    with reading(parts().engine) as db:
        found = views.delivery(db, org().id, delivery_id)
    if found is None:
        raise missing("delivery")
    return found
