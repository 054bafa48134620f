"""Who is found in a text, and who is not: the whole address however it is written, and nobody else's."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.domain.merge import Stamped
from contactsync.domain.person import ERASED, ERASED_WHY, Person, run_without, words_of

ADA = Person(
    "ada+x@engines.example",
    ids=frozenset({"c-1"}),
    words=frozenset({"Ada Lovelace", "+44 1815"}),
    records=frozenset({"00Q000000000001AAA", "lead-1"}),
)


@pytest.mark.parametrize(
    "text",
    [
        "ada+x@engines.example",
        "Ask ADA+X@Engines.Example.",
        "<ada+x@engines.example>",
        "mailto:ada+x@engines.example?subject=Hi",
        "https://x.example/?mail=ada%2Bx%40engines.example&a=1",
        "ada+x&#64;engines.example",
        "(ada+x@engines.example)",
        "ada+x@engines.example,bob@x.example",
    ],
)
def test_an_address_is_found_in_any_case_and_as_urls_and_html_write_it(text: str) -> None:
    assert ADA.named_by(text)
    assert "engines" not in ADA.scrubbed(text).lower()
    assert any(needle in text.lower() for needle in ADA.needles)


@pytest.mark.parametrize(
    "text",
    [
        "nada+x@engines.example",
        "a.ada+x@engines.example",
        "ada+x@engines.example.org",
        "ada+x@engines.examples",
        "ada+x@engines.example-shop.org",
        "ada@engines.example",
        "adaxx@engines.example",
        "ada+x@enginesXexample",
        "ada+xy@engines.example",
    ],
)
def test_a_similar_address_is_somebody_elses(text: str) -> None:
    assert not ADA.named_by(text)
    assert ADA.scrubbed(text) == text


def test_names_and_phones_count_only_where_they_are_meant_to() -> None:
    said = "Ada  Lovelace (+44 1815), Adaline Lovelaces"
    assert ADA.scrubbed(said) == said
    assert ADA.scrubbed(said, words=True) == f"{ERASED} ({ERASED}), Adaline Lovelaces"
    assert ADA.told_of(said)
    assert not ADA.named_by(said)


def test_what_names_them_is_their_full_name_both_ways_their_phones_and_profiles() -> None:
    fields = {
        "first_name": " Ada ",
        "last_name": "Lovelace",
        "phone": "+44 1815",
        "social.x": "@adalove",
        "title": "CTO",
    }
    assert words_of(fields) == {"Ada Lovelace", "Lovelace, Ada", "Lovelace Ada", "+44 1815", "@adalove"}
    assert words_of({"first_name": "Ada", "phone": "1", "last_name": None}) == set(), "too little to know somebody by"


def test_a_crm_id_is_found_with_fifteen_and_with_eighteen_letters_a_short_one_only_alone() -> None:
    assert ADA.scrubbed("see 00Q000000000001 and 00Q000000000001AAA") == f"see {ERASED} and {ERASED}"
    assert ADA.scrubbed("00q000000000001") == "00q000000000001", "their case counts"
    assert ADA.scrubbed("lead-1") == ""
    assert ADA.scrubbed("lead-1 is first") == "lead-1 is first"


def test_json_loses_what_names_the_person_and_keeps_ids_and_all_else() -> None:
    said = {
        "id": "x@ada+x@engines.example",
        "n": 1,
        "to": "ada+x@engines.example",
        "ada+x@engines.example": 2,
        "l": ["a", None],
    }
    assert ADA.rewritten({**said, "in": [{"note": "of ada+x@engines.example"}, "ada+x@engines.example"]}) == {
        "id": "x@ada+x@engines.example", "n": 1, "l": ["a", None], "in": [{"note": f"of {ERASED}"}]
    }  # fmt: skip


def test_a_state_keeps_every_version_so_that_nothing_older_comes_in_again() -> None:
    state = {"note": Stamped("of ada+x@engines.example", "5"), "owner_email": Stamped("ADA+x@engines.example", "6")}
    assert ADA.without(state) == {"note": Stamped(f"of {ERASED}", "5"), "owner_email": Stamped("", "6")}


def test_a_runs_fields_that_name_the_person_are_neither_shown_nor_put_back() -> None:
    step = {
        "action": "update", "object": "Activity", "crm_id": "00U1", "why": ["Linked with ada+x@engines.example."],
        "fields": {"WhoId": {"old": None, "new": "00Q000000000001AAA"}, "Subject": {"old": "a", "new": "b"},
                   "Lead__c": {"old": "lead-1", "new": None}},
    }  # fmt: skip
    (bare,) = run_without([step], ADA.named_by, ADA.scrubbed)
    assert bare["fields"] == {"Subject": {"old": "a", "new": "b"}}
    assert bare["left"] == {"WhoId": ERASED_WHY, "Lead__c": ERASED_WHY}
    assert bare["why"] == [f"Linked with {ERASED}."]
    assert run_without([step], lambda _: False, lambda text: text)[0]["fields"] == step["fields"]


@pytest.mark.parametrize("held", [True, False])
def test_bytes_that_nobody_can_read_hold_an_address_however_it_is_written(held: bool) -> None:
    address = "ada+x@engines.example" if held else "nada+x@engines.example"
    written = (
        f'{{"email": "{address}"',
        "".join(f"\\u{ord(letter):04X}" for letter in f" {address}"),
        json.dumps(address).replace("@", "\\u0040"),
    )
    for text in written:
        assert ADA.held_by(b"\xff" + text.encode()) is held
        assert ADA.held_by(text.encode("utf-16-le")) is held
    assert ADA.held_by(b'{"id": "c-1", ') is True
    assert ADA.held_by(b'{"id": "c-10", ') is False


@given(st.text(alphabet='ad+x@engis.l pé"\\%2B40', max_size=60))
def test_what_is_found_always_holds_a_needle_or_an_escape(text: str) -> None:
    """The database looks for needles alone: what they miss would stay."""
    if ADA.named_by(text) and "00Q" not in text and "lead" not in text:
        assert any(needle in text.lower() for needle in ADA.needles)


@given(
    st.text(max_size=30), st.sampled_from(["ada+x@engines.example", "ADA%2bX%40engines.example"]), st.text(max_size=30)
)
def test_scrubbing_leaves_nothing_and_is_done_once(before: str, written: str, after: str) -> None:
    bare = ADA.scrubbed(f"{before}{written}{after}")
    assert not ADA.named_by(bare)
    assert ADA.scrubbed(bare) == bare


@pytest.mark.parametrize(
    ("contact_id", "body"),
    [
        ("c-1", '{"id":"c-1"}'), ("C-1", '{"id": "C-1"}'), ("c-1", '{"id":"c-1 "}'), ("1042", '{"id": 1042}'),
        ("1042", '{"id":"1042"}'), ("é", '{"id":"é"}'), ("aé1", '{"id":"aé1"}'), ("1é", '{"id":"1é"}'),
        ("a/b", '{"id":"a\\/b"}'),
        ("c-1", '{"attendees":["[{\\"contact_id\\":\\"c-1\\"}]"]}'),
    ],
)  # fmt: skip
def test_an_id_is_looked_for_as_json_writes_it(contact_id: str, body: str) -> None:
    needles = Person("x@y.example", frozenset({contact_id})).needles
    assert any(needle in body.lower() for needle in needles)
    assert ("" in needles) == (contact_id == "é")


@pytest.mark.parametrize("local", ["+" * 60, "a+" * 30 + "b", "+ada"])
def test_however_many_signs_of_an_address_may_be_written_in_two_ways_it_is_looked_for_by_few_texts(local: str) -> None:
    person = Person(f"{local}@engines.example", frozenset({local}))
    assert len(person.needles) <= 6
    for written in (person.email, person.email.replace("+", "%2B"), person.email.replace("@", "%40").upper()):
        assert person.named_by(f"to {written}")
        assert any(needle in written.lower() for needle in person.needles)
