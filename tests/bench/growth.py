"""What years of data cost: each hot query with 1,000,000 deliveries behind it, against itself with a tenth of that."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from contactsync.domain.records import SyncStatus
from contactsync.intake.keyring import REMEMBERED, Keyring
from contactsync.store import (
    absorption,
    counts,
    problems,
    queue,
    resyncs,
    retention,
    views,
    views_contacts,
    views_meetings,
    views_status,
)
from contactsync.store.engine import Connection, Engine, open_engine
from contactsync.store.inbox import Inbox
from contactsync.store.queue_events import claim_events
from contactsync.store.queue_meetings import claim_meetings
from contactsync.store.vault import Vault
from contactsync.store.views_contacts import ContactFilter
from contactsync.store.views_paging import Slice
from tests.bench.growth_rows import LONG_AGO, NOW, PROBLEM_KEY, Size, fill
from tests.bench.lines import Line
from tests.fixtures.postgres_server import NoPostgresError, postgres_server

SMALL = Size(contacts=30_000, deliveries=100_000)
LARGE = Size(contacts=300_000, deliveries=1_000_000)
MOST_RATIO = 1.5
ALLOWANCE_MS = 0.5
"""So much more is fine whatever the ratio: of what takes less than a millisecond, noise is half."""

TIMES = 25
MOST_SECONDS = 1.5  # per query

ORG, FEW = 1, 2
"""An org with nine of ten rows, and one with one of a hundred."""


@dataclass
class Grown:
    """A filled database, and what its doors hold."""

    engine: Engine
    vault: Vault
    size: Size
    inbox: Inbox = field(init=False)
    keyring: Keyring = field(init=False)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.inbox = Inbox(self.engine)
        self.keyring = Keyring(self.engine, self.vault)


def measure_growth(small: Size, large: Size) -> Iterator[Line]:
    """On SQLite, and on Postgres where there is one."""
    note = f"{large.contacts:,} contacts and {large.deliveries:,} deliveries against a tenth"
    yield Line(f"growth: {note}", "ratio", f"≤ {MOST_RATIO} or +{ALLOWANCE_MS} ms")
    with tempfile.TemporaryDirectory(prefix="contactsync-bench-") as folder:
        urls = [f"sqlite:///{Path(folder) / name}.db" for name in ("small", "large")]
        yield from _measure("SQLite", urls, (small, large))
    try:
        with postgres_server() as server, _databases(server) as urls:
            yield from _measure("Postgres", urls, (small, large))
    except NoPostgresError as missing:
        yield Line("growth on Postgres", f"skipped: {missing}")


def _measure(name: str, urls: list[str], sizes: tuple[Size, Size]) -> Iterator[Line]:
    vault = Vault(["a key for benches that is long enough"])
    both = [Grown(open_engine(url), vault, size) for url, size in zip(urls, sizes, strict=True)]
    try:
        for grown in both:
            fill(grown.engine, vault, grown.size)
        for what, query in (QUERIES | doors()).items():
            small, large, ratio = _in_turns(query, both)
            kept = ratio <= MOST_RATIO or large - small <= ALLOWANCE_MS
            measured = f"{ratio:.2f}  ({small:.2f} → {large:.2f} ms)"
            yield Line(f"{what}, {name}", measured, f"≤ {MOST_RATIO}", kept)
    finally:
        for grown in both:
            grown.engine.dispose()


def _in_turns(query: Callable[[Grown], None], both: list[Grown]) -> tuple[float, float, float]:
    """The median milliseconds of each, and the median ratio. Measured in turns: what disturbs one disturbs the other."""
    took: tuple[list[float], list[float]] = ([], [])
    for grown in both:
        query(grown)
    over = time.monotonic() + MOST_SECONDS
    while len(took[0]) < TIMES and (len(took[0]) < 3 or time.monotonic() < over):
        for grown, times in zip(both, took, strict=True):
            started = time.perf_counter()
            query(grown)
            times.append(1000 * (time.perf_counter() - started))
    ratios = [large / small for small, large in zip(*took, strict=True)]
    return statistics.median(took[0]), statistics.median(took[1]), statistics.median(ratios)


# ── what is measured ───────────────────────────────────────────────────────────────────────────────────────────────


def _undone(query: Callable[[Connection, Size], object]) -> Callable[[Grown], None]:
    """Run in a transaction that is rolled back, so that each time finds the same."""

    def run(grown: Grown) -> None:
        with grown.engine.connect() as db:
            query(db, grown.size)
            db.rollback()

    return run


def _deep(count: int) -> Slice:
    return Slice(50, before=count // 2)


QUERIES: dict[str, Callable[[Grown], None]] = {
    what: _undone(query)
    for what, query in {
        "claim of 1,000 contacts": lambda db, _: queue.claim(db, ORG, ORG, NOW, 1000),
        "claim of events": lambda db, _: claim_events(db, ORG, ORG, NOW, 1000),
        "claim of meetings": lambda db, _: claim_meetings(db, ORG, ORG, NOW, 1000),
        "waiting deliveries": lambda db, _: absorption.waiting(db, ORG, 100, 2_000_000),
        "orgs with work": lambda db, _: queue.orgs_with_work(db, NOW),
        "due contacts, counted": lambda db, _: queue.due_count(db, ORG, NOW, 1000),
        "status of an org": lambda db, _: views_status.org_status(db, ORG, NOW),
        "status of all orgs (metrics)": lambda db, _: views_status.all_statuses(db, NOW),
        "problems by cause": lambda db, _: problems.groups(db, ORG),
        "records of a problem": lambda db, _: problems.records(db, ORG, PROBLEM_KEY, Slice(50)),
        "counts, gathered": lambda db, _: counts.fold(db),
        "contacts, first page": lambda db, _: views_contacts.contacts(db, ORG, ContactFilter(), Slice(50)),
        "contacts, deep page": lambda db, size: views_contacts.contacts(db, ORG, ContactFilter(), _deep(size.contacts)),
        "contacts of a small org": lambda db, _: views_contacts.contacts(db, FEW, ContactFilter(), Slice(50)),
        "synced contacts": lambda db, _: views_contacts.contacts(
            db, ORG, ContactFilter(status=SyncStatus.SYNCED), Slice(50)
        ),
        "contacts by e-mail": lambda db, _: views_contacts.contacts(
            db, ORG, ContactFilter(email="p77@acme.example"), Slice(50)
        ),
        "one contact": lambda db, _: views_contacts.contact(db, ORG, "c-77"),
        "runs of a contact": lambda db, _: views.runs(db, ORG, Slice(50), subject="contact", source_id="c-77"),
        "deliveries, first page": lambda db, _: views.deliveries(db, ORG, None, Slice(50)),
        "deliveries, deep page": lambda db, size: views.deliveries(db, ORG, None, _deep(size.deliveries)),
        "failed deliveries": lambda db, _: views.deliveries(db, ORG, "failed", Slice(50)),
        "deliveries of a small org": lambda db, _: views.deliveries(db, FEW, None, Slice(50)),
        "one delivery": lambda db, _: views.delivery(db, ORG, "dlv_77"),
        "runs, first page": lambda db, _: views.runs(db, ORG, Slice(50)),
        "runs, deep page": lambda db, size: views.runs(db, ORG, _deep(size.deliveries)),
        "runs of a small org": lambda db, _: views.runs(db, FEW, Slice(50)),
        "meetings, first page": lambda db, _: views_meetings.meetings(db, ORG, None, Slice(50)),
        "meetings, deep page": lambda db, size: views_meetings.meetings(db, ORG, None, _deep(size.meetings)),
        "meetings of an event": lambda db, _: views_meetings.meetings(db, ORG, None, Slice(50), event_id="e-7"),
        "events, first page": lambda db, _: views.events(db, ORG, Slice(50)),
        "events, deep page": lambda db, size: views.events(db, ORG, _deep(size.events)),
        "events of a small org": lambda db, _: views.events(db, FEW, Slice(50)),
        "companies, first page": lambda db, _: views.companies(db, ORG, Slice(50)),
        "companies of a small org": lambda db, _: views.companies(db, FEW, Slice(50)),
        "resync, 1,000 fed": lambda db, _: resyncs.feed(db, ORG, NOW, 1000),
        "resyncs, how far": lambda db, _: resyncs.active(db, ORG),
        "retention, nothing old": lambda db, _: _kept(db, LONG_AGO - timedelta(days=1)),
        "retention, 500 old": lambda db, _: _kept(db, NOW),
    }.items()
}


def _kept(db: Connection, before: datetime) -> None:
    retention.empty_bodies(db, ORG, before, NOW, 500)
    retention.delete_deliveries(db, ORG, before, NOW, 500)
    retention.delete_runs(db, ORG, before, NOW, 500)


def doors() -> dict[str, Callable[[Grown], None]]:
    """What a webhook costs; these write, and what they wrote stays."""
    return {
        "secrets of an org, read anew": _secrets,
        "a delivery kept": lambda grown: _keep(grown, f"new-{next(grown.numbers)}"),
        "a delivery kept before": lambda grown: _keep(grown, "msg-77"),
    }


def _secrets(grown: Grown) -> None:
    assert grown.keyring.of("org-1", NOW + next(grown.numbers) * 2 * REMEMBERED).org_id == ORG


def _keep(grown: Grown, webhook_id: str) -> None:
    kept = grown.inbox.keep(
        org_id=ORG, webhook_id=webhook_id, door="contacts", body=b"{}", status="absorbed", type=None, errors=None,
        now=NOW,
    )  # fmt: skip
    assert kept.duplicate == (webhook_id == "msg-77")


@contextmanager
def _databases(server: str) -> Iterator[list[str]]:
    names = [f"contactsync_bench_{uuid.uuid4().hex}" for _ in range(2)]
    with psycopg.connect(server, autocommit=True) as admin:
        try:
            for name in names:
                admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
            yield [make_url(server).set(database=name).render_as_string(hide_password=False) for name in names]
        finally:
            for name in names:
                admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
