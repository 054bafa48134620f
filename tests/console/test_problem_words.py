"""Problems in the words of the console: no commands, no settings by their names, and where each is put right."""

from __future__ import annotations

import re

import pytest

from contactsync.config import Config
from contactsync.domain.crm import Mend, Problem
from contactsync.domain.known_problems import CORE_PROBLEMS
from contactsync.hooks import Plugins
from contactsync.store.pages_problems import ProblemCard, ProblemList, Standing
from contactsync.web.console.problem_words import WHO, held_words, said_of, summary

KNOWN = (*CORE_PROBLEMS, *Plugins.load(Config()).target_type("salesforce").problems)


TECHNICAL = re.compile(
    r"`|contactsync (connect|db|doctor|event|org|plugins|preview|replay|resync|status)\b|[Tt]he CRM|[a-z]_[a-z]"
)
NO_MARKETERS = {"Operator", "developer", "Salesforce admin"}


def test_no_known_problem_tells_a_marketer_to_type_a_command_or_the_name_of_a_setting() -> None:
    technical = []
    for known in KNOWN:
        said = said_of(Problem(known.code, known.cause, known.fix, known.who, mended_by=known.mended_by))
        assert said.who in WHO.values()
        if TECHNICAL.search(f"{said.cause} {said.fix} {said.goes}"):
            technical.append((known.who, known.code, said.fix))
    assert [one for one in technical if one[0] not in NO_MARKETERS] == []
    assert [one for one in technical if "contactsync connect" in one[2] or "policy " in one[2]] == []


@pytest.mark.parametrize(
    ("mends", "named", "pages"),
    [
        ((Mend.SOURCE, Mend.MAPPING), "Lead", ["mapping.mapping_page"]),
        ((Mend.MAPPING,), "CampaignMember", []),
        (
            (Mend.POLICY, Mend.CONNECTION, Mend.PLUGIN),
            "",
            ["policies.policies_page", "connection.connection", "plugins.plugin_list"],
        ),
    ],
)
def test_it_leads_to_where_it_is_put_right(mends, named, pages) -> None:
    said = said_of(Problem("x", "X.", "Y.", object=named, mended_by=mends))
    assert [place.endpoint for place in said.places] == pages


def test_what_a_problem_holds_is_counted_in_words() -> None:
    assert held_words({"contact": 1_204, "event": 1, "meeting": 2}) == "1,204 contacts, 1 event and 2 meetings"
    assert held_words({"contact": 1, "event": 0, "meeting": 0}) == "1 contact"
    assert held_words({"contact": 0}) == ""


def test_a_standard_field_is_called_as_salesforces_pages_call_it_and_what_is_to_do_names_the_event_platform() -> None:
    said = said_of(Problem("string_too_long", "The text for FirstName, Shoe_Size__c is too long.", "Shorten it at the source.",
                           fields=("FirstName", "Shoe_Size__c")))  # fmt: skip
    assert said.cause == "The text for First Name, Shoe_Size__c is too long."
    assert "event platform" in said.fix
    assert "Field mapping" in said.fix
    assert said_of(Problem("x", "X.", "Correct it at the source.")).fix == "Correct it at the event platform."


def card(standing: Standing, records: int) -> ProblemCard:
    return ProblemCard("k", Problem("x", "X.", "Y."), standing, {"contact": records})


@pytest.mark.parametrize(
    ("cards", "waiting", "sentence"),
    [
        ((), 0, "Nothing is in the way of your contacts, events and meetings."),
        (((Standing.NEEDS, 1),), 0, "1 record needs somebody, for one reason."),
        (
            ((Standing.NEEDS, 2), (Standing.NEEDS, 3), (Standing.RETURNS, 1)),
            9,
            "5 records need somebody, for 2 reasons. 1 record is tried again by itself.",
        ),
        (((Standing.RETURNS, 2),), 9, "Nothing needs you. 2 records are tried again by themselves."),
        (((Standing.RETURNS, 0),), 9, "Nothing needs you: this passes by itself."),
        (
            ((Standing.STOPPED, 0), (Standing.NEEDS, 1)),
            2,
            "Nothing goes to Salesforce until this is put right. 3 records wait; nothing is lost.",
        ),
        (((Standing.STOPPED, 0),), 0, "Nothing goes to Salesforce until this is put right. Nothing is lost."),
    ],
)
def test_all_of_it_is_said_in_one_sentence(cards, waiting, sentence) -> None:
    assert summary(ProblemList(tuple(card(*one) for one in cards), waiting=waiting)) == sentence
