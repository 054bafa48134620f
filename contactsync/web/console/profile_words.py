"""What the page of a contact says of it, in plain words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contactsync.domain.captured import APPROVAL
from contactsync.domain.crm import Action, Mend
from contactsync.domain.known_problems import problem_from_json
from contactsync.domain.records import REQUIRED, SyncAs, SyncStatus
from contactsync.store.pages_profile import Profile
from contactsync.store.pages_runs import PastRun
from contactsync.web.console.problem_words import Said, said_of
from contactsync.web.console.profile_form import plain
from contactsync.web.console.steps_shown import StepShown

LABELS: Mapping[str, str] = {
    "first_name": "First name",
    "last_name": "Last name",
    "email": "E-mail",
    "company": "Company",
    "sync_as": "Sync As",
    "title": "Job title",
    "phone": "Main phone",
    "mobile_phone": "Mobile phone",
    "website": "Website",
    "note": "Note",
    "owner_email": "Owner’s e-mail",
    "source": "Source",
    "address.street": "Street",
    "address.city": "City",
    "address.state": "State or province",
    "address.postal_code": "Postal code",
    "address.country": "Country",
    "social.linkedin": "LinkedIn",
    "social.twitter": "X (Twitter)",
    "social.facebook": "Facebook",
    "social.instagram": "Instagram",
    APPROVAL: "Your approval",
    "address": "Address",
    "social": "Social profiles",
    "custom": "Custom fields",
    "events": "Events",
}

PERSON = ("first_name", "last_name", "email", "title", "phone", "mobile_phone", "website", "owner_email", "note")
ADDRESS = ("address.street", "address.city", "address.state", "address.postal_code", "address.country")
SOCIAL = ("social.linkedin", "social.twitter", "social.facebook", "social.instagram")

HINTS: Mapping[str, str] = {
    "email": "How the record in Salesforce is found.",
    "owner_email": "The Salesforce user with this address becomes the owner.",
    "note": "Becomes the description in Salesforce.",
    "company": "Its name, or pick it from Salesforce below.",
}

TYPES: Mapping[str, str] = {"email": "email", "owner_email": "email", "phone": "tel", "mobile_phone": "tel"}
"""The keyboard that a phone offers."""

ROWS: Mapping[str, int] = {"note": 4, "address.street": 2}

SYNC_AS_WORDS: Mapping[str, str] = {SyncAs.LEAD: "Lead", SyncAs.CONTACT: "Contact"}


@dataclass(frozen=True)
class Standing:
    """How the org's connection stands: none | ready | paused | stopped, and why."""

    state: str = "none"
    problem: Mapping[str, Any] | None = None
    paused_until: datetime | None = None


@dataclass(frozen=True)
class Next:
    """Where the contact stands, in a headline, and what to do next, in one sentence. `act`: what the page offers beside it:
    complete | approve | connect | problem | connection | ""; `said`: the problem that holds it up, as all pages say it.
    """

    tone: str
    headline: str
    words: str
    act: str = ""
    at: datetime | None = None  # when it goes on by itself
    said: Said | None = None


def label(path: str) -> str:
    """A field as people read it."""
    if path in LABELS:
        return LABELS[path]
    bare = path.partition(".")[2] or path
    return bare.replace("_", " ").strip().capitalize() or path


def in_order(paths: Collection[str]) -> list[str]:
    """Fields in the order in which pages show them."""
    places = {path: place for place, path in enumerate(LABELS)}
    return sorted(paths, key=lambda path: (places.get(path, len(places)), path))


def listed(words: Collection[str]) -> str:
    """ "first name, company and e-mail"."""
    some = list(words)
    return " and ".join(part for part in (", ".join(some[:-1]), *some[-1:]) if part)


def sentence(words: Collection[str]) -> str:
    """The same as the beginning of a sentence."""
    said = listed(words)
    return f"{said[:1].upper()}{said[1:]}"


def small(path: str) -> str:
    """A field's name inside a sentence."""
    words = label(path)
    is_name = path in {"sync_as", "social.linkedin"} or (words[:2].isupper() and words[1:2] != "-")
    return words if is_name else f"{words[:1].lower()}{words[1:]}"


def next_step(shown: Profile, standing: Standing, now: datetime) -> Next:
    """The one thing to know of a contact now, and the one thing to do."""
    match shown.status:
        case SyncStatus.EXCLUDED:
            return _excluded(shown)
        case SyncStatus.INCOMPLETE:
            return _incomplete(shown)
        case SyncStatus.NEEDS_ATTENTION:
            return _attention(shown)
    if standing.state == "none":
        words = "Connect Salesforce: it goes there by itself then."
        return Next("warn", "Ready, but Salesforce is not connected", words, "connect")
    if standing.state == "stopped":
        said = told(standing.problem)
        fix = (said and said.fix) or "An admin finds what to do on the connection’s page."
        return Next("bad", "Salesforce cannot be reached as things are", fix, "connection")
    if shown.status == SyncStatus.RETRYING:
        return _retrying(shown)
    if shown.status == SyncStatus.SYNCED:
        return Next(
            "good", "Up to date in Salesforce", "Nothing to do. What changes at the event platform follows by itself."
        )
    return _waiting(shown, standing, now)


HELD_UP: Mapping[str, str] = {
    "none": "Nothing goes until Salesforce is connected.",
    "stopped": "Nothing goes until the connection to Salesforce is put right.",
    "paused": "Salesforce takes a break just now: all that waits goes by itself.",
    "ready": "",
}
"""Why nothing goes to the CRM just now, by how the connection stands."""


def _excluded(shown: Profile) -> Next:
    stays = " Its record in Salesforce stays as it is." if shown.crm_id else ""
    return Next("soft", "Deleted at the event platform", f"Nothing of it is sent any more.{stays}")


def _incomplete(shown: Profile) -> Next:
    lacking = [path for path in shown.missing if path != APPROVAL]
    if lacking:
        names = listed([small(path) for path in lacking])
        one = len(lacking) == 1
        then = (
            "approve it, and it goes to Salesforce"
            if APPROVAL in shown.missing
            else "it goes to Salesforce by itself then"
        )
        return Next(
            "warn",
            f"{names[:1].upper()}{names[1:]} {'is' if one else 'are'} missing",
            f"Add {'it' if one else 'them'} here: {then}.",
            "complete",
        )
    if APPROVAL in shown.missing:
        return Next(
            "warn", "Waits for your approval", "Look it over and approve it: it goes to Salesforce then.", "approve"
        )
    return Next("warn", "Needs details", "Look at what is missing below and add it.", "complete")


def _attention(shown: Profile) -> Next:
    said = told(shown.problem)
    cause = (said and said.cause) or "Salesforce did not take it."
    fix = (said and said.fix) or "Look at the history below, or ask your Salesforce admin."
    return Next("bad", cause, fix, "problem", said=said)


def _retrying(shown: Profile) -> Next:
    said = told(shown.problem)
    cause = (said and said.cause) or "Salesforce could not take it just now."
    return Next("warn", cause, "Nothing to do: it is tried again by itself.", at=shown.due_at)


def _waiting(shown: Profile, standing: Standing, now: datetime) -> Next:
    if standing.state == "paused":
        words = "Nothing to do: Salesforce takes a break, and it goes on by itself."
        return Next("info", "Waiting for Salesforce", words, at=standing.paused_until)
    if shown.due_at is not None and shown.due_at > now:
        return Next("info", "Waiting for its turn", "Nothing to do: it goes by itself.", at=shown.due_at)
    return Next("info", "On its way to Salesforce", "Nothing to do: it goes within moments.")


def told(problem: Mapping[str, Any] | None) -> Said | None:
    """A problem as it is kept, in the words of all pages."""
    return said_of(problem_from_json(problem)) if problem else None


def mendable_here(problem: Mapping[str, Any] | None) -> bool:
    """Whether a correction of the contact makes a problem go: it can be typed in here as well as at the event platform."""
    return Mend.SOURCE.value in ((problem or {}).get("mended_by") or ())


def sync_as_shown(shown: Profile) -> str:
    """What the contact becomes in Salesforce; "" while nobody says."""
    return SYNC_AS_WORDS.get((shown.said_sync_as or shown.sync_as or "").lower(), "")


def saved(
    changed: Mapping[str, Any], missing: Collection[str], present: Mapping[str, Any], standing: Standing
) -> tuple[str, str]:
    """What came of an edit that was brought in, and its tone. `missing`: what was missing before; `present`: the values now."""
    newer = [path for path, value in changed.items() if plain(present.get(path)) != plain(value)]
    if newer:
        names = listed([small(path) for path in newer])
        return f"Saved, but the event platform has sent something newer since: its {names} stands.", "warn"
    emptied = [path for path in REQUIRED if path in changed and not present.get(path)]
    lacking = [path for path in missing if path in LABELS and path != APPROVAL and not present.get(path)]
    if emptied or lacking:
        names = listed([small(path) for path in dict.fromkeys((*lacking, *emptied))])
        return f"Saved. Still missing before it can go to Salesforce: {names}.", "warn"
    if APPROVAL in missing:
        return "Saved. It goes to Salesforce once you approve it.", "good"
    if held := HELD_UP[standing.state]:
        return f"Saved. {held}", "warn"
    return "Saved. It goes to Salesforce by itself, and this page follows.", "good"


# ── the history ────────────────────────────────────────────────────────────────────────────────────────────────────

_TONES: Mapping[str, str] = {
    SyncStatus.SYNCED: "good",
    SyncStatus.QUEUED: "info",
    SyncStatus.RETRYING: "warn",
    SyncStatus.INCOMPLETE: "warn",
    SyncStatus.NEEDS_ATTENTION: "bad",
}


def run_tone(run: PastRun) -> str:
    """The colour of a run's dot."""
    return "info" if run.undoes is not None else _TONES.get(run.outcome, "soft")


def run_headline(run: PastRun, changed: int) -> str:
    """What a run came to."""
    if run.undoes is not None:
        return "An earlier sync was undone"
    match run.outcome:
        case SyncStatus.SYNCED:
            return "Brought to Salesforce" if changed else "Looked it over: Salesforce holds all of it already"
        case SyncStatus.RETRYING:
            return "Did not work, and is tried again by itself"
        case SyncStatus.NEEDS_ATTENTION:
            return "Did not work"
        case SyncStatus.INCOMPLETE:
            return "Not sent: details are missing"
        case SyncStatus.EXCLUDED:
            return "Left out"
    return "Waits"


def steps_headline(steps: Collection[StepShown]) -> str:
    """All steps of a run in one line: "Lead created · Campaign member changed"."""
    titles = [one.title for one in steps if one.action != Action.LEAVE.value or one.failed]
    return " · ".join(dict.fromkeys(titles)) or "Nothing was changed"


def spoken(word: str | None) -> str:
    """A status of the event platform as people read it: "no_show" → "No show"."""
    return (word or "").replace("_", " ").capitalize()
