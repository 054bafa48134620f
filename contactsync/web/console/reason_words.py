"""Why contactsync did what it did, in the words of the console. Pure.

A reason's own words are made for the API and the command line as well, where no CRM has a name, and records are made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from contactsync.web.console.problem_words import plain

_QUOTED = re.compile(r"(“[^”]*”)")

_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"\b(?:is|was) left to the CRM\b", r"is chosen by Salesforce"),
        (r"\bthe CRM user\b", "the Salesforce user"),
        (r"\bNo active standard user\b", "No active Salesforce user"),
        (r"\bat its source\b", "at the event platform"),
        (r"\b(T|t)he source\b", r"\1he event platform"),
        (r"\bThe policy move_accounts keeps\b", "Your org’s policies keep"),
        (r"\bThe policy status_map does not name\b", "Your org’s policies do not name"),
        (r"\bname it there\b", "name it under Policies"),
        (r"\bThe org's policy adds\b", "Your org’s policies add"),
        (r"\bthis is the org's default\b", "your org’s policies say so"),
        (r"\b(T|t)he org\b", "your org"),
        (r"^your org\b", "Your org"),
        (r"\s*\((?:if_ours|if_empty|on_create|create_member_statuses)\)", ""),
        (r"\bis never written\b", "is never changed"),
        (r"\bmade\b", "created"),
        (r"\bMade\b", "Created"),
    )
)  # fmt: skip


def reason(text: str) -> str:
    """One reason, as marketers read it. What stands in quotation marks is somebody's own word, and stays."""
    return "".join(part if _QUOTED.fullmatch(part) else _said(part) for part in _QUOTED.split(text))


def reasons(texts: Iterable[str] | None) -> tuple[str, ...]:
    """All of them."""
    return tuple(reason(str(text)) for text in texts or ())


def _said(text: str) -> str:
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return plain(text)
