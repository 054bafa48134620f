"""How long the server takes for every page of the console, in an org with 300,000 contacts and 1,000,000 deliveries.

The routes are those that the console registers: a page that is added is measured. A page's own search and filters, and the
second page of its lists, are in EXTRA.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import sqlalchemy as sa
from flask.testing import FlaskClient
from psycopg import sql
from sqlalchemy.engine import make_url
from werkzeug.test import TestResponse

from contactsync.bell import Bell
from contactsync.config import Config
from contactsync.domain.roles import Role
from contactsync.hooks import Plugins
from contactsync.redis_server import find_redis
from contactsync.settings import Settings
from contactsync.standin import Options, serve
from contactsync.store import invitations, sessions, tables, unsent, users
from contactsync.store.engine import Engine, open_engine, reading, writing
from contactsync.store.unsent import Unsent
from contactsync.store.vault import Vault
from contactsync.sync.parts import Parts
from contactsync.sync.targets import Targets
from contactsync.web.app import create_app
from contactsync.web.console.doors import Door
from contactsync.web.console.rooms import doors
from tests.bench.growth_rows import NOW, PROBLEM_KEY, Crm, Size, fill
from tests.bench.lines import Line
from tests.fixtures.postgres_server import NoPostgresError, postgres_server

MOST_MS = 100.0
TIMES = 5
SECRET = "a key for benches that is long enough"
ORG = 1

ASKS_SALESFORCE = frozenset(
    {"profile.preview", "meetings.preview", "mapping.mapping_page", "company_choice.choose", "events.campaigns"}
)
"""What waits for the CRM as well: here for a stand-in in the same process, whose time is in what is measured."""


LEADS_ON = {
    "inbox.following": 303,  # to the next contact
    "orgs.start": 303,  # to the one org
    "sign_in.sign_in": 303,  # who is signed in already
    "oidc.begin": 404,  # no provider is set
    "oidc.callback": 404,
}
"""What answers with something else than a page."""


@dataclass(frozen=True)
class Visit:
    """One request. `fields`: of a form, for a search. `status`: what it must answer: an error is no measure of the page."""

    what: str
    path: str
    fields: Mapping[str, str] | None = None
    status: int = 200


EXTRA = (
    Visit("contacts by name", "/contacts?sort=name"),
    Visit("contacts by name, deep", "/contacts?sort=name&after={contact}"),
    Visit("contacts by last sync", "/contacts?sort=synced"),
    Visit("contacts by last sync, never synced", "/contacts?sort=synced&after={contact}"),
    Visit("contacts, deep", "/contacts?after={contact}"),
    Visit("contacts that need attention", "/contacts?status=needs_attention"),
    Visit("contacts that need attention, by name", "/contacts?status=needs_attention&sort=name"),
    Visit("contacts that need attention, by last sync", "/contacts?status=needs_attention&sort=synced"),
    Visit("contacts that become Leads, of whom there are none", "/contacts?sync_as=lead&sort=synced"),
    Visit("contacts of an event", "/contacts?event={event}"),
    Visit("contacts of an event, by name", "/contacts?event={event}&sort=name"),
    Visit("contacts of a large event", "/contacts?event={large}"),
    Visit("contacts of a large event, by name", "/contacts?event={large}&sort=name"),
    Visit("contacts of a large event that need attention", "/contacts?event={large}&status=needs_attention"),
    Visit("contacts of a large event, searched", "/contacts", {"event": "{large}", "q": "anna"}),
    Visit("contacts of a company", "/contacts?company={company}"),
    Visit("contacts of a problem, by last sync", f"/contacts?problem={PROBLEM_KEY}&sort=synced"),
    Visit("contacts searched: most of them", "/contacts", {"q": "p"}),
    Visit("contacts searched: a sixth, by last sync", "/contacts", {"q": "a", "sort": "synced"}),
    Visit("contacts searched: a few hundred", "/contacts", {"q": "anna", "sort": "name"}),
    Visit("contacts searched: name and company", "/contacts", {"q": "grace company 1"}),
    Visit("contacts searched: four letters", "/contacts", {"q": "a s c p", "sort": "synced"}),
    Visit("contacts searched: by address", "/contacts", {"q": "p77@acme"}),
    Visit("contacts searched: nobody", "/contacts", {"q": "zzz"}),
    Visit("contacts searched: a sixth, of one status", "/contacts", {"q": "a", "status": "needs_attention"}),
    Visit("a large event", "/events/{large}"),
    Visit("a large event, counted", "/events/{large}?count=1"),
    Visit("a large event's share", "/events/{large}/share"),
    Visit("a large event's contacts", "/events/{large}/contacts"),
    Visit("a large event's contacts by name", "/events/{large}/contacts?sort=name"),
    Visit("a large event's meetings", "/events/{large}/meetings"),
    Visit("events searched", "/events", {"q": "summit 1"}),
    Visit("events without a campaign", "/events?campaign=without"),
    Visit("inbox, deep", "/inbox?after={contact}"),
    Visit("a problem's records, deep", f"/problems/{PROBLEM_KEY}?before={{contact}}"),
    Visit("deliveries, deep", "/deliveries?before={delivery}"),
    Visit("deliveries that failed", "/deliveries?status=failed"),
    Visit("deliveries from nowhere", "/deliveries?from=from:eventbrite"),
    Visit("deliveries sent again", "/deliveries?again=1"),
    Visit("deliveries that failed, sent again", "/deliveries?status=failed&again=1&from=contacts"),
    Visit("meetings of a status", "/meetings?status=needs_attention"),
    Visit("meetings, deep", "/meetings?before={meeting}"),
    Visit("companies that are linked", "/companies?show=linked"),
    Visit("companies that are not linked", "/companies?show=open"),
    Visit("companies searched", "/companies", {"q": "company 77"}),
    Visit("companies, deep", "/companies?after={company}"),
    Visit("overview of a week", "?range=week"),
    Visit("overview of a month", "?range=month"),
    Visit("audit log, deep", "/settings/audit?before=50000"),
    Visit("audit log of one kind", "/settings/audit?about=people"),
    Visit("mapping of contacts", "/settings/mapping?kind=contact"),
)


@dataclass
class Visitor:
    """Somebody who is signed in, and what is there to look at."""

    client: FlaskClient
    csrf: str
    samples: Mapping[str, str] = field(default_factory=dict)

    def go(self, path: str, fields: Mapping[str, str] | None = None) -> TestResponse:
        """Ask for a page, or send a search."""
        if fields is None:
            return self.client.get(path)
        return self.client.post(path, data={"csrf": self.csrf, **fields})


def measure_pages(size: Size) -> Iterator[Line]:
    """On SQLite, and on Postgres where there is one."""
    yield Line(f"pages: {size.contacts:,} contacts and {size.deliveries:,} deliveries", "median", f"≤ {MOST_MS:g} ms")
    options = Options(client_id="id", client_secret="secret", seed={"Campaign": [{"Name": "Summit"}]})
    with serve(options=options) as running, tempfile.TemporaryDirectory(prefix="contactsync-bench-") as folder:
        crm = Crm(
            {"instance_url": running.url, "client_id": "id", "flow": "client_credentials"}, {"client_secret": "secret"}
        )
        yield from _measure("SQLite", f"sqlite:///{Path(folder) / 'pages.db'}", Path(folder), size, crm)
        try:
            with postgres_server() as server, _database(server) as url:
                yield from _measure("Postgres", url, Path(folder), size, crm)
        except NoPostgresError as missing:
            yield Line("pages on Postgres", f"skipped: {missing}")


def _measure(name: str, url: str, folder: Path, size: Size, crm: Crm) -> Iterator[Line]:
    engine = open_engine(url)
    try:
        fill(engine, Vault([SECRET]), size, crm)
        yield from measure_all(name, engine, url, folder)
    finally:
        engine.dispose()


def measure_all(name: str, engine: Engine, url: str, folder: Path) -> Iterator[Line]:
    """Every page, in a database that is filled."""
    visitor = _visitor(engine, url, folder)
    for visit in _visits(visitor.samples):
        yield _timed(name, visitor, visit)


def _timed(name: str, visitor: Visitor, visit: Visit) -> Line:
    path = visit.path.format(**visitor.samples)
    path = path if path.startswith(("/o/", "!")) else f"/o/org-{ORG}{path}"
    path = path.removeprefix("!")
    fields = {name: value.format(**visitor.samples) for name, value in (visit.fields or {}).items()} or None
    visitor.go(path, fields)  # templates are read, statements are made
    took: list[float] = []
    worked: list[float] = []
    for _ in range(TIMES):
        started, begun = time.perf_counter(), time.thread_time()
        answer = visitor.go(path, fields)
        took.append(1000 * (time.perf_counter() - started))
        worked.append(1000 * (time.thread_time() - begun))
    median = statistics.median(took)
    good = answer.status_code == visit.status
    note = "" if good else f"  (answers {answer.status_code}, not {visit.status})"
    # On a machine that has more to do than this, the time at work is what the page itself takes: on SQLite all of it.
    measured = f"{median:.1f} ms  (at work {statistics.median(worked):.1f}, slowest {max(took):.0f}){note}"
    return Line(f"{visit.what}, {name}", measured, f"≤ {MOST_MS:g} ms", good and median <= MOST_MS)


# ── what is visited ────────────────────────────────────────────────────────────────────────────────────────────────


def _visits(samples: Mapping[str, str]) -> Iterator[Visit]:
    for door in doors():
        if "GET" not in door.methods:
            continue
        path = _path_of(door, samples)
        mark = " (asks Salesforce)" if door.endpoint in ASKS_SALESFORCE else ""
        whole = f"!{path}" if door.whole or door.open else path
        yield Visit(f"{door.endpoint}{mark}", whole, status=LEADS_ON.get(door.endpoint, 200))
    yield from EXTRA


def _path_of(door: Door, samples: Mapping[str, str]) -> str:
    """The rule with something to look at in the place of each of its parts."""
    room = door.endpoint.partition(".")[0]
    parts = []
    for part in door.rule.split("/"):
        if not part.startswith("<"):
            parts.append(part)
            continue
        name = part.rstrip(">").rpartition(":")[2].removeprefix("<")
        parts.append(samples.get(f"{room}.{name}") or samples.get(name) or "1")
    return "/".join(parts)


def _samples(engine: Engine) -> dict[str, str]:
    def middle(table: sa.Table, *where: sa.ColumnElement[bool]) -> str:
        """One of the org's, from the middle of them."""
        with reading(engine) as db:
            last = db.execute(sa.select(sa.func.max(table.c.id))).scalar_one()
            found = db.execute(
                sa.select(table.c.id).where(table.c.org_id == ORG, table.c.id > last // 2, *where).limit(1)
            ).scalar_one()
        return str(found)

    t = tables
    contact = middle(t.contact, t.contact.c.status == "synced", t.contact.c.last_synced_at.is_(None))
    event, meeting = middle(t.event), middle(t.meeting)
    with reading(engine) as db:
        ids = sa.select(t.event.c.id).where(t.event.c.org_id == ORG).order_by(t.event.c.id.desc())
        large = str(db.execute(ids.limit(1)).scalar_one())
    company = middle(t.company)
    return {
        "contact": contact,
        "event": event,
        "large": large,
        "profile.number": _run_of(engine, t.contact, "contact", contact),
        "meetings.number": _run_of(engine, t.meeting, "meeting", meeting),
        "company": company,
        "meeting": meeting,
        "delivery": middle(t.delivery),
        "profile.key": contact,
        "company_choice.key": contact,
        "inbox.key": middle(t.contact, t.contact.c.status == "incomplete"),
        "events.key": event,
        "meetings.key": meeting,
        "companies.key": company,
        "problems.key": PROBLEM_KEY,
        "deliveries.key": middle(t.delivery),
    }


def _run_of(engine: Engine, table: sa.Table, subject: str, key: str) -> str:
    """A run of a record that can be undone: one more, like those that there are."""
    r = tables.sync_run
    with writing(engine) as db:
        like = sa.select(r).where(r.c.org_id == ORG, r.c.subject == subject).order_by(r.c.id.desc()).limit(1)
        run = dict(db.execute(like).mappings().one())
        del run["id"]
        run["source_id"] = db.execute(sa.select(table.c.source_id).where(table.c.id == int(key))).scalar_one()
        run["contact_id"] = int(key) if subject == "contact" else None
        return str(db.execute(sa.insert(r).values(**run).returning(r.c.id)).scalar_one())


def _visitor(engine: Engine, url: str, folder: Path) -> Visitor:
    settings = Settings(url, None, (SECRET,), folder, config=Config())
    vault, plugins = Vault(settings.secret_keys), Plugins.load(settings.config)
    targets = Targets(engine, vault, plugins, lambda: NOW)
    parts = Parts(settings, engine, vault, plugins, Bell(find_redis(None, folder)), targets, lambda: NOW)
    with writing(engine) as db:
        user = users.add_user(db, f"{uuid.uuid4().hex}@acme.example", NOW, "Ada Admin")
        users.set_role(db, user.id, ORG, Role.ADMIN)
        token = sessions.begin(db, user.id, NOW)
        session = sessions.find(db, token, NOW)
        guest = users.add_user(db, f"{uuid.uuid4().hex}@acme.example", NOW, "Grace Guest")
        link = invitations.invite(db, guest.id, NOW)
        form = Unsent(f"/o/org-{ORG}/settings/tokens", f"/o/org-{ORG}/settings", "tokens.make", (("label", "CRM"),))
        kept = unsent.keep(db, vault, user.id, form, NOW)
    assert session is not None
    client = create_app(parts).test_client()
    client.set_cookie("contactsync", token)
    return Visitor(client, session.csrf, {**_samples(engine), "link": link, "unsent.key": kept})


@contextmanager
def _database(server: str) -> Iterator[str]:
    name = f"contactsync_bench_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        try:
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
