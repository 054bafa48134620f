"""What payloads mean: absent, empty, null, forms of values, and the path of everything that is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from contactsync.domain.errors import RefusedInput
from contactsync.intake.decode import Payload, decode, known_type
from contactsync.intake.schemas import CONTACT, DOORS, EVENT, MEETING, ROSTER
from contactsync.intake.shape import MOST_UNKNOWN, Shape, UnknownKeys
from tests.intake.conftest import ADA, written


def read(data: object, type_: str = "contact.updated") -> Payload:
    return decode("contacts" if type_.startswith("contact.") else "events", written(data, type_))


def contact(**fields: object) -> dict[str, Any]:
    (item,) = read({"id": "c-1", **fields}).items
    assert item.pop("id") == "c-1"  # type: ignore[attr-defined]
    return dict(item)


def event(**fields: object) -> dict[str, Any]:
    (item,) = read({"id": "ev-1", **fields}, "event.updated").items
    return {name: value for name, value in item.items() if name != "id"}


def wrong(data: object, type_: str = "contact.updated") -> dict[str, str]:
    with pytest.raises(RefusedInput) as refused:
        read(data, type_)
    return {path: str(message) for path, message in refused.value.fields.items()}


def wrong_contact(**fields: object) -> dict[str, str]:
    return wrong({"id": "c-1", **fields})


# ── the envelope ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_object_is_one_item_and_a_list_is_many_in_order():
    assert [item["id"] for item in read(ADA).items] == ["c-1"]
    assert [item["id"] for item in read([{"id": number} for number in range(500)]).items] == [
        str(n) for n in range(500)
    ]


def test_the_envelopes_timestamp_is_normalised_to_utc():
    body = b'{"type": "contact.created", "timestamp": "2026-11-24T04:53:11.5+01:00", "data": {"id": 1}}'
    assert decode("contacts", body) == Payload("contact.created", "2026-11-24T03:53:11.500000Z", ({"id": "1"},), {})


@pytest.mark.parametrize(
    ("envelope", "paths"),
    [
        ([], {"body"}),
        ("text", {"body"}),
        ({}, {"type", "timestamp", "data"}),
        ({"type": "contact.created", "timestamp": "2026-11-24T09:00:00", "data": {"id": ""}}, {"timestamp", "data.id"}),
        ({"type": "contact.created", "timestamp": None, "data": None}, {"timestamp", "data"}),
        ({"type": 7, "timestamp": 1764000000, "data": "x"}, {"type", "timestamp", "data"}),
        ({"type": "contact.created", "timestamp": "2026-11-24T09:00:00Z", "data": []}, {"data"}),
        ({"type": "contact.created", "timestamp": "2026-11-24T09:00:00Z", "data": [{"id": 1}] * 501}, {"data"}),
    ],
)
def test_every_fault_of_the_envelope_is_named(envelope, paths):
    with pytest.raises(RefusedInput) as refused:
        decode("contacts", json.dumps(envelope).encode())
    assert set(refused.value.fields) == paths


def test_a_type_of_another_door_says_which_door_it_is_for():
    with pytest.raises(RefusedInput) as refused:
        decode("contacts", written({"id": 1}, "event.created"))
    assert refused.value.fields == {"type": "Wrong door: send this type to /webhooks/<org>/events."}
    with pytest.raises(RefusedInput) as refused:
        decode("events", written({"id": 1}, "contact.deleted"))
    assert refused.value.fields == {"type": "Wrong door: send this type to /webhooks/<org>/contacts."}


def test_an_unknown_type_is_not_repeated_but_the_known_ones_are_named():
    with pytest.raises(RefusedInput) as refused:
        decode("contacts", written({"id": 1}, "ada@example.com"))
    assert "ada@example.com" not in str(refused.value.fields)
    assert str(refused.value.fields["type"]).startswith("Unknown type. This door takes")
    assert "contact.created, contact.updated, contact.deleted" in str(refused.value.fields["type"])


def test_the_type_of_a_refused_body_is_told_only_when_the_door_knows_it():
    assert known_type("contacts", written({"id": ""}, "contact.created")) == "contact.created"
    assert known_type("contacts", written({"id": ""}, "event.created")) is None
    assert known_type("contacts", b'{"type": ["contact.created"]}') is None
    assert known_type("contacts", b"[") is None
    assert known_type("contacts", b"[]") is None


# ── absent, empty, null ────────────────────────────────────────────────────────────────────────────────────────────


def test_left_out_and_empty_and_blank_are_absent_and_null_is_none():
    assert contact(first_name="", last_name="  \t", title=None, phone=" 1 ", email="", sync_as="") == {
        "title": None,
        "phone": "1",
    }


def test_empty_parts_of_parts_are_absent_too():
    assert contact(
        social={"linkedin": "", "twitter": None}, address={"city": " "}, custom={"a": "", "b": None, "c": " x "}
    ) == {"social": {"twitter": None}, "address": {}, "custom": {"b": None, "c": "x"}}


def test_null_clears_groups_and_attendances_as_a_whole():
    assert contact(social=None, address=None, custom=None, company=None, events=None) == dict.fromkeys(
        ["social", "address", "custom", "company", "events"]
    )


def test_null_counts_as_absent_where_clearing_means_nothing():
    assert contact(updated_at=None, events=[{"id": "ev-1", "status": None}]) == {"events": [{"id": "ev-1"}]}
    assert read({"event_id": 1, "contacts": [{"id": None, "email": "a@b.example"}]}, "event.contacts_added").items == (
        {"event_id": "1", "contacts": [{"email": "a@b.example"}]},
    )


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_required_field_may_be_neither_missing_nor_empty_nor_null(blank):
    assert wrong({"id": blank}) == {"data.id": "Required, and missing or empty."}
    assert wrong([ADA, {}]) == {"data.1.id": "Required, and missing or empty."}
    assert wrong_contact(events=[{"id": blank}]) == {"data.events.0.id": "Required, and missing or empty."}


# ── kinds of value ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("sent", "kept"), [(7, "7"), ("7", "7"), (" a b ", "a b"), (-1, "-1"), (2**64, str(2**64))])
def test_ids_are_text_or_whole_numbers(sent, kept):
    assert read({"id": sent}).items[0]["id"] == kept


@pytest.mark.parametrize("sent", [True, 1.0, [], {}, 10**20, "x" * 256])
def test_anything_else_is_no_id(sent):
    assert set(wrong({"id": sent})) == {"data.id"}


@pytest.mark.parametrize("sent", [1, 1.5, True, [], {}, ["x"]])
def test_text_must_be_text(sent):
    assert wrong_contact(title=sent, note=sent) == dict.fromkeys(
        ["data.title", "data.note"], "Must be text, in quotes."
    )


def test_lengths_are_capped_and_the_messages_say_at_what():
    assert contact(title="x" * 1_000, note="x" * 32_000) == {"title": "x" * 1_000, "note": "x" * 32_000}
    assert wrong_contact(title="x" * 1_001, note="x" * 32_001) == {
        "data.title": "Too long: at most 1,000 characters.",
        "data.note": "Too long: at most 32,000 characters.",
    }


@pytest.mark.parametrize("email", ["Ada.Lovelace+x@Example.co.uk", "o'hara@a.b", "用户@例子.公司", "x@sub.d-omain.io"])
def test_email_addresses_stay_as_they_were_typed(email):
    assert contact(email=f" {email} ", owner_email=email) == {"email": email, "owner_email": email}


@pytest.mark.parametrize(
    "email",
    ["ada", "ada@", "@example.com", "a@b@c.de", "a b@c.de", "a@example", "a@.de", "a@b..de", "a@b.de.", "Ada <a@b.de>",
     "a@b.de,c@d.ef", "a@b.de;", "a\x7f@b.de", "a" * 250 + "@b.de"],
)  # fmt: skip
def test_what_is_no_email_address_is_named_and_not_repeated(email):
    errors = wrong_contact(email=email)
    assert set(errors) == {"data.email"}
    assert email not in errors["data.email"]


@pytest.mark.parametrize("email", ["\u212aate@example.com", "\u212bsa@example.com", "ada@\u2126.example"])
def test_a_sign_whose_lower_case_is_a_letter_is_in_no_email_address(email):
    """Its holder would be taken for kate@example.com, and get her record."""
    assert wrong({"id": 1, "email": email}) == {
        "data.email": "Holds a sign that only looks like a letter (Kelvin, Ångström, Ohm): write the letter."
    }


def test_only_those_signs_fall_together_with_letters():
    fallen = [chr(code) for code in range(0x80, 0x110000) if chr(code).lower().isascii()]
    assert fallen == ["\u212a"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-11-24T03:53:11Z", "2026-11-24T03:53:11.000000Z"),
        ("2026-11-24t03:53:11z", "2026-11-24T03:53:11.000000Z"),
        ("2026-11-24 04:53:11+01:00", "2026-11-24T03:53:11.000000Z"),
        ("2026-11-23T22:23:11.25-05:30", "2026-11-24T03:53:11.250000Z"),
        ("2026-11-24T03:53:11.123456789Z", "2026-11-24T03:53:11.123456Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_times_become_utc_text_of_one_width(sent, kept):
    assert contact(updated_at=sent) == {"updated_at": kept}
    assert event(starts_at=sent, ends_at=sent) == {"starts_at": kept, "ends_at": kept}


def test_a_time_without_offset_is_refused_and_says_so():
    assert "no offset" in wrong_contact(updated_at="2026-11-24T03:53:11")["data.updated_at"]


@pytest.mark.parametrize(
    "sent",
    ["2026-11-24", "20261124T035311Z", "2026-W48-2T00:00:00Z", "2026-11-24T03:53Z", "2026-11-24T03:53:11+0100",
     "24.11.2026", "2026-02-30T00:00:00Z", "2026-11-24T24:61:00Z", "2026-11-24T03:53:60Z", "2026-11-24T03:53:11+25:00",
     "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "٢٠٢٦-11-24T03:53:11Z", "now",
     "2026-11-24T03:53:11Z\u0663", 1764000000],
)  # fmt: skip
def test_what_is_no_time_is_refused(sent):
    assert set(wrong_contact(updated_at=sent)) == {"data.updated_at"}


@pytest.mark.parametrize(("sent", "kept"), [("lead", "lead"), ("Contact", "contact"), (None, None)])
def test_sync_as_is_lead_or_contact_in_any_case(sent, kept):
    assert contact(sync_as=sent) == {"sync_as": kept}


def test_any_other_sync_as_is_refused():
    assert wrong_contact(sync_as="account") == {"data.sync_as": "Must be lead or contact."}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Registered", "registered"),
        ("No-Show", "no_show"),
        ("no  show", "no_show"),
        ("canceled", "cancelled"),
        ("VIP2", "vip2"),
    ],
)
def test_a_status_is_one_lower_case_word(sent, kept):
    assert contact(events=[{"id": 1, "status": sent}]) == {"events": [{"id": "1", "status": kept}]}


@pytest.mark.parametrize("sent", ["!", "a/b", "x" * 64, 1, "a\x01b"])
def test_what_is_no_word_is_no_status(sent):
    assert set(wrong_contact(events=[{"id": 1}, {"id": 2, "status": sent}])) == {"data.events.1.status"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("example.com", "example.com"),
        ("https://www.Example.com/about?x=1#y", "example.com"),
        ("HTTP://user:pw@shop.example.co.uk:8080/", "shop.example.co.uk"),
        ("www.example.com.", "example.com"),
        ("//example.com/x", None),
        ("bücher.example", "bücher.example"),
    ],
)
def test_a_companys_domain_is_the_host_of_whatever_was_sent(sent, kept):
    if kept is None:
        assert set(wrong_contact(company={"id": 1, "domain": sent})) == {"data.company.domain"}
    else:
        assert contact(company={"id": 1, "domain": sent}) == {"company": {"id": "1", "domain": kept}}


@pytest.mark.parametrize("sent", ["example", "a b.com", "ada@", "https://", "x" * 254 + ".de", ".", "1"])
def test_what_is_no_host_is_no_domain(sent):
    assert set(wrong_contact(company={"id": 1, "domain": sent})) == {"data.company.domain"}


@pytest.mark.parametrize("sent", ["javascript:alert(1)", "data:text/html,x", "example.com", "https:// x", "ftp://x.de"])
def test_an_events_web_page_is_one_that_a_browser_may_open(sent):
    assert event(url="HTTPS://events.example.com/9") == {"url": "HTTPS://events.example.com/9"}
    assert set(wrong({"id": 1, "url": sent}, "event.created")) == {"data.url"}


# ── companies, custom fields, attendances ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Analytical Engines ", "Analytical Engines"),
        ({"name": "Engines", "id": ""}, {"name": "Engines"}),
        ({"id": 7, "name": None, "account_id": "001xx"}, {"id": "7", "name": None, "account_id": "001xx"}),
        ({"name": None, "domain": None}, None),
    ],
)
def test_a_company_is_a_name_or_an_object(sent, kept):
    assert contact(company=sent) == {"company": kept}


@pytest.mark.parametrize("sent", ["", " ", {}, {"name": "", "id": "", "domain": " "}, {"id": None}])
def test_a_company_of_which_nothing_is_said_is_absent(sent):
    assert contact(company=sent) == {}


@pytest.mark.parametrize(
    "sent", [{"domain": "a.example"}, {"account_id": "001"}, {"name": None, "domain": "a.example"}]
)
def test_a_company_needs_its_id_or_its_name(sent):
    assert wrong_contact(company=sent) == {"data.company": "Has neither id nor name: send at least one of them."}


@pytest.mark.parametrize("sent", [1, True, [], ["x"]])
def test_a_company_is_nothing_else(sent):
    assert wrong_contact(company=sent) == {"data.company": "Must be an object."}


def test_custom_fields_keep_numbers_and_truth():
    kept = {"a": 1, "b": 2.5, "c": False, "d": 0, "e": "x", "f": None, "g.h": -(2**63) + 1}
    assert contact(custom=kept) == {"custom": kept}
    assert event(custom=kept) == {"custom": kept}


def test_what_a_custom_field_cannot_hold_is_named_by_its_path():
    assert set(
        wrong_contact(
            custom={"ok": 1, "list": [1], "object": {"a": 1}, "big": 2**63, "long": "x" * 32_001, "x" * 101: 1, " ": 1}
        )
    ) == {f"data.custom.{name}" for name in ("list", "object", "big", "long", "x" * 100, " ")}
    assert wrong_contact(custom=[]) == {"data.custom": "Must be an object."}


def test_of_many_wrong_custom_fields_the_first_hundred_are_named():
    assert len(wrong({"id": 1, "custom": {f"f{number}": [] for number in range(1_000)}})) == 100


def test_a_roster_names_contacts_by_id_or_by_email():
    (roster,) = read(
        {"event_id": 9, "contacts": [{"id": 1, "status": "Attended"}, {"email": "c@d.example"}]}, "event.contacts_added"
    ).items
    assert roster == {"event_id": "9", "contacts": [{"id": "1", "status": "attended"}, {"email": "c@d.example"}]}


@pytest.mark.parametrize(
    ("sent", "paths"),
    [
        ({}, {"data.event_id", "data.contacts"}),
        ({"event_id": 1, "contacts": []}, {"data.contacts"}),
        ({"event_id": 1, "contacts": None}, {"data.contacts"}),
        ({"event_id": 1, "contacts": {}}, {"data.contacts"}),
        ({"event_id": 1, "contacts": [{"id": 1}] * 501}, {"data.contacts"}),
        ({"event_id": 1, "contacts": [{"id": 1}, {}, {"status": "x"}, 4]}, {f"data.contacts.{n}" for n in (1, 2, 3)}),
    ],
)
def test_a_roster_that_names_nobody_is_refused(sent, paths):
    assert set(wrong(sent, "event.contacts_removed")) == paths


def test_deleting_looks_at_the_id_only():
    gone = {**ADA, "email": "not an address", "updated_at": "2026-11-24T09:00:00Z", "shoe": 1}
    payload = read(gone, "contact.deleted")
    assert payload.items == ({"id": "c-1", "updated_at": "2026-11-24T09:00:00.000000Z"},)
    assert payload.unknown_keys == {"data.shoe": 1}
    assert read({"id": 1, "starts_at": "?"}, "event.deleted").items == ({"id": "1"},)


# ── many faults, unknown keys ──────────────────────────────────────────────────────────────────────────────────────


def test_one_bad_row_refuses_all_and_every_bad_field_of_every_row_is_named():
    rows = [ADA, {"id": 2, "email": "x", "address": {"city": 1}}, "text", {"sync_as": "y", "events": [{"id": 1}, []]}]
    assert set(wrong(rows)) == {
        "data.1.email",
        "data.1.address.city",
        "data.2",
        "data.3.id",
        "data.3.sync_as",
        "data.3.events.1",
    }


def test_at_most_a_hundred_faults_are_named():
    assert len(wrong([{"id": number, "email": "x"} for number in range(200)])) == 100


def test_faults_come_in_the_order_of_the_payload():
    assert list(wrong([{"id": 1, "email": "x"}, ADA, {"title": 1}])) == ["data.0.email", "data.2.id", "data.2.title"]


def test_no_message_repeats_a_value():
    canary = "canary-4711"
    data = {name: [canary] for name in CONTACT.fields if name != "custom"}
    texts = {
        "email": canary,
        "sync_as": canary,
        "updated_at": canary,
        "company": {"domain": canary},
        "owner_email": canary,
    }
    for errors in (wrong(data), wrong({"id": 1, **texts}), wrong({"id": 1, "custom": {"a": [canary]}})):
        assert errors
        assert canary not in json.dumps(errors)


def test_unknown_keys_are_passed_over_and_counted_without_list_positions():
    rows = [
        {**ADA, "shoe": 1, "company": {"name": "x", "tax": 2}},
        {**ADA, "shoe": [{"deep": 1}], "events": [{"id": 1, "x": 1}] * 2},
    ]
    body = json.dumps(
        {"type": "contact.updated", "timestamp": "2026-11-24T09:00:00Z", "data": rows, "trace": "t"}
    ).encode()
    payload = decode("contacts", body)
    assert payload.unknown_keys == {"trace": 1, "data.shoe": 2, "data.company.tax": 1, "data.events.x": 2}
    assert "shoe" not in payload.items[0]


def test_unknown_keys_are_counted_by_a_limited_number_of_names():
    assert len(read({"id": 1, **{f"k{number}": 1 for number in range(500)}}).unknown_keys) == MOST_UNKNOWN


def test_an_unknown_value_may_be_nested_but_not_without_end():
    def nested(depth: int) -> list[Any]:
        return [] if depth == 1 else [nested(depth - 1)]

    assert read({"id": 1, "tree": nested(32)}).unknown_keys == {"data.tree": 1}
    assert wrong({"id": 1, "tree": nested(33)}) == {"data.tree": "Nested too deeply."}
    assert wrong({"id": 1, "tree": nested(900)}) == {"data.tree": "Nested too deeply."}


def test_what_deleting_passes_over_may_not_be_nested_without_end_either():
    """The worker, deeper on its stack than the door, could not have read it again after the 202."""
    body = b'{"type":"contact.deleted","timestamp":"2026-11-24T09:00:00Z","data":{"id":1,"company":%b}}'
    assert decode("contacts", body % (b"[" * 32 + b"]" * 32)).items
    with pytest.raises(RefusedInput) as refused:
        decode("contacts", body % (b"[" * 900 + b"]" * 900))
    assert refused.value.fields == {"data.company": "Nested too deeply."}


def test_reading_rows_ends_with_the_hundredth_wrong_one():
    """All of them would take minutes."""
    with pytest.raises(ValidationError) as refused:
        CONTACT.load_rows([{"email": 3}] * 3_000_000)
    assert len(refused.value.messages) == 100


# ── the swift way and the thorough way ─────────────────────────────────────────────────────────────────────────────

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
    | st.sampled_from(["", " ", "x", "a@b.example", "lead", "2026-11-24T03:53:11Z", "example.com", "No Show", "https://x.de"])
    | st.text(max_size=5)
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


def objects_of(shape: Shape) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that have much to do with a shape: its own names, parts made like them, and some nonsense."""
    named: dict[str, st.SearchStrategy[Any]] = {}
    for name, value in shape.fields.items():
        inner = getattr(value, "shape", None)
        likely = objects_of(inner) if inner is not None else scalars
        named[name] = st.one_of(likely, st.lists(likely, max_size=3), values)
    good_id = st.fixed_dictionaries({}, optional={**named, "nonsense": values})
    return good_id.map(lambda made: {"id": "c-1", "event_id": "ev-1", **made})


@given(
    st.sampled_from([CONTACT, EVENT, ROSTER, MEETING]).flatmap(
        lambda shape: st.tuples(st.just(shape), objects_of(shape))
    )
)
def test_the_swift_way_takes_exactly_what_marshmallow_takes_and_reads_the_same(case):
    shape, sent = case
    try:
        thorough = shape.load(sent)
    except ValidationError:
        thorough = None
    try:
        swift = shape.swift(sent, UnknownKeys(), "data")
    except ValidationError:
        swift = None
    assert swift == thorough


@given(st.sampled_from([*DOORS]), st.binary() | values.map(lambda value: json.dumps(value).encode()))
def test_whatever_a_body_holds_it_is_read_or_refused_with_paths(door, body):
    try:
        assert decode(door, body).items
    except RefusedInput as refused:
        assert refused.fields
        json.dumps(refused.fields).encode()


@given(
    st.sampled_from([(door, type_) for door, types in DOORS.items() for type_ in types]),
    st.lists(values, max_size=4) | values,
)
def test_whatever_data_holds_it_is_read_or_refused_with_paths(case, data):
    door, type_ = case
    try:
        assert decode(door, written(data, type_)).type == type_
    except RefusedInput as refused:
        assert refused.fields
