"""What docs/operations.md says of tests and settings is so."""

from __future__ import annotations

import re
from pathlib import Path

from contactsync.config import SyncConfig
from contactsync.stopping import GRACE_SECONDS, LAST_WORDS_SECONDS
from contactsync.sync.clock import lease_seconds

CHECKOUT = Path(__file__).parents[1]
PAGE = (CHECKOUT / "docs" / "operations.md").read_text("utf-8")


def test_every_test_that_the_page_names_is_there() -> None:
    tests = set()
    for file in (CHECKOUT / "tests").rglob("test_*.py"):
        tests |= set(re.findall(r"^def (test_\w+)\(", file.read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) >= 10
    assert named <= tests, named - tests


def test_every_row_of_what_happens_when_a_part_dies_names_a_test() -> None:
    _, _, section = PAGE.partition("## When a part dies")
    rows = [line for line in section.partition("**Stopping.**")[0].splitlines() if line.startswith("| ")][2:]
    assert len(rows) >= 9
    for row in rows:
        assert "`test_" in row.split("|")[-2], row


def test_the_seconds_that_the_page_promises_are_those_of_the_code() -> None:
    assert GRACE_SECONDS + LAST_WORDS_SECONDS < 10
    assert f"ends after {GRACE_SECONDS:g}" in " ".join(PAGE.split())
    assert f"({lease_seconds(SyncConfig().clock_seconds):g} s)" in PAGE
    assert f"`lease_seconds` ({SyncConfig().lease_seconds:g})" in PAGE
