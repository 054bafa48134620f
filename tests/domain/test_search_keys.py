"""Names as they are searched and sorted by."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.domain.search_keys import LONGEST, company_keys, contact_keys, folded, phrasings, up_to


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Müller", "muller"),
        ("  O'Neil \t\n Smith ", "o'neil smith"),
        ("Łukasz Ødegård", "lukasz odegard"),
        ("STRAẞE", "strasse"),
        ("İpek Işık", "ipek isik"),
        ("ﬁsh", "fish"),
        ("Ａｄａ", "ada"),
        ("e\u0301", "e"),
        ("a\u00a0b\u2003c", "a b c"),
        ("x\0y", "xy"),
        ("", ""),
        (" ", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_a_name_is_compared_without_case_accents_and_spaces(written, key):
    assert folded(written) == key


@given(st.text(max_size=400))
def test_a_key_is_short_and_comes_out_the_same_again_and_however_its_letters_are_composed(text):
    key = folded(text)
    assert len(key) <= LONGEST
    assert folded(key) == key
    assert folded(unicodedata.normalize("NFD", text[:100])) == folded(unicodedata.normalize("NFC", text[:100]))
    key.encode()


def test_a_name_as_long_as_a_book_costs_no_more_than_its_beginning():
    assert folded("ab " * 1_000_000) == folded("ab " * 400)


def test_a_contact_is_sorted_by_its_last_name_and_found_by_its_first_too():
    said = {"first_name": "Zoë", "last_name": "Ångström", "email": "z@x.y"}
    assert contact_keys(said) == {"sort_name": "angstrom zoe", "first_name_key": "zoe"}
    assert contact_keys({"first_name": "Zoë"}) == {"sort_name": "zoe", "first_name_key": "zoe"}
    assert contact_keys({"last_name": "x" * 300, "first_name": "y"})["sort_name"] == "x" * LONGEST
    assert contact_keys({}) == {"sort_name": "", "first_name_key": ""}
    assert company_keys("Société Générale") == {"sort_name": "societe generale"}
    assert company_keys(None) == {"sort_name": ""}


@given(st.text(max_size=20), st.text(max_size=20))
def test_all_that_begins_with_a_prefix_lies_between_its_two_ends(prefix, rest):
    first, end = up_to(folded(prefix))
    key = folded(prefix) + folded(rest)
    assert first.encode() <= key.encode() < end.encode()


def test_what_is_searched_for_is_taken_as_phrases_in_every_way():
    ways = [[phrase.name for phrase in way] for way in phrasings("Anna  van BERG")]
    assert ways == [["anna van berg"], ["anna", "van berg"], ["anna", "van", "berg"], ["anna van", "berg"]]
    assert phrasings(" \t") == ()
    assert phrasings("\u0301") == ()
    assert [phrase.address for phrase in phrasings("Jörg@X.de")[0]] == ["jörg@x.de"]


def test_many_words_are_not_taken_apart_in_thousands_of_ways():
    ways = phrasings(" ".join("abcdefghij"))
    assert len(ways) == 8
    assert ways[-1][-1].name.endswith("i j") or ways[2][-1].name.endswith("i j")
