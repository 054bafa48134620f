"""Values in the types of their fields: nothing changes its meaning."""

from __future__ import annotations

import pytest
from contactsync_plugins.salesforce.fitting import Unfit, fit

from contactsync.api import FieldValue, RecordKind, RecordRef, StepRef


@pytest.mark.parametrize(
    ("value", "field_type", "written"),
    [
        (44, "text", "44"),
        (44.0, "textarea", "44"),
        (44.5, "phone", "44.5"),
        (True, "picklist", "true"),
        ("44", "text", "44"),
        ("44", "number", 44),
        (" -1.5e3 ", "number", -1500.0),
        (0, "number", 0),
        ("Yes", "boolean", True),
        ("0", "boolean", False),
        (1, "boolean", True),
        ("2026-11-24", "date", "2026-11-24"),
        ("2026-11-24T23:00:00.000000Z", "date", "2026-11-24"),
        ("2026-11-24", "datetime", "2026-11-24T00:00:00Z"),
        ("2026-11-24T23:00:00+01:00", "datetime", "2026-11-24T23:00:00+01:00"),
        ("anything", "other", "anything"),
        (5, "other", 5),
    ],
)
def test_what_can_be_written_is(value: FieldValue, field_type: str, written: FieldValue) -> None:
    assert fit(value, field_type) == written
    assert type(fit(value, field_type)) is type(written)


@pytest.mark.parametrize(
    ("value", "field_type"),
    [
        ("high", "number"),
        ("", "number"),
        ("nan", "number"),
        ("infinity", "number"),
        ("1,000", "number"),
        ("٣", "number"),
        (True, "number"),
        ("maybe", "boolean"),
        (2, "boolean"),
        ("tomorrow", "date"),
        ("24.11.2026", "date"),
        (20261124, "date"),
        ("2026-11-24T23:00:00", "datetime"),
        ("soon", "datetime"),
    ],
)
def test_what_cannot_be_is_refused(value: FieldValue, field_type: str) -> None:
    with pytest.raises(Unfit):
        fit(value, field_type)


@pytest.mark.parametrize("value", [None, StepRef("a1"), RecordRef(RecordKind.ACCOUNT, "001")])
@pytest.mark.parametrize("field_type", ["text", "number", "boolean", "date", "datetime", "other"])
def test_blanks_and_records_are_left_as_they_are(value: FieldValue, field_type: str) -> None:
    assert fit(value, field_type) == value


@pytest.mark.parametrize(
    ("value", "field_type", "written"),
    [
        ("west", "picklist", "West"),
        ("WEST", "picklist", "WEST"),  # it has this one too
        ("North", "picklist", "North"),  # Salesforce says whether it takes it
        ("east; west ;East", "multipicklist", "East;West"),
        ("North;;south", "multipicklist", "North;South"),
        ("South", "multipicklist", "South"),
        ("", "multipicklist", ""),
        (5, "multipicklist", "5"),
    ],
)
def test_a_choice_is_spelt_as_the_picklist_spells_it(value: FieldValue, field_type: str, written: str) -> None:
    assert fit(value, field_type, ("West", "WEST", "East", "South")) == written
