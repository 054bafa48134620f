"""The console in a real browser: Debian's Chromium by Playwright, against real web, worker and clock processes.

`site`      one installation for all tests of a run, each test with an org of its own
`marketer`  somebody signed in at that org, in a browser of their own, with its Salesforce (a stand-in) at hand
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from contactsync.bootstrap import build
from contactsync.domain.roles import Role
from contactsync.intake.signature import sign
from contactsync.settings import Settings
from contactsync.standin import Options, serve
from contactsync.store import orgs, sessions, users
from contactsync.store.engine import Engine, upgrade, writing
from contactsync.sync.parts import Parts
from tests.fixtures.processes import Processes, free_port
from tests.fixtures.salesforce import Salesforce
from tests.fixtures.waiting import wait_until

KEY = "a key for the browser's tests"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_MS = 15_000
AXE = Path(__file__).with_name("axe.min.js").read_text("utf-8")

expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Site:
    """A running installation, and its database beside it."""

    url: str
    parts: Parts

    @property
    def engine(self) -> Engine:
        return self.parts.engine


@dataclass
class Marketer:
    """Somebody in a browser, signed in at an org."""

    site: Site
    org: orgs.Org
    user: users.User
    page: Page
    salesforce: Salesforce
    secret: str = field(repr=False)
    others: Callable[[Role], Marketer] = field(repr=False)

    def open(self, path: str) -> Page:
        """A page below the org: "/contacts"."""
        self.page.goto(f"{self.site.url}/o/{self.org.slug}{path}")
        return self.page

    def connect(self) -> None:
        """Connect the org to its Salesforce."""
        self.salesforce.connect(self.site.parts, self.org.id)

    def send(self, door: str, kind: str, items: object) -> None:
        """Post a signed webhook, as the event platform does."""
        sent_at = datetime.now(UTC)
        body = json.dumps({"type": kind, "timestamp": sent_at.isoformat(), "data": items}).encode()
        named, stamp = f"msg_{uuid.uuid4().hex}", int(sent_at.timestamp())
        headers = {
            "content-type": "application/json",
            "webhook-id": named,
            "webhook-timestamp": str(stamp),
            "webhook-signature": sign(self.secret, named, stamp, body),
        }
        answer = requests.post(
            f"{self.site.url}/webhooks/{self.org.slug}/{door}", data=body, headers=headers, timeout=10
        )
        assert answer.status_code == 202, answer.text

    def as_role(self, role: Role) -> Marketer:
        """Another user of the org, in a browser of their own."""
        return self.others(role)

    def holds(self, kind: str, count: int | None = None) -> list[dict[str, Any]]:
        """What Salesforce holds of an object; waits until it is so many, if that is said."""
        if count is not None:
            wait_until(lambda: len(self.salesforce.holds(kind)) == count, 20, f"Salesforce holds {count} {kind}")
        return self.salesforce.holds(kind)

    def changes(self, kind: str, record_id: str, **fields: object) -> None:
        """Somebody in Salesforce changes a record."""
        here = self.salesforce.running.url
        asked = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "secret"}
        token = requests.post(f"{here}/services/oauth2/token", data=asked, timeout=10).json()["access_token"]
        answer = requests.patch(
            f"{here}/services/data/v62.0/sobjects/{kind}/{record_id}",
            json=fields,
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        assert answer.ok, answer.text


def person(number: int, **more: Any) -> dict[str, Any]:
    """A contact with everything that is required."""
    return {
        "id": f"c-{number}",
        "first_name": "Ada",
        "last_name": f"Lovelace {number}",
        "email": f"ada{number}@engines{number}.example",
        "company": {"id": f"co-{number}", "name": f"Engines {number}", "domain": f"engines{number}.example"},
        "sync_as": "lead",
        **more,
    }


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    if CHROMIUM is None:
        missing = pytest.fail if os.environ.get("CONTACTSYNC_TEST_CHROMIUM") == "require" else pytest.skip
        missing("there is no Chromium: `apt-get install chromium`")
    started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
    yield started
    started.close()


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Processes]]:
    folder = tmp_path_factory.mktemp("installation")
    processes, port = Processes(folder), free_port()
    url = f"sqlite:///{folder / 'contactsync.db'}"
    processes.environment |= {
        "DATABASE_URL": url,
        "CONTACTSYNC_SECRET_KEYS": KEY,
        "PORT": str(port),
        "CONTACTSYNC_BASE_URL": f"http://127.0.0.1:{port}",
        "CONTACTSYNC_SYNC_CLOCK_SECONDS": "1",
        "CONTACTSYNC_SYNC_RETRY_FIRST_SECONDS": "0.5",
    }
    parts = build(Settings.from_environment(processes.environment))
    upgrade(parts.engine)
    site = Site(f"http://127.0.0.1:{port}", parts)
    processes.start("web").wait_for("web started", 30)
    processes.start("worker").wait_for("worker started", 30)
    processes.start("clock")
    yield site, processes
    bad = processes.end_all()
    parts.engine.dispose()
    assert not bad, "\n".join(bad)


@pytest.fixture
def site(installation: tuple[Site, Processes]) -> Site:
    return installation[0]


@pytest.fixture
def salesforce() -> Iterator[Salesforce]:
    """A Salesforce of the test's own, with two campaigns, an Account and a user."""
    seed = {
        "Campaign": [{"Name": "Expo 2026", "IsActive": True}, {"Name": "Dinner 2026", "IsActive": True}],
        "Account": [{"Name": "Engines Ltd", "Website": "https://www.engines.example"}],
        "User": [{"Email": "sam@acme.example", "LastName": "Sales", "Username": "sam@acme.example"}],
    }
    with serve(options=Options(client_id="id", client_secret="secret", seed=seed)) as running:
        yield Salesforce(running)


@contextmanager
def _browser(chromium: Browser, site: Site, token: str, **how: Any) -> Iterator[BrowserContext]:
    context = chromium.new_context(base_url=site.url, viewport={"width": 1280, "height": 900}, **how)
    context.set_default_timeout(PATIENCE_MS)
    context.add_cookies([{"name": "contactsync", "value": token, "url": site.url}])
    yield context
    context.close()


@pytest.fixture
def browsers() -> Iterator[list[Any]]:
    opened: list[Any] = []
    yield opened
    for each in opened:
        each.__exit__(None, None, None)


@pytest.fixture
def marketer(
    chromium: Browser, installation: tuple[Site, Processes], salesforce: Salesforce, browsers: list[Any]
) -> Iterator[Marketer]:
    """An admin of a new org. The test fails when a script of a page does, or meets the page's security policy."""
    site = installation[0]
    slug = f"org-{uuid.uuid4().hex[:8]}"
    with writing(site.engine) as db:
        org = orgs.add_org(db, slug, "Acme Events", datetime.now(UTC))
        _, secret = orgs.add_secret(db, site.parts.vault, org.id, datetime.now(UTC))

    def enter(role: Role) -> Marketer:
        now = datetime.now(UTC)
        with writing(site.engine) as db:
            user = users.add_user(
                db, f"{role.value}-{uuid.uuid4().hex[:8]}@{slug}.example", now, f"{role.value.title()}"
            )
            users.set_role(db, user.id, org.id, role)
            token = sessions.begin(db, user.id, now)
        context = _browser(chromium, site, token)
        page = context.__enter__().new_page()
        browsers.append(context)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
        return Marketer(site, org, user, page, salesforce, secret, enter)

    wrong: list[str] = []
    yield enter(Role.ADMIN)
    assert wrong == [], "the browser complained"


def settled(page: Page) -> None:
    """Wait until nothing is loading."""
    page.wait_for_load_state("networkidle")


def accessibility(page: Page) -> list[Mapping[str, Any]]:
    """What axe-core finds that is serious or critical."""
    page.evaluate(AXE)  # not a script of the page: its security policy would refuse that
    found = page.evaluate(
        "async () => (await axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a',"
        " 'wcag21aa', 'wcag22aa', 'best-practice']})).violations"
    )
    return [
        {"id": each["id"], "help": each["help"], "where": [node["target"] for node in each["nodes"]][:5]}
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
