"""The audit log: who changed what by hand. Only ever added to, in the transaction of the change itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.store import tables as t
from contactsync.store.views_paging import Page, Record, Slice, newest

LONGEST = 255


class Audited(StrEnum):
    """What is written down."""

    MAPPING_CHANGED = "mapping.changed"
    POLICIES_CHANGED = "policies.changed"
    CONNECTED = "connection.made"
    DISCONNECTED = "connection.ended"
    SIGN_IN_BEGUN = "connection.sign_in_begun"
    SECRET_ADDED = "secret.added"  # noqa: S105 - names of actions
    SECRET_REVOKED = "secret.revoked"  # noqa: S105
    TOKEN_ADDED = "token.added"  # noqa: S105
    TOKEN_REVOKED = "token.revoked"  # noqa: S105
    KEYS_ROTATED = "keys.rotated"
    ORG_ADDED = "org.added"
    ORG_IMPORTED = "org.imported"
    EVENT_CONNECTED = "event.connected"
    EVENT_DISCONNECTED = "event.disconnected"
    CAMPAIGN_ASKED_FOR = "event.campaign_asked_for"
    REPLAYED = "deliveries.replayed"
    RESYNC_STARTED = "resync.started"
    RESYNC_CANCELLED = "resync.cancelled"
    CONTACT_EDITED = "contact.edited"
    CONTACTS_APPROVED = "contacts.approved"
    COMPANY_LINKED = "company.linked"
    COMPANY_UNLINKED = "company.unlinked"
    COMPANY_MATCHED = "company.matched_again"
    COMPANIES_MERGED = "companies.merged"
    COMPANY_PARTED = "company.parted"
    PROBLEM_CHECKED = "problem.checked"
    PROBLEM_TRIED = "problem.tried"
    PROBLEM_DISMISSED = "problem.dismissed"
    PROBLEM_BROUGHT_BACK = "problem.brought_back"
    PROBLEM_EXPORTED = "problem.exported"
    BODY_SHOWN = "delivery.body_shown"
    RUN_UNDONE = "run.undone"
    PERSON_ERASED = "person.erased"
    PERSON_EXPORTED = "person.exported"
    PERSON_ALLOWED = "person.allowed"
    USER_ADDED = "user.added"
    USER_INVITED = "user.invited"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    ROLE_CHANGED = "user.role_changed"
    OPERATOR_CHANGED = "user.operator_changed"
    PASSWORD_CHANGED = "user.password_changed"  # noqa: S105
    SIGNED_IN = "user.signed_in"


def entries(db: Db, org_id: int | None, part: Slice) -> Page:
    """A page of an org's entries, newest first; None: those of the whole installation."""
    c = t.audit_entry.c
    here = c.org_id.is_(None) if org_id is None else c.org_id == org_id
    ids = newest(t.audit_entry, here, part)
    rows = db.execute(sa.select(t.audit_entry).where(c.id.in_(ids)).order_by(c.id.desc())).all()
    shown, following = part.cut(rows)
    return Page(tuple(_entry(row) for row in shown), following)


def _entry(row: sa.Row[Any]) -> Record:
    shown = {name: getattr(row, name) for name in ("at", "actor", "action", "about")}
    return {"id": f"aud_{row.id}", **shown, "details": row.details or {}}


def note(
    db: Db,
    org_id: int | None,
    actor: str,
    action: Audited,
    now: datetime,
    *,
    about: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write down that `actor` did this. `about` and `details` hold ids, counts and choices: no secret, nobody's data."""
    row = {"org_id": org_id, "at": now, "actor": actor[:LONGEST], "action": action.value, "about": about[:LONGEST]}
    db.execute(sa.insert(t.audit_entry).values(**row, details=dict(details) if details is not None else None))
