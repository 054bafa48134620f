"""The inbox."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contactsync.store import inbox, orgs
from contactsync.store.engine import Engine, reading, writing
from contactsync.store.orgs import Org

NOW = datetime(2026, 11, 24, 9, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def acme(engine: Engine) -> Org:
    with writing(engine) as conn:
        return orgs.add_org(conn, "acme", "Acme Events", NOW)


def keep(engine, org, webhook_id="msg_1", body=b'{"type": "contact.created"}', **other):
    said = {"door": "contacts", "status": "accepted", "type": "contact.created", "errors": None, "now": NOW} | other
    with inbox.keeping(engine) as conn:
        return inbox.keep(conn, org_id=org.id, webhook_id=webhook_id, body=body, **said)


def test_a_delivery_is_kept_as_it_arrived(engine, acme):
    body = b'{"type":  "contact.created"}\xff\x00'
    kept = keep(engine, acme, body=body)
    with reading(engine) as conn:
        found = inbox.find_delivery(conn, acme.id, kept.delivery_id)
    assert found is not None
    assert (found.webhook_id, found.door, found.received_at, found.body) == ("msg_1", "contacts", NOW, body)
    assert (found.status, found.type, found.errors, found.log) == ("accepted", "contact.created", None, None)
    assert not kept.duplicate
