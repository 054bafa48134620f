"""A person by all that names them, found in texts and in JSON: what an erasure takes out and an export looks for.

Only the whole address counts, in any case and as URLs and HTML write it: not that of `grada@example.com`, not one with a
plus tag, not `ada@example.com.au`. Names, phones and profiles count only in meetings in which the person takes part:
elsewhere "Ada Lovelace" may be somebody else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from contactsync.domain.merge import Stamped, State

ERASED = "⟨erased⟩"
"""Stands in a text for what named the person. Nobody types such brackets: a value that holds them is not what the source says,
and overwrites nothing in a CRM (writes.py).
"""

ERASED_WHY = "Its values named a person who was erased."
"""Stands in a run for a field whose values are no longer shown."""

_SAFE = re.compile(r"[a-z0-9@._+-]+")
_IDS = frozenset({"id", "event_id"})
"""Never rewritten: by another id an event or a meeting would be another one."""

_LEAST_WORD = 5
_LEAST_ID = 15
"""A CRM's id in a text is taken for one only if it can be nothing else."""

_DROP = object()


@dataclass(frozen=True)
class Person:
    """Who is meant. `email`: lower-case. `ids`: of their contacts; `meetings`: in which they take part; `words`: names, phones
    and profiles; `records`: ids of their records in the CRM.
    """

    email: str
    ids: frozenset[str] = frozenset()
    meetings: frozenset[str] = frozenset()
    words: frozenset[str] = field(default=frozenset())
    records: frozenset[str] = frozenset()

    def meant(self, contact_id: str | None, email: str | None) -> bool:
        """Whether an id and an address mean the person, as far as they are said."""
        return contact_id in self.ids or self.email in (email, (contact_id or "").lower())

    def named_by(self, text: str) -> bool:
        """Whether a text holds the address, or the id of a record of theirs."""
        return self._address.search(text) is not None or text in self.records or self._in_records(text)

    def told_of(self, text: str) -> bool:
        """The same, with names, phones and profiles: for what is said of a meeting of theirs."""
        return self.named_by(text) or (self._words is not None and self._words.search(text) is not None)

    def scrubbed(self, text: str, *, words: bool = False) -> str:
        """The text without what names the person; "" when it was nothing else."""
        bare = self._address.sub(ERASED, text)
        if self._records is not None:
            bare = self._records.sub(ERASED, bare)
        if words and self._words is not None:
            bare = self._words.sub(ERASED, bare)
        return "" if bare.strip() == ERASED or text in self.records else bare

    def rewritten(self, value: Any, *, words: bool = False) -> Any:
        """JSON without what names the person: texts are scrubbed, entries that were nothing else are dropped."""
        rewritten = self._rewritten(value, words=words)
        return None if rewritten is _DROP else rewritten

    def _rewritten(self, value: Any, *, words: bool) -> Any:
        if isinstance(value, str):
            bare = self.scrubbed(value, words=words)
            return _DROP if value and not bare else bare
        if isinstance(value, dict):
            parts = ((name, self._rewritten(part, words=words)) for name, part in value.items() if name not in _IDS)
            kept = {name: part for name, part in parts if part is not _DROP and not self.named_by(name)}
            return {name: value[name] if name in _IDS else kept[name] for name in value if name in kept or name in _IDS}
        if isinstance(value, list):
            return [part for one in value if (part := self._rewritten(one, words=words)) is not _DROP]
        return value

    def cut_out(self, value: Any) -> Any:
        """JSON with the address cut out wherever its letters stand, be it in a path or behind a hyphen: for what nobody
        reads again but people.
        """
        if isinstance(value, str):
            return self._letters.sub(ERASED, value)
        if isinstance(value, dict):
            return {self._letters.sub(ERASED, name): self.cut_out(part) for name, part in value.items()}
        return [self.cut_out(part) for part in value] if isinstance(value, list) else value

    def without(self, state: State, *, words: bool = False, told: Collection[str] = ()) -> dict[str, Stamped]:
        """A record's state without what names the person; each path stays as new as it was. Of those `told` it stays known
        that they said something.
        """
        kept: dict[str, Stamped] = {}
        for path, (value, version) in state.items():
            if not self.named_by(path):
                bare = self.scrubbed(value, words=words) if isinstance(value, str) else value
                kept[path] = Stamped(ERASED if value and not bare and path in told else bare, version)
        return kept

    def in_name(self, text: str) -> bool:
        """Whether what somebody called something, such as a webhook's id, holds the address or a contact's id."""
        return self._letters.search(text) is not None or any(len(one) > 3 and one in text for one in self.ids)

    def held_by(self, body: bytes) -> bool:
        """Whether bytes that nobody can read hold the address or an id, however they are written."""
        text = unescaped(body.replace(b"\x00", b"").decode("utf-8", "replace"))
        quoted = (f'"{name}"' for name in self.ids)
        return self.named_by(text) or any(one in text for one in quoted)

    @cached_property
    def needles(self) -> tuple[str, ...]:
        """Lower-case ASCII texts of which at least one stands in all that names the person by address or contact id, unless
        it is written with escapes; "" when there is no telling.
        """
        # The longest part without a plus: each of those would double the ways in which the whole may be written.
        before, sign, after = max(_longest_safe(self.email).split("+"), key=len).partition("@")
        written = {f"{before}{way}{after}" for way in _AT} if sign else {before}
        return tuple(sorted(written.union(*(_id_needles(name.lower()) for name in self.ids))))

    @cached_property
    def word_needles(self) -> tuple[str, ...]:
        """The same for names, phones and profiles: one stands in whatever tells of the person by them."""
        return tuple(sorted({_longest_safe(word.lower()) for word in self.words}))

    @cached_property
    def record_needles(self) -> tuple[str, ...]:
        """The same for what names them by address or by a record in the CRM."""
        here = Person(self.email).needles
        return tuple(sorted({*here, *(_longest_safe(name.lower()) for name in self.records)}))

    @cached_property
    def _address(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w.+-]){self._written}(?![\w-])(?!\.\w)", re.IGNORECASE)

    @cached_property
    def _letters(self) -> re.Pattern[str]:
        return re.compile(self._written, re.IGNORECASE)

    @property
    def _written(self) -> str:
        return "".join(_AS_REGEX.get(letter, re.escape(letter)) for letter in self.email)

    @cached_property
    def _words(self) -> re.Pattern[str] | None:
        return _any_of((r"\s+".join(map(re.escape, word.split())) for word in self.words), re.IGNORECASE)

    @cached_property
    def _records(self) -> re.Pattern[str] | None:
        long = (record for record in self.records if len(record) >= _LEAST_ID)
        return _any_of((rf"{re.escape(record[:_LEAST_ID])}(?:\w{{3}})?" for record in long), 0)

    def _in_records(self, text: str) -> bool:
        return self._records is not None and self._records.search(text) is not None


_AT = ("@", "%40", "&#64;")
_AS_REGEX = {"@": "(?:@|%40|&#64;)", "+": r"(?:\+|%2B)"}


def _longest_safe(text: str) -> str:
    return max(_SAFE.findall(text), key=len, default="")


def _id_needles(name: str) -> set[str]:
    """An id as JSON writes it, with what ends it, so that `c-1` is not looked for in all of `c-10` to `c-19`: a quote, a blank
    before the quote, or a backslash in JSON within JSON. A number may end in anything.
    """
    safe = _longest_safe(name)
    if not safe or name.isdecimal() or not name.endswith(safe):
        return {safe}
    return {f"{safe}{end}" for end in ('"', " ", "\\")}


def _any_of(patterns: Iterable[str], flags: int) -> re.Pattern[str] | None:
    listed = sorted(patterns, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(listed)})(?!\w)", flags) if listed else None


_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


def unescaped(text: str) -> str:
    """A JSON text with its escapes read, valid or not."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text).replace("\\/", "/")


def words_of(fields: Mapping[str, Any]) -> frozenset[str]:
    """What else names a person, out of a contact's fields: the full name both ways, phones, profiles."""
    first, last = (str(fields.get(name) or "").strip() for name in ("first_name", "last_name"))
    said = {f"{first} {last}", f"{last}, {first}", f"{last} {first}"} if first and last else set()
    said |= {str(fields.get(name) or "").strip() for name in ("phone", "mobile_phone")}
    said |= {value.strip() for path, value in fields.items() if path.startswith("social.") and isinstance(value, str)}
    return frozenset(word for word in said if len(word) >= _LEAST_WORD)


def run_without(steps: list[dict[str, Any]], tells: Callable[[str], bool], scrub: Callable[[str], str]) -> list[Any]:
    """The steps of a run without the fields whose values name the person: what is not shown is not put back either."""
    return [_step_without(step, tells, scrub) for step in steps]


def _step_without(step: dict[str, Any], tells: Callable[[str], bool], scrub: Callable[[str], str]) -> dict[str, Any]:
    fields, left = {}, dict(step.get("left") or {})
    for name, change in (step.get("fields") or {}).items():
        if tells(json.dumps(change, ensure_ascii=False)) or any(_whole(one, tells) for one in change.values()):
            left[name] = ERASED_WHY
        else:
            fields[name] = change
    bare = {**step, "fields": fields, "why": [scrub(line) for line in step.get("why") or []]}
    if left:
        bare["left"] = {name: scrub(why) for name, why in left.items()}
    if isinstance(step.get("crm_id"), str) and tells(step["crm_id"]):
        bare["crm_id"] = None
    return bare


def _whole(value: object, tells: Callable[[str], bool]) -> bool:
    return isinstance(value, str) and tells(value)
