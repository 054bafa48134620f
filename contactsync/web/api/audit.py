"""The audit log: who changed what by hand."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from contactsync.store.audit import Audited, entries
from contactsync.store.engine import reading
from contactsync.store.views_paging import Record
from contactsync.web.api.requests import PageQuery, page_shown, slice_of
from contactsync.web.api.routes import Routes
from contactsync.web.api.schemas import Instant, listing, noted, word
from contactsync.web.auth import org, parts

routes = Routes("Audit", "Who changed what by hand.")


class AuditEntry(ma.Schema):
    """One change that somebody made."""

    id = ma.fields.String()
    at = Instant(metadata=noted("When."))
    actor = ma.fields.String(metadata=noted("`token:<number> <label>`, or `command line (<the system's user>)`."))
    action = word(Audited, "What was done.")
    about = ma.fields.String(metadata=noted("To which one: an id, a kind; empty where there is but one."))
    details = ma.fields.Dict(keys=ma.fields.String(), metadata=noted("What was, what is; no secret, nobody's data."))


AuditEntryList = listing(AuditEntry)


@routes.operation("GET", "/audit", AuditEntryList, query=PageQuery, refuses=(422,))
def list_audit_entries(query: dict[str, Any]) -> Record:
    """Who changed mapping, policies, connection, campaigns, secrets, tokens, and what else people do; newest first."""
    part = slice_of(query)
    with reading(parts().engine) as db:
        return page_shown(entries(db, org().id, part), query)
