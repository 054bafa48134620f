"""The catalogue of problems: one source for what is told of a failure and for what the docs list."""

from __future__ import annotations

import re

import pytest
from contactsync_plugins.salesforce.errors import Refusal, failure_of
from contactsync_plugins.salesforce.known_problems import KNOWN_PROBLEMS
from contactsync_plugins.salesforce.target import SALESFORCE

from contactsync.api import KnownProblem, Mend, Next, RecordKind
from tests.salesforce.test_salesforce_errors import CLASSES

BY_CODE = {known.code: known for known in KNOWN_PROBLEMS}


def test_the_target_brings_the_catalogue() -> None:
    assert SALESFORCE.problems == KNOWN_PROBLEMS
    assert len(KNOWN_PROBLEMS) > 70


@pytest.mark.parametrize("known", KNOWN_PROBLEMS, ids=[f"{known.code}-{known.seen_as}" for known in KNOWN_PROBLEMS])
def test_every_line_can_be_read_and_acted_on(known: KnownProblem) -> None:
    assert re.fullmatch(r"[a-z0-9_]+…?", known.code)
    assert known.cause.endswith(".")
    assert known.fix
    assert known.who
    assert set(re.findall(r"{(\w*)}", known.cause + known.fix)) <= {"fields", "object"}
    assert known.comes_back or known.mended_by or known.code in {"already_member", "salesforce_…"}


@pytest.mark.parametrize("kind", list(RecordKind))
@pytest.mark.parametrize("refusal", [Refusal(code, message) for _, code, message in CLASSES], ids=lambda one: one.code)
def test_what_is_told_of_a_refusal_stands_in_the_catalogue(kind: RecordKind, refusal: Refusal) -> None:
    failure = failure_of([refusal], kind)
    known = BY_CODE[failure.problem.code]
    assert known.who == failure.problem.who
    assert known.mended_by == failure.problem.mended_by
    assert known.comes_back == (failure.next is Next.RETRY)
    assert failure.problem.cause.startswith(known.cause.partition("{")[0])


def test_a_field_that_is_gone_is_mended_by_the_mapping_or_a_permission() -> None:
    assert BY_CODE["invalid_field"].mended_by == (Mend.MAPPING, Mend.PERMISSION)
    assert BY_CODE["inactive_owner_or_user"].mended_by[0] is Mend.OWNER
