"""Whether the process is alive, whether it can work, and what its operator can measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.engine import Engine

from contactsync.config import Config, IntakeConfig
from contactsync.settings import Settings
from contactsync.store import connections
from contactsync.store.engine import open_engine, writing
from contactsync.store.tables import lease
from contactsync.web.app import create_app
from tests.web.conftest import Caller, Clock, HandBell, make_caller, person, statements

GONE = "postgresql://nobody:hunter2hunter2@127.0.0.1:1/none?connect_timeout=1"


def test_alive_looks_at_nothing(app: Flask, engine: Engine) -> None:
    with statements(engine) as seen:
        answer = app.test_client().get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "alive"})
    assert seen == []


def test_ready_when_database_and_redis_answer(app: Flask) -> None:
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"status": "ready", "checks": {"database": {"ok": True}, "redis": {"ok": True}}}


def test_not_ready_without_redis_says_so_and_what_to_do(app: Flask, bell: HandBell) -> None:
    bell.there = False
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"]["database"] == {"ok": True}
    assert answer.json["checks"]["redis"]["ok"] is False
    assert "REDIS_URL" in answer.json["checks"]["redis"]["fix"]


def test_not_ready_without_a_database_says_so_and_shows_no_secret(acme: Caller) -> None:
    gone = open_engine(GONE)
    answer = create_app(replace(acme.parts, engine=gone)).test_client().get("/readyz")
    gone.dispose()
    assert answer.status_code == 503
    assert "DATABASE_URL" in answer.json["checks"]["database"]["fix"]
    assert answer.json["checks"]["redis"] == {"ok": True}
    text = answer.get_data(as_text=True)
    assert not any(secret in text for secret in ("hunter2", "nobody", "127.0.0.1"))


def test_not_ready_before_migrations_names_the_command(app: Flask, acme: Caller, empty_database_url: str) -> None:
    empty = open_engine(empty_database_url)
    answer = create_app(replace(acme.parts, engine=empty)).test_client().get("/readyz")
    empty.dispose()
    assert answer.status_code == 503
    assert "contactsync db upgrade" in answer.json["checks"]["database"]["fix"]


# ── metrics ────────────────────────────────────────────────────────────────────────────────────────────────────────


def measured(app: Flask) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What /metrics says: (name, labels) → value."""
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.get_data(as_text=True))
        for sample in family.samples
    }


def of(metric: str, /, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return metric, frozenset(labels.items())


def test_metrics_say_what_waits_what_failed_and_for_how_long(
    app: Flask, acme: Caller, other: Caller, clock: Clock, engine: Engine
) -> None:
    acme.deliver("contacts", "contact.created", [person(1), person(2), {"id": "c-3"}])
    acme.absorb()
    acme.deliver("contacts", "contact.created", person(4))
    other.deliver("contacts", "contact.created", person(5), "rejected")
    with writing(engine) as db:
        db.execute(lease.insert().values(name="clock", owner="x", until=clock.at, beat_at=clock.at))
    clock.pass_by(seconds=40)
    found = measured(app)
    assert found[of("contactsync_contacts", org="acme", status="queued")] == 3
    assert found[of("contactsync_meetings", org="acme", status="queued")] == 0
    assert found[of("contactsync_contacts", org="other", status="queued")] == 0
    assert found[of("contactsync_deliveries", org="acme", status="waiting")] == 1
    assert found[of("contactsync_deliveries", org="other", status="rejected")] == 1
    assert found[of("contactsync_oldest_due_seconds", org="acme")] == 40
    assert found[of("contactsync_oldest_waiting_seconds", org="acme")] == 40
    assert found[of("contactsync_oldest_due_seconds", org="other")] == 0
    assert found[of("contactsync_beat_age_seconds", name="clock")] == 40
    assert found[of("contactsync_crm_state", org="acme", state="none")] == 1


def test_metrics_say_what_the_crm_costs(app: Flask, acme: Caller, engine: Engine, tmp_path: Any) -> None:
    acme.connect_file(tmp_path)
    with writing(engine) as db:
        connection = connections.present(db, acme.org.id)
        db.execute(
            connections.connection.update()
            .where(connections.connection.c.id == connection.id)
            .values(calls=17, budget_used=200, budget_limit=15000)
        )
    found = measured(app)
    assert found[of("contactsync_crm_calls_total", org="acme", target="jsonl")] == 17
    assert found[of("contactsync_crm_budget_used", org="acme")] == 200
    assert found[of("contactsync_crm_budget_limit", org="acme")] == 15000
    assert found[of("contactsync_crm_state", org="acme", state="ready")] == 1


def test_the_crms_count_is_not_shown_once_nothing_of_it_can_be_left(
    app: Flask, acme: Caller, engine: Engine, tmp_path: Any, clock: Clock
) -> None:
    acme.connect_file(tmp_path)
    with writing(engine) as db:
        db.execute(connections.connection.update().values(budget_used=14_000, budget_limit=15_000, budget_at=clock.at))
    clock.pass_by(hours=23)
    assert measured(app)[of("contactsync_crm_budget_used", org="acme")] == 14_000
    clock.pass_by(hours=1)
    found = measured(app)
    assert of("contactsync_crm_budget_used", org="acme") not in found
    assert found[of("contactsync_crm_budget_limit", org="acme")] == 15_000


@pytest.mark.parametrize("limit", ["most_waiting", "most_waiting_megabytes"])
def test_an_inbox_fills_by_number_and_by_size(
    with_settings: Callable[..., Flask], acme: Caller, other: Caller, limit: str
) -> None:
    acme.deliver("contacts", "contact.created", person(1) | {"notes": "x" * 600_000})
    room = {"most_waiting": 2} if limit == "most_waiting" else {"most_waiting_megabytes": 1}
    found = measured(with_settings(config=Config(intake=IntakeConfig(**room))))
    assert 0.5 <= found[of("contactsync_inbox_filled", org="acme")] < 0.7
    assert found[of("contactsync_inbox_filled", org="other")] == 0


def test_metrics_hold_no_personal_data(app: Flask, acme: Caller) -> None:
    acme.deliver("contacts", "contact.created", person(1))
    acme.sync()
    text = app.test_client().get("/metrics").get_data(as_text=True)
    assert not any(word in text for word in ("ada1", "Lovelace", "Engines", "c-1"))


def test_more_orgs_and_contacts_cost_no_more_queries(app: Flask, acme: Caller, engine: Engine) -> None:
    with statements(engine) as few:
        measured(app)
    make = [person(number) for number in range(30)]
    acme.deliver("contacts", "contact.created", make)
    acme.absorb()
    for number in range(5):
        make_caller(app, acme.parts, f"org-{number}")
    with statements(engine) as many:
        measured(app)
    assert len(many) == len(few) <= 9


@pytest.fixture
def with_settings(acme: Caller) -> Callable[..., Flask]:
    """The app under other settings."""

    def make(**changes: Any) -> Flask:
        settings: Settings = replace(acme.parts.settings, **changes)
        return create_app(replace(acme.parts, settings=settings))

    return make


def asked_from(app: Flask, address: str, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().get("/metrics", environ_base={"REMOTE_ADDR": address}, headers=named).status_code


def test_without_a_token_metrics_answer_private_addresses_only(with_settings: Callable[..., Flask]) -> None:
    app = with_settings()
    assert asked_from(app, "127.0.0.1") == asked_from(app, "10.1.2.3") == asked_from(app, "fd00::1") == 200
    assert asked_from(app, "8.8.8.8") == asked_from(app, "2001:4860:4860::8888") == 403
    assert asked_from(app, "10.1.2.3", X_Forwarded_For="8.8.8.8") == 403  # through a proxy that nobody told of
    behind = with_settings(proxies=1)
    assert asked_from(behind, "10.1.2.3", X_Forwarded_For="8.8.8.8") == 403
    assert asked_from(behind, "10.1.2.3", X_Forwarded_For="10.0.0.1, 8.8.8.8") == 403  # the sender's own words
    assert asked_from(behind, "10.1.2.3", X_Forwarded_For="10.9.9.9") == 200


def test_with_a_token_metrics_answer_those_who_bring_it(with_settings: Callable[..., Flask]) -> None:
    app = with_settings(metrics_token="a token for scraping")
    assert asked_from(app, "8.8.8.8", Authorization="Bearer a token for scraping") == 200
    assert asked_from(app, "127.0.0.1") == 401
    assert asked_from(app, "127.0.0.1", Authorization="Bearer something else") == 401
    assert asked_from(app, "127.0.0.1", Authorization="Bearer ü") == 401
