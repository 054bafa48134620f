"""Company names and domains."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.domain.names import (
    KEY_LENGTH,
    VARIANTS,
    company_key,
    name_variants,
    normalised_domain,
    normalised_name,
)

SAME = [
    ("Acme, Inc.", "ACME Incorporated"),
    ("Acme Ltd", "acme limited"),
    ("Acme Corp.", "Acme  Corporation"),
    ("Acme Co., Ltd.", "Acme Company Limited"),
    ("Acme Pty Ltd", "Acme Proprietary Limited"),
    ("Acme L.L.C.", "Acme LLC"),
    ("Acme LLC", "Acme Limited Liability Company"),
    ("Foo S.p.A.", "Foo SpA"),
    ("Foo S.à r.l.", "Foo Sàrl"),
    ("Novo A/S", "Novo AS"),
    ("Smith & Sons", "Smith and Sons"),
    ("AT&T", "AT & T"),
    ("O'Reilly", "O’Reilly"),
    ("Coca-Cola", "Coca Cola"),
    ("A.B.C.", "ABC"),
    ("Yahoo!", "yahoo"),
    ("Ａｃｍｅ", "Acme"),
    ("Acme™", "ACME"),
    ("Caf\u00e9", "Cafe\u0301"),
]

DIFFERENT = [
    ("Acme Inc", "Acme Ltd"),
    ("Acme", "Acme Inc"),
    ("Acme GmbH", "Acme AG"),
    ("Acme Ltd", "Acme LLP"),
    ("Company", "Co Inc"),
    ("Müller", "Muller"),
    ("!!!", "???"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_company_have_one_normalised_name(one, other):
    assert normalised_name(one) == normalised_name(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_companies_that_differ_in_more_than_spelling_stay_different(one, other):
    assert normalised_name(one) != normalised_name(other)


def test_a_blank_name_has_no_normalised_name_and_no_variants():
    assert normalised_name(" \n") == ""
    assert name_variants(" ") == ()


def test_the_name_as_written_is_asked_first_and_a_plain_name_only_once():
    assert name_variants("Acme") == ("Acme",)
    assert name_variants("Acme, Inc.")[0] == "Acme, Inc."


def test_the_usual_spellings_of_the_legal_form_are_asked_too():
    assert {"ACME Inc", "ACME Inc.", "ACME, Inc."} <= set(name_variants("ACME Incorporated"))


def test_the_ampersand_is_asked_both_ways():
    assert "Smith and Sons" in name_variants("Smith & Sons")
    assert "Smith & Sons" in name_variants("Smith and Sons")


@given(st.text(max_size=60))
def test_every_variant_is_the_same_company_and_no_two_are_equal_for_the_crm(name):
    variants = name_variants(name)
    assert len(variants) <= VARIANTS
    assert len({variant.casefold() for variant in variants}) == len(variants)
    assert {normalised_name(variant) for variant in variants} <= {normalised_name(name)}


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing(name):
    assert normalised_name(normalised_name(name)) == normalised_name(name)


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("https://www.Acme.com/about?x=1", "acme.com"),
        ("acme.com", "acme.com"),
        ("WWW.ACME.COM.", "acme.com"),
        ("http://user:secret@shop.acme.co.uk:8080/", "shop.acme.co.uk"),
        ("ada@acme.com", "acme.com"),
        ("www.de", "www.de"),
        ("acme", None),
        ("not a domain.com", None),
        ("", None),
        (None, None),
        ("https://", None),
    ],
)
def test_a_domain_is_the_host_without_www(text, domain):
    assert normalised_domain(text) == domain


def test_a_company_is_known_by_its_id_else_by_its_normalised_name():
    assert company_key({"id": "7", "name": "Acme"}) == "id:7"
    assert company_key({"name": "Acme, Inc."}) == company_key({"name": "acme incorporated"}) == "name:acme inc"
    assert company_key({"id": 7}) == "id:7"
    assert company_key({"id": None, "name": "  "}) is None
    assert company_key({"domain": "acme.com"}) is None


def test_a_key_never_outgrows_its_column():
    assert len(company_key({"name": "a" * 5000})) == KEY_LENGTH
