"""Planning grows with the batch, not with its square: counted in function calls, which are the same on every machine."""

from __future__ import annotations

import sys

from contactsync.domain.plan import plan
from contactsync.domain.policy import Policies
from contactsync.domain.records import Company
from contactsync.domain.wanted import wanted
from tests.domain.made import LEAD, MAPPING, account, found, lead, member, owner, person, ready, ref

CALLS_PER_CONTACT = 600
"""It takes about 330; one loop through the batch for every contact goes past this."""


def batch_of(count):
    """Half Leads and half Contacts, a company for every three, some twice, some linked, all in one campaign."""
    return [
        ready(
            f"c{number}",
            email=f"p{number - number % 10 // 9}@x.com",
            sync_as="lead" if number % 2 else "contact",
            company=Company(f"id:{number // 3}", f"Company {number // 3} Inc", f"c{number // 6}.com"),
            person=ref(LEAD, number) if number % 4 == 1 else None,
            owner="sales@acme.com",
            attendances=[("701A", "attended")],
            title="New",
        )
        for number in range(count)
    ]


def crm_of(count):
    """Every second person is there, every third Account, every fourth membership."""
    return found(
        owner(),
        *(lead(number, f"p{number}@x.com", Title="Old") for number in range(1, count, 4)),
        *(person(number, f"p{number}@x.com", Title="Old") for number in range(0, count, 4)),
        *(account(number, f"Company {number}, Inc.") for number in range(0, count // 3, 3)),
        *(member(number, ref(LEAD, number), "Sent") for number in range(1, count, 4)),
    )


def calls_of(function, *arguments):
    """How many functions, ours and built in, one call runs."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
    return calls


def test_twice_the_batch_takes_about_twice_the_work():
    few = calls_of(plan, batch_of(400), crm_of(400), MAPPING, Policies())
    many = calls_of(plan, batch_of(800), crm_of(800), MAPPING, Policies())
    assert many < 2.2 * few
    assert many < 800 * CALLS_PER_CONTACT


def test_asking_grows_with_the_batch_too():
    assert calls_of(wanted, batch_of(800), MAPPING, Policies()) < 2.2 * calls_of(
        wanted, batch_of(400), MAPPING, Policies()
    )


def test_one_address_for_all_and_one_company_for_all_are_no_worse():
    def alike(count):
        return [ready(f"c{number}", sync_as="contact", attendances=[("701A", "attended")]) for number in range(count)]

    assert calls_of(plan, alike(800), found(), MAPPING, Policies()) < 2.2 * calls_of(
        plan, alike(400), found(), MAPPING, Policies()
    )
