"""The steps for memberships of campaigns: whoever attends an event with a campaign is a member of it (rule 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contactsync.domain.batch import Ready
from contactsync.domain.crm import Action, FieldValue, FoundMember, RecordKind, Step
from contactsync.domain.found_index import FoundIndex
from contactsync.domain.ladder import Ladder
from contactsync.domain.policy import Policies
from contactsync.domain.records import Attendance


def member_steps(
    going: Sequence[Ready], people: Mapping[str, Step], index: FoundIndex, policies: Policies
) -> tuple[list[Step], dict[str, dict[str, Step]]]:
    """One step per campaign and person; also by contact id and campaign id. Of several attendances the highest counts.

    `going`: in a settled order; `people`: the person's step by contact id. A removed attendance changes nothing: the
    membership stays as it is.
    """
    ladder = Ladder(policies.status_map)
    together: dict[tuple[str, str], list[tuple[Ready, Attendance]]] = {}
    for ready in going:
        for attendance in ready.contact.attendances:
            if attendance.campaign_id and not attendance.removed:
                key = (attendance.campaign_id, people[ready.contact.id].id)
                together.setdefault(key, []).append((ready, attendance))
    steps: list[Step] = []
    by_contact: dict[str, dict[str, Step]] = {}
    for number, ((campaign_id, _), taking_part) in enumerate(together.items(), start=1):
        _, _, _, status = max(
            (*ladder.standing(attendance.status), ready.contact.changed, attendance.status)
            for ready, attendance in taking_part
        )
        person = people[taking_part[0][0].contact.id]
        step = _step(f"m{number}", campaign_id, person, status, index, ladder)
        steps.append(step)
        for ready, _ in taking_part:
            by_contact.setdefault(ready.contact.id, {})[campaign_id] = step
    return steps, by_contact


def _step(step_id: str, campaign_id: str, person: Step, status: str, index: FoundIndex, ladder: Ladder) -> Step:
    statuses = index.statuses.get(campaign_id, ())
    label = ladder.label(status, statuses)
    member = index.members.get((campaign_id, person.ref)) if person.ref is not None else None
    unknown = f"The campaign has no member status for “{status}”"
    if member is None:
        fields: dict[str, FieldValue] = {"campaign": campaign_id, "person": person.record}
        why: tuple[str, ...] = ("Not a member of this campaign yet.",)
        if label is None:
            why = (*why, f"{unknown}: the campaign's default was left to the CRM.")
        else:
            fields["status"] = label
        return Step(step_id, Action.CREATE, RecordKind.MEMBER, fields=fields, why=why)
    if label is None:
        return _left(step_id, member, f"{unknown}: the member's status was left as it is.")
    refusal = ladder.refusal(member.status, status, label, statuses)
    if refusal is not None:
        return _left(step_id, member, refusal)
    return Step(
        step_id,
        Action.UPDATE,
        RecordKind.MEMBER,
        member.ref,
        {"status": label},
        {"status": member.status},
        ("Already a member of this campaign; the status moves up with the attendance.",),
    )


def _left(step_id: str, member: FoundMember, why: str) -> Step:
    return Step(step_id, Action.LEAVE, RecordKind.MEMBER, member.ref, why=("Already a member of this campaign.", why))
