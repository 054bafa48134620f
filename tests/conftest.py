"""What all tests share."""

from __future__ import annotations

pytest_plugins = [
    "tests.fixtures.databases",
    "tests.fixtures.processes",
    "tests.fixtures.redis",
    "tests.fixtures.sentry",
]
