"""Texts beside what a field holds already, and texts that are too long for it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contactsync.domain.crm import CrmField
from contactsync.domain.texts import appended, cut, room_in, separator_for


@pytest.mark.parametrize(
    ("held", "new", "separator", "expected"),
    [
        ("Met in Paris", "Met in Rome", "\n", "Met in Paris\nMet in Rome"),
        ("Met in Paris\r\nMet in Rome", "Met in Paris", "\n", "Met in Paris\r\nMet in Rome"),
        ("  ", "Met in Rome", "\n", "Met in Rome"),
        ("a", "b", ", ", "a, b"),
        ("a,b", "b", ", ", "a,b"),
        ("a, bc", "b", ", ", "a, bc, b"),
        ("x\none\ntwo\ny", "one\ntwo", "\n", "x\none\ntwo\ny"),
        ("one\nx\ntwo", "one\ntwo", "\n", "one\nx\ntwo\none\ntwo"),
        ("one\n\n\ntwo", "one\ntwo", "\n", "one\n\n\ntwo"),
        ("A;B", "b;C;C", ";", "A;B;C"),
        ("A;", "C", ";", "A;C"),
        ("A", ";", ";", "A"),
        ("a -- b", "b", " -- ", "a -- b"),
        ("a-", "b", "--", "a---b"),
        ("a b", "b", " ", "a b"),
    ],
)
def test_a_value_is_added_once(held, new, separator, expected):
    assert appended(held, new, separator) == expected


def test_what_has_no_room_is_cut():
    assert appended("abc", "defgh", ", ", 8) == "abc, def"
    assert appended("abc, def", "defgh", ", ", 8) == "abc, def"
    assert appended("abcdefgh", "x", ", ", 8) == "abcdefgh"
    assert appended("", "abcdefghijk", ", ", 8) == "abcdefgh"
    assert appended("abcdefgh", "abcdefghijk", ", ", 8) == "abcdefgh"


def test_a_text_is_cut_to_what_fits_without_space_at_the_end():
    assert (cut("abcdef", 4), cut("abc def", 4), cut("abc", 4), cut("abcdef", None)) == ("abcd", "abc", "abc", "abcdef")


def test_only_texts_whose_length_is_known_are_cut():
    assert room_in(CrmField("X", "X", "text", 80)) == 80
    assert room_in(CrmField("X", "X", "textarea", 32000)) == 32000
    assert [room_in(CrmField("X", "X", other, 80)) for other in ("email", "url", "picklist", "reference")] == [None] * 4
    assert room_in(CrmField("X", "X", "text")) is None
    assert room_in(None) is None


def test_what_stands_between_values_fits_the_field():
    types = ("multipicklist", "textarea", "text", "other")
    assert [separator_for(CrmField("X", "X", of)) for of in types] == [";", "\n", ", ", ", "]
    assert separator_for(None) == ", "


WORDS = st.text(alphabet="ab ,;-\n", max_size=12)


@given(WORDS, WORDS, st.sampled_from([", ", ";", "\n", " ", "--", " - ", "ab"]), st.none() | st.integers(1, 20))
def test_appending_twice_never_doubles_and_never_takes_anything_away(held, new, separator, most):
    assume(new.strip())
    assume(most is None or len(held.strip()) <= most)
    once = appended(held, new, separator, most)
    assert appended(once, new, separator, most) == once
    assert most is None or len(once) <= max(most, len(held))
    if separator != ";":
        assert once == held or once.startswith(held.strip())


@given(st.lists(st.sampled_from("abc"), min_size=1), st.lists(st.sampled_from("bcd"), min_size=1))
def test_a_multi_select_picklist_holds_every_value_once_more_than_it_did(held, new):
    once = appended(";".join(held), ";".join(new), ";").split(";")
    assert once[: len(held)] == held
    assert set(once) == {*held, *new}
    assert len(once) == len(held) + len(set(new) - set(held))
