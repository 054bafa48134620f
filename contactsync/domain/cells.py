"""Tables as files that people open in a spreadsheet: comma-separated, in UTF-8, and never a formula.

A spreadsheet runs what begins with `=`, `+`, `-` or `@`, whoever wrote it: a contact's name, say, that came in by a webhook.
Such a cell gets an apostrophe before it, which spreadsheets take for "this is text" (OWASP, CSV Injection). Full-width and
small forms of the four count as well, and so does what would begin a cell where the spreadsheet parts cells by semicolons.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

BOM = "\ufeff"
"""At the very beginning: without it Excel reads umlauts as something else."""

MOST = 32_000
"""A cell of Excel holds 32,767 characters."""

_STARTS = frozenset("=+-@")
_PARTS = re.compile(r"""([;|,"]\s*)(?=(\S))""")


def line(cells: Iterable[str | int | datetime | None]) -> str:
    """One row, with the end of its line."""
    return ",".join(f'"{cell(one)}"' for one in cells) + "\r\n"


def cell(value: str | int | datetime | None) -> str:
    """What stands between the quotation marks: text that no spreadsheet takes for a formula, on one line."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    text = value[:MOST]
    text = (text if text.isprintable() else "".join(map(_plain, text))).strip()
    if text and _starts_formula(text[0]):
        text = f"'{text}"
    if _PARTS.search(text) is not None:
        text = _PARTS.sub(lambda match: match[1] + ("'" if _starts_formula(match[2]) else ""), text)
    return text.replace('"', '""')


def _starts_formula(one: str) -> bool:
    return unicodedata.normalize("NFKC", one)[:1] in _STARTS


def _plain(one: str) -> str:
    """Blank for control characters and ends of lines, nothing for what cannot be seen or written."""
    if one.isascii() and one.isprintable():
        return one
    match unicodedata.category(one):
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cf" | "Cs" | "Cn":
            return ""
    return one
