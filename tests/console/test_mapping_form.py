"""The mapping as a form: whatever the API can say comes back from the browser as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.domain.crm import CrmField, FieldCatalog, RecordKind
from contactsync.domain.errors import RefusedInput
from contactsync.domain.mapping import FieldRule, TooLong, WriteMode
from contactsync.domain.mapping_json import rules_as_json
from contactsync.web.console.mapping_form import MappingForm, form_of, read_form, said_by

FIELDS = (
    CrmField("Title", "Title", "text", 128),
    CrmField("VIP__c", "VIP", "boolean"),
    CrmField("Shoe__c", "Shoe", "number"),
    CrmField("Tags__c", "Tags", "multipicklist", values=("a", "b"), restricted=True),
)
CATALOG = FieldCatalog(RecordKind.LEAD, {one.name: one for one in FIELDS})

texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=12)
scalars = st.one_of(
    st.none(), texts, st.booleans(), st.integers(-(10**12), 10**12), st.floats(allow_nan=False, allow_infinity=False)
)
rules = st.builds(
    FieldRule,
    source=st.sampled_from(["title", "custom.vip", "custom.shoe"]),
    target=st.sampled_from(["", "Gone__c"]),
    mode=st.sampled_from(WriteMode),
    clear=st.booleans(),
    values=st.dictionaries(texts, scalars, max_size=4),
    default=scalars,
    too_long=st.sampled_from(TooLong),
    separator=st.one_of(st.none(), st.sampled_from([", ", "\n", ";", " \r\n- ", "|"]), texts.filter(bool)),
)


def posted(form: MappingForm) -> dict[str, str]:
    """What a browser sends back of a form that nobody touched: texts on one line, the box that is not ticked left out."""
    sent = {"made_from": form.kept, "seen": form.seen}
    for row in form.rows:
        said = {"source": row.source, "target": row.target, "mode": row.mode, "default": row.default}
        said |= {"too_long": row.too_long, "separator": row.separator, "separator_text": row.separator_text}
        said |= {"clear": "yes"} if row.clear else {}
        said |= {"origin": str(row.origin)} if row.origin is not None else {}
        for place, (platform, crm) in enumerate([*row.pairs, ("", ""), ("", "")]):
            said |= {f"said-{place}": platform, f"crm-{place}": crm}
        sent |= {f"rule-{row.number}-{name}": text for name, text in said.items()}
    return {name: text.replace("\r", "").replace("\n", "") for name, text in sent.items()}


def sent_back(rules: list[FieldRule], catalog: FieldCatalog | None = CATALOG, **touched: str) -> dict[str, Any]:
    """The one rule that comes back after these fields of it were touched."""
    fields = posted(form_of(rules, ""))
    fields |= {f"rule-0-{name.replace('__', '-')}": text for name, text in touched.items()}
    written, errors = said_by(read_form(fields), catalog)
    assert errors == {}
    rule: dict[str, Any] = written["rules"][0]
    return rule


@given(st.lists(rules, max_size=4))
def test_rules_that_nobody_touched_come_back_exactly_with_and_without_the_crms_fields(rules: list[FieldRule]) -> None:
    for catalog in (None, CATALOG):
        written, errors = said_by(read_form(posted(form_of(rules, "mark"))), catalog)
        assert errors == {}
        assert repr(written) == repr(rules_as_json(rules)), "also true is true, and 1 is 1"


FITTING = [
    FieldRule("title", "Title", default="5", values={"VIP": "yes", "": "x", "a": ""}),
    FieldRule("custom.vip", "VIP__c", default=False, values={"true": True, "maybe": None}),
    FieldRule("custom.shoe", "Shoe__c", default=5.0, values={"large": 46, "small": -0.5}),
    FieldRule("custom.tags", "Tags__c", WriteMode.APPEND, values={"x": "a;b"}, separator=";"),
    FieldRule(
        "custom.note", "Title", WriteMode.OFF, default="two\nlines", too_long=TooLong.TRUNCATE, separator="\n-\n"
    ),
]


@pytest.mark.parametrize("rule", FITTING, ids=lambda rule: rule.source)
def test_rules_that_fit_the_crms_fields_come_back_exactly(rule: FieldRule) -> None:
    (written,) = rules_as_json([rule])["rules"]
    assert repr(sent_back([rule])) == repr(written)


@pytest.mark.parametrize(
    ("target", "text", "read"),
    [
        ("VIP__c", "Yes", True),
        ("VIP__c", "false", False),
        ("VIP__c", "perhaps", "perhaps"),
        ("Shoe__c", "46", 46),
        ("Shoe__c", "46.5", 46.5),
        ("Shoe__c", "46,5", "46,5"),
        ("Shoe__c", "9" * 400, "9" * 400),
        ("Title", "yes", "yes"),
        ("Title", "46", "46"),
        ("Title", "", None),
        ("Nowhere", "yes", "yes"),
    ],
)
def test_what_is_typed_is_read_as_the_field_takes_it(target: str, text: str, read: object) -> None:
    rule = sent_back([FieldRule("custom.x", target)], default=text, said__0="big", crm__0=text)
    assert (rule["default"], rule["default"].__class__) == (read, read.__class__)
    assert rule["values"] == {"big": read}


def test_a_value_that_no_longer_fits_its_field_is_mended_by_what_it_says() -> None:
    """The field was made a checkbox in the CRM after the rule was written."""
    assert sent_back([FieldRule("custom.x", "VIP__c", default="true")])["default"] is True
    assert sent_back([FieldRule("custom.x", "Title", default=5)])["default"] == "5"


def test_a_pair_is_added_by_filling_an_empty_line_and_taken_out_by_emptying_both_sides() -> None:
    rule = [FieldRule("title", "Title", values={"VIP": "Gold", "x": None})]
    assert sent_back(rule, said__2="CEO", crm__2="Boss")["values"] == {"VIP": "Gold", "x": None, "CEO": "Boss"}
    assert sent_back(rule, said__0="", crm__0="")["values"] == {"x": None}
    assert sent_back(rule, crm__0="")["values"] == {"VIP": None, "x": None}, "VIP becomes blank"


def test_a_value_map_that_says_a_thing_twice_or_half_is_told_beside_it() -> None:
    fields = posted(form_of([FieldRule("title", "Title", values={"VIP": "Gold"})], ""))
    twice = fields | {"rule-0-said-1": "VIP", "rule-0-crm-1": "Silver"}
    half = fields | {"rule-0-crm-1": "Silver"}
    assert said_by(read_form(twice), None)[1] == {"rules.0.values": "“VIP” stands there twice: keep one of the two."}
    assert said_by(read_form(half), None)[1] == {
        "rules.0.values": "Write what the event platform sends beside “Silver”."
    }


def test_a_new_row_is_a_new_rule_and_a_row_left_out_is_no_rule_any_more() -> None:
    fields = posted(form_of([FieldRule("title", "Title"), FieldRule("phone", "Phone")], ""))
    fields = {name: text for name, text in fields.items() if not name.startswith("rule-0-")}
    fields |= {"rule-7-source": " custom.vip ", "rule-7-target": " VIP__c ", "rule-7-default": "no"}
    written, _ = said_by(read_form(fields), CATALOG)
    assert [(rule["source"], rule["target"], rule["default"]) for rule in written["rules"]] == [
        ("phone", "Phone", None),
        ("custom.vip", "VIP__c", False),
    ]


@pytest.mark.parametrize(
    "made_from",
    [
        "",
        "{}",
        "[1]",
        "[" * 100_000,
        "no",
        '[{"default": Infinity}]',
        '[{"default": 1e999}]',
        '[{"default": "\\u0000"}]',
    ],
)
def test_a_form_that_did_not_arrive_whole_is_refused(made_from: str) -> None:
    with pytest.raises(RefusedInput, match="did not arrive whole"):
        read_form({"made_from": made_from})


def test_numbers_that_no_form_of_ours_has_are_no_rows_and_a_strange_origin_is_none() -> None:
    form = read_form(
        {"rule-99999-source": "a", "rule-x-source": "b", "rule-1-source": "c", "rule-1-origin": "७", "rule-1-mode": ""}
    )
    assert [(row.source, row.origin, row.mode) for row in form.rows] == [("c", None, "always")]
    with pytest.raises(RefusedInput, match="at most 1,000"):
        read_form({f"rule-{number}-source": "" for number in range(1_001)})


def test_the_character_nul_is_refused_where_it_stands() -> None:
    fields = posted(form_of([FieldRule("title", "Title")], "")) | {"rule-0-default": "a\x00b"}
    assert said_by(read_form(fields), None)[1] == {"rules.0.source": "Leave out the character NUL."}
