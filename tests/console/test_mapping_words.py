"""What is wrong with a rule is said in the words of the page, never in those of the API."""

from __future__ import annotations

import re
from typing import Any

import pytest

from contactsync.domain.crm import CrmField, FieldCatalog, RecordKind
from contactsync.domain.mapping_json import wrong_rules
from contactsync.web.console.mapping_words import field_marks, field_type, in_form_words

FIELDS = (
    CrmField("LastName", "Last Name", "text", 80, required=True),
    CrmField("Email", "Email", "email", 80),
    CrmField("Company", "Company", "text", 255, required=True),
    CrmField("Title", "Title", "text", 8),
    CrmField("Notes__c", "Notes", "textarea", 500),
    CrmField("VIP__c", "VIP", "boolean"),
    CrmField("Shoe__c", "Shoe", "number"),
    CrmField("Day__c", "Day", "date"),
    CrmField("OwnerId", "Owner", "reference"),
    CrmField("Tags__c", "Tags", "multipicklist", values=("a", "b"), restricted=True),
    CrmField("Rating", "Rating", "picklist", values=("Hot", "Cold"), restricted=True),
    CrmField("Sealed__c", "Sealed", "text", 20, updateable=False),
    CrmField("Formula__c", "Formula", "text", 20, createable=False, updateable=False),
    CrmField("Later__c", "Later", "text", 20, createable=False),
    CrmField("Other_Mail__c", "Other mail", "email", 80),
)
CATALOG = FieldCatalog(RecordKind.LEAD, {one.name: one for one in FIELDS})
NEEDED = [
    {"source": "last_name", "target": "LastName"},
    {"source": "email", "target": "Email"},
    {"source": "company", "target": "Company"},
]
OF_THE_API = re.compile(
    r"\b(null|on_create|if_empty|if_ours|truncate|quotes|true|false|boolean|JSON|object:|rules\.\d|set the mode|write stop|"
    r"[Tt]he CRM)\b"
)

WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"target": "Titel"}, "has no field “Titel”"),
    ({"target": ""}, "choose Off"),
    ({"target": "LASTNAME"}, "is the target of “Last name” already"),
    ({"target": "Formula__c"}, "cannot be written: Salesforce fills it by itself"),
    ({"target": "Later__c"}, "cannot be set when a Lead is made"),
    ({"target": "Sealed__c"}, "choose “Only when we create it”"),
    ({"target": "VIP__c"}, "VIP__c takes yes or no, “Job title” is text"),
    ({"target": "Other_Mail__c"}, "“Job title” is none"),
    ({"target": "OwnerId"}, "names another record of Salesforce"),
    ({"target": "Day__c"}, "translate its values below"),
    ({"target": "Title", "default": "much too long"}, "takes 8 characters at most"),
    ({"target": "Title", "default": 5}, "write a text"),
    ({"target": "Rating", "default": "Warm"}, "has no value “Warm”"),
    ({"target": "Rating", "values": {"VIP": "Warm"}}, "has no value “Warm”"),
    ({"target": "Rating", "too_long": "truncate"}, "choose “Hold the record and tell us”"),
    ({"target": "Title", "mode": "append", "separator": "\n"}, "choose something without a line break"),
    ({"target": "Tags__c", "mode": "append", "separator": ", "}, "choose “What fits the field”"),
    ({"target": "Title", "mode": "append", "clear": True}, "untick this"),
    ({"target": "Title", "mode": "sometimes"}, "Choose when it is written"),
    ({"target": "Title", "too_long": "perhaps"}, "Choose what happens to a text that is too long"),
    ({"target": "Title", "separator": "x" * 21}, "or choose “What fits the field”"),
    ({"source": "custom.vip", "target": "VIP__c", "default": "perhaps"}, "write yes or no"),
    ({"source": "custom.shoe", "target": "Shoe__c", "default": "large"}, "write one, such as 46 or 46.5"),
    (
        {"source": "custom.shoe", "target": "Shoe__c", "mode": "append"},
        "Shoe__c holds a number: “Add to what is there” is for texts",
    ),
    ({"source": "owner", "target": "Title"}, "is a record of Salesforce"),
    ({"source": "owner", "target": "OwnerId", "mode": "append"}, "is a record of Salesforce"),
    ({"source": "owner", "target": "OwnerId", "clear": True}, "untick this"),
    ({"source": "owner", "target": "OwnerId", "values": {"a": "b"}}, "there is no text to translate"),
    ({"source": "titel", "target": "Title"}, "Did you mean title"),
    ({"source": "", "target": "Title"}, "Write where the value comes from"),
)


@pytest.mark.parametrize(("rule", "said"), WRONG, ids=[said for _, said in WRONG])
def test_each_mistake_is_told_in_words_that_the_page_has(rule: dict[str, Any], said: str) -> None:
    rules = [*NEEDED, {"source": "title", **rule}]
    messages = wrong_rules("lead", {"rules": rules}, CATALOG)
    words = [in_form_words("lead", message, [str(each["source"]) for each in rules]) for message in messages.values()]
    assert any(said in one for one in words), words
    assert not [one for one in words if OF_THE_API.search(one)]


def test_a_rule_that_is_missing_altogether_is_named() -> None:
    messages = wrong_rules("lead", {"rules": [NEEDED[0], {**NEEDED[1], "mode": "off"}]}, CATALOG)
    words = {path: in_form_words("lead", message, ["last_name", "email"]) for path, message in messages.items()}
    assert words == {
        "rules": "“Company name” must be there and on: Salesforce takes no Lead without a company.",
        "rules.1.mode": "“E-mail” must be there and on: the e-mail address is what prevents duplicates.",
    }


def test_one_wrong_rule_hides_nothing_of_the_others_and_is_not_called_missing() -> None:
    rules = [{"source": "last_name", "target": 5}, *NEEDED[1:], {"source": "title", "target": "Titel"}]
    assert set(wrong_rules("lead", {"rules": rules}, CATALOG)) == {"rules.0.target", "rules.3.target"}


def test_a_field_says_its_type_its_room_and_what_it_does_not_take() -> None:
    said = {one.name: (field_type(one), [words for words, _ in field_marks(one)]) for one in FIELDS}
    assert said["LastName"] == ("Text, up to 80 characters", ["Required in Salesforce"])
    assert said["Rating"] == ("Picklist with 2 values", ["Only its own values"])
    assert said["Formula__c"][1] == ["Read-only"]
    assert said["Sealed__c"][1] == ["Only when created"]
    assert said["VIP__c"] == ("Checkbox", [])
