"""SOQL statements hold only what is safe, and as much of it as fits."""

from __future__ import annotations

import re

import pytest
from contactsync_plugins.salesforce.soql import (
    MOST_CHARACTERS,
    MOST_TERMS,
    Term,
    columns,
    containing,
    is_identifier,
    literal,
    literals,
    statements,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from contactsync.standin.soql_parse import Comparison, Junction, parse

HEAD = "SELECT Id FROM Lead WHERE"


def values_of(condition: object, field: str) -> list[str]:
    """What a parsed statement asks of one field."""
    if isinstance(condition, Junction):
        return [value for part in condition.parts for value in values_of(part, field)]
    assert isinstance(condition, Comparison)
    return [value.text for value in condition.values] if condition.path.text == field else []


@given(st.lists(st.text(max_size=30), min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_whatever_people_typed_is_asked_for_and_nothing_else(texts: list[str]) -> None:
    terms = [Term("Email", (text,)) for text in texts]
    asked = [value for made in statements(HEAD, terms) for value in values_of(parse(made.text).where, "Email")]
    kept = [re.sub(r"[\x00-\x07\x0b\x0e-\x1f\x7f]", "", text) for text in texts]
    assert sorted(asked) == sorted(kept)


@given(st.text(max_size=40))
@settings(max_examples=100, deadline=None)
def test_whatever_people_search_for_is_one_pattern(text: str) -> None:
    query = parse(f"SELECT Id FROM Lead WHERE Name LIKE {containing(text)}")
    assert isinstance(query.where, Comparison)
    assert len(query.where.values) == 1


def test_a_lone_surrogate_is_no_text_and_breaks_nothing() -> None:
    assert literal("a\ud800b") == "'a?b'"


def test_an_empty_list_is_refused_rather_than_written() -> None:
    with pytest.raises(ValueError, match="at least one"):
        literals([])


@pytest.mark.parametrize("name", ["", "1a", "Na me", "Name)", "Name--", "Ñame", "Account.Name", "Name\n", "_x"])
def test_what_is_no_identifier_is_known(name: str) -> None:
    assert not is_identifier(name)


@pytest.mark.parametrize("name", ["Name", "Region__c", "ns__Field__c", "X1"])
def test_what_is_an_identifier_is_known(name: str) -> None:
    assert is_identifier(name)


def test_fields_are_selected_once_whatever_their_case() -> None:
    assert columns(("Id", "Email"), ["email", "Title", "TITLE"], ["ConvertedContact.Email"]) == (
        "Id, Email, Title, ConvertedContact.Email"
    )


def test_a_field_that_cannot_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no field name"):
        columns(("Id", "Name FROM User--"))


def test_nothing_to_ask_is_no_statement() -> None:
    assert statements(HEAD, []) == []


def test_conditions_of_several_fields_share_a_statement() -> None:
    (made,) = statements(HEAD, [Term("Email", ("a@x",)), Term("Id", ("00Q",)), Term("Email", ("b@x",))])
    assert made.text == f"{HEAD} (Email IN ('a@x','b@x') OR Id IN ('00Q'))"


def test_statements_are_packed_by_number() -> None:
    made = statements(HEAD, [Term("Email", (f"p{n}@x.example",)) for n in range(2 * MOST_TERMS + 1)])
    assert [len(values_of(parse(found.text).where, "Email")) for found in made] == [MOST_TERMS, MOST_TERMS, 1]


def test_statements_are_packed_by_characters_and_lose_nothing() -> None:
    emails = [f"{'x' * 60}{n}@example.example" for n in range(1500)]
    made = statements(HEAD, [Term("Email", (email,)) for email in emails])
    assert len(made) == 2
    assert all(len(found.text) <= MOST_CHARACTERS for found in made)
    assert [value for found in made for value in values_of(parse(found.text).where, "Email")] == emails


def test_the_values_of_one_term_stay_together() -> None:
    terms = [Term("Website", (f"{n}a" * 20, f"{n}b" * 20)) for n in range(100)]
    for found in statements(HEAD, terms, most_characters=1000):
        values = values_of(parse(found.text).where, "Website")
        assert len(values) % 2 == 0


def test_text_that_begins_a_reference_gets_a_statement_of_its_own() -> None:
    made = statements(HEAD, [Term("Name", ("Acme",)), Term("Name", ("@{x.id}",)), Term("Email", ("a@x",))])
    assert [(found.direct, "@{" in found.text) for found in made] == [(False, False), (True, True)]


def test_statements_outside_composites_fit_into_a_url() -> None:
    names = [f"@{{ 株式会社 {n}" for n in range(400)]
    made = statements(HEAD, [Term("Name", (name,)) for name in names])
    assert all(found.direct and len(found.text) < 1_500 for found in made)
    assert [value for found in made for value in values_of(parse(found.text).where, "Name")] == names
