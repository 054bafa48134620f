"""The real thing: web, workers and clock as processes, a real Redis and database, webhooks over HTTP, the stand-in as CRM."""

from __future__ import annotations

import json
import secrets
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from contactsync.bootstrap import build
from contactsync.intake.signature import sign
from contactsync.settings import Settings
from contactsync.standin import Options, RunningStandin, serve
from contactsync.store import orgs
from contactsync.store.engine import writing
from contactsync.sync import actions
from tests.fixtures.processes import Processes, Running, free_port
from tests.fixtures.redis import RedisForTests
from tests.fixtures.waiting import wait_until
from tests.sync.conftest import ada

PATIENCE = 40.0


@dataclass
class Installation:
    """An installation with one org, connected to a stand-in."""

    processes: Processes
    standin: RunningStandin
    url: str
    secret: str
    token: str

    def web(self) -> Running:
        running = self.processes.start("web", PORT=self.url.rpartition(":")[2])

        def answers() -> bool:
            assert running.code is None, running.said()
            try:
                return requests.get(f"{self.url}/healthz", timeout=5).ok
            except requests.ConnectionError:
                return False

        wait_until(answers, PATIENCE, "web answers")
        return running

    def worker(self) -> Running:
        running = self.processes.start("worker")
        running.wait_for("worker started", PATIENCE)
        return running

    def clock(self) -> Running:
        return self.processes.start("clock")

    def post(
        self, data: object, *, kind: str = "contact.created", door: str = "contacts", name: str = ""
    ) -> requests.Response:
        body = json.dumps({"type": kind, "timestamp": "2026-11-24T09:00:00Z", "data": data}).encode()
        name, now = name or f"msg_{secrets.token_hex(8)}", int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(self.secret, name, now, body),
        }
        return requests.post(f"{self.url}/webhooks/acme/{door}", data=body, headers=headers, timeout=30)

    def status(self) -> dict[str, Any]:
        """What `contactsync status acme --json` says."""
        return json.loads(self.processes.run("status", "acme", "--json"))

    def contact(self, contact_id: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.token}"}
        return requests.get(f"{self.url}/api/v1/contacts/{contact_id}", headers=headers, timeout=30).json()

    def crm(self, kind: str) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.standin.url}/_standin/records", params={"object": kind}, timeout=10).json()
        return answer[kind] if isinstance(answer, dict) else answer

    def admin(self, door: str, body: dict[str, Any]) -> Any:
        return requests.post(f"{self.standin.url}/_standin/{door}", json=body, timeout=10).json()

    def holds_an_answer(self) -> bool:
        """Whether the stand-in has done a call and keeps its answer back."""
        return bool(requests.get(f"{self.standin.url}/_standin/held", timeout=5).json()["held"])

    def wait_for_leads(self, count: int) -> None:
        wait_until(lambda: len(self.crm("Lead")) >= count, PATIENCE, f"{count} leads are in the CRM")


@pytest.fixture
def environment(processes: Processes, database_url: str, own_redis: RedisForTests) -> dict[str, str]:
    """What all processes share."""
    processes.environment |= {
        "DATABASE_URL": database_url,
        "REDIS_URL": own_redis.url,
        "CONTACTSYNC_SECRET_KEYS": "a key for tests that is long enough",
        "CONTACTSYNC_SYNC_CLOCK_SECONDS": "0.5",
        "CONTACTSYNC_SYNC_LEASE_SECONDS": "2",
        "WEB_CONCURRENCY": "2",
    }
    return processes.environment


@pytest.fixture
def standin() -> Iterator[RunningStandin]:
    """The CRM."""
    with serve(options=Options(client_id="ID", client_secret="SECRET")) as standin:
        yield standin
        requests.post(f"{standin.url}/_standin/release", json={}, timeout=10)


@pytest.fixture
def installed(processes: Processes, environment: dict[str, str], standin: RunningStandin) -> Installation:
    """An org that is connected, made without the command line, which takes a second for each command."""
    parts = build(Settings.from_environment(environment))
    with writing(parts.engine) as db:
        org = orgs.add_org(db, "acme", "Acme Events", parts.now())
        _, secret = orgs.add_secret(db, parts.vault, org.id, parts.now())
        _, token = orgs.add_token(db, org.id, "test", parts.now())
    settings = {"instance_url": standin.url, "client_id": "ID", "flow": "client_credentials"}
    actions.connect(parts, org.id, "salesforce", settings, {"client_secret": "SECRET"})
    parts.engine.dispose()
    return Installation(processes, standin, f"http://127.0.0.1:{free_port()}", secret, token)


@pytest.fixture
def installed_by_command(processes: Processes, environment: dict[str, str], standin: RunningStandin) -> Installation:
    """The same with the commands that others' scripts hold on to."""
    processes.run("db", "upgrade")
    org = json.loads(processes.run("org", "add", "acme", "--name", "Acme Events", "--json"))
    assert set(org) == {"org", "webhook_secret", "api_token"}
    client = ("--client-id", "ID", "--client-secret", "SECRET")
    processes.run("connect", "acme", "--target", "salesforce", "--instance-url", standin.url, *client)
    url = f"http://127.0.0.1:{free_port()}"
    return Installation(processes, standin, url, org["webhook_secret"], org["api_token"])


def test_the_commands_of_the_readme_bring_a_payload_file_to_salesforce(
    installed_by_command: Installation, tmp_path: Path
) -> None:
    installed = installed_by_command
    (campaign_id,) = installed.admin("records", {"Campaign": [{"Name": "Summit", "IsActive": True}]})["Campaign"]
    installed.processes.run("event", "connect", "acme", "evt_1", "--campaign", campaign_id)
    installed.web(), installed.worker(), installed.clock()
    payload = tmp_path / "payload.json"
    contact = ada(events=[{"id": "evt_1", "status": "attended"}])
    payload.write_text(json.dumps({"type": "contact.created", "timestamp": "2026-11-24T09:00:00Z", "data": contact}))
    said = installed.processes.run("send", str(payload), "--org", "acme", "--to", "contacts", "--url", installed.url)
    assert json.loads(said)["status"] == "accepted"
    wait_until(lambda: installed.contact("c-1")["sync"]["status"] == "synced", PATIENCE, "the contact is synced")
    (member,) = installed.crm("CampaignMember")
    sync = installed.contact("c-1")["sync"]
    assert (member["LeadId"], member["CampaignId"], sync["crm_object"]) == (sync["crm_id"], campaign_id, "Lead")
    assert sync["crm_url"].startswith(installed.standin.url)
    stands = installed.status()
    assert stands["contacts"]["synced"] == 1
    assert stands["crm"]["calls"] == 2
    assert stands["oldest_due_seconds"] is None


def test_fifty_identical_webhooks_at_once_are_one_delivery_and_one_record(installed: Installation) -> None:
    installed.web(), installed.worker()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: installed.post(ada(), name="msg_same"), range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [202]
    assert len({answer.json()["delivery_id"] for answer in answers}) == 1
    installed.wait_for_leads(1)
    wait_until(lambda: installed.contact("c-1")["sync"]["status"] == "synced", PATIENCE, "the contact is synced")
    assert len(installed.crm("Lead")) == 1


def test_a_worker_killed_between_the_crms_commit_and_our_record_leaves_one_record(installed: Installation) -> None:
    installed.web(), installed.clock()
    installed.admin("faults", {"times": 1, "match": {"writes": True}, "do": "hold_after"})
    first = installed.worker()
    assert installed.post(ada(sync_as="contact", title="Countess")).status_code == 202
    wait_until(installed.holds_an_answer, PATIENCE, "the CRM has committed and holds its answer back")
    first.kill()
    assert len(installed.crm("Contact")) == 1
    installed.worker()
    wait_until(lambda: installed.contact("c-1")["sync"]["status"] == "synced", PATIENCE, "the contact is synced")
    assert len(installed.crm("Contact")) == 1
    assert len(installed.crm("Account")) == 1


def test_a_worker_killed_after_the_crms_commit_leaves_one_record_also_of_a_contact_whose_address_changed(
    installed: Installation,
) -> None:
    installed.web(), installed.clock()
    installed.admin("faults", {"times": 1, "match": {"writes": True}, "do": "hold_after"})
    first = installed.worker()
    assert installed.post(ada(sync_as="contact")).status_code == 202
    wait_until(installed.holds_an_answer, PATIENCE, "the CRM has committed and holds its answer back")
    first.kill()
    (made,) = installed.crm("Contact")
    moved = ada(sync_as="contact", email="ada@navy.example", updated_at="2026-11-24T09:00:01Z")
    installed.post(moved, kind="contact.updated")
    installed.worker()
    wait_until(lambda: installed.contact("c-1")["sync"]["status"] == "synced", PATIENCE, "the contact is synced")
    assert [(row["Id"], row["Email"]) for row in installed.crm("Contact")] == [(made["Id"], "ada@navy.example")]
    assert len(installed.crm("Account")) == 1


def test_a_worker_killed_after_the_crms_commit_leaves_one_activity_also_of_a_meeting_that_was_put_off(
    installed: Installation,
) -> None:
    installed.web(), installed.clock()
    installed.admin("faults", {"times": 1, "match": {"writes": True}, "do": "hold_after"})
    first = installed.worker()
    meeting = {"id": "m-1", "title": "Demo", "starts_at": "2026-11-25T09:00:00Z", "ends_at": "2026-11-25T10:00:00Z"}
    assert installed.post(meeting, kind="meeting.created", door="meetings").status_code == 202
    wait_until(installed.holds_an_answer, PATIENCE, "the CRM has committed and holds its answer back")
    first.kill()
    (made,) = installed.crm("Event")
    put_off = meeting | {"starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T10:00:00Z"}
    installed.post(put_off | {"updated_at": "2026-11-24T09:00:01Z"}, kind="meeting.updated", door="meetings")
    installed.worker()
    wait_until(
        lambda: any(row["StartDateTime"].startswith("2026-12-01") for row in installed.crm("Event")),
        PATIENCE,
        "the meeting is put off",
    )
    assert [row["Id"] for row in installed.crm("Event")] == [made["Id"]]


def test_redis_emptied_with_five_hundred_accepted_webhooks_waiting_loses_none(
    installed: Installation, own_redis: RedisForTests
) -> None:
    installed.web()
    with ThreadPoolExecutor(8) as pool:
        people = [ada(id=f"c-{n}", email=f"person-{n}@engines.example") for n in range(500)]
        assert {answer.status_code for answer in pool.map(installed.post, people)} == {202}
    with own_redis.client() as client:
        assert client.dbsize() > 0
        client.flushall()
    installed.worker(), installed.clock()
    installed.wait_for_leads(500)
    emails = [lead["Email"] for lead in installed.crm("Lead")]
    assert sorted(emails) == sorted({f"person-{n}@engines.example" for n in range(500)})


def test_webhooks_are_accepted_while_redis_is_down_and_arrive_when_it_is_back(
    installed: Installation, own_redis: RedisForTests
) -> None:
    installed.web()
    own_redis.stop()
    assert [installed.post(ada(id=f"c-{n}", email=f"p{n}@b.example")).status_code for n in range(5)] == [202] * 5
    own_redis.start()
    installed.worker(), installed.clock()
    installed.wait_for_leads(5)


def test_a_worker_that_is_asked_to_stop_finishes_its_batch_and_gives_the_lease_back(installed: Installation) -> None:
    installed.web()
    worker = installed.worker()
    installed.admin("faults", {"times": 1, "match": {"writes": True}, "do": "hold_after"})
    installed.post(ada())
    wait_until(installed.holds_an_answer, PATIENCE, "a batch is under way")
    worker.send(signal.SIGTERM)
    requests.post(f"{installed.standin.url}/_standin/release", json={}, timeout=10)
    assert worker.wait(10) == 0, worker.said()
    assert installed.contact("c-1")["sync"]["status"] == "synced"
