"""What each process holds: connections to Postgres and Redis, and memory. Counted at the servers, after real work."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from redis import Redis

from tests.bench import people
from tests.bench.burst import LATENCY_MS, PATIENCE
from tests.bench.installation import Installation, installed, peak_megabytes
from tests.bench.lines import Line, at_most
from tests.fixtures.postgres_server import postgres_server
from tests.fixtures.processes import Running
from tests.fixtures.waiting import wait_until


@dataclass(frozen=True)
class _Held:
    postgres: int
    redis: int


def measure_footprint(contacts: int) -> Iterator[Line]:
    """Of the web process (two gunicorn workers), a worker and the clock, each at the most that was seen."""
    with postgres_server() as server, installed(server, latency_ms=LATENCY_MS) as here:
        here.engine.dispose()
        web = here.web()
        for one in people.burst(here.org.slug, here.org.secret, contacts):
            here.post(one)
        alone = _held(here, server)
        yield at_most("connections of web with 2 processes, Postgres", alone.postgres, 2)
        yield at_most("connections of web with 2 processes, Redis", alone.redis, 2)
        yield at_most("memory of web with 2 processes", _family_megabytes(web), 400, " MB")
        clock = here.clock()
        clock.wait_for("clock leads", PATIENCE)
        ringing = _held(here, server)
        yield at_most("connections of the clock, Postgres", ringing.postgres - alone.postgres, 1)
        yield at_most("connections of the clock, Redis", ringing.redis - alone.redis, 1)
        worker = here.worker()
        most = ringing

        def through() -> bool:
            nonlocal most
            now = _held(here, server)
            most = _Held(max(most.postgres, now.postgres), max(most.redis, now.redis))
            return here.synced("c-") >= contacts

        wait_until(through, PATIENCE, "the burst is through")
        yield at_most("connections of a worker that works, Postgres", most.postgres - ringing.postgres, 3)
        yield at_most("connections of a worker that works, Redis", most.redis - ringing.redis, 3)
        yield at_most(f"memory of a worker after {contacts:,} contacts", peak_megabytes(worker), 250, " MB")
        yield at_most("memory of the clock", peak_megabytes(clock), 150, " MB")


def _held(here: Installation, server: str) -> _Held:
    """The connections that our processes hold now; not the bench's own."""
    here.engine.dispose()
    with psycopg.connect(server, autocommit=True) as asking:
        row = asking.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'contactsync'").fetchone()
    with Redis.from_url(here.processes.environment["REDIS_URL"]) as client:
        clients = len(client.client_list()) - 1
    return _Held(int(row[0]) if row else 0, clients)


def _family_megabytes(running: Running) -> float:
    """A process and its children, what they share counted once (PSS of /proc)."""
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(running.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    kilobytes = 0
    for pid in (str(running.pid), *children):
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text("ascii"), re.MULTILINE)
        assert found, "this system does not say how much memory a process holds"
        kilobytes += int(found[1])
    return kilobytes / 1024
