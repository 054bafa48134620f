"""What all tests share."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair: the first text alone may take seconds, while tables are made.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

pytest_plugins = [
    "tests.fixtures.databases",
    "tests.fixtures.processes",
    "tests.fixtures.redis",
    "tests.fixtures.sentry",
]

SLOW = (
    "browser",
    "chaos",
    "cli/test_connect_with_browser.py",
    "hostile",
    "runtime/test_demo.py",
    "runtime/test_ending_in_time.py",
    "runtime/test_nothing_gets_out.py",
    "runtime/test_one_org_too_fast.py",
    "runtime/test_processes.py",
    "sync/test_any_order.py",
    "sync/test_browser_sign_in.py",
    "sync/test_changes_during_a_turn.py",
    "sync/test_erasing.py",
    "sync/test_fault_matrix.py",
    "sync/test_lost_creates.py",
    "sync/test_processes.py",
    "sync/test_replay_in_any_order.py",
    "web/test_every_operation.py",
    "web/test_people_api.py",
    "web/test_who_may_do_what.py",
)
"""Whole installations, faults at every call, every operation with everything: `make test-slow` runs them, and CI does."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: runs with `make test-slow`, not with `make test`")
    missing = [str(each) for each in _SLOW_PATHS if not each.exists()]
    assert not missing, f"tests/conftest.py calls slow what is not there: {missing}"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Modules that would be deselected one test at a time are not even read."""
    wanted = {"slow": True, "not slow": False}.get(config.option.markexpr)
    if wanted is None or not collection_path.name.startswith("test_"):
        return None
    return True if _is_slow(collection_path) is not wanted else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_slow(item.path):
            item.add_marker(pytest.mark.slow)


_SLOW_PATHS = tuple(Path(__file__).parent / each for each in SLOW)


@cache
def _is_slow(path: Path) -> bool:
    return any(path.is_relative_to(each) for each in _SLOW_PATHS)
