"""Every route that names a row by its key, asked by an admin of another org in that org's own address: nothing is there."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.domain.roles import Role
from contactsync.store import tables
from contactsync.store.engine import reading
from contactsync.store.tables import metadata
from contactsync.web.console.doors import Door
from contactsync.web.console.rooms import doors
from tests.console.conftest import person, sign_in
from tests.web.conftest import Caller

KEYED = [door for door in doors() if "<int" in door.rule and not door.whole and not door.open]
OWN = {"console_session", "membership", "console_user"}
"""What signing in writes."""


@pytest.fixture
def grown(acme: Caller, at_salesforce: Caller) -> Caller:
    """An org with a row of every kind, the first of its kind in the database: each has the key 1."""
    event = {"id": "ev-1", "name": "Expo", "starts_at": "2026-12-01T09:00:00Z"}
    meeting = {"id": "m-1", "title": "Demo", "starts_at": event["starts_at"], "ends_at": "2026-12-01T10:00:00Z"}
    acme.deliver("events", "event.created", event)
    acme.deliver("contacts", "contact.created", person(1) | {"events": [{"id": "ev-1", "status": "registered"}]})
    acme.deliver("meetings", "meeting.created", meeting | {"attendees": [{"contact_id": "c-1"}]})
    acme.sync()
    sign_in(acme, Role.ADMIN)
    return acme


def everything(acme: Caller) -> dict[str, list[Any]]:
    with reading(acme.parts.engine) as db:
        kept = (table for table in metadata.sorted_tables if "org_id" in table.c and table.name not in OWN)
        rows = {table.name: sa.select(table).where(table.c.org_id == acme.org.id) for table in kept}
        return {name: sorted(map(repr, db.execute(asked).all())) for name, asked in rows.items()}


def path_of(door: Door) -> str:
    return "/o/other" + re.sub(r"<[^>]*>", lambda found: "1" if "int" in found[0] else "lead", door.rule)


def test_no_row_of_another_org_is_shown_or_touched_by_its_key(grown: Caller, other: Caller) -> None:
    theirs = sign_in(other, Role.ADMIN)
    with reading(grown.parts.engine) as db:
        for table in (tables.contact, tables.event, tables.meeting, tables.company, tables.sync_run, tables.delivery):
            assert db.execute(sa.select(table.c.org_id).where(table.c.id == 1)).scalar_one() == grown.org.id, table.name
    before = everything(grown)
    said = {"csrf": theirs.csrf, "role": "viewer", "email": "x@example.com", "last_name": "X", "name": "X", "into": "1"}
    for door in KEYED:
        for method in door.methods:
            shown = theirs.client.open(path_of(door), method=method, data=said if method == "POST" else None)
            assert shown.status_code == 404, (method, door.rule)
    assert everything(grown) == before


def test_no_row_of_another_org_is_reached_by_a_field(grown: Caller, other: Caller) -> None:
    theirs = sign_in(other, Role.ADMIN)
    before = everything(grown)
    for path, fields in {
        "/contacts/several": {"key": "1", "do": "sync"},
        "/inbox/approve": {"key": "1"},
        "/settings/mapping/lead/send": {"example": "1", "key": "1", "contact": "1"},
        "/settings/mapping/lead/preview": {"example": "1"},
        "/contacts": {"event": "1"},
    }.items():
        shown = theirs.post(path, fields)
        assert shown.status < 500, path
        assert person(1)["email"] not in shown.html, path
    after = everything(grown)
    assert {name for name in after if after[name] != before[name]} == set()
