"""What a batch wants becomes as few statements as possible."""

from __future__ import annotations

from collections import Counter

import pytest
from contactsync_plugins.salesforce.reads import Topic, questions, website_spellings

from contactsync.api import RecordKind, TargetRefused, Wanted

CAMPAIGN = "701Ws0000000001IAA"
LEAD, CONTACT, ACCOUNT = RecordKind.LEAD, RecordKind.CONTACT, RecordKind.ACCOUNT


def emails(count: int) -> frozenset[str]:
    return frozenset(f"first.last{n:05}@company{n % 400:05}.com" for n in range(count))


def batch(people: int, companies: int) -> Wanted:
    """New contacts of companies with owners and one campaign; the mapping reads fields."""
    return Wanted(
        emails={CONTACT: emails(people)},
        account_names=frozenset(f"Company {n:05}" for n in range(companies)),
        account_domains=frozenset(f"company{n:05}.com" for n in range(companies)),
        owner_emails=frozenset(f"owner{n}@acme.example" for n in range(20)),
        campaigns=frozenset({CAMPAIGN}),
        member_emails=emails(people),
        fields={CONTACT: frozenset({"Title", "Description", "AccountId"}), ACCOUNT: frozenset({"Name", "Website"})},
    )


def topics(wanted: Wanted, known: frozenset[str] = frozenset()) -> Counter[Topic]:
    return Counter(question.topic for question in questions(wanted, known))


def test_one_contact_is_five_questions() -> None:
    assert topics(batch(1, 1)) == Counter([Topic.CONTACT, Topic.ACCOUNT, Topic.OWNER, Topic.MEMBER, Topic.STATUS])


def test_two_thousand_contacts_of_four_hundred_companies_are_five_questions_too() -> None:
    assert sum(topics(batch(2000, 400)).values()) == 5


def test_known_statuses_are_not_asked_for_again() -> None:
    assert Topic.STATUS not in topics(batch(1, 1), frozenset({CAMPAIGN}))


def test_websites_with_a_slash_at_the_end_are_left_out_only_where_they_alone_would_cost_a_second_call() -> None:
    def account_text(people: int, companies: int) -> str:
        return "".join(q.statement.text for q in questions(batch(people, companies)) if q.topic is Topic.ACCOUNT)

    assert "'https://www.company00000.com/'" in account_text(1, 1)
    assert "'https://www.company00000.com/'" not in account_text(2000, 400)
    assert "'https://www.company00000.com'" in account_text(2000, 400)
    assert "'https://www.company00000.com/'" in account_text(5000, 1000)


def test_the_usual_spellings_of_a_website() -> None:
    assert set(website_spellings("acme.com")) == {
        "acme.com",
        "www.acme.com",
        "http://acme.com",
        "https://acme.com",
        "http://www.acme.com",
        "https://www.acme.com",
    }


def test_nothing_wanted_asks_nothing() -> None:
    assert questions(Wanted()) == []


def test_values_that_no_record_can_have_are_not_asked_for() -> None:
    wanted = Wanted(
        emails={LEAD: frozenset({"x" * 80 + "@x.example", "", " "})},
        ids={LEAD: frozenset({"nonsense"}), ACCOUNT: frozenset({"'"})},
        account_names=frozenset({"x" * 256, " "}),
        owner_emails=frozenset({""}),
        campaigns=frozenset({"no campaign"}),
        member_emails=frozenset({"a@x.example"}),
    )
    assert questions(wanted) == []


def test_leads_bring_the_contact_they_became_along() -> None:
    wanted = Wanted(emails={LEAD: frozenset({"a@x.example"})}, fields={CONTACT: frozenset({"Title"})})
    (question,) = questions(wanted)
    assert "ConvertedContact.Email" in question.statement.text
    assert "ConvertedContact.Title" in question.statement.text


def test_owners_are_active_standard_users() -> None:
    (question,) = questions(Wanted(owner_emails=frozenset({"o@x.example"})))
    assert "IsActive = true AND UserType = 'Standard'" in question.statement.text


def test_members_are_asked_for_by_address_and_by_linked_id() -> None:
    wanted = Wanted(
        ids={LEAD: frozenset({"00QWs0000000001MAA"}), CONTACT: frozenset({"003Ws0000000001"})},
        campaigns=frozenset({CAMPAIGN}),
        member_emails=frozenset({"a@x.example"}),
    )
    (text,) = (q.statement.text for q in questions(wanted) if q.topic is Topic.MEMBER)
    assert text.endswith(
        f"WHERE CampaignId IN ('{CAMPAIGN}') AND (Email IN ('a@x.example') "
        "OR LeadId IN ('00QWs0000000001MAA') OR ContactId IN ('003Ws0000000001IAA'))"
    )


def test_many_campaigns_are_split_with_their_members() -> None:
    campaigns = frozenset(f"701Ws{n:010}" for n in range(1200))
    wanted = Wanted(campaigns=campaigns, member_emails=frozenset({"a@x.example"}))
    assert topics(wanted) == Counter({Topic.MEMBER: 3, Topic.STATUS: 3})


@pytest.mark.parametrize("name", ["Title FROM User--", "a'b", "", "Ñ", "Owner.Name"])
@pytest.mark.parametrize("kind", [LEAD, CONTACT, ACCOUNT])
def test_a_field_that_cannot_exist_is_refused_by_name(kind: RecordKind, name: str) -> None:
    wanted = Wanted(
        emails={LEAD: frozenset({"a@x.example"}), CONTACT: frozenset({"a@x.example"})},
        account_names=frozenset({"Acme"}),
        fields={kind: frozenset({name})},
    )
    with pytest.raises(TargetRefused) as caught:
        questions(wanted)
    assert caught.value.problem.code == "invalid_field_name"
    assert caught.value.problem.fields
