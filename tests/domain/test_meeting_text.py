"""The words of an Activity: our own line always has its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.domain.meeting_text import (
    DESCRIPTION_LENGTH,
    NOTES_LENGTH,
    description_of,
    holds_any_line,
    holds_our_line,
    our_line,
)
from tests.domain.made_meetings import invited, meeting


def described(notes=None, unlinked=(), meeting_id="m1", **more):
    return description_of(meeting(meeting_id, notes=notes).meeting, unlinked, **more)


def measured(text):
    """A text as CRMs count it: UTF-16 units, a line's end as two."""
    return len(text.encode("utf-16-le")) // 2 + text.count("\n")


def test_notes_of_31000_characters_are_kept_whole():
    notes = "x" * NOTES_LENGTH
    made = described(notes)
    assert made.text == f"{notes}\n\n{our_line('m1')}"
    assert made.why == ()


def test_longer_notes_are_cut_and_said():
    made = described("word " * 20_000)
    assert made.text.endswith(f"…\n\n{our_line('m1')}")
    assert measured(made.text) <= DESCRIPTION_LENGTH
    assert "were kept" in made.why[0]


def test_a_long_list_of_attendees_is_cut_with_a_count():
    unlinked = [invited(name=f"Person {number:04d}") for number in range(1000)]
    lines = described("n", unlinked).text.splitlines()
    listed = [line for line in lines if line.startswith("- Person")]
    assert 100 < len(listed) < 1000
    assert f"- and {1000 - len(listed)} more" in lines


def test_an_attendee_without_a_name_is_named_by_the_address_or_counted_all_the_same():
    text = described(unlinked=[invited(name="", email="zed@x.com", attended=True), invited(name=" ")]).text
    assert "- zed@x.com (was there)\n- somebody whose name is not known" in text


def test_a_shorter_field_gets_a_shorter_text():
    made = described("x" * 1000, [invited(name="Ada")] * 50, length=255)
    assert measured(made.text) <= 255
    assert holds_our_line(made.text, "m1")


@given(
    st.one_of(
        st.text(max_size=300), st.integers(0, 40_000).map(lambda count: "n\n" * (count // 2) + "🙂" * (count // 4))
    ),
    st.lists(st.text(max_size=40), max_size=400),
    st.text(min_size=1, max_size=100),
)
def test_whatever_the_notes_and_the_names_the_line_is_there_and_the_field_takes_the_text(notes, names, meeting_id):
    made = described(notes, [invited(name=name) for name in names], meeting_id)
    assert holds_our_line(made.text, meeting_id) or not meeting_id.strip()
    assert len(made.text.encode("utf-16-le", "surrogatepass")) // 2 + made.text.count("\n") <= DESCRIPTION_LENGTH


@pytest.mark.parametrize(
    "held", [None, "", "contactsync meeting m10", "contactsync meeting m", "xcontactsync meeting m1"]
)
def test_a_line_of_another_meeting_or_of_none_is_not_ours(held):
    assert not holds_our_line(held, "m1")


def test_a_line_is_known_whatever_stands_around_it():
    assert holds_our_line("words\r\n  contactsync meeting m1  \r\nmore words", "m1")
    assert holds_any_line("contactsync meeting m7")
    assert not holds_any_line("a contactsync meeting")
