"""What the doctor says of real processes: while they are alive, and after they were killed."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator

import pytest
import structlog
from click.testing import CliRunner

from contactsync.cli import main
from tests.fixtures.processes import OURS, Processes
from tests.fixtures.waiting import wait_until

KEY = "a key that is long enough for tests"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Commands set logging up for their process; here the process is that of all tests."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def levels(processes: Processes) -> dict[str, str]:
    """The worst level of each check."""
    ours = {name: None for name in os.environ if name.startswith(OURS)}
    done = CliRunner().invoke(main, ["doctor", "--json"], env={**ours, **processes.environment})
    said = json.loads(done.stdout)
    assert done.exit_code == int(said["level"] == "red")
    return {one["check"]: one["level"] for one in said["findings"] if one["level"] != "ok"}


def test_the_doctor_misses_a_clock_and_a_worker_that_were_killed(
    processes: Processes, sqlite_url: str, redis_url: str
) -> None:
    processes.environment |= {
        "DATABASE_URL": sqlite_url,
        "REDIS_URL": redis_url,
        "CONTACTSYNC_SECRET_KEYS": KEY,
        "CONTACTSYNC_SYNC_CLOCK_SECONDS": "0.2",
    }
    assert levels(processes) == {"clock": "red", "workers": "red"}
    clock, worker = processes.start("clock"), processes.start("worker")
    wait_until(lambda: levels(processes) == {}, 60, "all is well")
    assert worker.stop() == 0
    clock.kill()
    wait_until(lambda: levels(processes) == {"clock": "red", "workers": "red"}, 60, "both are missed")
