"""Events and who takes part in them: what Salesforce derives, and what it refuses."""

from __future__ import annotations

import pytest

START, END = "2026-11-24T09:00:00Z", "2026-11-24T09:30:00Z"
MEETING = {"Subject": "Coffee", "StartDateTime": START, "EndDateTime": END}
V = "/services/data/v66.0"


def made(wire, **values):
    answer = wire.post("sobjects/Event", {**MEETING, **values})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def refused(wire, **values):
    body = {name: value for name, value in {**MEETING, **values}.items() if value is not None}
    return wire.error(wire.post("sobjects/Event", body))[1]


def test_an_event_is_made_read_changed_and_found(wire):
    event = made(wire, Location="Hall 3", Description="contactsync meeting m-1")
    assert event.startswith("00U")
    row = wire.get_row("Event", event)
    assert (row["StartDateTime"], row["EndDateTime"]) == (
        "2026-11-24T09:00:00.000+0000",
        "2026-11-24T09:30:00.000+0000",
    )
    assert (row["DurationInMinutes"], row["ActivityDate"], row["ShowAs"]) == (30, "2026-11-24", "Busy")
    assert wire.patch(f"sobjects/Event/{event}", {"Subject": "Cancelled: Coffee"}).status_code == 204
    where = f"StartDateTime IN ({START}) AND Subject = 'cancelled: coffee' AND Id IN ('{event}')"
    soql = f"SELECT Id, Subject, Owner.Email FROM Event WHERE {where}"
    assert [row["Subject"] for row in wire.rows(soql)] == ["Cancelled: Coffee"]


def test_an_event_and_its_attendees_can_be_made_in_one_composite(wire):
    lead = wire.lead()
    event = {"method": "POST", "url": f"{V}/sobjects/Event", "referenceId": "event", "body": MEETING}
    body = {"EventId": "@{event.id}", "RelationId": lead, "Status": "Accepted"}
    relation = {"method": "POST", "url": f"{V}/sobjects/EventRelation", "referenceId": "who", "body": body}
    answers = wire.post("composite", {"compositeRequest": [event, relation]}).json()["compositeResponse"]
    assert [answer["httpStatusCode"] for answer in answers] == [201, 201]
    (row,) = wire.rows("SELECT EventId, RelationId, Status FROM EventRelation")
    assert row == {"EventId": answers[0]["body"]["id"], "RelationId": lead, "Status": "Accepted"}


def test_attendees_can_be_made_and_changed_in_collections(wire):
    event, people = made(wire), [wire.lead(), wire.contact()]
    rows = [{"attributes": {"type": "EventRelation"}, "EventId": event, "RelationId": person} for person in people]
    results = wire.post("composite/sobjects", {"records": rows}).json()
    assert [result["success"] for result in results] == [True, True]
    change = [{"attributes": {"type": "EventRelation"}, "id": results[0]["id"], "Status": "Declined"}]
    assert wire.patch("composite/sobjects", {"records": change}).json()[0]["success"]
    found = wire.rows(f"SELECT Status FROM EventRelation WHERE EventId = '{event}' ORDER BY Id")
    assert found == [{"Status": "Declined"}, {"Status": "New"}]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"StartDateTime": None}, "REQUIRED_FIELD_MISSING"),
        ({"StartDateTime": None, "ActivityDate": "2026-11-24"}, "REQUIRED_FIELD_MISSING"),
        ({"EndDateTime": None}, "REQUIRED_FIELD_MISSING"),
        ({"EndDateTime": "2026-11-24T08:59:00Z"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"EndDateTime": None, "DurationInMinutes": -1}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"EndDateTime": "2026-12-08T09:01:00Z"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"DurationInMinutes": 31}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"ActivityDateTime": "2026-11-24T10:00:00Z"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"IsAllDayEvent": True}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"ShowAs": "Away"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"Subject": "x" * 256}, "STRING_TOO_LONG"),
        ({"IsGroupEvent": True}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ],
)
def test_an_event_whose_times_or_values_do_not_fit_is_refused(wire, values, code):
    assert refused(wire, **values) == code
    assert wire.rows("SELECT Id FROM Event") == []


@pytest.mark.parametrize(
    "values", [{"EndDateTime": "2026-12-08T09:00:00Z"}, {"DurationInMinutes": 30}, {"EndDateTime": START}]
)
def test_an_event_may_last_fourteen_days_or_no_time_and_say_its_length_twice(wire, values):
    assert made(wire, **values)


def test_a_new_start_alone_keeps_the_length_and_both_given_are_kept_as_given(wire):
    event = made(wire)
    wire.patch(f"sobjects/Event/{event}", {"StartDateTime": "2026-11-25T23:45:00+01:00"})
    row = wire.get_row("Event", event)
    assert (row["StartDateTime"], row["EndDateTime"]) == (
        "2026-11-25T22:45:00.000+0000",
        "2026-11-25T23:15:00.000+0000",
    )
    wire.patch(
        f"sobjects/Event/{event}", {"StartDateTime": "2026-11-25T23:00:00Z", "EndDateTime": "2026-11-25T23:15:00Z"}
    )
    assert wire.get_row("Event", event)["DurationInMinutes"] == 15
    answer = wire.patch(f"sobjects/Event/{event}", {"EndDateTime": START})
    assert wire.error(answer)[1] == "FIELD_INTEGRITY_EXCEPTION"


def test_an_all_day_event_stands_at_midnight_utc_and_ends_where_its_last_day_begins(wire):
    day = {"Subject": "Fair", "IsAllDayEvent": True}
    one = wire.post("sobjects/Event", {**day, "ActivityDate": "2026-11-24"}).json()["id"]
    two = wire.post(
        "sobjects/Event", {**day, "StartDateTime": "2026-11-24T00:00:00Z", "EndDateTime": "2026-11-25T00:00:00Z"}
    ).json()["id"]
    rows = [wire.get_row("Event", event) for event in (one, two)]
    assert [row["DurationInMinutes"] for row in rows] == [1440, 2880]
    assert [row["EndDateTime"] for row in rows] == ["2026-11-24T00:00:00.000+0000", "2026-11-25T00:00:00.000+0000"]
    assert [row["EndDate"] for row in rows] == ["2026-11-24", "2026-11-25"]


def test_a_lead_as_who_stands_alone(wire):
    lead, contact, campaign = wire.lead(), wire.contact(), wire.seed("Campaign", Name="Fair")
    assert refused(wire, WhoId=lead, WhatId=campaign) == "FIELD_INTEGRITY_EXCEPTION"
    event = made(wire, WhoId=contact, WhatId=campaign)
    assert wire.error(wire.patch(f"sobjects/Event/{event}", {"WhoId": lead}))[1] == "FIELD_INTEGRITY_EXCEPTION"
    assert wire.patch(f"sobjects/Event/{event}", {"WhoId": lead, "WhatId": None}).status_code == 204


def test_a_converted_lead_is_neither_who_nor_invited(wire):
    lead = wire.lead()
    wire.admin("convert", {"lead_id": lead})
    assert refused(wire, WhoId=lead) == "CANNOT_UPDATE_CONVERTED_LEAD"
    answer = wire.post("sobjects/EventRelation", {"EventId": made(wire), "RelationId": lead})
    assert wire.error(answer)[1] == "CANNOT_UPDATE_CONVERTED_LEAD"


def test_who_what_and_owner_take_only_ids_of_their_own_objects(wire):
    account = wire.seed("Account", Name="A")
    assert refused(wire, WhoId=account) == "FIELD_INTEGRITY_EXCEPTION"
    assert refused(wire, WhatId=wire.contact()) == "FIELD_INTEGRITY_EXCEPTION"
    assert refused(wire, OwnerId=account) == "FIELD_INTEGRITY_EXCEPTION"
    contact = wire.contact(AccountId=account)
    assert wire.get_row("Event", made(wire, WhoId=contact))["AccountId"] == account


def test_an_event_follows_its_lead_into_the_contact_and_outlives_a_deleted_one(wire):
    lead = wire.lead()
    event = made(wire, WhoId=lead)
    wire.post("sobjects/EventRelation", {"EventId": made(wire), "RelationId": lead})
    contact = wire.admin("convert", {"lead_id": lead})["contact_id"]
    assert wire.get_row("Event", event)["WhoId"] == contact
    assert wire.rows("SELECT RelationId FROM EventRelation") == [{"RelationId": contact}]
    wire.delete(f"sobjects/Contact/{contact}")
    assert wire.get_row("Event", event)["WhoId"] is None
    assert wire.rows("SELECT Id FROM EventRelation") == []


def test_an_event_knows_whether_it_has_invitees(wire):
    event = made(wire)
    relation = wire.post("sobjects/EventRelation", {"EventId": event, "RelationId": wire.lead()}).json()["id"]
    row = wire.get_row("Event", event)
    assert (row["IsGroupEvent"], row["GroupEventType"]) == (True, "1")
    wire.delete(f"sobjects/EventRelation/{relation}")
    assert wire.get_row("Event", event)["IsGroupEvent"] is False


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"EventId": None}, "REQUIRED_FIELD_MISSING"),
        ({"RelationId": None}, "REQUIRED_FIELD_MISSING"),
        ({"RelationId": "001Ws00000000001AA"}, "MALFORMED_ID"),
        ({"Status": "Maybe"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
    ],
)
def test_a_wrong_attendee_is_refused(wire, change, code):
    body = {"EventId": made(wire), "RelationId": wire.lead(), **change}
    answer = wire.post("sobjects/EventRelation", {name: value for name, value in body.items() if value})
    assert wire.error(answer)[1] == code


def test_the_same_attendee_twice_is_refused_and_the_event_of_one_cannot_be_changed(wire):
    body = {"EventId": made(wire), "RelationId": wire.lead()}
    relation = wire.post("sobjects/EventRelation", body).json()["id"]
    assert wire.error(wire.post("sobjects/EventRelation", body))[1] == "DUPLICATE_VALUE"
    answer = wire.patch(f"sobjects/EventRelation/{relation}", {"EventId": made(wire)})
    assert wire.error(answer)[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert wire.patch(f"sobjects/EventRelation/{relation}", {"Status": "Accepted"}).status_code == 204


def test_an_org_may_let_nobody_make_attendees_or_member_statuses(wire):
    wire.admin("options", {"attendees": False, "member_statuses_createable": False})
    for name in ("EventRelation", "CampaignMemberStatus"):
        assert wire.get(f"sobjects/{name}/describe").json()["createable"] is False
    answer = wire.post("sobjects/EventRelation", {"EventId": made(wire), "RelationId": wire.lead()})
    assert wire.error(answer)[1] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    campaign = wire.seed("Campaign", Name="C")
    answer = wire.post("sobjects/CampaignMemberStatus", {"CampaignId": campaign, "Label": "Attended"})
    assert wire.error(answer)[1] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"


def test_an_org_may_hide_attendees_altogether(wire):
    wire.admin("options", {"hidden_objects": ["EventRelation"]})
    assert wire.get("sobjects/EventRelation/describe").status_code == 404
    assert wire.error(wire.query("SELECT Id FROM EventRelation"))[1] == "INVALID_TYPE"


def test_members_are_deleted_alone_in_a_collection_and_in_a_composite(wire):
    campaign = wire.seed("Campaign", Name="C")
    members = [
        wire.post("sobjects/CampaignMember", {"CampaignId": campaign, "LeadId": wire.lead()}).json()["id"]
        for _ in range(4)
    ]
    assert wire.delete(f"sobjects/CampaignMember/{members[0]}").status_code == 204
    assert wire.error(wire.delete(f"sobjects/CampaignMember/{members[0]}"))[:2] == (404, "ENTITY_IS_DELETED")
    ids = f"{members[0]},{members[1]},00vWs0000009999IAA"
    rows = wire.delete(f"composite/sobjects?ids={ids}&allOrNone=false").json()
    assert [row["success"] for row in rows] == [False, True, False]
    codes = [row["errors"][0]["statusCode"] for row in rows if not row["success"]]
    assert codes == ["ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"]
    subs = [
        {"method": "DELETE", "url": f"{V}/composite/sobjects?ids={members[2]}&allOrNone=false", "referenceId": "many"},
        {"method": "DELETE", "url": f"{V}/sobjects/CampaignMember/{members[3]}", "referenceId": "one"},
    ]
    answers = wire.post("composite", {"compositeRequest": subs}).json()["compositeResponse"]
    assert [answer["httpStatusCode"] for answer in answers] == [200, 204]
    assert wire.rows("SELECT Id FROM CampaignMember") == []


def test_a_campaign_needs_a_name(wire):
    assert wire.error(wire.post("sobjects/Campaign", {}))[1] == "REQUIRED_FIELD_MISSING"
    campaign = wire.post("sobjects/Campaign", {"Name": "Fair", "StartDate": "2026-11-24"}).json()["id"]
    assert wire.error(wire.patch(f"sobjects/Campaign/{campaign}", {"Name": ""}))[1] == "REQUIRED_FIELD_MISSING"
    assert wire.error(wire.post("sobjects/Campaign", {"Name": "x" * 81}))[1] == "STRING_TOO_LONG"


def invite(wire, event, person, **values):
    answer = wire.post("sobjects/EventRelation", {"EventId": event, "RelationId": person, **values})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def test_an_invited_user_has_a_copy_of_the_event_that_follows_it(wire):
    user = wire.seed("User", LastName="Rep", Email="rep@x.example", Username="rep@x.example")
    event = made(wire)
    relation = invite(wire, event, user)
    copies = "SELECT Id, Subject, StartDateTime FROM Event WHERE IsChild = true"
    (copy,) = wire.rows(copies)
    assert (copy["Subject"], copy["StartDateTime"]) == ("Coffee", "2026-11-24T09:00:00.000+0000")
    wire.patch(f"sobjects/Event/{event}", {"Subject": "Tea"})
    assert [row["Subject"] for row in wire.rows(copies)] == ["Tea"]
    answer = wire.patch(f"sobjects/Event/{copy['Id']}", {"Subject": "Cake"})
    assert wire.error(answer)[1] == "FIELD_INTEGRITY_EXCEPTION"
    answer = wire.post("sobjects/EventRelation", {"EventId": copy["Id"], "RelationId": wire.lead()})
    assert wire.error(answer)[1] == "FIELD_INTEGRITY_EXCEPTION"
    wire.delete(f"sobjects/EventRelation/{relation}")
    assert wire.rows(copies) == []
    invite(wire, event, user)
    wire.delete(f"sobjects/Event/{event}")
    assert wire.rows("SELECT Id FROM Event") == []
    assert wire.rows("SELECT Id FROM EventRelation") == []


def test_without_shared_activities_relations_have_no_flags(wire):
    assert wire.error(wire.query("SELECT IsInvitee FROM EventRelation"))[1] == "INVALID_FIELD"


def test_with_shared_activities_who_and_what_are_relations_too(wire):
    wire.admin("options", {"shared_activities": True})
    first, second, campaign = wire.contact(), wire.contact(), wire.seed("Campaign", Name="Fair")
    event = made(wire, WhoId=first, WhatId=campaign)
    invite(wire, event, second)
    soql = "SELECT RelationId, IsParent, IsWhat, IsInvitee FROM EventRelation ORDER BY Id"
    shown = [tuple(row.values()) for row in wire.rows(soql)]
    assert shown == [(first, True, False, False), (campaign, True, True, False), (second, False, False, True)]
    answer = wire.post("sobjects/EventRelation", {"EventId": event, "RelationId": first})
    assert wire.error(answer)[1] == "DUPLICATE_VALUE"
    wire.patch(f"sobjects/Event/{event}", {"WhoId": second, "WhatId": None})
    assert [tuple(row.values()) for row in wire.rows(soql)] == [(second, True, False, True)]
    wire.patch(f"sobjects/Event/{event}", {"WhoId": first})
    assert [tuple(row.values()) for row in wire.rows(soql)] == [
        (second, False, False, True),
        (first, True, False, False),
    ]


def test_the_look_page_shows_events_and_what_an_administrator_set(wire):
    made(wire, Subject="Tea & cake")
    wire.admin("duplicate_rules", {"object": "Lead", "fields": ["Email"]})
    page = wire.call("GET", "/_standin/").text
    assert "Event (1)" in page
    assert "Tea &amp; cake" in page
    assert "Duplicate rules: 1." in page


def test_an_org_without_multiday_events_takes_one_day_at_most(wire):
    wire.admin("options", {"multiday_events": False})
    assert made(wire, EndDateTime="2026-11-25T09:00:00Z")
    answer = wire.post("sobjects/Event", {**MEETING, "EndDateTime": "2026-11-25T09:01:00Z"})
    assert answer.json() == [
        {
            "message": "Duration must be between 0 and 1440 minutes: Duration",
            "errorCode": "FIELD_INTEGRITY_EXCEPTION",
            "fields": ["DurationInMinutes"],
        }
    ]


def test_an_archived_event_is_found_by_its_id_and_by_query_all_alone(wire):
    event = made(wire, StartDateTime="2019-01-01T09:00:00Z", EndDateTime="2019-01-01T10:00:00Z")
    young = made(wire, StartDateTime="2999-01-01T09:00:00Z", EndDateTime="2999-01-01T10:00:00Z")
    assert wire.admin("archive", {}) == {"archived": 1}
    soql = "SELECT Id FROM Event ORDER BY Id"
    assert wire.rows(soql) == [{"Id": young}]
    rows = wire.get("queryAll", params={"q": soql}).json()["records"]
    assert [row["Id"] for row in rows] == [event, young]
    assert wire.patch(f"sobjects/Event/{event}", {"Subject": "Old"}).status_code == 204
    assert wire.get_row("Event", event)["IsArchived"] is True


def test_an_event_loses_the_who_whose_relation_goes(wire):
    wire.admin("options", {"shared_activities": True})
    event = made(wire, WhoId=wire.contact(), WhatId=wire.seed("Account", Name="A"))
    (who, _) = wire.rows("SELECT Id FROM EventRelation ORDER BY Id")
    assert wire.delete(f"sobjects/EventRelation/{who['Id']}").status_code == 204
    row = wire.get_row("Event", event)
    assert (row["WhoId"], row["WhatId"] is None) == (None, False)
