"""What a replay asks of the database goes by indexes, however many deliveries an org has."""

from __future__ import annotations

import re
from datetime import timedelta

import sqlalchemy as sa

from contactsync.domain.changes import changes_of
from contactsync.store import absorption, audit, replays
from contactsync.store import tables as t
from contactsync.store.engine import writing
from contactsync.store.replays import ReplayFilter
from contactsync.store.views_paging import Slice
from tests.store.conftest import NOW
from tests.store.test_query_plans import GROWING, plan_of, statements


def replayed(db, org_id):
    replays.candidates(db, org_id, ReplayFilter(ids=("dlv_1", "dlv_2")), 0, 10)
    replays.candidates(db, org_id, ReplayFilter(status="failed"), 0, 10)
    replays.candidates(db, org_id, ReplayFilter(door="contacts", since=NOW - timedelta(1), until=NOW), 5, 10)
    replays.body_of(db, org_id, 1)
    replays.put_back(db, org_id, [1, 2], {3: "contact.created"}, NOW)
    replays.keep_errors(db, org_id, 3, [])
    said = [
        changes_of(kind, "2026-11-24T09:00:00.000000Z", (item,), 1, NOW)
        for kind, item in (
            ("contact.updated", {"id": "c-1", "events": [{"id": "e-1"}]}),
            ("event.updated", {"id": "e-1"}),
            ("event.contacts_added", {"event_id": "e-1", "contacts": [{"email": "x@y.z"}]}),
            ("meeting.updated", {"id": "m-1"}),
        )
    ]
    replays.mark_named_due(db, org_id, said, NOW)
    absorption.waiting(db, org_id, 10, 10)
    audit.entries(db, org_id, Slice(10, before=100))
    audit.entries(db, None, Slice(10))


def test_a_replay_reads_no_table_that_grows_from_end_to_end(engine, acme):
    row = {"org_id": acme.id, "door": "contacts", "received_at": NOW, "body": b"{}"}
    with writing(engine) as db:
        for number, (status, times) in enumerate((("accepted", 1), ("absorbed", 0), ("accepted", 0)), 1):
            db.execute(sa.insert(t.delivery).values(**row, webhook_id=f"m{number}", status=status, replays=times))
        if db.dialect.name != "sqlite":
            db.exec_driver_sql("SET LOCAL enable_seqscan = off")  # the tables are small
        with statements(db) as heard:
            replayed(db, acme.id)
        assert len(heard) > 15
        names = "|".join((*GROWING, "audit_entry"))
        whole = rf"^SCAN ({names})(_\d+)?\b|Seq Scan on ({names})\b"
        orgs = rf"^SEARCH ({names})(_\d+)? USING (COVERING )?INDEX \w+ \(org_id=\?\)$"
        for statement, parameters in heard:
            plan = plan_of(db, statement, parameters)
            bad = whole if "LIMIT" in statement else f"{whole}|{orgs}"
            assert not [line for line in plan if re.search(bad, line.strip())], f"{statement}\n{plan}"
