"""The installation under chaos: real processes with clocks that can be set, a Redis, a database, a CRM for each org.

Whatever process ends is started again after a moment, as a platform does it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGCONT, Signals
from typing import Any

import requests

from contactsync.bootstrap import build
from contactsync.settings import Settings
from contactsync.standin import Options, RunningStandin, serve
from contactsync.store import orgs
from contactsync.store.engine import Engine, open_engine, upgrade, writing
from contactsync.sync import actions
from tests.chaos.databases import Database, database
from tests.chaos.stream import CAMPAIGNS, LABELS, ORGS, OWNERS, campaign_name, owner_address
from tests.fixtures.processes import Processes, Running, free_port
from tests.fixtures.redis import RedisForTests
from tests.fixtures.waiting import wait_until

LEASE_SECONDS = 3.0
RESTART_AFTER = 0.3
START_SECONDS = 60.0

NUMBERS = {
    "CONTACTSYNC_SYNC_BATCH_SIZE": "40",
    "CONTACTSYNC_SYNC_CLOCK_SECONDS": "0.5",
    "CONTACTSYNC_SYNC_LEASE_SECONDS": str(LEASE_SECONDS),
    "CONTACTSYNC_SYNC_SLICE_SECONDS": "2",
    "CONTACTSYNC_SYNC_RETRY_FIRST_SECONDS": "0.3",
    "CONTACTSYNC_SYNC_RETRY_MOST_SECONDS": "3",
}
"""Short leases and waits, so that a run meets in minutes what an installation meets in months."""

ROLES = {"web": ("web",), "worker-1": ("worker",), "worker-2": ("worker",), "clock": ("clock",)}


class Clocks:
    """The wall clocks that our processes see, one for each role: faked/sitecustomize.py reads them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for role in ROLES:
            self.set(role, 0)

    def environment(self, role: str) -> dict[str, str]:
        """What makes a process see its role's clock."""
        folders = (Path(__file__).parent / "faked", Path(__file__).parents[2])
        return {"CHAOS_CLOCK": str(self._file(role)), "PYTHONPATH": os.pathsep.join(map(str, folders))}

    def set(self, role: str, seconds: float) -> None:
        """Let the role's clock be wrong by so much from now on."""
        new = self._file(role).with_suffix(".new")
        new.write_text(f"{seconds:.0f}")
        new.replace(self._file(role))

    def _file(self, role: str) -> Path:
        return self._folder / f"clock-of-{role}"


class Supervised:
    """A process that is started again whenever it ends."""

    def __init__(self, processes: Processes, role: str, environment: dict[str, str]) -> None:
        self.role = role
        self.lock = threading.Lock()
        """Held by whoever does something to it, so that two mischiefs do not meet in one process."""
        self._processes = processes
        self._environment = environment
        self._over = threading.Event()
        self.running = self._start()
        self.starts = 1
        self.codes: Counter[int] = Counter()
        self._thread = threading.Thread(target=self._watch, name=f"supervisor of {role}", daemon=True)
        self._thread.start()

    def signal(self, number: Signals) -> None:
        """To the process and all its children."""
        with suppress(ProcessLookupError):
            os.killpg(self.running.pid, number)

    def signal_main(self, number: Signals) -> None:
        """To the process alone."""
        with suppress(ProcessLookupError):
            self.running.send(number)

    def signal_child(self, number: Signals) -> bool:
        """To one of its children; False when it has none."""
        children = Path(f"/proc/{self.running.pid}/task/{self.running.pid}/children")
        with suppress(OSError):
            for child in children.read_text().split()[:1]:
                os.kill(int(child), number)
                return True
        return False

    def leave(self) -> None:
        """Start it no more."""
        self._over.set()
        self._thread.join()
        self.signal(SIGCONT)

    def _start(self) -> Running:
        return self._processes.start(*ROLES[self.role], **self._environment)

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            code = self.running.code
            if code is not None:
                self.codes[code] += 1
                self.running.kill()  # what it left behind
                if self._over.wait(RESTART_AFTER):
                    return
                self.running = self._start()
                self.starts += 1


@dataclass
class Org:
    """An org and its CRM."""

    slug: str
    id: int
    secret: str
    token: str
    standin: RunningStandin
    campaigns: tuple[str, ...]

    def admin(self, door: str, body: Any) -> Any:
        """Do what an admin of the CRM may do."""
        answer = requests.post(f"{self.standin.url}/_standin/{door}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()


@dataclass
class House:
    """Everything that runs."""

    url: str
    engine: Engine
    database: Database
    redis: RedisForTests
    clocks: Clocks
    processes: Processes
    orgs: dict[str, Org] = field(default_factory=dict)
    roles: dict[str, Supervised] = field(default_factory=dict)

    def start(self) -> None:
        """Start all processes, and wait until they answer."""
        for role in ROLES:
            more = {"PORT": self.url.rpartition(":")[2]} if role == "web" else {}
            self.roles[role] = Supervised(self.processes, role, self.clocks.environment(role) | more)
        wait_until(self._answers, START_SECONDS, "web answers")
        for role in ("worker-1", "worker-2"):
            self.roles[role].running.wait_for("worker started", START_SECONDS)

    def _answers(self) -> bool:
        with suppress(requests.RequestException):
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        return False


@contextmanager
def house(kind: str, folder: Path | None = None) -> Iterator[House]:
    """An installation on `sqlite` or `postgres`, set up and not yet started. All ends at the end."""
    made = folder or Path(tempfile.mkdtemp(prefix="contactsync-chaos-"))
    with ExitStack() as stack:
        if folder is None:
            stack.callback(shutil.rmtree, made, ignore_errors=True)
        base = stack.enter_context(database(kind, made))
        redis = RedisForTests(made)
        redis.start()
        stack.callback(redis.stop)
        processes = Processes(made)
        processes.environment |= NUMBERS | {
            "DATABASE_URL": base.url,
            "REDIS_URL": redis.url,
            "CONTACTSYNC_SECRET_KEYS": "a key for chaos that is long enough",
            "WEB_CONCURRENCY": "2",
        }
        engine = open_engine(base.url)
        stack.callback(engine.dispose)
        upgrade(engine)
        url = f"http://127.0.0.1:{free_port()}"
        running = House(url, engine, base, redis, Clocks(made), processes)
        for slug in ORGS:
            running.orgs[slug] = _org(stack, processes.environment, slug)
        try:
            yield running
        finally:
            for each in running.roles.values():
                each.leave()
            processes.end_all()


def _org(stack: ExitStack, environment: dict[str, str], slug: str) -> Org:
    options = Options(client_id="ID", client_secret="SECRET")
    standin = stack.enter_context(serve(options=options))
    users = [
        {"Name": f"Owner {number}", "LastName": "Owner", "Email": owner_address(number, slug), "IsActive": True,
         "Username": f"{number}.{owner_address(number, slug)}", "UserType": "Standard"}
        for number in range(OWNERS)
    ]  # fmt: skip
    parts = build(Settings.from_environment(environment))
    with writing(parts.engine) as db:
        org = orgs.add_org(db, slug, slug.title(), parts.now())
        _, secret = orgs.add_secret(db, parts.vault, org.id, parts.now())
        _, token = orgs.add_token(db, org.id, "chaos", parts.now())
    settings = {"instance_url": standin.url, "client_id": "ID", "flow": "client_credentials"}
    actions.connect(parts, org.id, "salesforce", settings, {"client_secret": "SECRET"})
    parts.engine.dispose()
    made = Org(slug, org.id, secret, token, standin, ())
    campaigns = [{"Name": campaign_name(number, slug), "IsActive": True} for number in range(CAMPAIGNS)]
    seeded = made.admin("records", {"User": users, "Campaign": campaigns})
    made.campaigns = tuple(seeded["Campaign"])
    labels = [
        {"CampaignId": campaign, "Label": label, "IsDefault": label == "Registered"}
        for campaign in made.campaigns
        for label in LABELS
    ]
    made.admin("records", {"CampaignMemberStatus": labels})
    return made
