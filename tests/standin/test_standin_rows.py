"""One record at a time: what is taken, and what is refused with which recorded body."""

from __future__ import annotations

import pytest

from contactsync.standin.ids import make_id


def test_a_create_answers_201_with_id_and_location(wire):
    answer = wire.post("sobjects/Lead/", {"LastName": "Lovelace", "Company": "Engines"})
    body = answer.json()
    assert answer.status_code == 201
    assert body == {"id": body["id"], "success": True, "errors": []}
    assert len(body["id"]) == 18
    assert body["id"].startswith("00Q")
    assert answer.headers["Location"] == f"/services/data/v66.0/sobjects/Lead/{body['id']}"


def test_a_new_record_has_its_defaults_and_audit_fields(wire, standin):
    row = wire.get_row("Lead", wire.lead(FirstName="Ada"))
    assert row["Name"] == "Ada Lovelace"
    assert row["Status"] == "Open - Not Contacted"
    assert row["OwnerId"] == row["CreatedById"] == standin.org.user_id
    assert row["IsConverted"] is False
    assert row["CreatedDate"].endswith(".000+0000")
    assert row["attributes"]["type"] == "Lead"


def test_a_read_may_name_its_fields(wire):
    lead = wire.lead(Email="a@b.example")
    row = wire.get(f"sobjects/Lead/{lead}?fields=Email,Company").json()
    assert {name: row[name] for name in row if name != "attributes"} == {"Email": "a@b.example", "Company": "Engines"}
    assert wire.error(wire.get(f"sobjects/Lead/{lead}?fields=Nope")) == (
        400,
        "INVALID_FIELD",
        "No such column 'Nope' on sobject of type Lead",
    )


def test_an_id_may_be_given_with_15_characters(wire):
    lead = wire.lead()
    assert wire.get(f"sobjects/Lead/{lead[:15]}").json()["Id"] == lead
    contact = wire.contact(AccountId=wire.seed("Account", Name="A")[:15])
    assert len(wire.get_row("Contact", contact)["AccountId"]) == 18


def test_an_update_answers_204_without_a_body_and_changes_only_what_is_given(wire):
    lead = wire.lead(Title="Countess")
    answer = wire.patch(f"sobjects/Lead/{lead}/", {"Company": "Analytical"})
    assert (answer.status_code, answer.content) == (204, b"")
    row = wire.get_row("Lead", lead)
    assert (row["Company"], row["Title"]) == ("Analytical", "Countess")


def test_null_and_the_empty_text_clear_a_field_and_spaces_are_trimmed(wire):
    lead = wire.lead(Title=" Countess ", Phone="1")
    assert wire.get_row("Lead", lead)["Title"] == "Countess"
    wire.patch(f"sobjects/Lead/{lead}", {"Title": None, "Phone": ""})
    row = wire.get_row("Lead", lead)
    assert (row["Title"], row["Phone"]) == (None, None)


def test_field_names_are_taken_in_any_case(wire):
    assert wire.get_row("Lead", wire.lead(eMAIL="a@b.example"))["Email"] == "a@b.example"


def test_a_delete_answers_204_and_then_404_entity_is_deleted(wire):
    lead = wire.lead()
    assert wire.delete(f"sobjects/Lead/{lead}").status_code == 204
    for answer in (
        wire.get(f"sobjects/Lead/{lead}"),
        wire.patch(f"sobjects/Lead/{lead}", {"Title": "x"}),
        wire.delete(f"sobjects/Lead/{lead}"),
    ):
        assert answer.status_code == 404
        assert answer.json() == [{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}]


REFUSED = [
    ({"LastName": None}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]),
    ({"LastName": "  "}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]),
    (
        {"LastName": None, "Company": None},
        "REQUIRED_FIELD_MISSING",
        "Required fields are missing: [LastName, Company]",
        ["LastName", "Company"],
    ),
    (
        {"Email": "Not a real email address"},
        "INVALID_EMAIL_ADDRESS",
        "Email: invalid email address: Not a real email address",
        ["Email"],
    ),
    (
        {"FirstName": "x" * 41},
        "STRING_TOO_LONG",
        f"First Name: data value too large: {'x' * 41} (max length=40)",
        ["FirstName"],
    ),
    ({"Nope__c": "x"}, "INVALID_FIELD", "No such column 'Nope__c' on sobject of type Lead", None),
    (
        {"Name": "Ada", "CreatedDate": "2026-01-01T00:00:00Z"},
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        (
            "Unable to create/update fields: Name, CreatedDate. Please check the security settings of this field and "
            "verify that it is read/write for your profile or permission set."
        ),
        ["Name", "CreatedDate"],
    ),
    ({"OwnerId": "nonsense"}, "MALFORMED_ID", "Owner ID: id value of incorrect type: nonsense", ["OwnerId"]),
    (
        {"OwnerId": make_id("001", 7)},
        "FIELD_INTEGRITY_EXCEPTION",
        f"Owner ID: id value of incorrect type: {make_id('001', 7)}",
        ["OwnerId"],
    ),
    ({"OwnerId": make_id("005", 999)}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []),
    ({"Id": make_id("00Q", 9)}, "INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"]),
]


@pytest.mark.parametrize(("values", "code", "message", "fields"), REFUSED, ids=[case[1] for case in REFUSED])
def test_a_wrong_create_is_refused_with_the_recorded_body_and_nothing_is_kept(wire, values, code, message, fields):
    answer = wire.post("sobjects/Lead", {"LastName": "L", "Company": "C", **values})
    expected = {"message": message, "errorCode": code}
    if fields is not None:
        expected["fields"] = fields
    assert (answer.status_code, answer.json()) == (400, [expected])
    assert wire.rows("SELECT Id FROM Lead") == []


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"Title": 5}, "string from VALUE_NUMBER_INT value 5"),
        ({"Title": True}, "string from VALUE_TRUE"),
        ({"Title": {"a": 1}}, "string from START_OBJECT"),
        ({"Title": ["a"]}, "string from START_ARRAY"),
        ({"DoNotCall": "yes"}, "boolean from VALUE_STRING value yes"),
        ({"NumberOfEmployees": "5"}, "integer from VALUE_STRING"),
        ({"NumberOfEmployees": 5.5}, "integer from VALUE_NUMBER_FLOAT"),
        ({"AnnualRevenue": True}, "double from VALUE_TRUE"),
        ({"OwnerId": 5}, "string from VALUE_NUMBER_INT"),
    ],
)
def test_a_value_of_the_wrong_json_type_stops_the_reading_of_the_body(wire, values, kind):
    status, code, message = wire.error(wire.post("sobjects/Lead", {"LastName": "L", "Company": "C", **values}))
    assert (status, code) == (400, "JSON_PARSER_ERROR")
    assert f"Cannot deserialize instance of {kind}" in message


@pytest.mark.parametrize(
    "value",
    [
        "a@b",
        "a@b.c d",
        "@b.example",
        "a@@b.example",
        ".a@b.example",
        "a.@b.example",
        "a..b@c.example",
        "ä@b.example",
        "a@-b.example",
    ],
)
def test_an_address_that_is_none_is_refused(wire, value):
    answer = wire.post("sobjects/Lead", {"LastName": "L", "Company": "C", "Email": value})
    assert wire.error(answer)[1] == "INVALID_EMAIL_ADDRESS"


@pytest.mark.parametrize("value", ["o'brien@x.example", "a+b@x-y.example", "A.B_c@SUB.x.EXAMPLE", "x@1.example"])
def test_unusual_addresses_are_taken_as_they_are(wire, value):
    assert wire.get_row("Lead", wire.lead(Email=value))["Email"] == value


@pytest.mark.parametrize(
    ("value", "kept"),
    [("2026-05-01", "2026-05-01"), ("2026-02-30", None), ("20260501", None), ("01.05.2026", None)],
)
def test_a_date_is_a_calendar_date(wire, value, kept):
    answer = wire.post("sobjects/Contact", {"LastName": "L", "Birthdate": value})
    if kept is None:
        assert wire.error(answer)[1] == "JSON_PARSER_ERROR"
    else:
        assert wire.get_row("Contact", answer.json()["id"])["Birthdate"] == kept


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("2026-05-01T09:25:37+02:00", "2026-05-01T07:25:37.000+0000"),
        ("2026-05-01T07:25:37Z", "2026-05-01T07:25:37.000+0000"),
        ("2026-05-01T07:25:37.123+0000", "2026-05-01T07:25:37.000+0000"),
        ("2026-05-01T07:25:37", None),
        ("2026-13-01T07:25:37Z", None),
    ],
)
def test_a_date_time_needs_an_offset_and_comes_back_in_utc(wire, value, kept):
    wire.admin("fields", {"object": "Lead", "fields": [{"name": "Met__c", "type": "datetime"}]})
    answer = wire.post("sobjects/Lead", {"LastName": "L", "Company": "C", "Met__c": value})
    if kept is None:
        assert wire.error(answer)[1] == "JSON_PARSER_ERROR"
    else:
        assert wire.get_row("Lead", answer.json()["id"])["Met__c"] == kept


def test_an_unrestricted_picklist_takes_any_text_and_a_restricted_one_only_its_values(wire):
    field = {"name": "Tier__c", "type": "picklist", "picklistValues": ["Gold", "Tin"], "restrictedPicklist": True}
    wire.admin("fields", {"object": "Lead", "fields": [field]})
    assert wire.get_row("Lead", wire.lead(LeadSource="Badge Scan", Tier__c="gold"))["Tier__c"] == "Gold"
    answer = wire.post("sobjects/Lead", {"LastName": "L", "Company": "C", "Tier__c": "Wood"})
    assert answer.json() == [
        {
            "message": "Tier: bad value for restricted picklist field: Wood",
            "errorCode": "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "fields": ["Tier__c"],
        }
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Country": "germany"}, None),
        ({"Country": "Germany", "State": "Hessen"}, None),
        ({"Country": "United States", "State": "texas"}, None),
        ({"City": "Berlin"}, None),
        (
            {"Country": "Deutschland"},
            (
                "There's a problem with this country, even though it may appear correct. "
                "Please select a country/territory from the list of valid countries.: Country"
            ),
        ),
        (
            {"Country": "United States", "State": "Hessen"},
            (
                "There's a problem with this state, even though it may appear correct. "
                "Please select a state from the list of valid states.: State/Province"
            ),
        ),
        (
            {"State": "Texas"},
            "A country/territory must be specified before specifying a state value for field: State/Province",
        ),
    ],
)
def test_an_org_with_country_picklists_refuses_other_countries_and_states(wire, values, message):
    wire.admin("options", {"countries": {"Germany": [], "United States": ["Texas"]}})
    answer = wire.post("sobjects/Lead", {"LastName": "L", "Company": "C", **values})
    if message is None:
        assert answer.status_code == 201
    else:
        assert wire.error(answer) == (400, "FIELD_INTEGRITY_EXCEPTION", message)


def test_an_inactive_user_cannot_own_anything(wire):
    gone = wire.seed("User", LastName="Gone", Email="g@x.example", Username="g@x.example", IsActive=False)
    answer = wire.post("sobjects/Lead", {"LastName": "L", "Company": "C", "OwnerId": gone})
    assert wire.error(answer)[1] == "INACTIVE_OWNER_OR_USER"


def test_a_lead_may_belong_to_a_queue_and_a_contact_may_not(wire):
    queue = wire.seed("Group", Name="Web leads")
    assert wire.get_row("Lead", wire.lead(OwnerId=queue))["OwnerId"] == queue
    answer = wire.post("sobjects/Contact", {"LastName": "L", "OwnerId": queue})
    assert wire.error(answer)[1] == "FIELD_INTEGRITY_EXCEPTION"


def test_a_reference_to_a_deleted_record_says_so(wire):
    account = wire.post("sobjects/Account", {"Name": "A"}).json()["id"]
    wire.delete(f"sobjects/Account/{account}")
    answer = wire.post("sobjects/Contact", {"LastName": "L", "AccountId": account})
    assert wire.error(answer)[1] == "ENTITY_IS_DELETED"


def test_an_owner_cannot_be_taken_away(wire):
    assert wire.patch(f"sobjects/Lead/{wire.lead()}", {"OwnerId": None}).status_code == 400


def test_a_field_that_is_never_empty_cannot_be_cleared_and_a_checkbox_has_two_states(wire):
    lead = wire.lead(DoNotCall=True)
    answer = wire.patch(f"sobjects/Lead/{lead}", {"Status": None})
    assert wire.error(answer) == (400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Status]")
    wire.patch(f"sobjects/Lead/{lead}", {"DoNotCall": None})
    assert wire.get_row("Lead", lead)["DoNotCall"] is False


def test_create_only_and_derived_fields_cannot_be_updated(wire):
    lead = wire.lead()
    for values in ({"IsConverted": True}, {"ConvertedContactId": None}, {"CreatedById": None}):
        answer = wire.patch(f"sobjects/Lead/{lead}", values)
        assert wire.error(answer)[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_the_id_must_not_stand_in_the_body_of_an_update(wire):
    lead = wire.lead()
    assert wire.error(wire.patch(f"sobjects/Lead/{lead}", {"Id": lead})) == (
        400,
        "INVALID_FIELD",
        "The Id field should not be specified in the sobject data.",
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("sobjects/Lead/nonsense", "Provided external ID field does not exist or is not accessible: nonsense"),
        (f"sobjects/Lead/{make_id('00Q', 999)}", "The requested resource does not exist"),
        (f"sobjects/Lead/{make_id('003', 1)}", "The requested resource does not exist"),
        ("sobjects/Nope/00Q", "The requested resource does not exist"),
        ("sobjects/Lead/Company/x", "Provided external ID field does not exist or is not accessible: Company"),
        ("sobjects/Lead/a/b/c", "The requested resource does not exist"),
    ],
)
def test_what_is_not_there_is_404_not_found(wire, path, message):
    assert wire.error(wire.get(path)) == (404, "NOT_FOUND", message)
    if path.count("/") == 2:
        assert wire.error(wire.patch(path, {"Title": "x"})) == (404, "NOT_FOUND", message)


def test_objects_the_api_user_may_not_write_refuse_him(wire, standin):
    answer = wire.post("sobjects/User", {"LastName": "x", "Email": "a@b.example", "Username": "a@b.example"})
    assert wire.error(answer) == (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type cannot be inserted: User")
    assert wire.error(wire.patch(f"sobjects/User/{standin.org.user_id}", {"Title": "x"}))[2].endswith("updated: User")
    assert wire.error(wire.delete(f"sobjects/User/{standin.org.user_id}"))[2].endswith("deleted: User")


# Upsert


def test_an_upsert_creates_then_updates(wire):
    first = wire.patch("sobjects/Lead/Email/x%40y.example", {"LastName": "L", "Company": "C"})
    assert (first.status_code, first.json()["created"]) == (201, True)
    second = wire.patch("sobjects/Lead/Email/X%40Y.example", {"Title": "T"})
    assert second.status_code == 200
    assert second.json() == {"id": first.json()["id"], "success": True, "errors": [], "created": False}
    assert wire.rows("SELECT Email, Title FROM Lead") == [{"Email": "x@y.example", "Title": "T"}]


def test_an_upsert_that_matches_several_answers_300_with_their_urls_and_writes_nothing(wire):
    leads = [wire.lead(Email="x@y.example"), wire.lead(Email="X@y.example")]
    answer = wire.patch("sobjects/Lead/Email/x%40y.example", {"Title": "T"})
    assert answer.status_code == 300
    assert answer.json() == [f"/services/data/v66.0/sobjects/Lead/{lead}" for lead in leads]
    assert wire.rows("SELECT Title FROM Lead") == [{"Title": None}] * 2


def test_an_upsert_that_may_only_update_creates_nothing(wire):
    answer = wire.patch("sobjects/Lead/Email/x%40y.example?updateOnly=true", {"LastName": "L", "Company": "C"})
    assert (answer.status_code, wire.rows("SELECT Id FROM Lead")) == (404, [])


def test_the_key_of_an_upsert_must_not_stand_in_its_body(wire):
    answer = wire.patch("sobjects/Lead/Email/x%40y.example", {"LastName": "L", "Company": "C", "email": "x@y.example"})
    assert wire.error(answer)[1] == "INVALID_FIELD"


def test_a_failed_upsert_says_why(wire):
    answer = wire.patch("sobjects/Lead/Email/nonsense", {"LastName": "L", "Company": "C"})
    assert wire.error(answer)[1] == "INVALID_EMAIL_ADDRESS"
    answer = wire.patch("sobjects/Contact/Email/x%40y.example", {"MasterRecordId": make_id("003", 1)})
    assert wire.error(answer)[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_custom_external_id_works_as_a_key_and_stays_unique(wire):
    field = {"name": "Key__c", "externalId": True, "unique": True, "length": 40}
    wire.admin("fields", {"object": "Account", "fields": [field]})
    first = wire.patch("sobjects/Account/Key__c/k-1", {"Name": "A"}).json()["id"]
    assert wire.get("sobjects/Account/Key__c/K-1").json()["Id"] == first
    answer = wire.post("sobjects/Account", {"Name": "B", "Key__c": "k-1"})
    assert wire.error(answer) == (
        400,
        "DUPLICATE_VALUE",
        f"duplicate value found: Key__c duplicates value on record with id: {first}",
    )
    assert wire.delete("sobjects/Account/Key__c/k-1").status_code == 204


# Foreign keys by value


def test_a_parent_may_be_named_by_its_external_id(wire):
    wire.admin("fields", {"object": "Account", "fields": [{"name": "Key__c", "externalId": True}]})
    account = wire.post("sobjects/Account", {"Name": "A", "Key__c": "k"}).json()["id"]
    contact = wire.contact(Account={"Key__c": "k"})
    assert wire.get_row("Contact", contact)["AccountId"] == account
    answer = wire.post("sobjects/Contact", {"LastName": "L", "Account": {"Key__c": "0116"}})
    message = "Foreign key external ID: 0116 not found for field Key__c in entity Account"
    assert wire.error(answer) == (400, "INVALID_FIELD", message)


def test_a_parent_cannot_be_named_by_a_field_that_is_no_key(wire):
    wire.post("sobjects/Account", {"Name": "A"})
    answer = wire.post("sobjects/Contact", {"LastName": "L", "Account": {"Name": "A"}})
    assert wire.error(answer)[1] == "INVALID_FIELD"


def test_a_polymorphic_owner_needs_its_attributes_first(wire, standin):
    username = standin.org.options.username
    owner = {"attributes": {"type": "User"}, "Email": username}
    assert wire.get_row("Lead", wire.lead(Owner=owner))["OwnerId"] == standin.org.user_id
    answer = wire.post("sobjects/Lead", {"LastName": "L", "Company": "C", "Owner": {"Email": username}})
    assert wire.error(answer) == (
        400,
        "INVALID_FIELD",
        "Nested object for polymorphic foreign key must have an attributes field before any other fields.",
    )


# Assignment rules


@pytest.mark.parametrize(
    ("headers", "kept"),
    [({}, False), ({"Sforce-Auto-Assign": "TRUE"}, False), ({"Sforce-Auto-Assign": "FALSE"}, True)],
)
def test_an_assignment_rule_takes_the_owner_unless_the_header_keeps_it_off(wire, standin, headers, kept):
    queue = wire.seed("Group", Name="Web leads")
    wire.admin("options", {"assignment_owner_id": queue})
    mine = standin.org.user_id
    answer = wire.post("sobjects/Lead", {"LastName": "L", "Company": "C", "OwnerId": mine}, headers=headers)
    lead = answer.json()["id"]
    assert wire.get_row("Lead", lead)["OwnerId"] == (mine if kept else queue)
    wire.patch(f"sobjects/Lead/{lead}", {"OwnerId": mine}, headers=headers)
    assert wire.get_row("Lead", lead)["OwnerId"] == (mine if kept else queue)


def test_an_assignment_rule_for_leads_leaves_contacts_alone(wire, standin):
    wire.admin("options", {"assignment_owner_id": wire.seed("Group", Name="Web leads")})
    assert wire.get_row("Contact", wire.contact())["OwnerId"] == standin.org.user_id


# Describes


def test_a_describe_tells_what_a_mapping_must_know(wire):
    described = wire.get("sobjects/Lead/describe/").json()
    fields = {field["name"]: field for field in described["fields"]}
    assert described["keyPrefix"] == "00Q"
    assert fields["LastName"]["nillable"] is False
    assert fields["LastName"]["length"] == 80
    assert fields["Email"]["idLookup"] is True
    assert fields["Description"]["filterable"] is False
    assert fields["OwnerId"]["referenceTo"] == ["Group", "User"]
    assert fields["OwnerId"]["relationshipName"] == "Owner"
    assert fields["Status"]["defaultedOnCreate"] is True
    assert fields["Status"]["picklistValues"][0]["value"] == "Open - Not Contacted"
    assert fields["Status"]["restrictedPicklist"] is False
    assert (fields["IsConverted"]["createable"], fields["IsConverted"]["updateable"]) == (True, False)
    assert fields["ConvertedContactId"]["updateable"] is False


def test_account_names_are_no_key(wire):
    fields = {field["name"]: field for field in wire.get("sobjects/Account/describe").json()["fields"]}
    assert fields["Name"]["idLookup"] is False


def test_the_global_describe_lists_the_objects_and_the_basics_describe_one(wire):
    names = [entry["name"] for entry in wire.get("sobjects/").json()["sobjects"]]
    assert {"Lead", "Contact", "Account", "User", "Campaign", "CampaignMember", "CampaignMemberStatus"} <= set(names)
    assert wire.get("sobjects/Lead").json()["objectDescribe"]["name"] == "Lead"


def test_a_field_made_required_overnight_is_required_in_creates_and_updates(wire):
    lead = wire.lead()
    wire.admin("fields", {"object": "Lead", "fields": [{"name": "Score__c", "type": "double", "required": True}]})
    answer = wire.post("sobjects/Lead", {"LastName": "L", "Company": "C"})
    assert wire.error(answer) == (400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Score__c]")
    assert wire.error(wire.patch(f"sobjects/Lead/{lead}", {"Title": "x"}))[1] == "REQUIRED_FIELD_MISSING"
    assert wire.lead(Score__c=1.5)


def test_a_field_made_read_only_or_invisible_refuses(wire):
    wire.admin("fields", {"object": "Lead", "fields": [{"name": "Title", "createable": False}], "remove": ["Fax"]})
    answer = wire.post("sobjects/Lead", {"LastName": "L", "Company": "C", "Title": "x"})
    assert wire.error(answer)[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert wire.error(wire.post("sobjects/Lead", {"LastName": "L", "Fax": "x"}))[1] == "INVALID_FIELD"
    assert wire.query("SELECT Fax FROM Lead").status_code == 400


def test_a_hidden_object_does_not_exist(wire):
    wire.admin("options", {"hidden_objects": ["CampaignMember"]})
    assert wire.get("sobjects/CampaignMember/describe").status_code == 404
    assert wire.error(wire.query("SELECT Id FROM CampaignMember"))[1] == "INVALID_TYPE"
    names = [entry["name"] for entry in wire.get("sobjects").json()["sobjects"]]
    assert "CampaignMember" not in names
