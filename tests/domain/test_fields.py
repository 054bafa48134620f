"""Rules 3 and 6, the WriteModes, and what counts as a change."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.domain.crm import Action, RecordKind, RecordRef, StepRef
from contactsync.domain.values import is_blank, mark_of, same
from tests.domain.made import lead, mapping_with, person_step, planned, ready, rule


def written(held, said, *rules):
    """What an update of a Lead that holds `held` writes of Field__c, given rules; (new, old), None when nothing."""
    mapping = mapping_with("lead", *rules)
    step = person_step(planned(ready(**said), lead(Field__c=held), mapping=mapping))
    return (step.fields["Field__c"], step.before["Field__c"]) if "Field__c" in step.fields else None


def created(said, *rules):
    step = person_step(planned(ready(**said), mapping=mapping_with("lead", *rules)))
    assert step.action is Action.CREATE
    return step.fields


X = "custom.x"
YES, NO = True, False


def test_always_overwrites():
    assert written("old", {"custom__x": "new"}, rule(X, "Field__c")) == ("new", "old")


def test_if_empty_fills_and_never_overwrites():
    assert written(None, {"custom__x": "new"}, rule(X, "Field__c", "if_empty")) == ("new", None)
    assert written("  ", {"custom__x": "new"}, rule(X, "Field__c", "if_empty")) == ("new", "  ")
    assert written("old", {"custom__x": "new"}, rule(X, "Field__c", "if_empty")) is None
    assert written(NO, {"custom__x": True}, rule(X, "Field__c", "if_empty")) is None


def test_on_create_writes_a_new_record_only():
    assert written(None, {"custom__x": "new"}, rule(X, "Field__c", "on_create")) is None
    assert created({"custom__x": "new"}, rule(X, "Field__c", "on_create"))["Field__c"] == "new"


def test_off_writes_nothing():
    assert written("old", {"custom__x": "new"}, rule(X, "Field__c", "off")) is None
    assert "Field__c" not in created({"custom__x": "new"}, rule(X, "Field__c", "off"))


@pytest.mark.parametrize("blank", [{"custom__x": None}, {"custom__x": ""}, {"custom__x": "  "}, {}])
@pytest.mark.parametrize("mode", ["always", "if_empty", "on_create"])
def test_blank_never_erases(blank, mode):
    assert written("old", blank, rule(X, "Field__c", mode)) is None


def test_a_value_cleared_at_the_source_erases_when_the_rule_says_so():
    assert written("old", {"custom__x": None}, rule(X, "Field__c", clear=True)) == (None, "old")


def test_a_value_that_was_never_said_erases_nothing_even_then():
    assert written("old", {}, rule(X, "Field__c", clear=True)) is None
    assert written("old", {"custom__x": ""}, rule(X, "Field__c", clear=True)) is None


def test_clearing_what_is_empty_already_changes_nothing():
    assert written(None, {"custom__x": None}, rule(X, "Field__c", clear=True)) is None
    assert "Field__c" not in created({"custom__x": None}, rule(X, "Field__c", clear=True))


def test_if_empty_never_clears():
    assert written("old", {"custom__x": None}, rule(X, "Field__c", "if_empty", clear=True)) is None


def test_false_and_zero_are_values():
    assert written(YES, {"custom__x": False}, rule(X, "Field__c")) == (False, True)
    assert written(5, {"custom__x": 0}, rule(X, "Field__c")) == (0, 5)
    assert created({"custom__x": False}, rule(X, "Field__c"))["Field__c"] is False


def test_values_are_translated_and_unknown_ones_pass():
    mapped = rule(X, "Field__c", values={"gold": "Tier 1", "true": "Yes", "3": "Three"})
    assert created({"custom__x": " gold "}, mapped)["Field__c"] == "Tier 1"
    assert created({"custom__x": True}, mapped)["Field__c"] == "Yes"
    assert created({"custom__x": 3}, mapped)["Field__c"] == "Three"
    assert created({"custom__x": "silver"}, mapped)["Field__c"] == "silver"


def test_a_value_may_be_translated_to_yes_or_no_or_dropped():
    mapped = rule(X, "Field__c", values={"on": True, "off": False, "n/a": ""})
    assert created({"custom__x": "on"}, mapped)["Field__c"] is True
    assert written(YES, {"custom__x": "off"}, mapped) == (False, True)
    assert written("old", {"custom__x": "n/a"}, mapped) is None


def test_a_default_fills_a_gap_and_never_overwrites():
    defaulted = rule(X, "Field__c", default="Event")
    assert created({}, defaulted)["Field__c"] == "Event"
    assert created({"custom__x": "Web"}, defaulted)["Field__c"] == "Web"
    assert written(None, {}, defaulted) == ("Event", None)
    assert written("Web", {}, defaulted) is None
    assert written("Web", {"custom__x": None}, defaulted) is None


def test_a_cleared_value_gives_way_to_the_default_when_the_rule_clears():
    assert written("Web", {"custom__x": None}, rule(X, "Field__c", clear=True, default="Event")) == ("Event", "Web")


def test_texts_are_sent_without_the_space_around_them():
    assert created({"custom__x": "  x \n"}, rule(X, "Field__c"))["Field__c"] == "x"


def test_of_two_rules_for_one_field_the_first_that_has_something_to_say_wins():
    rules = [rule(X, "Field__c"), rule("custom.y", "Field__c")]
    assert created({"custom__x": "one", "custom__y": "two"}, *rules)["Field__c"] == "one"
    assert created({"custom__x": None, "custom__y": "two"}, *rules)["Field__c"] == "two"
    assert written("old", {"custom__y": "two"}, *rules) == ("two", "old")


def test_standard_social_and_address_fields_go_where_the_mapping_says():
    said = {"social__linkedin": "https://linkedin.com/in/ada", "address__city": "Paris", "note": "Met"}
    fields = created(said, rule("social.linkedin", "LinkedIn__c"))
    assert (fields["LinkedIn__c"], fields["City"], fields["Description"]) == (said["social__linkedin"], "Paris", "Met")


def test_the_event_platforms_own_id_may_go_into_a_field():
    assert created({}, rule("id", "Field__c"))["Field__c"] == "c1"


def test_nothing_to_change_leaves_the_record():
    held = {"FirstName": "Ada", "LastName": "Lovelace", "Company": "Acme"}
    step = person_step(planned(ready(), lead(**held)))
    assert (step.action, dict(step.fields)) == (Action.LEAVE, {})
    assert step.why[-1] == "Nothing to change."


def test_only_what_changes_is_sent_with_what_was_there_before():
    held = {"FirstName": "Ada", "LastName": "Byron", "Company": "Acme", "Title": "Miss"}
    step = person_step(planned(ready(title="Countess"), lead(**held)))
    assert step.fields == {"LastName": "Lovelace", "Title": "Countess"}
    assert step.before == {"LastName": "Byron", "Title": "Miss"}


def test_the_newest_contact_that_cleared_a_field_clears_it_for_all_that_share_the_record():
    batch = [ready("1", changed="2", custom__x=None), ready("2", changed="1", custom__x="old")]
    clearing = mapping_with("lead", rule(X, "Field__c", clear=True))
    keeping = mapping_with("lead", rule(X, "Field__c"))
    cleared = person_step(planned(batch, lead(Field__c="old"), mapping=clearing), "1")
    kept = person_step(planned(batch, lead(Field__c="other"), mapping=keeping), "1")
    assert cleared.fields["Field__c"] is None
    assert kept.fields["Field__c"] == "old"


@pytest.mark.parametrize(
    ("held", "new"),
    [
        (None, ""),
        ("  ", None),
        ("x", " x "),
        ("a\r\nb", "a\nb"),
        ("Ada@Acme.com", "ada@acme.com"),
        ("HTTPS://Acme.com/", "https://acme.com"),
        (5.0, 5),
        (5.0, "5"),
        ("true", True),
        (False, 0),
        ("2026-05-01T07:25:37.000+0000", "2026-05-01T09:25:37+02:00"),
    ],
)
def test_what_a_crm_spells_otherwise_is_no_change(held, new):
    assert same(held, new)
    assert same(new, held)
    assert mark_of(held) == mark_of(new)


@pytest.mark.parametrize(
    ("held", "new"),
    [
        ("Acme", "ACME"),
        ("https://acme.com/A", "https://acme.com/a"),
        ("a b", "a  b"),
        (None, 0),
        (None, False),
        (True, "yes"),
        (5, 5.5),
        ("five", 5),
        ("2026-05-01T07:25:37Z", "2026-05-01T07:25:38Z"),
        ("2026-99-99T99:99", "2026-99-99T99:98"),
    ],
)
def test_what_differs_is_a_change(held, new):
    assert not same(held, new)
    assert not same(new, held)
    assert mark_of(held) != mark_of(new)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)


@given(SCALARS, SCALARS)
def test_what_is_the_same_has_one_mark(one, other):
    assert len(mark_of(one)) == 12
    assert int(mark_of(one), 16) >= 0
    assert mark_of(one) == mark_of(one)
    if same(one, other):
        assert mark_of(one) == mark_of(other)


TRICKY = [
    None,
    "",
    " ",
    0,
    False,
    "0",
    "false",
    " False ",
    "-0",
    -0.0,
    1,
    True,
    "1",
    "1.0",
    "01",
    "1e0",
    "TRUE",
    "true",
    "yes",
]
TRICKY += [
    "nan",
    float("nan"),
    float("inf"),
    "inf",
    10**400,
    "A@b.c",
    "a@B.C",
    "a@b.c ",
    "http://X.y",
    "http://x.y/",
    "http://x.y/A",
]
TRICKY += [
    "2026-05-01T07:25Z",
    "2026-05-01T09:25+02:00",
    "2026-05-01T07:25",
    "2026-05-01",
    "0001-01-01T00:00+10:00",
    "\ud800",
]


def test_what_is_the_same_has_one_mark_however_it_is_written():
    for one, other in product(TRICKY, TRICKY):
        if same(one, other):
            assert mark_of(one) == mark_of(other), (one, other)


def test_marks_tell_values_apart():
    values = [None, "x", "X", 1, 2, "a@b.c", "https://acme.com/a", "https://acme.com/A", "2026-05-01T07:25:37Z"]
    assert len({mark_of(value) for value in values}) == len(values)
    assert mark_of("2026-05-01T07:25:37") != mark_of("2026-05-01T07:25:37Z")
    assert mark_of("0001-01-01T00:00:00+10:00") != mark_of("0001-01-01T00:00:00+09:00")


def test_a_record_has_the_mark_of_its_id_and_one_that_is_not_made_has_none():
    assert mark_of(RecordRef(RecordKind.LEAD, "00Q1")) == mark_of("00Q1")
    with pytest.raises(TypeError, match="put its id in place first"):
        mark_of(StepRef("a1"))


def test_numbers_beyond_all_bounds_are_compared_as_texts():
    huge = 10**400
    assert same(huge, str(huge))
    assert not same(huge, 1.5)
    assert not same(float("inf"), huge)
    assert same("nan", float("nan"))
    assert mark_of(huge) == mark_of(str(huge))


@given(SCALARS, SCALARS)
def test_sameness_is_mutual_and_everything_is_the_same_as_itself(one, other):
    assert same(one, one)
    assert same(one, other) == same(other, one)
    assert is_blank(one) == (one is None or (isinstance(one, str) and not one.strip()))
