"""The words for what contactsync itself cannot send, or finds missing, before Salesforce says anything."""

from __future__ import annotations

from contactsync.api import Mend, Next

from .advice import MARKETER, Advice

_REPORT = "Report this to the makers of contactsync."

INVALID_FIELD_NAME = Advice(
    Next.STOP,
    "The mapping of {object} names a field that cannot be: {fields}.",
    "Write the field's API name in the mapping, as in Title or Region__c.",
    code="invalid_field_name",
    mended_by=(Mend.MAPPING,),
)
NOT_A_NUMBER = Advice(
    Next.STOP,
    "The value for {fields} on the {object} is not a finite number.",
    "Correct it at the source.",
    MARKETER,
    code="not_a_number",
    mended_by=(Mend.SOURCE, Mend.MAPPING),
)
WRONG_TYPE = Advice(
    Next.STOP,
    "The value for {fields} on the {object} does not fit its type in Salesforce.",
    "Map the source field to a Salesforce field of a fitting type, or correct the value at the source.",
    code="wrong_type",
    mended_by=(Mend.MAPPING, Mend.SOURCE),
)
NO_CAMPAIGN_ID = Advice(
    Next.STOP,
    "What the event is connected to is no campaign: a campaign's id begins with 701.",
    "Connect the event to a campaign.",
    MARKETER,
    code="campaign_not_found",
    mended_by=(Mend.SOURCE,),
)
OTHER_OBJECT = Advice(
    Next.STOP,
    "A duplicate rule in Salesforce takes the {object} for a record of another kind that exists already.",
    "Merge or correct the record it resembles, or exempt the integration user in Setup → Duplicate Rules. The policy "
    "prefer_existing = true uses a record of the other object instead when it has the same e-mail address.",
    code="duplicate_of_other_object",
    mended_by=(Mend.CRM, Mend.POLICY),
    seen_as="DUPLICATES_DETECTED",
)
PERMISSION_MISSING = Advice(
    Next.STOP,
    "The integration user lacks a permission on {object}.",
    "Give it the permission in its profile or a permission set.",
    code="permission_missing",
    mended_by=(Mend.PERMISSION,),
)
UNKNOWN_STEP = Advice(
    Next.STOP,
    "It names a record that no earlier step makes.",
    _REPORT,
    code="unknown_step",
    mended_by=(Mend.PLUGIN,),
)
NO_PERSON_FOR_MEMBER = Advice(
    Next.STOP,
    "A campaign member needs a lead or a contact.",
    _REPORT,
    code="no_person_for_member",
    mended_by=(Mend.PLUGIN,),
)
NO_PERSON_FOR_ATTENDEE = Advice(
    Next.STOP,
    "An attendee needs an activity, and a lead or a contact.",
    _REPORT,
    code="no_person_for_attendee",
    mended_by=(Mend.PLUGIN,),
)
REMOVAL_REFUSED = Advice(
    Next.STOP,
    "contactsync deletes nothing but campaign members.",
    _REPORT,
    code="removal_refused",
    mended_by=(Mend.PLUGIN,),
)
OWN: tuple[Advice, ...] = (
    INVALID_FIELD_NAME,
    NOT_A_NUMBER,
    WRONG_TYPE,
    NO_CAMPAIGN_ID,
    OTHER_OBJECT,
    PERMISSION_MISSING,
    UNKNOWN_STEP,
    NO_PERSON_FOR_MEMBER,
    NO_PERSON_FOR_ATTENDEE,
    REMOVAL_REFUSED,
)
