"""The judge of the chaos runs: it finds nothing wrong with what is right, and each planted violation by its name."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from contactsync.store import orgs
from contactsync.store import tables as t
from contactsync.store.engine import writing
from contactsync.store.tables_counted import record_count
from tests.chaos.judge import Answer, Seen, Shown, Verdict, judge
from tests.chaos.schedule import schedule
from tests.chaos.seen import untrue_of
from tests.chaos.stream import Delivery, all_sends, moment, stream

CAMPAIGNS = {org: tuple(f"{org}-campaign-{number}" for number in range(3)) for org in ("acme", "bolt", "crux", "dyna")}


def delivery(index: int, type_: str, data: Any, tick: int, **more: Any) -> Delivery:
    door = {"contact": "contacts", "event": "events", "meeting": "meetings"}[type_.partition(".")[0]]
    return Delivery(index, "acme", f"msg_{index}", door, type_, moment(tick), data, **more)


ADA = {
    "id": "c-0", "first_name": "Ada", "last_name": "L", "email": "c-0.1@acme.example", "company": "Company 1 of acme",
    "sync_as": "lead", "title": "Old", "updated_at": moment(1), "events": [{"id": "e-0", "status": "attended"}],
}  # fmt: skip
MEETING = {
    "id": "m-0", "title": "Meeting m-0 of acme", "location": "Room 1", "status": "scheduled", "updated_at": moment(4),
    "starts_at": "2027-01-01T09:00:00Z", "ends_at": "2027-01-01T09:30:00Z", "attendees": [{"contact_id": "c-0"}],
    "notes": "About 4",
}  # fmt: skip
ANSWERS = [
    Answer(delivery(0, "contact.updated", {"id": "c-0", "title": "New", "updated_at": moment(3)}, 3), 202),
    Answer(delivery(1, "contact.created", ADA, 1), 200),
    Answer(delivery(2, "event.created", {"id": "e-0", "campaign_id": "k-0", "updated_at": moment(2)}, 2), 202),
    Answer(delivery(3, "meeting.created", MEETING, 4), 202),
    Answer(delivery(4, "contact.created", {"id": ""}, 5, readable=False), 422),
]
LEAD = {
    "Id": "00Q1", "FirstName": "Ada", "LastName": "L", "Email": "c-0.1@acme.example", "Company": "Company 1 of acme",
    "Title": "New", "OwnerId": "005",
}  # fmt: skip
ACTIVITY = {
    "Id": "00U1", "Subject": "Meeting m-0 of acme", "Location": "Room 1", "StartDateTime": "2027-01-01T09:00:00.000+0000",
    "EndDateTime": "2027-01-01T09:30:00.000+0000", "WhoId": "00Q1",
    "Description": "About 4\n\ncontactsync meeting m-0",
}  # fmt: skip
MEMBER = {"Id": "00v1", "CampaignId": "k-0", "LeadId": "00Q1", "Status": "Attended"}


def right() -> Seen:
    return copy.deepcopy(
        Seen(
            rows={"Lead": [LEAD], "Event": [ACTIVITY], "CampaignMember": [MEMBER], "Account": [], "Contact": []},
            contacts={"c-0": Shown("synced", "00Q1")},
            meetings={"m-0": Shown("synced", "00U1")},
            deliveries=[*((f"msg_{index}", "absorbed", 0) for index in range(4)), ("msg_4", "rejected", 2)],
        )
    )


def judged(seen: Seen, answers: list[Answer] = ANSWERS) -> Verdict:
    return judge(answers, {"acme": seen})


def with_rows(**rows: list[dict[str, Any]]) -> Seen:
    return replace(right(), rows={**right().rows, **rows})


def test_what_is_right_is_found_right() -> None:
    assert list(judged(right()).findings()) == []


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("lost", replace(right(), deliveries=right().deliveries[1:])),
        ("lost", replace(right(), deliveries=[("msg_0", "failed", 1), *right().deliveries[1:]])),
        ("lost", replace(right(), deliveries=[*right().deliveries[:4], ("msg_4", "rejected", 0)])),
        ("lost", with_rows(CampaignMember=[])),
        ("lost", replace(with_rows(Event=[]), meetings={"m-0": Shown("excluded")})),
        ("duplicates", with_rows(Lead=[LEAD, {**LEAD, "Id": "00Q2"}])),
        ("duplicates", with_rows(Contact=[{**LEAD, "Id": "0031"}])),
        ("duplicates", with_rows(CampaignMember=[MEMBER, {**MEMBER, "Id": "00v2"}])),
        (
            "duplicates",
            with_rows(Event=[ACTIVITY, {**ACTIVITY, "Id": "00U2", "Subject": "Cancelled: Meeting m-0 of acme"}]),
        ),
        ("duplicates", with_rows(Event=[ACTIVITY, {**ACTIVITY, "Id": "00U2", "Subject": "of acme"}])),
        ("duplicates", with_rows(Account=[{"Id": "1", "Name": "X of acme"}, {"Id": "2", "Name": "X of acme"}])),
        ("wrong_versions", with_rows(Lead=[{**LEAD, "Title": "Old"}])),
        ("wrong_versions", with_rows(Lead=[{**LEAD, "Phone": "said by nobody"}])),
        ("wrong_versions", with_rows(CampaignMember=[{**MEMBER, "Status": "Registered"}])),
        ("wrong_versions", with_rows(Event=[{**ACTIVITY, "StartDateTime": "2027-01-01T08:00:00.000+0000"}])),
        ("wrong_versions", with_rows(Event=[{**ACTIVITY, "WhoId": None}])),
        ("wrong_versions", with_rows(Event=[{**ACTIVITY, "Description": "About 3"}])),
        ("wrong_versions", with_rows(EventRelation=[{"EventId": "00U1", "RelationId": "00Q7"}])),
        ("duplicates", with_rows(EventRelation=[{"EventId": "00U1", "RelationId": "00Q1"}] * 2)),
        ("wrong_versions", with_rows(User=[{"Id": "005", "Email": "owner-1@acme.example"}])),
        ("duplicates", with_rows(Campaign=[{"Id": "1", "Name": "X of acme"}, {"Id": "2", "Name": "X of acme"}])),
        ("cross_org", with_rows(Campaign=[{"Id": "1", "Name": "Campaign 1 of bolt"}])),
        ("cross_org", replace(right(), contacts={**right().contacts, "c-9": Shown("synced", "00Q9")})),
        ("cross_org", replace(right(), meetings={**right().meetings, "m-9": Shown("synced", "00U9")})),
        ("untrue_statuses", replace(right(), meetings={"m-0": Shown("excluded", "00U1")})),
        ("cross_org", with_rows(Lead=[LEAD, {**LEAD, "Id": "00Q9", "Email": "c-0.1@bolt.example"}])),
        ("cross_org", with_rows(Account=[{"Id": "1", "Name": "Company 1 of bolt"}])),
        ("cross_org", replace(right(), deliveries=[*right().deliveries, ("msg_99", "absorbed", 0)])),
        ("untrue_statuses", replace(right(), contacts={"c-0": Shown("synced", "00Q7")})),
        ("untrue_statuses", replace(right(), contacts={"c-0": Shown("incomplete")})),
        ("untrue_statuses", replace(right(), meetings={"m-0": Shown("synced", "00U7")})),
        ("stuck", replace(right(), contacts={"c-0": Shown("retrying", "00Q1", "crm_unavailable")})),
        ("stuck", replace(right(), deliveries=[("msg_0", "accepted", 0), *right().deliveries[1:]])),
        ("stuck", replace(right(), left=["leased by a worker"])),
    ],
)
def test_a_planted_violation_is_reported_and_nothing_else(kind: str, seen: Seen) -> None:
    assert {found for found, _ in judged(seen).findings()} == {kind}


def test_a_contact_without_a_record_is_lost_though_its_status_says_synced() -> None:
    found = judged(with_rows(Lead=[], CampaignMember=[], Event=[{**ACTIVITY, "WhoId": None}]))
    assert found.lost == ["acme contact c-0: no record", "acme member c-0 of e-0: is none"]
    assert len(found.untrue_statuses) == 1


def test_whoever_is_missing_in_a_meeting_or_was_only_ever_taken_out_of_an_event_is_found() -> None:
    person = {**ADA, "id": "c-1", "email": "c-1.2@acme.example", "events": []}
    both = {"id": "m-0", "attendees": [{"contact_id": "c-0"}, {"contact_id": "c-1"}], "updated_at": moment(7)}
    out = {"event_id": "e-0", "contacts": [{"id": "c-1"}]}
    answers = [
        *ANSWERS,
        Answer(delivery(5, "contact.created", person, 5), 202),
        Answer(delivery(6, "meeting.updated", both, 7), 202),
        Answer(delivery(7, "event.contacts_removed", out, 8), 202),
    ]
    second = {**LEAD, "Id": "00Q2", "Email": "c-1.2@acme.example", "Title": "Old"}
    held = replace(
        with_rows(Lead=[LEAD, second], EventRelation=[{"EventId": "00U1", "RelationId": "00Q2"}]),
        contacts={"c-0": Shown("synced", "00Q1"), "c-1": Shown("synced", "00Q2")},
        deliveries=[*right().deliveries, *((f"msg_{number}", "absorbed", 0) for number in (5, 6, 7))],
    )
    assert list(judged(held, answers).findings()) == []
    alone = replace(held, rows={**held.rows, "EventRelation": []})
    assert [kind for kind, _ in judged(alone, answers).findings()] == ["lost"]
    member = {"Id": "00v2", "CampaignId": "k-0", "LeadId": "00Q2", "Status": "Registered"}
    joined = replace(held, rows={**held.rows, "CampaignMember": [MEMBER, member]})
    assert [kind for kind, _ in judged(joined, answers).findings()] == ["wrong_versions"]
    unseen = replace(held, contacts={"c-0": Shown("synced", "00Q1")})
    assert "lost" in {kind for kind, _ in judged(unseen, answers).findings()}
    assert judge(answers, {}).lost == ["acme: nobody looked at it"]


def test_counts_that_are_wrong_and_events_that_need_somebody_are_found(engine: Engine) -> None:
    now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    with writing(engine) as db:
        org_id = orgs.add_org(db, "acme", "Acme", now).id
        row = {"org_id": org_id, "source_id": "e-1", "fields": {"versions": [], "fields": {}}, "sync_status": "synced"}
        db.execute(sa.insert(t.event).values(**row, change=1, attempts=0, created_at=now, updated_at=now))
    assert untrue_of(engine, org_id) == []
    with writing(engine) as db:
        db.execute(sa.update(t.event).values(sync_status="needs_attention"))
        miscounted = {"org_id": org_id, "subject": "contact", "status": "synced", "problem_key": "", "records": 3}
        db.execute(sa.insert(record_count).values(**miscounted))
    assert untrue_of(engine, org_id) == [
        "event e-1 is needs_attention",
        "contact synced : counted 3, and there are 0",
    ]


def test_a_delivery_that_was_never_taken_is_stuck() -> None:
    answers = [*ANSWERS, Answer(delivery(9, "contact.updated", {"id": "c-0", "updated_at": moment(9)}, 9), 503)]
    assert [kind for kind, _ in judged(right(), answers).findings()] == ["stuck"]


def test_blank_erases_nothing_and_a_deleted_contact_keeps_its_record() -> None:
    cleared = Answer(delivery(5, "contact.updated", {"id": "c-0", "title": None, "updated_at": moment(6)}, 6), 202)
    kept = replace(right(), deliveries=[*right().deliveries, ("msg_5", "absorbed", 0)])
    assert list(judged(kept, [*ANSWERS, cleared]).findings()) == []
    gone = Answer(delivery(5, "contact.deleted", {"id": "c-0", "updated_at": moment(6)}, 6), 202)
    excluded = replace(kept, contacts={"c-0": Shown("excluded", "00Q1")})
    assert list(judged(excluded, [*ANSWERS, gone]).findings()) == []


def test_stream_and_schedule_come_from_the_seed_alone() -> None:
    def whole(seed: int) -> Any:
        deliveries = stream(seed, 400, CAMPAIGNS)
        return list(all_sends(deliveries, seed)), schedule(seed, 400, ("sqlite_lock_short",))

    assert whole(3) == whole(3)
    assert whole(3) != whole(4)


def test_each_kind_of_mischief_comes_before_any_comes_twice_as_far_as_there_is_room() -> None:
    kinds = {one.kind for one in schedule(1, 5000, ("postgres_refuse",))}
    assert {"kill_web", "stop_worker_long", "redis_flush", "crm_drop_after", "jump_all", "postgres_refuse"} <= kinds
    assert not any(kind.startswith("sqlite") for kind in kinds)
