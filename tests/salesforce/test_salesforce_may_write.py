"""Whether it may still write is asked right before each call that writes, and before no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contactsync_plugins.salesforce.target import SalesforceTarget

from contactsync.api import Connection, ContactsyncError, RecordKind, Step, StepRef, Wanted
from tests.salesforce.conftest import MemoryKeeper, Org
from tests.salesforce.test_salesforce_apply import apply, create

CONTACT, ACCOUNT = RecordKind.CONTACT, RecordKind.ACCOUNT


class Gone(ContactsyncError):
    """The lease is another's."""


def guarded(org: Org, may_write: Callable[[], None]) -> SalesforceTarget:
    settings = {"instance_url": org.standin.url, "client_id": "id"}
    return SalesforceTarget(Connection(settings, {"client_secret": "secret"}, MemoryKeeper(), may_write=may_write))


def allowing(times: int) -> Callable[[], None]:
    left = iter(range(times))

    def may_write() -> None:
        if next(left, None) is None:
            raise Gone("the lease is another's")

    return may_write


def many(count: int = 30) -> list[Step]:
    accounts = [create(f"a{n}", ACCOUNT, Name=f"Company {n}") for n in range(count)]
    return [*accounts, *(create(f"p{n}", CONTACT, AccountId=StepRef(f"a{n}")) for n in range(count))]


STEPS = {
    "composite": [create("p1", CONTACT)],
    "alone": [create("p1", CONTACT, Title="@{x}")],
    "collections": many(),
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_a_target_that_may_not_write_makes_no_call_that_writes(org: Org, steps: list[Step]) -> None:
    target = guarded(org, allowing(0))
    with pytest.raises(Gone):
        apply(target, *steps)
    assert org.calls() == []
    assert (org.rows("Contact"), org.rows("Account")) == ([], [])


def test_between_two_calls_it_is_asked_again(org: Org) -> None:
    with pytest.raises(Gone):
        apply(guarded(org, allowing(1)), *many())
    assert len(org.calls()) == 1
    assert (len(org.rows("Account")), len(org.rows("Contact"))) == (30, 0)


def test_a_call_that_is_repeated_with_a_fresh_token_is_asked_for_again(org: Org) -> None:
    org.fault(do="status", status=401, match={"writes": True})
    with pytest.raises(Gone):
        apply(guarded(org, allowing(1)), create("p1", CONTACT))
    assert len(org.calls()) == 1
    assert org.rows("Contact") == []


def test_rows_that_would_go_once_more_do_not(org: Org) -> None:
    org.fault(times=1, do="row", where={"object": "Contact"})
    with pytest.raises(Gone):
        apply(guarded(org, allowing(1)), create("p1", CONTACT))
    assert len(org.calls()) == 1


def test_whoever_only_reads_is_not_asked(org: Org) -> None:
    target = guarded(org, allowing(0))
    target.look_up(Wanted(emails={CONTACT: frozenset({"ada@x.example"})}))
    target.describe(CONTACT)
    assert target.check().ok
