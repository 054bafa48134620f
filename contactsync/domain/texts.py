"""Texts beside what a field holds already, and texts that are too long for it."""

from __future__ import annotations

from collections.abc import Sequence

from contactsync.domain.crm import CrmField

CUT_TYPES = frozenset({"text", "textarea"})
"""Fields that may hold the beginning of a text. Half an address, or half a picklist value, would be a wrong one."""

SEPARATORS = {"multipicklist": ";", "textarea": "\n"}
"""What stands between two values of a field that holds several, by its type."""

USUAL_SEPARATOR = ", "


def separator_for(known: CrmField | None) -> str:
    """What `append` puts between the old and the new where the rule does not say."""
    return SEPARATORS.get(known.type, USUAL_SEPARATOR) if known is not None else USUAL_SEPARATOR


def room_in(known: CrmField | None) -> int | None:
    """How many characters a field takes of a text that may be cut; None: it is not to be cut, or nobody knows."""
    return known.length or None if known is not None and known.type in CUT_TYPES else None


def cut(text: str, most: int | None) -> str:
    """The text, or as much of its beginning as fits, without space at the end."""
    return text if most is None or len(text) <= most else text[:most].rstrip()


def appended(held: str, new: str, separator: str, most: int | None = None) -> str:
    """What a field holds once `new` stands behind what it held; `held` itself when it is in there already.

    `most`: the characters that the field takes; what goes beyond is cut. Appending twice never doubles, neither a whole
    value nor one that was cut. With the separator of multi-select picklists, each of its values is looked at alone.
    """
    old, new = _plain(held), _plain(new)
    if separator == SEPARATORS["multipicklist"]:
        old = old.rstrip(f"{separator} ")
        present = {part.casefold() for part in _parts(old, separator)}
        new = separator.join(dict.fromkeys(part for part in _parts(new, separator) if part.casefold() not in present))
    if not old:
        return cut(new, most) or held
    if not new or _holds(old, new, separator) or (most is not None and _holds_cut(old, new, separator, most)):
        return held
    if most is not None and len(old) + len(separator) >= most:
        return held  # not a letter of it fits
    return cut(f"{old}{separator}{new}", most)


def _holds(old: str, new: str, separator: str) -> bool:
    if f"{separator}{new}{separator}" in f"{separator}{old}{separator}":
        return True
    wanted, present = _parts(new, separator), _parts(old, separator)
    return any(present[start : start + len(wanted)] == wanted for start in range(len(present)))


def _holds_cut(old: str, new: str, separator: str, most: int) -> bool:
    """Whether an earlier append that had no room for the whole of `new` left its beginning there."""
    if old == cut(new, most):
        return True
    start = old.find(separator)
    while start >= 0:
        rest = old[start + len(separator) :]
        if new.startswith(rest) and cut(f"{old[:start]}{separator}{new}", most) == old:
            return True
        start = old.find(separator, start + 1)
    return False


def _parts(text: str, separator: str) -> Sequence[str]:
    parts = (part.strip() for part in text.split(separator.strip() or separator))
    return [part for part in parts if part]


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
