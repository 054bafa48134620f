"""A short run of chaos on each database, with a seed that is always the same: `make chaos` runs long ones."""

from __future__ import annotations

import os

import pytest

from tests.chaos.run import run
from tests.fixtures.postgres_server import NoPostgresError

SEEDS = {"sqlite": 4, "postgres": 49}
"""By those no CRM says that it is busy, after which it would be left alone for a minute: CI waits for this."""

DELIVERIES = 100


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_nothing_is_lost_or_doubled_while_everything_goes_wrong(database: str) -> None:
    try:
        report = run(SEEDS[database], DELIVERIES, database)
    except NoPostgresError as error:
        missing = pytest.fail if os.environ.get("CONTACTSYNC_TEST_POSTGRES") == "require" else pytest.skip
        missing(str(error))
    said = "\n".join(report.lines())
    assert report.good, said
    assert report.accepted + report.rejected == DELIVERIES, said
    assert sum(report.mischief.values()) >= 8, said
