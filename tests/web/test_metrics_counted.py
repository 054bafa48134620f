"""What is counted up over the processes' lives: outcomes, retries, rows, phases, arrivals, deliveries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.engine import Engine

from contactsync.store import tally
from contactsync.store.beats import WORKER, take
from contactsync.store.engine import reading, writing
from contactsync.store.inbox import keep, keeping
from contactsync.store.replays import ReplayFilter
from contactsync.store.tables_counted import tally as tally_table
from contactsync.store.tally import Counted, Tallied
from contactsync.sync.replaying import replay
from contactsync.sync.tallying import BEYOND, BUCKETS, Tallies, bucket_of
from tests.web.conftest import Caller, Clock, person, statements
from tests.web.test_health import measured, of


def test_a_contact_that_reaches_the_crm_is_counted_with_the_time_it_took(
    app: Flask, acme: Caller, other: Caller, clock: Clock, tmp_path: Any
) -> None:
    acme.connect_file(tmp_path)
    acme.deliver("contacts", "contact.created", [person(1), person(2)])
    clock.pass_by(seconds=4)
    acme.sync()
    found = measured(app)
    assert found[of("contactsync_outcomes_total", org="acme", subject="contact", outcome="synced")] == 2
    assert found[of("contactsync_crm_rows_total", org="acme", action="create")] >= 2
    assert found[of("contactsync_deliveries_handled_total", org="acme", result="absorbed")] == 1
    for phase in ("absorb", "look_up", "plan", "apply", "record"):
        assert found[of("contactsync_phase_seconds_count", org="acme", phase=phase)] >= 1, phase
        assert found[of("contactsync_phase_seconds_sum", org="acme", phase=phase)] >= 0, phase
    assert found[of("contactsync_webhook_to_crm_seconds_count", org="acme")] == 2
    assert found[of("contactsync_webhook_to_crm_seconds_bucket", org="acme", le="2.5")] == 0
    assert found[of("contactsync_webhook_to_crm_seconds_bucket", org="acme", le="5")] == 2
    assert found[of("contactsync_webhook_to_crm_seconds_sum", org="acme")] == 8
    others = {name: value for (name, labels), value in found.items() if ("org", other.org.slug) in labels}
    assert {name: value for name, value in others.items() if name.endswith("_total")} == {
        "contactsync_deliveries_handled_total": 0
    }


def test_what_nobody_counted_yet_has_its_name_and_help_all_the_same(app: Flask) -> None:
    families = {one.name for one in text_string_to_metric_families(app.test_client().get("/metrics").text)}
    assert {
        "contactsync_outcomes", "contactsync_retries", "contactsync_crm_rows", "contactsync_deliveries_handled",
        "contactsync_phase_seconds", "contactsync_webhook_to_crm_seconds",
    } <= families  # fmt: skip


def test_duplicates_and_replays_are_counted(app: Flask, acme: Caller) -> None:
    acme.deliver("contacts", "contact.created", person(1))
    acme.absorb()
    for _ in range(3):
        with keeping(acme.parts.engine) as db:
            kept = keep(
                db, org_id=acme.org.id, webhook_id="msg_0", door="contacts", body=b"{}", status="accepted",
                type="contact.created", errors=None, now=acme.parts.now(),
            )  # fmt: skip
        assert kept.duplicate
    assert replay(acme.parts, acme.org.id, ReplayFilter(status="absorbed")).replayed == 1
    acme.absorb()
    found = measured(app)
    results = ("absorbed", "duplicate", "replayed", "failed")
    handled = [found.get(of("contactsync_deliveries_handled_total", org="acme", result=one)) for one in results]
    assert handled == [2, 3, 1, 0]


def test_deliveries_begin_at_nothing_for_every_org_so_that_an_alert_sees_the_first_that_fails(
    app: Flask, acme: Caller, other: Caller
) -> None:
    found = measured(app)
    for org in (acme, other):
        for result in ("absorbed", "failed", "duplicate", "replayed"):
            assert found[of("contactsync_deliveries_handled_total", org=org.org.slug, result=result)] == 0


def test_a_resync_says_nothing_of_how_long_webhooks_take(app: Flask, acme: Caller, clock: Clock, tmp_path: Any) -> None:
    acme.connect_file(tmp_path)
    acme.deliver("contacts", "contact.created", person(1))
    acme.sync()
    clock.pass_by(hours=5)
    assert acme.ask("POST", "/contacts/c-1/sync").status_code < 300
    acme.sync()
    found = measured(app)
    assert found[of("contactsync_outcomes_total", org="acme", subject="contact", outcome="synced")] == 2
    assert found[of("contactsync_webhook_to_crm_seconds_count", org="acme")] == 1


def test_workers_that_come_and_go_leave_no_series_behind(app: Flask, engine: Engine, clock: Clock) -> None:
    for number in range(20):
        with writing(engine) as db:
            take(
                db, f"{WORKER}{number}", f"host:{number}", clock.at - timedelta(seconds=number), 30 if number < 3 else 1
            )
    found = measured(app)
    assert {labels for name, labels in found if name == "contactsync_beat_age_seconds"} == {
        frozenset({("name", "worker")})
    }
    assert found[of("contactsync_processes_alive", name="worker")] == 3
    assert found[of("contactsync_processes_missing", name="worker")] == 17
    assert found[of("contactsync_processes_alive", name="clock")] == 0


# ── adding ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_batch_costs_one_statement_and_nothing_costs_none(engine: Engine, acme: Caller) -> None:
    counted = [Counted(Tallied.OUTCOMES, f"contact:{word}", 2, 0.5) for word in ("synced", "retrying", "queued")]
    with statements(engine) as said, writing(engine) as db:
        tally.add(db, acme.org.id, counted)
        tally.add(db, acme.org.id, counted)
        tally.add(db, acme.org.id, [])
    assert sum("tally" in one for one in said) == 2
    with reading(engine) as db:
        assert {(org, one.label, one.count, one.seconds) for org, one in tally.tallies(db)} == {
            ("acme", f"contact:{word}", 4, 1.0) for word in ("synced", "retrying", "queued")
        }


def test_what_a_newer_version_counts_is_left_alone(engine: Engine, acme: Caller) -> None:
    with writing(engine) as db:
        db.execute(sa.insert(tally_table).values(org_id=acme.org.id, name="unheard_of", label="x", count=1))
        assert tally.tallies(db) == ()


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(-1, "1"), (0, "1"), (1, "1"), (1.01, "2.5"), (21_600, "21600"), (21_601, BEYOND)]
)
def test_a_time_falls_into_the_first_bucket_that_holds_it(seconds: float, bucket: str) -> None:
    assert bucket_of(seconds) == bucket


def test_buckets_ascend_and_their_labels_read_back() -> None:
    assert list(BUCKETS) == sorted(set(BUCKETS))
    assert [float(bucket_of(bound)) for bound in BUCKETS] == list(BUCKETS)


def test_a_phase_is_timed_however_it_ends() -> None:
    times = iter([10.0, 12.5, 20.0, 21.0])
    tallies = Tallies(lambda: next(times))
    with tallies.timing("apply"):
        pass
    with pytest.raises(LookupError), tallies.timing("apply"):
        raise LookupError
    assert tallies.take() == [Counted(Tallied.PHASES, "apply", 2, 3.5)]
    assert tallies.take() == []
