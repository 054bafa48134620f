"""The one sentence on top of the overview: is everything all right, and if not, what to do first. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from contactsync.domain.records import SyncStatus
from contactsync.store.pages_overview import Overview


@dataclass(frozen=True)
class Headline:
    """`tone`: good | info | warn | bad. `action`: what to press, and the page that it leads to."""

    tone: str
    sentence: str
    words: str = ""
    action: tuple[str, str] | None = None


@dataclass(frozen=True)
class Standing:
    """How many contacts there are of what a marketer tells apart. `attention` leaves out what was dismissed."""

    total: int
    synced: int
    waiting: int
    details: int
    attention: int
    left_out: int

    @property
    def need_you(self) -> int:
        """Those that go nowhere without a person."""
        return self.details + self.attention


def standing(seen: Overview) -> Standing:
    """What the counts by status come to."""
    by = seen.status.contacts
    left_out = by[SyncStatus.EXCLUDED]
    return Standing(
        total=sum(by.values()) - left_out,
        synced=by[SyncStatus.SYNCED],
        waiting=by[SyncStatus.QUEUED] + by[SyncStatus.RETRYING],
        details=by[SyncStatus.INCOMPLETE],
        attention=max(0, by[SyncStatus.NEEDS_ATTENTION] - seen.dismissed),
        left_out=left_out,
    )


def headline(seen: Overview) -> Headline:
    """The first of these that is so: no connection, the connection is stopped or pauses, nothing came yet, somebody is
    needed, something is on its way, all is well.
    """
    at = standing(seen)
    return _of_connection(seen, at) or _of_contacts(seen, at)


def _of_connection(seen: Overview, at: Standing) -> Headline | None:
    crm = seen.status.crm
    waits = f" {_contacts(at.waiting)} {_verb(at.waiting, 'waits', 'wait')} for it." if at.waiting else ""
    cause = str((crm.problem or {}).get("cause") or "")
    if crm.state == "none":
        return Headline(
            "warn",
            "Salesforce is not connected yet",
            f"Connect it, and everything that waits goes by itself.{waits}",
            ("Get started", "first_run.first_run"),
        )
    if crm.state == "stopped":
        return Headline(
            "bad",
            "Salesforce does not let us in",
            f"{cause}{waits}".strip() or "Nothing reaches Salesforce until somebody signs in again.",
            ("Mend the connection", "connection.connection"),
        )
    if crm.state == "paused":
        words = f"{cause} It goes on by itself; nothing is lost.{waits}".strip()
        return Headline("warn", "Salesforce takes a break", words, ("See the connection", "connection.connection"))
    return None


def _of_contacts(seen: Overview, at: Standing) -> Headline:
    if at.need_you:
        return Headline("bad" if at.attention else "warn", *_need_you(at))
    meetings = sum(one.counts["meeting"] for one in seen.problems)
    others = sum(one.total - one.counts["contact"] for one in seen.problems)
    if others:
        what = "meeting" if others == meetings else "record"
        sentence = f"{others:,} {what}{'s' if others > 1 else ''} {_verb(others, 'needs', 'need')} you"
        return Headline("bad", sentence, _rest(at), ("See the problems", "problems.problem_list"))
    arrived = seen.status.deliveries.get("waiting", 0)
    if arrived:
        what = f"{arrived:,} deliver{'ies' if arrived > 1 else 'y'} {_verb(arrived, 'is', 'are')} being taken in"
        return Headline("info", what, _rest(at) or "The contacts in it are shown as soon as that is done.")
    if not at.total and at.left_out:
        many = f"{_contacts(at.left_out)} {_verb(at.left_out, 'is', 'are')} left out"
        return Headline("info", many, "No other has come: nothing is to go to Salesforce.")
    if not at.total:
        return Headline(
            "info",
            "No contact has come yet",
            "Give your event platform the address and the secret, or send a test.",
            ("Get started", "first_run.first_run"),
        )
    if at.waiting:
        return Headline(
            "info", f"{_contacts(at.waiting)} {_verb(at.waiting, 'is', 'are')} on the way to Salesforce", _rest(at)
        )
    hidden = seen.dismissed
    if hidden:
        return Headline(
            "good",
            f"{at.synced:,} of {at.total:,} contacts are in Salesforce",
            f"{_contacts(hidden)} {_verb(hidden, 'has', 'have')} a problem that was dismissed. Nothing else needs you.",
        )
    if at.total == 1:
        return Headline("good", "Your first contact is in Salesforce", "Everything else that comes goes the same way.")
    return Headline("good", f"All {at.total:,} contacts are in Salesforce", "Nothing needs you.")


def _need_you(at: Standing) -> tuple[str, str, tuple[str, str]]:
    many = at.need_you
    sentence = f"{_contacts(many)} {_verb(many, 'needs', 'need')} you"
    parts = []
    if at.attention:
        parts.append(f"{at.attention:,} could not be synced")
    if at.details:
        # Some may lack nothing but somebody's approval, where the org wants one.
        parts.append(f"{at.details:,} {_verb(at.details, 'waits', 'wait')} in the Leads Inbox")
    action = ("See the problems", "problems.problem_list") if at.attention else ("Open the Leads Inbox", "inbox.inbox")
    return sentence, f"{' and '.join(parts)}. {_rest(at)}".strip(), action


def _rest(at: Standing) -> str:
    """What goes well."""
    said = f"{at.synced:,} of {at.total:,} contacts are in Salesforce" if at.synced else ""
    if said and at.waiting and at.need_you:
        return f"{said}, {at.waiting:,} on the way."
    return f"{said}." if said else ""


def _contacts(count: int) -> str:
    return f"{count:,} contact{'' if count == 1 else 's'}"


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many
