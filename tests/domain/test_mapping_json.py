"""Rules as people write them."""

from __future__ import annotations

import json

import pytest

from contactsync.domain.errors import RefusedInput
from contactsync.domain.mapping import MAPPED_KINDS, FieldRule, TooLong, WriteMode
from contactsync.domain.mapping_json import rules_as_json, rules_from_json
from tests.domain.made import MAPPING

NEEDED = [
    {"source": "last_name", "target": "LastName"},
    {"source": "email", "target": "Email"},
    {"source": "company", "target": "Company"},
]


def lead_rules(*rules):
    return rules_from_json("lead", {"rules": [*NEEDED, *rules]})


def refused(written, kind="lead"):
    with pytest.raises(RefusedInput) as refusal:
        rules_from_json(kind, written)
    return refusal.value.fields


def refused_rule(**rule):
    """What is wrong with one more rule, by key."""
    fields = refused({"rules": [*NEEDED, {"source": "title", "target": "Title", **rule}]})
    assert all(path.startswith("rules.3") for path in fields), fields
    return {path.removeprefix("rules.3.").removeprefix("rules.3"): message for path, message in fields.items()}


def test_what_is_left_out_has_its_default():
    assert lead_rules({"source": "title", "target": "Title"})[3] == FieldRule("title", "Title")


def test_everything_that_is_said_is_read():
    written = {
        "source": "custom.tier",
        "target": "Tier__c",
        "mode": "if_empty",
        "clear": True,
        "values": {"gold": "Tier 1", "on": True, "n/a": None},
        "default": 3,
        "too_long": "truncate",
        "separator": " | ",
    }
    expected = FieldRule(
        "custom.tier",
        "Tier__c",
        WriteMode.IF_EMPTY,
        clear=True,
        values=written["values"],
        default=3,
        too_long=TooLong.TRUNCATE,
        separator=" | ",
    )
    assert lead_rules(written)[3] == expected


@pytest.mark.parametrize("kind", MAPPED_KINDS)
def test_rules_written_out_read_back_the_same(kind):
    rules = MAPPING.rules[kind]
    assert rules_from_json(kind, json.loads(json.dumps(rules_as_json(rules)))) == rules


def test_an_off_rule_needs_no_target():
    assert not lead_rules({"source": "social.twitter", "target": "", "mode": "off"})[3].on


@pytest.mark.parametrize("written", [None, [], {}, {"rules": {}}, {"rules": None}])
def test_a_mapping_is_a_list_of_rules(written):
    assert list(refused(written)) == ["rules"]


def test_an_unknown_kind_is_refused_with_the_known_ones():
    assert "lead, contact, account, campaign, meeting" in refused({"rules": []}, "opportunity")[""]


def test_unknown_keys_are_refused_by_path():
    assert set(refused({"rules": NEEDED, "rule": []})) == {"rule"}
    assert "source, target, mode" in refused_rule(targets="Title")["targets"]


def test_an_unknown_mode_is_refused_with_the_known_ones():
    assert refused_rule(mode="sometimes") == {
        "mode": "Write one of: always, if_empty, on_create, append, if_ours, off."
    }


def test_an_unknown_source_is_refused_with_near_spellings():
    assert "Did you mean mobile_phone" in refused_rule(source="mobilephone")["source"]
    assert "source" in refused_rule(source="custom.")
    assert "source" in refused_rule(source=None)


def test_sources_belong_to_kinds():
    account_rules = [{"source": "name", "target": "Name"}, {"source": "title", "target": "Title"}]
    assert "Sources are: name, domain, owner." in refused({"rules": account_rules}, "account")["rules.1.source"]
    assert "source" in refused_rule(source="account", target="AccountId")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("target", None),
        ("target", ""),
        ("target", 5),
        ("clear", "yes"),
        ("values", ["x"]),
        ("values", {"x": ["y"]}),
        ("default", {"x": "y"}),
        ("source", 7),
        ("mode", None),
        ("mode", ["always"]),
        ("too_long", "cut"),
        ("too_long", None),
        ("separator", ""),
        ("separator", 5),
        ("separator", "-" * 21),
    ],
)
def test_a_wrong_type_is_refused_by_path(key, value):
    assert list(refused_rule(**{key: value})) == [key]


def test_a_rule_that_is_no_object_is_refused():
    assert list(refused({"rules": [*NEEDED, "title"]})) == ["rules.3"]


def test_every_wrong_rule_is_named_at_once():
    fields = refused({"rules": [{"source": "x", "target": "X"}, {"source": "title", "target": "T", "mode": "y"}]})
    assert set(fields) == {"rules.0.source", "rules.1.mode"}


def test_records_of_the_crm_are_neither_cleared_nor_translated():
    assert set(refused_rule(source="owner", target="OwnerId", clear=True, values={"a": "b"})) == {"clear", "values"}


def test_records_of_the_crm_are_not_appended():
    assert set(refused_rule(source="owner", target="OwnerId", mode="append")) == {"mode"}


def test_a_rule_that_appends_takes_nothing_away():
    assert set(refused_rule(mode="append", clear=True)) == {"clear"}


MEETING = [{"source": "starts_at", "target": "StartDateTime"}, {"source": "ends_at", "target": "EndDateTime"}]


def test_campaigns_and_meetings_have_sources_of_their_own():
    rules_from_json(
        "campaign", {"rules": [{"source": "name", "target": "Name"}, {"source": "custom.x", "target": "X__c"}]}
    )
    rules_from_json("meeting", {"rules": [*MEETING, {"source": "who", "target": "WhoId"}]})
    title = {"source": "title", "target": "Subject"}
    assert "Sources are: id, name" in refused({"rules": [title]}, "campaign")["rules.0.source"]
    custom = {"source": "custom.x", "target": "X__c"}
    assert "custom.<name>" not in refused({"rules": [*MEETING, custom]}, "meeting")["rules.2.source"]


def test_the_who_and_what_of_a_meeting_are_records():
    who = {"source": "who", "target": "WhoId", "clear": True}
    assert set(refused({"rules": [*MEETING, who]}, "meeting")) == {"rules.2.clear"}


def test_a_meeting_needs_its_times_and_a_campaign_its_name():
    assert set(refused({"rules": [MEETING[0], {**MEETING[1], "mode": "off"}]}, "meeting")) == {"rules.1.mode"}
    assert "name" in refused({"rules": []}, "campaign")["rules"]


def test_a_field_has_one_rule_that_is_on():
    assert (
        "rules.3"
        in refused({"rules": [*NEEDED, {"source": "title", "target": "T"}, {"source": "note", "target": "t"}]})[
            "rules.4.target"
        ]
    )
    lead_rules({"source": "title", "target": "T"}, {"source": "note", "target": "T", "mode": "off"})


@pytest.mark.parametrize("source", ["last_name", "email", "company"])
def test_a_required_rule_of_a_lead_cannot_be_off(source):
    rules = [{**rule, "mode": "off"} if rule["source"] == source else rule for rule in NEEDED]
    number = [rule["source"] for rule in NEEDED].index(source)
    assert source in refused({"rules": rules})[f"rules.{number}.mode"]


def test_a_required_rule_cannot_be_left_out():
    assert (
        "what prevents duplicates"
        in refused({"rules": [{"source": "last_name", "target": "LastName"}]}, "contact")["rules"]
    )
    assert "name" in refused({"rules": []}, "account")["rules"]


def test_several_required_rules_that_are_not_there_are_all_named():
    message = str(refused({"rules": []})["rules"])
    assert all(source in message for source in ("last_name", "email", "company"))
