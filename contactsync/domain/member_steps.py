"""The steps for memberships of campaigns: whoever attends an event with a campaign is a member of it (rule 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from contactsync.domain.batch import Ready
from contactsync.domain.crm import Action, FieldValue, FoundMember, MemberStatus, RecordKind, Step
from contactsync.domain.found_index import FoundIndex
from contactsync.domain.ladder import REMOVED, Ladder
from contactsync.domain.policy import Policies, RemovedAttendance
from contactsync.domain.records import Attendance

TakingPart = list[tuple[Ready, Attendance]]


def member_steps(
    going: Sequence[Ready], people: Mapping[str, Step], index: FoundIndex, policies: Policies
) -> tuple[list[Step], dict[str, dict[str, Step]]]:
    """One step per campaign and person; also by contact id and campaign id. Of several attendances the highest counts.

    `going`: in a settled order; `people`: the person's step by contact id. A status that the campaign lacks is made before
    the members that need it, where the org and the CRM allow it: those steps stand first, and the members name them in
    `after`. An attendance that was removed changes something only when the org wants that, and none of the person's other
    attendances has the same campaign.
    """
    making = _Making(index, policies, Ladder(policies.status_map))
    present, removed = _together(going, people)
    by_contact: dict[str, dict[str, Step]] = {}
    members: list[Step] = []
    for key, taking_part in (*present.items(), *making.leaving(present, removed).items()):
        person = people[taking_part[0][0].contact.id]
        step_id = f"m{len(members) + 1}"
        if key in present:
            step: Step | None = making.taking_part(step_id, key[0], person, taking_part)
        else:
            step = making.removed(step_id, key[0], person)
        if step is None:
            continue
        members.append(step)
        for ready, _ in taking_part:
            by_contact.setdefault(ready.contact.id, {})[key[0]] = step
    return [*making.statuses.values(), *members], by_contact


def _together(
    going: Sequence[Ready], people: Mapping[str, Step]
) -> tuple[dict[tuple[str, str], TakingPart], dict[tuple[str, str], TakingPart]]:
    """Attendances by campaign and person's step: those that stand, and those that were removed."""
    present: dict[tuple[str, str], TakingPart] = {}
    removed: dict[tuple[str, str], TakingPart] = {}
    for ready in going:
        for attendance in ready.contact.attendances:
            if attendance.campaign_id:
                key = (attendance.campaign_id, people[ready.contact.id].id)
                (removed if attendance.removed else present).setdefault(key, []).append((ready, attendance))
    return present, removed


@dataclass
class _Making:
    """What members are made from, and the member statuses that had to be made for them, by campaign and label."""

    index: FoundIndex
    policies: Policies
    ladder: Ladder
    statuses: dict[tuple[str, str], Step] = field(default_factory=dict)

    def leaving(
        self, present: Mapping[tuple[str, str], TakingPart], removed: Mapping[tuple[str, str], TakingPart]
    ) -> dict[tuple[str, str], TakingPart]:
        if self.policies.removed_attendance is RemovedAttendance.KEEP:
            return {}
        return {key: taking_part for key, taking_part in removed.items() if key not in present}

    def taking_part(self, step_id: str, campaign_id: str, person: Step, taking_part: TakingPart) -> Step:
        _, _, _, status = max(
            (*self.ladder.standing(attendance.status), ready.contact.changed, attendance.status)
            for ready, attendance in taking_part
        )
        member = self._member(campaign_id, person)
        unknown = f"The campaign has no member status for “{status}”"
        label, after = self._label(campaign_id, status, member)
        if member is None:
            fields: dict[str, FieldValue] = {"campaign": campaign_id, "person": person.record}
            why: tuple[str, ...] = ("Not a member of this campaign yet.",)
            if label is None:
                why = (*why, f"{unknown}: the campaign's default was left to the CRM.", self._how_to_add(status))
            else:
                fields["status"] = label
            return Step(step_id, Action.CREATE, RecordKind.MEMBER, fields=fields, why=why, after=after)
        if label is None:
            return _left(
                step_id, member, f"{unknown}: the member's status was left as it is.", self._how_to_add(status)
            )
        refusal = self.ladder.refusal(member.status, status, label, self._known(campaign_id))
        if refusal is not None:
            return _left(step_id, member, refusal)
        why = ("Already a member of this campaign; the status moves up with the attendance.",)
        return _restated(step_id, member, label, why, after)

    def removed(self, step_id: str, campaign_id: str, person: Step) -> Step | None:
        """What becomes of the membership of a removed attendance; None when there is none: none is made for it."""
        member = self._member(campaign_id, person)
        if member is None:
            return None
        gone = "The attendance was removed"
        if self.policies.removed_attendance is RemovedAttendance.REMOVE:
            why = (f"{gone}: the member is taken out of the campaign, as the org wants it.",)
            return Step(step_id, Action.REMOVE, RecordKind.MEMBER, member.ref, why=why)
        label, after = self._label(campaign_id, REMOVED, member)
        if label is None:
            return _left(step_id, member, f"{gone}, but the campaign has no member status for that.")
        refusal = self.ladder.removal_refusal(member.status, label, self._known(campaign_id))
        if refusal is not None:
            return _left(step_id, member, f"{gone}. {refusal}")
        return _restated(step_id, member, label, (f"{gone}: the member's status says so.",), after)

    def _label(self, campaign_id: str, status: str, member: FoundMember | None) -> tuple[str | None, tuple[str, ...]]:
        """The label for a status, and the step that makes it first if the campaign lacks it. None: there is none."""
        statuses = self._known(campaign_id)
        label = self.ladder.label(status, statuses)
        if label is not None:
            return label, ()
        labels = self.ladder.labels(status)
        if not labels or not self.policies.create_member_statuses or not self.index.can_add_statuses:
            return None, ()
        label = labels[0]
        if member is not None and self._stays(member, status, label, statuses):
            return label, ()  # nobody gets the label: it is not added for nothing
        return label, (self._made(campaign_id, status, label),)

    def _stays(self, member: FoundMember, status: str, label: str, statuses: Sequence[MemberStatus]) -> bool:
        if status == REMOVED:
            return self.ladder.removal_refusal(member.status, label, statuses) is not None
        return self.ladder.refusal(member.status, status, label, statuses) is not None

    def _made(self, campaign_id: str, status: str, label: str) -> str:
        key = (campaign_id, label.strip().casefold())
        if key not in self.statuses:
            self.statuses[key] = Step(
                f"s{len(self.statuses) + 1}",
                Action.CREATE,
                RecordKind.MEMBER_STATUS,
                fields={"campaign": campaign_id, "label": label, "responded": self.ladder.responded(status)},
                why=(f"The campaign has no member status for “{status}”: “{label}” is added.",),
            )
        return self.statuses[key].id

    def _how_to_add(self, status: str) -> str:
        if not self.ladder.labels(status):
            return f"The policy status_map does not name “{status}”: name it there."
        if not self.policies.create_member_statuses:
            return "The org's policy adds no member statuses (create_member_statuses): add it to the campaign."
        return "The CRM does not let contactsync add member statuses: add it to the campaign."

    def _member(self, campaign_id: str, person: Step) -> FoundMember | None:
        return self.index.members.get((campaign_id, person.ref)) if person.ref is not None else None

    def _known(self, campaign_id: str) -> tuple[MemberStatus, ...]:
        return self.index.statuses.get(campaign_id, ())


def _restated(step_id: str, member: FoundMember, label: str, why: tuple[str, ...], after: tuple[str, ...]) -> Step:
    fields, before = {"status": label}, {"status": member.status}
    return Step(step_id, Action.UPDATE, RecordKind.MEMBER, member.ref, fields, before, why, after=after)


def _left(step_id: str, member: FoundMember, *why: str) -> Step:
    return Step(step_id, Action.LEAVE, RecordKind.MEMBER, member.ref, why=("Already a member of this campaign.", *why))
