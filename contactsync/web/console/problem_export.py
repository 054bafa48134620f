"""A problem's records as a file for a spreadsheet, written while it is read: however many there are, memory stays flat."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from contactsync.domain import cells
from contactsync.domain.known_problems import problem_from_json
from contactsync.store.engine import Engine, reading
from contactsync.store.pages_problems import HeldRecord, held_records
from contactsync.web.console.problem_words import said_of
from contactsync.web.console.showing import STATUS_WORDS

AT_ONCE = 500
"""Records that are read together; between these the database is let go, so that a slow browser holds up nobody."""

COLUMNS = ("Kind", "Name", "E-mail", "Company", "Status", "What is wrong", "What to do", "Who can", "Concerns",
           "Id at the event platform", "Changed (UTC)")  # fmt: skip


def csv_of_problem(engine: Engine, org_id: int, key: str) -> Iterator[bytes]:
    """The file, piece by piece: one row per record, the newest first. Records that come meanwhile are not in it."""
    yield (cells.BOM + cells.line(COLUMNS)).encode()
    before: int | None = None
    while True:
        with reading(engine) as db:
            rows, before = held_records(db, org_id, key, before=before, limit=AT_ONCE)
        words: dict[str, Sequence[str]] = {}  # most records of a problem say the same
        yield "".join(cells.line(_row(row, words)) for row in rows).encode()
        if before is None:
            return


def gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same, compressed piece by piece: a tenth of it, so that a slow line does not hold a web process for long."""
    made = zlib.compressobj(level=3, wbits=zlib.MAX_WBITS | 16)  # 16: with the head of a gzip file
    for piece in pieces:
        if part := made.compress(piece):
            yield part
    yield made.flush()


def _row(row: HeldRecord, words: dict[str, Sequence[str]]) -> list[str | datetime]:
    cause = str(row.problem.get("cause"))
    if cause not in words:
        words[cause] = _words(row)
    status, _ = STATUS_WORDS.get(row.status, (row.status, ""))
    return [
        row.subject.title(), row.name, row.email, row.about, status, *words[cause], row.source_id, row.updated_at,
    ]  # fmt: skip


def _words(row: HeldRecord) -> Sequence[str]:
    if not row.problem.get("code"):
        return ("", "", "", "")
    said = said_of(problem_from_json(row.problem))
    return (said.cause, said.fix, said.who, said.about)
