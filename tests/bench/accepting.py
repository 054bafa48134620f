"""Webhooks accepted per second, against a constant answer of the same Flask and gunicorn, in turns: A B A B."""

from __future__ import annotations

import statistics
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.bench.installation import Installation, installed, wait_for_answer
from tests.bench.lines import Line, at_least
from tests.bench.load import load
from tests.bench.people import PER_WEBHOOK, Webhook, person, webhook
from tests.fixtures.postgres_server import NoPostgresError, postgres_server
from tests.fixtures.processes import free_port

SINGLES_PER_SECOND = 4000  # so many are prepared: more than are answered
HUNDREDS_PER_SECOND = 1200
CONSTANT_PREPARED = 1000  # sent again and again


def measure_accepting(pairs: int, seconds: float) -> Iterator[Line]:
    """On SQLite, and on Postgres where there is one."""
    yield from _measure("SQLite", None, pairs, seconds, least=0.3)
    try:
        with _postgres() as url:
            yield from _measure("Postgres", url, pairs, seconds, least=0.2)
    except NoPostgresError as missing:
        yield Line("accepted webhooks on Postgres", f"skipped: {missing}")


def _measure(name: str, database: str | None, pairs: int, seconds: float, least: float) -> Iterator[Line]:
    with installed(database) as here:
        here.web()
        constant = _start_constant(here, free_port())
        ours, plain, ratios, hundreds = [], [], [], []
        for turn in range(pairs):
            plain.append(load(constant, _singles(here, f"k{turn}", CONSTANT_PREPARED), seconds, again=True).per_second)
            singles = _singles(here, f"s{turn}", int(SINGLES_PER_SECOND * seconds))
            ours.append(load(here.url, singles, seconds).per_second)
            ratios.append(ours[-1] / plain[-1])
            many = load(here.url, _hundreds(here, f"h{turn}", int(HUNDREDS_PER_SECOND * seconds)), seconds).per_second
            hundreds.append(PER_WEBHOOK * many / plain[-1])
    note = f"  ({statistics.median(ours):,.0f} of {statistics.median(plain):,.0f} a second)"
    yield at_least(f"accepted webhooks per constant answer, {name}", statistics.median(ratios), least, note=note)
    note = f"  ({statistics.median(hundreds) * statistics.median(plain):,.0f} contacts a second)"
    what = f"contacts kept per constant answer, webhooks of {PER_WEBHOOK}, {name}"
    yield at_least(what, statistics.median(hundreds), 4, note=note)


def _start_constant(here: Installation, port: int) -> str:
    """The same server, with the same number of workers, under the plainest app; its URL."""
    options = ["--bind", f"127.0.0.1:{port}", "--workers", here.processes.environment["WEB_CONCURRENCY"]]
    app = "tests.bench.constant:app"
    url = f"http://127.0.0.1:{port}"
    wait_for_answer(here.processes.start_python("-m", "gunicorn", *options, app, name="constant"), url)
    return url


def _singles(here: Installation, batch: str, count: int) -> list[Webhook]:
    return [webhook(here.org.slug, here.org.secret, [person(n, batch=batch)]) for n in range(count)]


def _hundreds(here: Installation, batch: str, count: int) -> list[Webhook]:
    return [
        webhook(here.org.slug, here.org.secret, [person(PER_WEBHOOK * n + m, batch=batch) for m in range(PER_WEBHOOK)])
        for n in range(count)
    ]


@contextmanager
def _postgres() -> Iterator[str]:
    """An empty database on a server that keeps what it has said it keeps."""
    with postgres_server(durable=True) as server, psycopg.connect(server, autocommit=True) as admin:
        name = f"contactsync_bench_{uuid.uuid4().hex}"
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
