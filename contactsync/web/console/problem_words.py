"""Problems in the words of the console: without commands and names of settings, and with the page where each is put right.

Pure. A problem's own words are made for the docs, the API and the command line as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contactsync.domain.crm import Mend, Problem
from contactsync.domain.known_problems import MENDED_BY
from contactsync.store.pages_problems import ProblemCard, ProblemList, Standing

WHO: Mapping[str, str] = {
    "event team": "You, or whoever looks after the event",
    "salesforce admin": "Your Salesforce admin",
    "operator": "Whoever runs contactsync for you",
    "developer": "Whoever runs contactsync for you",
    "nobody": "Nobody has to: contactsync tries again",
    "contactsync": "Nobody has to: contactsync tries again",
}

FIXES: Mapping[str, str] = {
    "not_connected": "Connect Salesforce under Settings. All that waits goes by itself then.",
    "several_matches": "Merge them in Salesforce, or choose under Policies which one is taken.",
    "several_accounts": "Choose the right Account under Companies, merge them in Salesforce, or choose under Policies which one"
    " is taken.",
    "budget_reserved": "Nothing: it goes on by itself as calls become free. To use more of them, keep fewer back under"
    " Policies.",
    "meeting_without_start": "Give the meeting a start at the event platform.",
    "meeting_without_zone": "Give the meeting a time zone at the event platform.",
    "meeting_zone_unknown": "Choose a usual time zone for the meeting at the event platform, such as Europe/Berlin.",
    "meeting_time_unreadable": "Correct the times of the meeting at the event platform.",
    "string_too_long": "Shorten it at the event platform, or choose under Field mapping that it is cut to what fits.",
    "plugin_broken": "Settings › Plugins says which one and why. Whoever runs contactsync mends it, or switches it off.",
}
"""What to do, where the problem's own words name a command or a setting."""

_SETTINGS: Mapping[str, str] = {
    "set the policy removed_attendance to keep or status": "choose under Policies what else becomes of whoever is removed",
    "set the policy create_member_statuses = false": "switch off under Policies that statuses are added",
    "The policy prefer_existing = true uses a record of the other object instead":
        "Or choose under Policies that a record of the other object is used instead",
    " (`values` in the mapping's rule)": " under Field mapping",
}  # fmt: skip
"""Settings by their names → where they stand in the console."""

_SOURCE = re.compile(r"\bat the source\b")
_WORDS_IN_NAME = re.compile(r"(?<=[a-z])(?=[A-Z])")
_COMMANDS = re.compile(r"\s*\((?:`contactsync [^)]*`|contactsync [a-z]+ [^)]*)\)")
_CRM = re.compile(r"\b[Tt]he CRM\b")
_COMPANIES = frozenset({"several_accounts", "picked_account_not_found", "linked_account_gone"})
_EVENTS = frozenset({"several_campaigns", "campaign_not_found"})
_KINDS: Mapping[str, str] = {
    "Lead": "lead",
    "Contact": "contact",
    "Account": "account",
    "Campaign": "campaign",
    "Activity": "meeting",
}
_HEADLINES: Mapping[Standing, tuple[str, str]] = {
    Standing.STOPPED: ("Nothing goes to Salesforce", "bad"),
    Standing.NEEDS: ("Needs somebody", "bad"),
    Standing.RETURNS: ("Comes back by itself", "info"),
}
_RECORDS = ("contact", "event", "meeting")


@dataclass(frozen=True)
class Place:
    """A page where something is put right: what the link says, and where it leads."""

    label: str
    endpoint: str
    named: Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """A problem for people. `about`: what in Salesforce it concerns; `goes`: each thing that makes its records go by
    themselves; `passes`: it needs nobody.
    """

    cause: str
    fix: str
    who: str
    about: str
    goes: tuple[str, ...]
    passes: bool
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Told:
    """A card: its problem in words, `standing` with its `tone`, and what it holds ("37 contacts and 2 meetings")."""

    card: ProblemCard
    said: Said
    standing: str
    tone: str
    held: str


def said_of(problem: Problem) -> Said:
    """A problem in the console's words."""
    return Said(
        cause=_named(plain(problem.cause), problem.fields),
        fix=FIXES.get(problem.code) or plain(problem.fix),
        who=WHO.get(problem.who.lower(), problem.who),
        about=" › ".join(part for part in (problem.object, ", ".join(problem.fields)) if part),
        goes=tuple(plain(MENDED_BY[mend]) for mend in problem.mended_by),
        passes=is_nobodys(problem),
        places=places(problem),
    )


def _named(text: str, fields: Sequence[str]) -> str:
    """Standard fields by what Salesforce's pages call them, "First Name" for FirstName; an org's own ones as they are."""
    for name in fields:
        if name.isalpha():
            text = re.sub(rf"\b{name}\b", _WORDS_IN_NAME.sub(" ", name), text)
    return text


def in_short(problem: Problem) -> str:
    """What is wrong and what to do, in one line."""
    said = said_of(problem)
    return f"{said.cause} {said.fix}".strip()


def is_nobodys(problem: Problem) -> bool:
    """Whether it passes by itself."""
    return problem.who.lower() in {"nobody", "contactsync"}


def told_of(card: ProblemCard) -> Told:
    """A card in the console's words."""
    standing, tone = _HEADLINES[card.standing]
    return Told(card, said_of(card.problem), standing, tone, held_words(card.counts))


def plain(text: str) -> str:
    """Without commands in brackets and names of settings, and with Salesforce and the event platform by their names."""
    for name, words in _SETTINGS.items():
        text = text.replace(name, words)
    return _CRM.sub("Salesforce", _SOURCE.sub("at the event platform", _COMMANDS.sub("", text)))


def held_words(counts: Mapping[str, int]) -> str:
    """What a problem holds: "37 contacts and 2 meetings"; "" for nothing."""
    parts = [
        f"{counts[name]:,} {name}{'' if counts[name] == 1 else 's'}" for name in _RECORDS if counts.get(name, 0) > 0
    ]
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def places(problem: Problem) -> tuple[Place, ...]:
    """The pages where it may be put right, the likeliest first."""
    found: list[Place] = []
    if problem.code in _COMPANIES:
        found.append(Place("Open Companies", "companies.company_list", {}))
    if problem.code in _EVENTS:
        found.append(Place("Open Events", "events.event_list", {}))
    for mend in problem.mended_by:
        if mend is Mend.MAPPING and problem.object in _KINDS:
            found.append(Place("Open Field mapping", "mapping.mapping_page", {"kind": _KINDS[problem.object]}))
        elif mend is Mend.POLICY:
            found.append(Place("Open Policies", "policies.policies_page", {}))
        elif mend is Mend.CONNECTION:
            found.append(Place("Open Salesforce connection", "connection.connection", {}))
        elif mend is Mend.PLUGIN:
            found.append(Place("Open Plugins", "plugins.plugin_list", {}))
    return tuple(found)


def summary(found: ProblemList) -> str:
    """All of it in one sentence, for the top of the page."""
    needs, returns = found.records(Standing.NEEDS), found.records(Standing.RETURNS)
    coming = f"{_many(returns)} {'is' if returns == 1 else 'are'} tried again by {'itself' if returns == 1 else 'themselves'}."
    if found.of(Standing.STOPPED):
        waits = found.waiting + needs + returns
        held = (
            f" {_many(waits)} {'waits' if waits == 1 else 'wait'}; nothing is lost." if waits else " Nothing is lost."
        )
        return f"Nothing goes to Salesforce until this is put right.{held}"
    if needs:
        causes = len(found.of(Standing.NEEDS))
        sentence = f"{_many(needs)} {'needs' if needs == 1 else 'need'} somebody, for {_causes(causes)}."
        return f"{sentence} {coming}" if returns else sentence
    if found.of(Standing.RETURNS):
        return f"Nothing needs you. {coming}" if returns else "Nothing needs you: this passes by itself."
    return "Nothing is in the way of your contacts, events and meetings."


def _many(count: int) -> str:
    return f"{count:,} record{'' if count == 1 else 's'}"


def _causes(count: int) -> str:
    return "one reason" if count == 1 else f"{count:,} reasons"
