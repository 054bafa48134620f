"""Which Accounts a company may be, and why: its domain before its name, each Account once."""

from __future__ import annotations

import pytest
from contactsync_plugins.company_from_domain import CONTACTSYNC_OPTIONS

from contactsync.domain.captured import is_captured
from contactsync.domain.crm import Found, FoundAccount, RecordKind, RecordRef
from contactsync.domain.found_index import FoundIndex
from contactsync.domain.suggestions import MOST_SUGGESTED, Looked, accounts_wanted, suggested


def account(number, name="Something", domain=None):
    return FoundAccount(RecordRef(RecordKind.ACCOUNT, f"00{number}"), name, domain, f"2026-01-0{number}")


def made(company, *accounts):
    return [(one.id, one.why) for one in suggested(company, FoundIndex.of(Found(accounts=accounts)))]


def test_the_domain_goes_before_the_name_and_each_account_stands_once():
    company = Looked("k", "Acme, Inc.", "acme.example")
    found = (account(1, "Acme Incorporated"), account(2, domain="acme.example"), account(3, "ACME Inc", "acme.example"))
    assert made(company, *found) == [
        ("002", "It has the same website."),
        ("003", "It has the same website."),
        ("001", "It has the same name."),
    ]


def test_a_company_that_is_called_by_its_domain_is_looked_for_by_it():
    company = Looked("k", "acme.example")
    assert accounts_wanted([company]).account_domains == {"acme.example"}
    assert made(company, account(1, domain="acme.example")) == [("001", "Its website is what the company is called.")]


def test_addresses_of_its_contacts_speak_last():
    company = Looked("k", "Acme", "acme.example", "acme.test")
    found = made(company, account(1, domain="acme.test"), account(2, domain="acme.example"))
    assert [one for one, _ in found] == ["002", "001"]


def test_no_more_than_a_few_are_suggested_the_oldest_first():
    found = made(
        Looked("k", domain="acme.example"), *(account(number, domain="acme.example") for number in range(9, 0, -1))
    )
    assert [one for one, _ in found] == ["001", "002", "003"][:MOST_SUGGESTED]


@pytest.mark.parametrize("company", [Looked("k"), Looked("k", "  ", "")])
def test_of_a_company_of_which_nothing_is_known_nothing_is_asked(company):
    assert accounts_wanted([company]).empty
    assert made(company, account(1, "")) == []


@pytest.mark.parametrize(
    "source", [*CONTACTSYNC_OPTIONS["captured_sources"], "Leads-Inbox", "LEADS_INBOX", "BadgeScan"]
)
def test_what_the_bundled_plugin_takes_for_captured_is_captured(source):
    assert is_captured(source)


@pytest.mark.parametrize("source", [None, "", " ", "booth", "webinar inbox", 7])
def test_other_sources_are_not(source):
    assert not is_captured(source)
