"""A whole installation of real processes: database, Redis, stand-ins, web, workers, clock. All ends, all is removed."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from contactsync.store import tables as t
from contactsync.store.engine import Engine, open_engine, reading
from tests.bench.people import EVENT, Webhook, person, users, webhook
from tests.fixtures.processes import Processes, Running, free_port
from tests.fixtures.redis import RedisForTests
from tests.fixtures.waiting import wait_until

START_SECONDS = 60.0
CLIENT = ("bench", "bench-secret")


@dataclass
class Standin:
    """A stand-in for Salesforce in a process of its own."""

    url: str
    campaign_id: str = ""

    def calls(self) -> list[dict[str, Any]]:
        """All calls since `forget`, token calls among them."""
        calls: list[dict[str, Any]] = requests.get(f"{self.url}/_standin/calls", timeout=60).json()["calls"]
        return calls

    def count(self) -> int:
        """REST calls since `forget`, without token calls."""
        return sum(call["kind"] == "api" for call in self.calls())

    def first_call_at(self, seconds: float) -> float:
        """When the first call since `forget` came, in Unix seconds; waits for it."""
        first = wait_until(self.calls, seconds, "the CRM is called")[0]
        return datetime.fromisoformat(first["at"]).timestamp()

    def forget(self) -> None:
        """Begin to count anew."""
        requests.delete(f"{self.url}/_standin/calls", timeout=60)

    def admin(self, door: str, body: dict[str, Any]) -> Any:
        """Do what a Salesforce admin may do."""
        answer = requests.post(f"{self.url}/_standin/{door}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()


@dataclass
class Org:
    """An org with a stand-in of its own."""

    slug: str
    secret: str
    standin: Standin


@dataclass
class Installation:
    """The processes of one installation, and what to ask it."""

    processes: Processes
    engine: Engine
    url: str
    orgs: list[Org] = field(default_factory=list)

    @property
    def org(self) -> Org:
        """The first org."""
        return self.orgs[0]

    def web(self) -> Running:
        """Start the web process."""
        running = self.processes.start("web", PORT=self.url.rpartition(":")[2])
        wait_for_answer(running, f"{self.url}/readyz")
        return running

    def worker(self) -> Running:
        """Start a worker."""
        running = self.processes.start("worker")
        running.wait_for("worker started", START_SECONDS)
        return running

    def clock(self) -> Running:
        """Start the clock."""
        return self.processes.start("clock")

    def post(self, sent: Webhook) -> None:
        """Send a webhook, which must be accepted."""
        answer = requests.post(f"{self.url}{sent.path}", data=sent.body, headers=sent.headers, timeout=60)
        assert answer.status_code == 202, f"a webhook was answered {answer.status_code}: {answer.text[:300]}"

    def post_people(self, org: Org, *contacts: dict[str, Any]) -> None:
        """Send contacts in one webhook."""
        self.post(webhook(org.slug, org.secret, list(contacts)))

    def post_meetings(self, org: Org, *meetings: dict[str, Any]) -> None:
        """Send meetings in one webhook."""
        self.post(webhook(org.slug, org.secret, list(meetings), "meeting.created"))

    def wait_until_met(self, meetings: int, seconds: float) -> None:
        """Until so many meetings are in the CRM."""
        asked = sa.select(sa.func.count()).where(t.meeting.c.sync_status == "synced")

        def met() -> bool:
            with reading(self.engine) as db:
                return int(db.execute(asked).scalar_one()) >= meetings

        wait_until(met, seconds, f"{meetings} meetings are synced")

    def synced(self, prefix: str = "") -> int:
        """How many contacts, whose id begins so, are in the CRM."""
        asked = sa.select(sa.func.count()).where(
            t.contact.c.status == "synced", t.contact.c.source_id.startswith(prefix)
        )
        with reading(self.engine) as db:
            return int(db.execute(asked).scalar_one())

    def wait_until_synced(self, contacts: int, seconds: float, prefix: str = "") -> None:
        """Until so many contacts are in the CRM."""
        wait_until(lambda: self.synced(prefix) >= contacts, seconds, f"{contacts} contacts are synced")

    def wait_until_idle(self) -> None:
        """Until no worker has an org."""
        held = sa.select(t.org.c.id).where(t.org.c.lease_owner.is_not(None))

        def idle() -> bool:
            with reading(self.engine) as db:
                return db.execute(held).first() is None

        wait_until(idle, START_SECONDS, "the worker is idle")

    def warm(self, org: Org) -> None:
        """One contact, so that token and describes are there."""
        before = self.synced()
        self.post_people(org, person(0, batch=f"warm-{org.slug}"))
        self.wait_until_synced(before + 1, START_SECONDS)
        self.wait_until_idle()


@contextmanager
def installed(
    database: str | None = None, *, latency_ms: float = 0, orgs: tuple[str, ...] = ("acme",)
) -> Iterator[Installation]:
    """An installation whose orgs are connected, with nothing but stand-ins and Redis running. `database` None: SQLite."""
    folder = Path(tempfile.mkdtemp(prefix="contactsync-bench-"))
    redis = RedisForTests(folder)
    processes = Processes(folder)
    url = database or f"sqlite:///{folder / 'contactsync.db'}"
    processes.environment |= {
        "DATABASE_URL": url,
        "REDIS_URL": redis.url,
        "CONTACTSYNC_SECRET_KEYS": "a key for benches that is long enough",
        "WEB_CONCURRENCY": "2",
    }
    engine = open_engine(url)
    try:
        redis.start()
        processes.run("db", "upgrade")
        made = Installation(processes, engine, f"http://127.0.0.1:{free_port()}")
        made.orgs.extend(_org(processes, slug, latency_ms) for slug in orgs)
        yield made
    except AssertionError as error:
        logs = (f"{log.name}:\n{log.read_text()[-1500:]}" for log in sorted(folder.glob("*.log")))
        raise AssertionError("\n".join([str(error), *logs])) from error
    finally:
        engine.dispose()
        bad = processes.end_all()
        redis.stop()
        shutil.rmtree(folder)
    assert not bad, "\n".join(bad)


def _org(processes: Processes, slug: str, latency_ms: float) -> Org:
    standin = start_standin(processes, latency_ms)
    made = json.loads(processes.run("org", "add", slug, "--name", slug.title(), "--json"))
    client, secret = CLIENT
    processes.run(
        "connect", slug, "--target", "salesforce", "--instance-url", standin.url, "--client-id", client,
        "--client-secret", secret,
    )  # fmt: skip
    processes.run("event", "connect", slug, EVENT, "--campaign", standin.campaign_id)
    return Org(slug, made["webhook_secret"], standin)


def start_standin(processes: Processes, latency_ms: float) -> Standin:
    """A stand-in that holds a campaign and the owners."""
    port = str(free_port())
    client, secret = CLIENT
    running = processes.start_python(
        "-m", "contactsync.standin", "--port", port, "--client-id", client, "--client-secret", secret,
        "--latency-ms", str(latency_ms), name="standin",
    )  # fmt: skip
    standin = Standin(f"http://127.0.0.1:{port}")
    wait_for_answer(running, f"{standin.url}/_standin/options")
    made = standin.admin("records", {"User": users(), "Campaign": [{"Name": "Summit", "IsActive": True}]})
    standin.campaign_id = made["Campaign"][0]
    labels = [{"CampaignId": standin.campaign_id, "Label": label} for label in ("Registered", "Attended")]
    standin.admin("records", {"CampaignMemberStatus": labels})
    return standin


def wait_for_answer(running: Running, url: str) -> None:
    """Until the process answers at the URL; the bench fails when it ends instead."""

    def answers() -> bool:
        assert running.code is None, f"{running.name} ended:\n{running.said()}"
        with suppress(requests.ConnectionError):
            return requests.get(url, timeout=5).ok
        return False

    wait_until(answers, START_SECONDS, f"{running.name} answers")


def peak_megabytes(running: Running) -> float:
    """The most memory that a process ever held, in MB (VmHWM of /proc)."""
    said = Path(f"/proc/{running.pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB", said, re.MULTILINE)
    assert found, "this system does not say how much memory a process held"
    return int(found[1]) / 1024
