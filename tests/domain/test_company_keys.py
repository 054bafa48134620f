"""A company's key always fits its column, however its name grows when it is normalised."""

from __future__ import annotations

import pytest

from contactsync.domain.changes import changes_of
from contactsync.domain.names import KEY_LENGTH, company_key

AT = "2026-11-24T09:00:00.000000Z"


@pytest.mark.parametrize(
    "company",
    [
        {"name": "ﷺ" * 500},  # NFKC writes this one letter with eighteen
        {"name": "ß" * 500},  # casefold doubles it
        {"name": "㌀ " * 250},
        {"id": "i" * 255, "name": "n" * 500},
        {"id": "i" * 2000},
    ],
)
def test_a_key_is_cut_to_what_the_database_takes(company):
    key = company_key(company)
    assert key is not None
    assert len(key) <= KEY_LENGTH
    (change,) = changes_of("contact.created", AT, ({"id": "c-1", "company": company},), 1).contacts
    assert change.changes["company"] == key


def test_a_key_that_is_cut_is_the_same_every_time():
    assert company_key({"name": "ﷺ" * 500}) == company_key({"name": f" {'ﷺ' * 500} "})
