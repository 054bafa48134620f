"""What names are searched and sorted by: kept beside them, and made of what is searched for, in one way.

>>> folded("  Łukasz  Müller-Strauß ")
'lukasz muller-strauss'
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

LONGEST = 255
MOST_WORDS = 4
"""What is searched for is taken apart into at most so many words; the rest stays with the last."""

# Letters that Unicode does not take apart, and that people leave the stroke off all the same.
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
_ABOVE_ALL = "\U0010ffff"
_NEVER = ("\0", _ABOVE_ALL)


def folded(text: object) -> str:
    """A name as it is compared: without case and accents, spaces as one, at most LONGEST characters. "" for what is blank.

    Whoever types "muller" finds Müller, and the other way round.
    """
    if not isinstance(text, str):
        return ""
    # A name may be long as a book where somebody pasted one; no more of it is looked at than can count.
    apart = unicodedata.normalize("NFKD", text[: 4 * LONGEST].casefold())
    bare = "".join(letter for letter in apart if not unicodedata.combining(letter) and letter not in _NEVER)
    return " ".join(bare.casefold().translate(_PLAIN).split())[:LONGEST].rstrip()


def contact_keys(fields: Mapping[str, object]) -> dict[str, str]:
    """The columns that a contact of these fields is searched and sorted by: {"sort_name": "last first", "first_name_key"}."""
    first = folded(fields.get("first_name"))
    both = " ".join(part for part in (folded(fields.get("last_name")), first) if part)
    return {"sort_name": both[:LONGEST].rstrip(), "first_name_key": first}


def company_keys(name: object) -> dict[str, str]:
    """The same for a company: {"sort_name"}."""
    return {"sort_name": folded(name)}


def up_to(prefix: str) -> tuple[str, str]:
    """From which key on, and below which one, all begin with the prefix; compared by their bytes."""
    return prefix, prefix + _ABOVE_ALL


@dataclass(frozen=True)
class Phrase:
    """Some words that stand together at the beginning of a name, or of an e-mail address."""

    name: str  # folded
    address: str  # as addresses are kept: lower-case, accents as they are


def phrasings(text: str) -> tuple[tuple[Phrase, ...], ...]:
    """Each way to take what somebody searches for as phrases: "anna van der berg" may be one name, or a first and a last one,
    or a name and a company. No way at all for what is blank.
    """
    words = _words(text)
    return tuple(tuple(_phrase(part) for part in parts) for parts in _parted(words)) if words else ()


def _words(text: str) -> list[str]:
    words = text[: 2 * LONGEST].split()
    words = [word for word in words if folded(word)]
    if len(words) > MOST_WORDS:
        words = [*words[: MOST_WORDS - 1], " ".join(words[MOST_WORDS - 1 :])]
    return words


def _parted(words: Sequence[str]) -> Iterator[list[str]]:
    yield [" ".join(words)]
    for end in range(1, len(words)):
        for rest in _parted(words[end:]):
            yield [" ".join(words[:end]), *rest]


def _phrase(words: str) -> Phrase:
    return Phrase(folded(words), words.lower()[:LONGEST])
