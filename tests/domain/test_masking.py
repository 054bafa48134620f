"""Bodies are shown so that what was sent can be judged without seeing of whom it speaks."""

from __future__ import annotations

import json

import pytest

from contactsync.domain.masking import (
    MOST_LINES,
    masked_body,
    masked_name,
    masked_path,
    masked_text,
    visible,
    whole_body,
)

ADA = {
    "type": "contact.updated",
    "timestamp": "2026-11-24T09:00:00Z",
    "data": [
        {
            "id": "c-4711",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email": "ada.lovelace@engines.example",
            "phone": "+49 171 8154711",
            "note": "Met Ada at the booth; wants prices for Berlin before Christmas.",
            "company": {"name": "Analytical Engines", "domain": "engines.example"},
            "custom": {
                "birthday": "1815-12-10",
                "score": 4711.5,
                "vip": True,
                "Ada Lovelace": "x",
                "ada@x.example": None,
            },
            "events": [{"id": "e-1", "status": "registered"}],
            "sync_as": "lead",
            "title": "",
            "website": None,
            "address": {},
            "tags": [],
            "updated_at": "2026-11-24T08:59:00+01:00",
        }
    ],
}

TELLING = ("Lovelace", "ovelace", "engines", "Analytical", "Berlin", "Christmas", "4711", "8154711", "1815", "e-1")


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def test_a_masked_body_shows_every_name_and_no_value_that_tells_of_anybody():
    shown = masked_body(body(ADA))
    for name in ("first_name", "email", "company", "domain", "birthday", "sync_as", "address", "website"):
        assert f'"{name}"' in shown.text
    assert [telling for telling in TELLING if telling in shown.text] == []
    assert (shown.kind, shown.cut, shown.size) == ("json", False, len(body(ADA)))


def test_what_says_only_how_it_was_sent_stays_readable():
    shown = masked_body(body(ADA)).text
    for kept in (
        '"contact.updated"',
        '"2026-11-24T09:00:00Z"',
        '"registered"',
        '"lead"',
        '"title": ""',
        "null",
        "{}",
        "[]",
    ):
        assert kept in shown


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("Ada", "A··"),
        ("Ada Lovelace", "A·· L··"),
        ("Al", "··"),
        ("O'Brien-Smith", "··'B··-S··"),
        ("ada@engines.example", "a··@···.example"),
        ("Write to <ada@engines.co.uk>, please", "W·· ·· <a·@···.uk p··"),
        ("a@b@c.de", "··@···.de"),
        ("ada\uff20engines.example", "a··@···.example"),
        ("+49 171 23-4", "+·· ··· ··-·"),
        ("李明", "··"),
        ("김철수", "··"),
        ("Åsa", "Å··"),
        ("🎪", "·"),
        ("٤٢", "··"),
        ("  ", "  "),
        ("a\nb", "·····"),
    ],
)
def test_a_text_shows_its_shape(text, shape):
    assert masked_text(text) == shape


def test_a_long_text_shows_its_beginnings_shape_and_how_long_it_was():
    assert masked_text("Berlin " * 100) == "B·· B·· B·· B·· B·· B·· … (700 characters)"
    assert masked_text("@" * 300_000).endswith("… (300,000 characters)")


def test_times_and_words_are_masked_where_they_are_not_expected():
    shown = masked_body(body({"type": "Ada", "custom": {"timestamp": "Ada 2026-11-24", "status": "Ada"}})).text
    assert "Ada" not in shown
    assert '"A··"' in shown


def test_names_that_are_no_names_of_fields_are_masked():
    assert masked_name("address.street_1") == "address.street_1"
    assert masked_name("ada@engines.example") == "a··@···.example"
    assert masked_name("Ada Lovelace") == "A·· L··"
    assert "171815" not in masked_name("p_171815")
    assert masked_path("data.17.email") == "data.17.email"
    assert masked_path("data.0.custom.Ada Lovelace") == "data.0.custom.A·· L··"
    assert "engines" not in masked_path("data.0.ada@engines.example")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "empty"),
        (b'{"email": "ada@engines.exam', "text"),
        (b"ada@engines.example", "text"),
        (b"[NaN]", "text"),
        (b"[" * 200_000, "text"),
        (b"\xff\xfeada", "bytes"),
    ],
)
def test_what_is_no_json_shows_nothing_while_it_is_masked(body, kind):
    shown = masked_body(body)
    assert (shown.kind, shown.text, shown.size) == (kind, "", len(body))


def test_odd_json_is_masked_like_any_other():
    assert masked_body(b'{"a": 1, "a": "Ada"}').text == '{\n  "a": ·,\n  "a": "A··"\n}'
    assert masked_body(b"\xef\xbb\xbf17").text == "··"
    assert masked_body(b"9" * 9_999).text == "··"
    assert masked_body(b"-1.5e7").text == "-·.·e·"
    assert masked_body(body([[[]], [{}]])).text.split() == ["[", "[", "[]", "],", "[", "{}", "]", "]"]
    deep = masked_body(b"[" * 500 + b'"Ada"' + b"]" * 500)
    assert "Ada" not in deep.text
    assert deep.kind == "json"


def test_half_a_character_can_be_sent_to_a_browser_all_the_same():
    for shown in (masked_body(b'{"\\ud800": "\\udc00"}'), whole_body(b'{"\\ud800": "\\udc00"}')):
        assert shown.text.encode("utf-8")


def test_a_huge_body_is_cut_and_says_so():
    shown = masked_body(body({"data": [{"id": f"c-{number}", "note": "x" * 200} for number in range(4_000)]}))
    assert shown.cut
    assert len(shown.text.splitlines()) <= MOST_LINES


def test_a_whole_body_shows_all_that_came():
    shown = whole_body(body(ADA)).text
    assert json.loads(shown) == ADA
    assert whole_body(b"4711.50").text == "4711.50"
    assert whole_body(b'{"email": "ada').text == '{"email": "ada'


def test_a_whole_body_that_is_no_text_is_shown_in_hexadecimal_digits():
    shown = whole_body(b"\xff\x00" * 4_000)
    assert shown.text.splitlines()[1] == "000010  ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00 ff 00"
    assert (shown.kind, shown.cut, shown.size) == ("bytes", True, 8_000)


def test_what_is_not_seen_or_turns_text_round_is_written_out():
    assert visible("a\u202eb\u200b\x00\U000e0041") == "a\\u202eb\\u200b\\u0000\\U000e0041"
    assert visible("Zoë\n\t🎪") == "Zoë\n\t🎪"
