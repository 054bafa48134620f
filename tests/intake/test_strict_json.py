"""JSON that two readers would understand differently, or that a database refuses, does not get in."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.domain.errors import RefusedInput
from contactsync.intake import strict_json
from contactsync.intake.strict_json import path_of, read_json


def faults(body: bytes) -> dict[str, str]:
    with pytest.raises(RefusedInput) as refused:
        read_json(body)
    assert refused.value.__cause__ is None
    return refused.value.fields


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("aé😀\n"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc😀"), inner),
)


@given(any_json, st.booleans())
def test_reads_what_json_means(value, ascii_only):
    assert read_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "Not JSON: Expecting value (line 1, column 1)."),
        (b"nonsense", "Not JSON"),
        (b'{"a": 1,}', "line 1, column 9"),
        (b'{"a": "x\ny"}', "Invalid control character"),
        (b'{"a": "x\x00y"}', "Invalid control character"),
        (b'{"a": "\\x"}', "Invalid \\escape"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ('{"a": "é"}'.encode("latin-1"), "Not UTF-8: byte 7"),
        ("{}".encode("utf-16"), "Not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "Not UTF-8"),
        (b"[" * 2_000, "Nested too deeply"),
        (b'{"a":' * 200_000, "Nested too deeply"),
        (b"9" * 5_000, "thousands of digits"),
    ],
)
def test_what_is_wrong_with_the_whole_says_so_under_body(body, says):
    assert says in faults(body)["body"]


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1E+400", b"9" * 400 + b".0"])
def test_numbers_that_are_no_json_are_named(number):
    assert faults(b'{"a": [1, {"b": %b}], "c": 1.5}' % number) == {"a.1.b": strict_json.NO_NUMBER}


def test_a_name_sent_twice_is_named_with_its_path():
    assert faults(b'{"data": [{}, {"email": 1, "x": 2, "email": 1}], "type": 1, "type": 2}') == {
        "data.1.email": strict_json.DOUBLED,
        "type": strict_json.DOUBLED,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (r"a\u0000b", strict_json.NUL),
        (r"\ud800", strict_json.SURROGATE),
        (r"\udfff", strict_json.SURROGATE),
        (r"\udc00\ud800", strict_json.SURROGATE),
        (r"\ud83d x \ude00", strict_json.SURROGATE),
    ],
)
def test_text_that_no_database_keeps_is_named_in_values_and_in_names(text, message):
    assert faults(b'{"data": {"note": "%b"}}' % text.encode()) == {"data.note": message}
    (path,) = faults(b'{"data": {"%b": 1}}' % text.encode())
    assert path.startswith("data.")
    assert path.encode().isascii(), "the path itself can be kept"
    assert "\x00" not in path


@pytest.mark.parametrize("text", [r"\\u0000", r"\ud83d\ude00", r"\\ud800", r"\u00e9", r"\\\\u0000"])
def test_escapes_that_only_look_like_it_are_text(text):
    assert read_json(b'{"a": "%b"}' % text.encode()) == json.loads(f'{{"a": "{text}"}}')


def test_deep_but_whole_values_are_read_and_their_faults_named():
    depth = 300
    body = b'{"a":' * depth + b'"\\u0000"' + b"}" * depth
    assert faults(body) == {".".join(["a"] * depth): strict_json.NUL}


def test_names_many_faults_but_not_all():
    assert len(faults(json.dumps(["\x00"] * 500).encode())) == strict_json.MOST_ERRORS


def test_a_million_repeated_names_take_no_time_to_speak_of():
    body = b"{" + b",".join(b'"k%d":1' % (number % 50_000) for number in range(90_000)) + b"}"
    assert len(faults(body)) == strict_json.MOST_ERRORS


def test_a_refusal_does_not_carry_the_body_along():
    with pytest.raises(RefusedInput) as refused:
        read_json(b'{"email": "ada@example.com", }')
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert "ada@example.com" not in f"{refused.value} {refused.value.fields}"


@pytest.mark.parametrize("name", ["x" * 101, "a\nb", "\x00", "\udcff", "\u202e"])
def test_paths_can_be_kept_and_shown_whatever_a_name_holds(name):
    path = path_of("data.3", name)
    assert path.startswith("data.3.")
    assert path.isprintable()
    assert path.encode()
    assert len(path) < 1_100


def test_a_fault_far_inside_costs_no_memory_for_all_that_stands_beside_it():
    """A path of 40 kB for each of 80,000 values were three gigabytes, out of a body of 300 kB."""
    inside = b'{"%b":' % (b"k" * 100)
    body = inside * 400 + b"[" + b",".join([b"0"] * 80_000) + b',"\\u0000"]' + b"}" * 400
    tracemalloc.start()
    try:
        (path,) = faults(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024 * 1024
    assert len(path) <= strict_json.MOST_PATH + 1
