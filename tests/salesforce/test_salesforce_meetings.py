"""Meetings on the wire: activities, their attendees, and what an org may not have."""

from __future__ import annotations

from typing import Any

import pytest
from contactsync_plugins.salesforce.target import DESCRIBE_SECONDS, SalesforceTarget

from contactsync.api import Action, FieldValue, Mend, Next, RecordKind, RecordRef, Step, StepRef, Wanted
from tests.salesforce.conftest import OWNER, Org
from tests.salesforce.test_salesforce_apply import CONTACT, LEAD, SIZES, apply, create, padding

V1 = StepRef("v1")
ACTIVITY, ATTENDEE = RecordKind.ACTIVITY, RecordKind.ATTENDEE
NINE, TEN = "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z"
FIELDS = {ACTIVITY: frozenset({"Subject", "EndDateTime", "Location", "OwnerId", "WhatId", "IsAllDayEvent"})}


def meeting(step_id: str = "v1", **fields: Any) -> Step:
    return Step(
        step_id,
        Action.CREATE,
        ACTIVITY,
        fields={"Subject": "Demo", "StartDateTime": NINE, "EndDateTime": TEN, **fields},
    )


def attendee(step_id: str, person: RecordRef, status: str = "new", activity: FieldValue = V1) -> Step:
    return Step(step_id, Action.CREATE, ATTENDEE, fields={"activity": activity, "person": person, "status": status})


def people(org: Org, count: int) -> list[RecordRef]:
    return [RecordRef(CONTACT, org.seed("Contact", LastName=f"L{n}", Email=f"p{n}@x.example")) for n in range(count)]


def wanted(*refs: RecordRef, **more: Any) -> Wanted:
    ids: dict[RecordKind, frozenset[str]] = {}
    for ref in refs:
        ids[ref.kind] = ids.get(ref.kind, frozenset()) | {ref.id}
    return Wanted(**{"ids": ids, "fields": FIELDS, **more})


def test_whatever_a_meeting_needs_to_know_is_one_call_of_five_queries(org: Org, target: SalesforceTarget) -> None:
    org.owner()
    lead = RecordRef(LEAD, org.seed("Lead", LastName="L", Company="C"))
    (contact,) = people(org, 1)
    results = apply(target, meeting(WhoId=contact.id), attendee("t1", lead, "accepted"))
    activity = results["v1"].ref
    assert activity
    org.forget_calls()
    found = target.look_up(
        wanted(lead, contact, activity, owner_emails=frozenset({OWNER}), activity_starts=frozenset({TEN}))
    )
    assert [call["path"].rpartition("/")[2] for call in org.calls()] == ["composite", "describe"]
    assert len(org.calls()[0]["subrequests"]) == 5
    assert {person.ref for person in found.people} == {lead, contact}
    (seen,) = found.activities
    assert (seen.ref, seen.starts_at, seen.subject) == (activity, NINE, "Demo")
    assert [(each.person, each.status) for each in seen.attendees] == [(lead, "Accepted")]
    assert len(found.owners) == 1
    assert found.can_add_attendees


def test_a_meeting_with_five_attendees_is_one_call_to_write(org: Org, target: SalesforceTarget) -> None:
    first, *others = people(org, 5)
    results = apply(target, meeting(WhoId=first.id), *(attendee(f"t{n}", ref) for n, ref in enumerate(others)))
    assert all(result.ok for result in results.values())
    assert len(org.calls()) == 1
    assert len(org.rows("EventRelation")) == 4


@SIZES
def test_responses_are_told_in_salesforces_words(org: Org, target: SalesforceTarget, others: int) -> None:
    said = {"accepted": "Accepted", "Declined": "Declined", "new": "New", "tentative": "New"}
    refs = people(org, len(said))
    apply(
        target,
        meeting(),
        *(attendee(f"t{n}", ref, status) for n, (ref, status) in enumerate(zip(refs, said, strict=True))),
        *padding(others),
    )
    assert [row["Status"] for row in org.rows("EventRelation")] == list(said.values())


def test_attendees_are_said_to_be_impossible_where_the_org_has_none(org: Org, target: SalesforceTarget) -> None:
    refs = people(org, 2)
    activity = apply(target, meeting())["v1"].ref
    assert activity
    org.admin("options", {"hidden_objects": ["EventRelation"]})
    found = target.look_up(wanted(*refs, activity))
    assert not found.can_add_attendees
    assert [each.attendees for each in found.activities] == [()]


def test_whether_attendees_can_be_added_is_asked_once_in_ten_minutes_and_only_when_there_are_several(
    org: Org, target: SalesforceTarget
) -> None:
    refs = people(org, 2)
    org.admin("options", {"attendees": False})
    assert target.look_up(wanted(refs[0])).can_add_attendees
    assert [call["path"].rpartition("/")[2] for call in org.calls()] == ["composite"]
    assert not target.look_up(wanted(*refs)).can_add_attendees
    org.admin("options", {"attendees": True})
    assert not target.look_up(wanted(*refs)).can_add_attendees
    org.clock += DESCRIBE_SECONDS + 1
    assert target.look_up(wanted(*refs)).can_add_attendees
    assert [call["path"].rpartition("/")[2] for call in org.calls()].count("describe") == 2


def test_contacts_are_never_asked_about_activities(org: Org, target: SalesforceTarget) -> None:
    target.look_up(Wanted(ids={CONTACT: frozenset({people(org, 1)[0].id})}))
    assert not any("Event" in sub["url"] for call in org.calls() for sub in call["subrequests"])


def test_shared_activities_show_each_person_once_and_not_the_activitys_own(org: Org, target: SalesforceTarget) -> None:
    org.admin("options", {"shared_activities": True})
    who, other = people(org, 2)
    account = org.seed("Account", Name="Acme")
    activity = apply(target, meeting(WhoId=who.id, WhatId=account), attendee("t1", other))["v1"].ref
    assert activity
    assert len(org.rows("EventRelation")) > 1
    (found,) = target.look_up(wanted(activity)).activities
    assert [each.person for each in found.attendees] == [other]


def test_an_activity_that_salesforce_has_archived_is_still_the_same(org: Org, target: SalesforceTarget) -> None:
    old = {"StartDateTime": "2020-01-07T09:00:00Z", "EndDateTime": "2020-01-07T10:00:00Z"}
    (person,) = people(org, 1)
    activity = apply(target, meeting(**old), attendee("t1", person))["v1"].ref
    assert activity
    assert org.admin("archive", {})["archived"]
    (found,) = target.look_up(wanted(activity)).activities
    assert [each.person for each in found.attendees] == [person]


def test_a_deleted_activity_is_not_found(org: Org, target: SalesforceTarget) -> None:
    activity = apply(target, meeting())["v1"].ref
    assert activity
    org.admin("delete", {"object": "Event", "ids": [activity.id]})
    assert target.look_up(wanted(activity, activity_starts=frozenset({NINE}))).activities == ()


def test_the_copies_of_invited_users_are_not_taken_for_the_activity(org: Org, target: SalesforceTarget) -> None:
    activity = apply(target, meeting())["v1"].ref
    assert activity
    org.seed("EventRelation", EventId=activity.id, RelationId=org.owner())
    assert len(org.rows("Event")) == 2
    found = target.look_up(Wanted(activity_starts=frozenset({NINE})))
    assert [each.ref for each in found.activities] == [activity]
    assert [each.attendees for each in found.activities] == [()]


@SIZES
def test_a_meeting_that_salesforces_rules_refuse_says_which(org: Org, target: SalesforceTarget, others: int) -> None:
    lead = RecordRef(LEAD, org.seed("Lead", LastName="L", Company="C"))
    results = apply(
        target,
        meeting("long", EndDateTime="2026-12-24T10:00:00Z"),
        meeting("lead", WhoId=lead.id, WhatId=org.seed("Account", Name="Acme")),
        attendee("t1", lead, activity=StepRef("long")),
        *padding(others),
    )
    for step_id in ("long", "lead", "t1"):
        failure = results[step_id].failure
        assert failure
        assert (failure.next, failure.problem.code, failure.problem.object) == (
            Next.STOP,
            "meeting_refused",
            "Activity",
        )
        assert failure.problem.mended_by == (Mend.SOURCE, Mend.MAPPING)


@SIZES
def test_somebody_who_takes_part_already_is_looked_up_again(org: Org, target: SalesforceTarget, others: int) -> None:
    (person,) = people(org, 1)
    activity = apply(target, meeting(), attendee("t1", person))["v1"].ref
    failure = apply(target, attendee("t2", person, activity=activity), *padding(others))["t2"].failure
    assert failure
    assert (failure.next, failure.problem.code) == (Next.RETRY, "already_there")


@SIZES
def test_an_attendee_who_is_gone_leaves_the_activity_as_it_is(org: Org, target: SalesforceTarget, others: int) -> None:
    results = apply(target, meeting(), attendee("t1", org.gone(CONTACT)), *padding(others))
    failure = results["t1"].failure
    assert results["v1"].ok
    assert failure
    assert (failure.next, failure.problem.code) == (Next.RETRY, "attendee_stale")


def test_meetings_that_the_user_may_not_see_stop_alone(org: Org, target: SalesforceTarget) -> None:
    org.admin("options", {"hidden_objects": ["Event", "EventRelation"]})
    (person,) = people(org, 1)
    found = target.look_up(wanted(person, activity_starts=frozenset({NINE})))
    assert found.activities == ()
    assert [each.ref for each in found.people] == [person]
    for others in (0, 30):
        results = apply(target, meeting(), create("p1", CONTACT), *padding(others))
        failure = results.pop("v1").failure
        assert failure
        assert (failure.next, failure.problem.code) == (Next.STOP, "invalid_type")
        assert (failure.problem.object, failure.problem.mended_by) == ("Activity", (Mend.PERMISSION,))
        assert all(result.ok for result in results.values())


def test_an_all_day_meeting_over_several_days_is_taken(org: Org, target: SalesforceTarget) -> None:
    days = {"StartDateTime": "2026-11-24T00:00:00Z", "EndDateTime": "2026-11-26T00:00:00Z", "IsAllDayEvent": True}
    activity = apply(target, meeting(**days))["v1"].ref
    assert activity
    (found,) = target.look_up(wanted(activity)).activities
    assert found.starts_at == "2026-11-24T00:00:00Z"
    assert found.fields["IsAllDayEvent"] is True


@pytest.mark.parametrize("kind", [ACTIVITY, CONTACT, RecordKind.CAMPAIGN])
def test_nothing_but_members_is_ever_deleted(org: Org, target: SalesforceTarget, kind: RecordKind) -> None:
    failure = apply(target, Step("x1", Action.REMOVE, kind, RecordRef(kind, "003Ws0000000001")))["x1"].failure
    assert failure
    assert (failure.next, failure.problem.code) == (Next.STOP, "removal_refused")
    assert org.calls() == []
