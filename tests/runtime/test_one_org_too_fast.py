"""Real gunicorn: an org that sends too fast, or whose inbox is full, is told when to come again, and no other org."""

from __future__ import annotations

import json
import secrets
import time
from datetime import UTC, datetime

import pytest
import requests

from contactsync.intake.signature import sign
from contactsync.store import orgs
from contactsync.store.engine import open_engine, writing
from contactsync.store.vault import Vault
from tests.fixtures.processes import Processes, free_port

KEY = "a key for tests that is long enough"
ADA = {"id": "c-1", "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"}


@pytest.fixture
def running(processes: Processes, sqlite_url: str, redis_url: str) -> Processes:
    """Processes that share the test's database and Redis; one web process, so that its limit is the whole limit."""
    processes.environment |= {"DATABASE_URL": sqlite_url, "REDIS_URL": redis_url, "WEB_CONCURRENCY": "1"}
    processes.environment["CONTACTSYNC_SECRET_KEYS"] = KEY
    return processes


class Senders:
    """Two orgs in front of one web process."""

    def __init__(self, running: Processes, **limits: str) -> None:
        engine = open_engine(running.environment["DATABASE_URL"])
        now = datetime.now(UTC)
        with writing(engine) as db:
            added = [orgs.add_org(db, slug, slug.title(), now) for slug in ("eager", "calm")]
            self._secrets = {org.slug: orgs.add_secret(db, Vault([KEY]), org.id, now)[1] for org in added}
        engine.dispose()
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        running.start("web", PORT=str(port), **limits).wait_for("web started", 60)

    def send(self, slug: str) -> requests.Response:
        """A signed webhook that was never sent before."""
        body = json.dumps({"type": "contact.updated", "timestamp": "2026-11-24T09:00:00Z", "data": ADA}).encode()
        name, now = secrets.token_hex(8), int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(self._secrets[slug], name, now, body),
        }
        return requests.post(f"{self._url}/webhooks/{slug}/contacts", data=body, headers=headers, timeout=60)


def test_an_org_over_its_rate_is_answered_429_while_another_gets_in(running: Processes) -> None:
    senders = Senders(running, CONTACTSYNC_INTAKE_MAX_PER_SECOND="0.002")  # the next one in 500 seconds
    assert senders.send("eager").status_code == 202
    refused = senders.send("eager")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_requests")
    assert 0 < int(refused.headers["Retry-After"]) <= 500
    assert senders.send("calm").status_code == 202
    assert senders.send("eager").status_code == 429


def test_an_org_whose_inbox_is_full_is_answered_503_while_another_gets_in_and_the_status_says_so(
    running: Processes,
) -> None:
    limits = {"CONTACTSYNC_INTAKE_MOST_WAITING": "2"}
    senders = Senders(running, **limits)
    assert [senders.send("eager").status_code for _ in range(2)] == [202, 202]
    refused = senders.send("eager")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "inbox_full")
    assert int(refused.headers["Retry-After"]) > 0
    assert senders.send("calm").status_code == 202
    running.environment |= limits
    inbox = json.loads(running.run("status", "eager", "--json"))["inbox"]
    assert (inbox["waiting"], inbox["most_waiting"], inbox["full"]) == (2, 2, True)
