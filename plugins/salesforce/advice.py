"""The words for what a refusal means where Salesforce's code alone does not tell; `refusal_advice.py` goes by code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contactsync.api import Mend, Next, Problem, RecordKind

from .ids import object_label

ADMIN = "Salesforce admin"
MARKETER = "event team"
OPERATOR = "Operator"
NOBODY = "contactsync"

CONCURRENT_PAUSE = 30.0
DAILY_PAUSE = 1800.0  # the limit is a rolling 24 hours: there is room again little by little
LOCK_PAUSE = 5.0  # Salesforce itself has waited about ten seconds for the lock
BUSY_PAUSE = 60.0


@dataclass(frozen=True)
class Advice:
    """What a code means. `{object}` and `{fields}` stand for the record's object and the fields named."""

    next: Next
    cause: str
    fix: str
    who: str = ADMIN
    retry_after: float | None = None
    code: str = ""  # empty: Salesforce's code in lower case
    mended_by: tuple[Mend, ...] = ()
    seen_as: str = ""  # where it has a code of its own: Salesforce's

    def problem(
        self,
        kind: RecordKind | None = None,
        *,
        code: str = "",
        fields: Sequence[str] = (),
        told: str = "",
    ) -> Problem:
        """The problem in a case. `kind`: of the record concerned; `code`: where the advice has none of its own."""
        words = {"object": object_label(kind), "fields": _in_words(fields)}
        cause, fix = self.cause.format(**words) + told, self.fix.format(**words)
        concerned = "" if kind is None else str(kind)
        return Problem(self.code or code, cause, fix, self.who, tuple(fields), concerned, self.mended_by)


def _in_words(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names) or "one of its fields"


FREE = "Nothing to do: it is tried again by itself."

DAILY_LIMIT = Advice(
    Next.RETRY,
    "Salesforce's limit of API calls for the day is used up.",
    "It is tried again by itself as calls become free; if it happens often, buy calls or look at what else uses them.",
    retry_after=DAILY_PAUSE,
    code="daily_limit",
    seen_as="REQUEST_LIMIT_EXCEEDED",
)
CONCURRENT_LIMIT = Advice(
    Next.RETRY,
    "Too many long calls run in Salesforce at once.",
    FREE,
    NOBODY,
    CONCURRENT_PAUSE,
    code="concurrent_limit",
    seen_as="REQUEST_LIMIT_EXCEEDED",
)
GOVERNOR_LIMIT = Advice(
    Next.RETRY,
    "A trigger or flow of your Salesforce ran into Salesforce's limits.",
    "It is tried again by itself; if it stays, the automation on {object} must be made lighter.",
    retry_after=BUSY_PAUSE,
    code="automation_limit",
    mended_by=(Mend.CRM,),
    seen_as="CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
)
ALREADY_MEMBER = Advice(
    Next.REMATCH,
    "The person is a member of the campaign already.",
    FREE,
    NOBODY,
    code="already_member",
    seen_as="DUPLICATE_VALUE",
)
NO_SUCH_PLACE = Advice(
    Next.STOP,
    "The value for {fields} is not in Salesforce's list of states and countries.",
    "Map it to a value of the list (`values` in the mapping's rule), or add it in Setup → State and Country Picklists.",
    code="state_or_country_unknown",
    mended_by=(Mend.MAPPING, Mend.CRM),
    seen_as="FIELD_INTEGRITY_EXCEPTION",
)
CONTACTS_HIDDEN = Advice(
    Next.STOP,
    "The integration user cannot see Contacts, and a converted Lead is one.",
    "Give it read permission on Contact.",
    code="contacts_hidden",
    mended_by=(Mend.PERMISSION,),
    seen_as="INVALID_FIELD",
)
NO_CAMPAIGN = Advice(
    Next.STOP,
    "The campaign does not exist, or the integration user cannot see it.",
    "Connect the event to a campaign that is there, or have the integration user given the right to read it.",
    MARKETER,
    code="campaign_not_found",
    mended_by=(Mend.SOURCE, Mend.PERMISSION),
    seen_as="INVALID_CROSS_REFERENCE_KEY",
)
NO_MARKETING_LICENCE = Advice(
    Next.STOP,
    "The integration user cannot see campaign members.",
    "Tick “Marketing User” on the integration user, and give it read, create and edit on Campaign and Campaign Members.",
    code="campaign_members_hidden",
    mended_by=(Mend.PERMISSION,),
    seen_as="INVALID_TYPE",
)
SESSION_NOT_FOR_API = Advice(
    Next.STOP,
    "Salesforce signed us in, but not for its REST API.",
    "Give the External Client App the scope “Manage user data via APIs (api)”, and the user “API Enabled”.",
    code="session_not_for_api",
    mended_by=(Mend.CONNECTION,),
    seen_as="INVALID_SESSION_ID",
)
SESSION_REFUSED = Advice(
    Next.STOP,
    "Salesforce refuses the session it has just given us.",
    "Check the External Client App's policies (IP ranges, session settings), and that the integration user is active.",
    code="session_refused",
    mended_by=(Mend.CONNECTION,),
    seen_as="INVALID_SESSION_ID",
)
UNREADABLE_ANSWER = Advice(
    Next.RETRY,
    "Salesforce's answer could not be read.",
    "It is tried again by itself.",
    NOBODY,
    BUSY_PAUSE,
    code="salesforce_unavailable",
)
NO_API_THERE = Advice(
    Next.STOP,
    "There is no Salesforce API at the instance URL, or it does not speak the API version set.",
    "Check the instance URL (your My Domain may have been renamed) and api_version.",
    OPERATOR,
    code="instance_url_wrong",
    mended_by=(Mend.CONNECTION,),
    seen_as="NOT_FOUND",
)
ANSWER_LOST = Advice(
    Next.RETRY,
    "Salesforce's answer was lost on the way: the record may have been written.",
    "Nothing to do: it is looked up and tried again by itself.",
    NOBODY,
    code="answer_lost",
)
UNKNOWN_REFUSAL = Advice(
    Next.STOP,
    "Salesforce refused the {object} with a code that contactsync does not know ({fields}).",
    "Look the code up in Salesforce's documentation, and report it to the makers of contactsync.",
    code="salesforce_…",  # with Salesforce's code behind it
    mended_by=(Mend.CRM, Mend.PERMISSION),
    seen_as="any other",
)
ALREADY_THERE = Advice(
    Next.RETRY,
    "The {object} was made by somebody else meanwhile.",
    "Nothing to do: it is looked up again by itself.",
    NOBODY,
    code="already_there",
    seen_as="DUPLICATE_VALUE",
)
ATTENDEE_STALE = Advice(
    Next.RETRY,
    "A person or the activity changed while the attendee was written.",
    "Nothing to do: they are looked up again by themselves.",
    NOBODY,
    code="attendee_stale",
    seen_as="INVALID_CROSS_REFERENCE_KEY",
)
MEETING_REFUSED = Advice(
    Next.STOP,
    "The meeting does not fit Salesforce's rules for events ({fields}): at most 14 days, an end after its start, and no "
    "account or campaign beside a lead.",
    "Correct the meeting at the source, or the rules for meetings in the mapping.",
    MARKETER,
    code="meeting_refused",
    mended_by=(Mend.SOURCE, Mend.MAPPING),
    seen_as="FIELD_INTEGRITY_EXCEPTION",
)
STATUS_NOT_ALLOWED = Advice(
    Next.STOP,
    "The integration user may not add a status to the campaign.",
    "Give it edit access to the campaign, add the status yourself, or set the policy create_member_statuses = false.",
    code="member_status_not_allowed",
    mended_by=(Mend.PERMISSION, Mend.POLICY, Mend.CRM),
    seen_as="INSUFFICIENT_ACCESS_OR_READONLY",
)
NOT_WRITABLE = Advice(
    Next.STOP,
    "The integration user may not write {object} records.",
    "Give it create and edit permission on {object} in its profile or a permission set; for campaigns and their members, "
    "tick “Marketing User” on the user too.",
    code="object_not_writable",
    mended_by=(Mend.PERMISSION,),
    seen_as="CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
)
NOT_SEARCHABLE = Advice(
    Next.STOP,
    "Salesforce cannot search {fields} on the {object}: the field is encrypted.",
    "Encrypt it with the deterministic scheme (Setup → Encryption Settings), so that it can be searched.",
    code="field_not_searchable",
    mended_by=(Mend.CRM,),
    seen_as="INVALID_FIELD",
)

BY_CIRCUMSTANCE: tuple[Advice, ...] = (
    DAILY_LIMIT,
    CONCURRENT_LIMIT,
    GOVERNOR_LIMIT,
    ALREADY_MEMBER,
    NO_SUCH_PLACE,
    CONTACTS_HIDDEN,
    NO_CAMPAIGN,
    NO_MARKETING_LICENCE,
    SESSION_NOT_FOR_API,
    SESSION_REFUSED,
    UNREADABLE_ANSWER,
    NO_API_THERE,
    ANSWER_LOST,
    ALREADY_THERE,
    ATTENDEE_STALE,
    MEETING_REFUSED,
    STATUS_NOT_ALLOWED,
    NOT_WRITABLE,
    NOT_SEARCHABLE,
    UNKNOWN_REFUSAL,
)
