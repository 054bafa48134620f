"""Problems as people read them: those that contactsync itself can name, and the words for what makes one go.

A CRM target brings its own catalogue (`TargetType.problems`); docs/problems.md is made from both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contactsync.domain.budget import BUDGET_RESERVED
from contactsync.domain.crm import KnownProblem, Mend, Problem

MENDED_BY: Mapping[Mend, str] = {
    Mend.SOURCE: "a correction at the event platform",
    Mend.MAPPING: "a change of the field mapping",
    Mend.POLICY: "a change of the policies",
    Mend.OWNER: "another or an active owner in the CRM",
    Mend.PERMISSION: "more rights for the user that contactsync signs in with",
    Mend.CRM: "a change in the CRM's own rules, fields or records",
    Mend.CONNECTION: "connecting the CRM again",
    Mend.PLUGIN: "a mended or disabled plugin",
}
"""What makes a problem go, in words that fit behind “gone after”."""


def either(words: Sequence[str]) -> str:
    """ "a, b or c"."""
    return " or ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def problem_shown(problem: Problem | Mapping[str, Any]) -> dict[str, Any]:
    """A problem, also one as it was kept, for people: its key as `id`, and `mended_by` in plain words."""
    whole = problem if isinstance(problem, Problem) else problem_from_json(problem)
    return {
        "id": whole.key,
        "code": whole.code,
        "cause": whole.cause,
        "fix": whole.fix,
        "who": whole.who,
        "object": whole.object or None,
        "fields": list(whole.fields),
        "mended_by": [MENDED_BY[mend] for mend in whole.mended_by],
    }


def problem_from_json(kept: Mapping[str, Any]) -> Problem:
    """A problem as a table keeps it; older rows know less."""
    return Problem(
        code=kept["code"],
        cause=kept.get("cause", ""),
        fix=kept.get("fix", ""),
        who=kept.get("who", ""),
        fields=tuple(kept.get("fields") or ()),
        object=kept.get("object") or "",
        mended_by=tuple(Mend(mend) for mend in kept.get("mended_by") or () if mend in list(Mend)),
        found=tuple(kept.get("found") or ()),
    )


_BY_ITSELF = "Nothing: it is tried again by itself."

CORE_PROBLEMS: tuple[KnownProblem, ...] = (
    KnownProblem(
        "not_connected",
        "The org is not connected to a CRM yet.",
        "Connect it (contactsync connect --help says how); everything that waits goes by itself then.",
        "event team",
        mended_by=(Mend.CONNECTION,),
    ),
    KnownProblem("crm_unavailable", "The CRM did not answer.", _BY_ITSELF, "nobody", comes_back=True),
    KnownProblem(
        "answer_lost",
        "The CRM did not say whether this was done.",
        "Nothing: it is looked up and tried again by itself.",
        "nobody",
        comes_back=True,
    ),
    KnownProblem(
        "keeps_failing",
        "It was tried again for about a day, and failed each time; the cause says by what.",
        "Mend what it fails by (often automation in the CRM that takes too long or holds locks), then check the problem again.",
        "Salesforce admin",
        mended_by=(Mend.SOURCE, Mend.CRM),
    ),
    KnownProblem(
        BUDGET_RESERVED,
        "The CRM's daily calls are used up to the share that is kept for the org's other tools.",
        "Nothing: it goes on by itself as calls become free. To use more of them, lower the policy reserve_percent.",
        "nobody",
        comes_back=True,
        mended_by=(Mend.POLICY,),
    ),
    KnownProblem(
        "several_matches",
        "Several records have this e-mail address, and the org wants to be asked which one it is.",
        "Merge them in the CRM, or set the policy several_matches to first or most_recent.",
        "event team",
        mended_by=(Mend.CRM, Mend.POLICY),
    ),
    KnownProblem(
        "several_accounts",
        "Several Accounts have the company's domain or name, and the org wants to be asked which one it is.",
        "Pick the Account for the company, merge them in the CRM, or set the policy several_matches to first or "
        "most_recent.",
        "event team",
        mended_by=(Mend.SOURCE, Mend.CRM, Mend.POLICY),
    ),
    KnownProblem(
        "incomplete",
        "The contact lacks something that is required.",
        "Nothing is sent before the event platform sends what is missing; then it goes by itself.",
        "event team",
        mended_by=(Mend.SOURCE,),
    ),
    KnownProblem(
        "several_campaigns",
        "Several campaigns have the event's name, and nothing tells which one is the event's.",
        "Connect the event to its campaign, or give the campaigns different names or start dates.",
        "event team",
        mended_by=(Mend.SOURCE, Mend.CRM, Mend.POLICY),
    ),
    KnownProblem(
        "campaign_not_found",
        "The campaign that the event is connected to is not in the CRM, or cannot be seen there.",
        "Connect the event to another campaign, or disconnect it.",
        "event team",
        mended_by=(Mend.SOURCE, Mend.PERMISSION),
    ),
    KnownProblem(
        "mapping_drift",
        "The mapping no longer fits the CRM: a field or a value that it names has vanished, or cannot be written any more.",
        "Bring it back in the CRM, or change the rules that name it; what waits goes by itself then.",
        "Salesforce admin",
        mended_by=(Mend.MAPPING, Mend.CRM),
    ),
    *(
        KnownProblem(code, cause, fix, "event team", mended_by=(Mend.SOURCE,))
        for code, cause, fix in (
            ("meeting_without_start", "The meeting has no start.", "Send starts_at of the meeting."),
            (
                "meeting_without_zone",
                "The meeting's times have no zone: neither an offset nor a timezone was sent.",
                "Send the times with an offset, or timezone besides.",
            ),
            (
                "meeting_zone_unknown",
                "The meeting's time zone is none that is known.",
                "Send the IANA name of the zone, such as Europe/Berlin, as timezone.",
            ),
            (
                "meeting_time_unreadable",
                "A time of the meeting is neither a date nor a time.",
                "Send it as an RFC 3339 time, a date, or a local time with timezone.",
            ),
            (
                "meeting_too_long",
                "The meeting is longer than 14 days, and the CRM takes no longer ones.",
                "Shorten the meeting at the event platform, or split it into several.",
            ),
        )
    ),
    KnownProblem(
        "picked_account_not_found",
        "The Account that was picked for the company is not in the CRM, or cannot be seen there.",
        "Pick another Account for the company, or none to have it matched by domain and name.",
        "event team",
        mended_by=(Mend.SOURCE, Mend.PERMISSION),
    ),
    KnownProblem(
        "linked_account_gone",
        "The Account that the company was linked to is no longer in the CRM (deleted or merged).",
        "Nothing: the company is matched again by domain and name with the next attempt, which follows at once.",
        "nobody",
        comes_back=True,
    ),
    KnownProblem(
        "cannot_be_planned",
        "contactsync could not work out what to do with this record.",
        "Report it to the developers. The record goes again when it changes, or when it is asked for.",
        "developer",
        mended_by=(Mend.SOURCE, Mend.PLUGIN),
    ),
    KnownProblem(
        "plugin_broken",
        "A plugin failed.",
        "Mend or disable it (contactsync plugins check names it).",
        "developer",
        mended_by=(Mend.PLUGIN,),
    ),
)
"""What contactsync itself can name, whichever CRM; the words of a real one say more. A test holds them complete."""
