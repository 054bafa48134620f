"""Refused webhooks of an org that erased somebody: no worker ever reads them, so that the door takes the erased out.

Nobody can say what stands where in such a body. An item of it that names somebody erased, by address or id, goes whole; of a
body without items all goes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from contactsync.domain.bodies import address, identifier
from contactsync.domain.changes import who_by_email, who_by_id
from contactsync.domain.errors import CannotKeep, RefusedInput
from contactsync.domain.person import ERASED, unescaped
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.queue import lock_org
from contactsync.store.scrubbing import take_out
from contactsync.store.tombstones import Tombstones
from contactsync.store.vault import Vault

MOST_NAMES = 20_000
"""Of a body that may name more people than that nothing is kept: to look all of them up would hold the door up."""

TOO_MANY = "It was refused, and not kept: it names more people than can be held against those who were erased."

LONGEST_ADDRESS, LONGEST_ID = 254, 255

Read = Callable[[bytes], object]
"""From a body to its JSON; raises RefusedInput."""

Errors = list[dict[str, str]]

_IDS = ("id", "contact_id")
_BETWEEN = re.compile(r"""[\s"'`<>(){}\[\],;:=|\\/?&#]+""")
_QUOTED = re.compile(r'"([^"]*)"')


@dataclass(frozen=True)
class Refused:
    """What may be kept of a refused delivery. `out`: how many parts of it were left out."""

    body: bytes
    errors: Errors
    out: int = 0


class Refusals:
    """Keeps the erased out of what the doors refuse."""

    def __init__(self, engine: Engine, vault: Vault, read: Read) -> None:
        self._engine = engine
        self._vault = vault
        self._read = read

    def without_erased(self, org_id: int, body: bytes, errors: Errors) -> Refused:
        """A refused body and its errors without whoever was erased. Raises CannotKeep, and SealBroken."""
        try:
            with reading(self._engine) as db:
                return self._bare(db, org_id, body, errors)
        except SQLAlchemyError as error:
            raise _cannot_ask(error) from error

    def settle(self, org_id: int, delivery_id: int, refused: Refused, now: datetime) -> None:
        """Look once more, now that it is kept (an erasure may have begun in between, and have gone past), and write down
        what was left out. Raises as `without_erased`.
        """
        try:
            with reading(self._engine) as db:
                again = self._bare(db, org_id, refused.body, refused.errors)
            if refused.out or again.out:
                self._take_out(org_id, delivery_id, refused.out, now)
        except SQLAlchemyError as error:
            raise _cannot_ask(error) from error

    def _take_out(self, org_id: int, delivery_id: int, out: int, now: datetime) -> None:
        """From the body as it is now: an erasure may be at it, and takes its turn."""
        c = t.delivery.c
        here = (c.org_id == org_id, c.id == delivery_id, c.status == "rejected")
        with writing(self._engine) as db:
            lock_org(db, org_id)
            row = db.execute(sa.select(c.body, c.errors).where(*here)).first()
            if row is None:
                return
            bare = self._bare(db, org_id, row.body, row.errors or [])
            take_out(db, delivery_id, bare.body, out + bare.out, now)
            db.execute(sa.update(t.delivery).where(*here).values(errors=bare.errors))

    def _bare(self, db: Db, org_id: int, body: bytes, errors: Errors) -> Refused:
        marks = Tombstones.of(db, self._vault, org_id)
        if marks is None or not body:
            return Refused(body, errors)
        try:
            envelope = self._read(body)
        except (RefusedInput, RecursionError):
            envelope = None
        parts = _parts(body, envelope)
        named = [frozenset(part) for part in parts]
        everybody = frozenset().union(*named)
        if len(everybody) > MOST_NAMES:
            return Refused(b"", [{"path": "", "message": TOO_MANY}], 1)
        erased = marks.among(db, everybody)
        if not erased:
            return Refused(body, errors)
        return _left(envelope, [not names.isdisjoint(erased) for names in named], _cut(errors, erased))


def _parts(body: bytes, envelope: object) -> Sequence[Iterable[str]]:
    """Whom each item names, and last whom all around them does; of a body that is no envelope with items: one for all."""
    if isinstance(envelope, Mapping) and isinstance(envelope.get("data"), list):
        around = {name: value for name, value in envelope.items() if name != "data"}
        return [*(_names(item) for item in envelope["data"]), _names(around)]
    if envelope is not None:
        return [_names(envelope)]
    text = unescaped(body.replace(b"\x00", b"").decode("utf-8", "replace"))
    return [
        (*_addresses(text), *(who_by_id(said.strip()) for said in _QUOTED.findall(text) if len(said) <= LONGEST_ID))
    ]


def _left(envelope: Any, gone: Sequence[bool], errors: Errors) -> Refused:
    *items, around = gone
    if around or all(items):
        return Refused(b"", errors, max(sum(gone), 1))
    kept = [item for item, out in zip(envelope["data"], items, strict=True) if not out]
    try:
        written = json.dumps({**envelope, "data": kept}, ensure_ascii=False, separators=(",", ":")).encode()
    except RecursionError:  # read with a little more room on the stack than it takes to write
        return Refused(b"", errors, len(items))
    return Refused(written, errors, sum(items))


def _cut(errors: Errors, erased: Collection[str]) -> Errors:
    """Errors whose paths quote what somebody called a field."""
    addresses = [re.escape(name.partition(":")[2]) for name in erased if name.startswith(who_by_email(""))]
    if not addresses:
        return errors
    found = re.compile("|".join(addresses), re.IGNORECASE)
    return [{name: found.sub(ERASED, said) for name, said in one.items()} for one in errors]


def _names(value: object) -> Iterator[str]:
    """As tombstones name them: all addresses in all texts, all that is called an id."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield from _addresses(one)
        elif isinstance(one, Mapping):
            for name, said in one.items():
                yield from _addresses(str(name))
                known = identifier(said) if name in _IDS else None
                if known is not None and len(known) <= LONGEST_ID:
                    yield who_by_id(known)
                waiting.append(said)
        elif isinstance(one, list):
            waiting.extend(one)


def _addresses(text: str) -> Iterator[str]:
    said = text.replace("%40", "@").replace("&#64;", "@")
    if "@" not in said:
        return
    whole = address(said)
    if whole is not None and len(whole) <= LONGEST_ADDRESS:
        yield who_by_email(whole)
    for word in _BETWEEN.split(said):
        bare = word.strip(".!*_~")
        if "@" in bare and len(bare) <= LONGEST_ADDRESS:
            yield who_by_email(bare)


def _cannot_ask(error: SQLAlchemyError) -> CannotKeep:
    return CannotKeep(f"nobody can say now whom a refused webhook names: {type(error).__name__}")
