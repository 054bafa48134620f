"""Rule 7: a company and its Account."""

from __future__ import annotations

from dataclasses import replace

from contactsync.domain.crm import Action, FoundAccount, Next, RecordRef, StepRef
from contactsync.domain.policy import Policies, SeveralMatches
from contactsync.domain.records import Company
from tests.domain.made import (
    ACCOUNT,
    account,
    account_step,
    lead,
    mapping_with,
    owner,
    person,
    person_step,
    planned,
    ready,
    ref,
    rule,
    steps_of,
)

ACME = Company("id:7", "Acme, Inc.", "acme.com")
NO_NEW = Policies(create_accounts=False)


def contact(contact_id="c1", company=ACME, **more):
    return ready(contact_id, sync_as="contact", company=company, **more)


def test_a_company_that_the_crm_does_not_know_becomes_an_account_and_the_contact_belongs_to_it():
    made = planned(contact())
    account_made, person_made = made.steps
    assert (account_made.id, account_made.action) == ("a1", Action.CREATE)
    assert account_made.fields == {"Name": "Acme, Inc.", "Website": "acme.com"}
    assert person_made.fields["AccountId"] == StepRef("a1")
    assert made.contacts["c1"].step_ids == ("a1", "p1")


def test_a_lead_gets_the_companys_name_and_no_account():
    made = planned(ready(company=ACME), account(domain="acme.com"))
    assert person_step(made).fields["Company"] == "Acme, Inc."
    assert made.contacts["c1"].account is None
    assert steps_of(made, ACCOUNT) == []


def test_an_account_is_matched_by_domain_before_name():
    made = planned(contact(), account(1, "Acme Inc", None), account(2, "Something else", "acme.com"))
    assert account_step(made).ref == ref(ACCOUNT, 2)
    assert person_step(made).fields["AccountId"] == ref(ACCOUNT, 2).id
    assert "domain" in account_step(made).why[0]


def test_an_account_is_matched_by_normalised_name():
    made = planned(contact(company=Company("k", "ACME Incorporated")), account(1, "Acme, Inc."))
    assert account_step(made).ref == ref(ACCOUNT, 1)
    assert "name" in account_step(made).why[0]


def test_of_several_accounts_the_oldest_is_taken_and_the_run_says_how_many_there_were():
    records = [account(1, domain="acme.com", created="2022"), account(2, domain="acme.com", created="2021")]
    made = planned(contact(), *records)
    assert account_step(made).ref == ref(ACCOUNT, 2)
    assert "2 Accounts have the company's domain: the oldest was taken." in made.contacts["c1"].why


def test_a_linked_account_goes_before_domain_and_name():
    made = planned(contact(account=ref(ACCOUNT, 5)), account(1, domain="acme.com"), account(5, "Renamed"))
    assert account_step(made).ref == ref(ACCOUNT, 5)


def test_a_linked_account_that_is_gone_sends_the_contact_once_more_and_makes_no_account_meanwhile():
    made = planned(contact(account=ref(ACCOUNT, 5)))
    assert made.steps == ()
    assert made.contacts["c1"].problem.code == "linked_account_gone"
    assert made.contacts["c1"].next is Next.REMATCH


def test_a_linked_account_that_is_gone_does_not_matter_to_a_contact_that_has_one():
    made = planned(contact(account=ref(ACCOUNT, 5), title="Countess"), person(AccountId="001Z"))
    assert made.contacts["c1"].problem is None
    assert person_step(made).fields["Title"] == "Countess"


def test_a_linked_account_that_is_gone_is_told_and_the_company_matched_again():
    again = replace(contact(account=ref(ACCOUNT, 5)), rematched=True)
    made = planned(again, account(1, domain="acme.com"))
    assert account_step(made).ref == ref(ACCOUNT, 1)
    assert any("no longer in the CRM" in line for line in made.contacts["c1"].why)


def test_a_picked_account_goes_before_everything():
    picked = Company("id:7", "Acme, Inc.", "acme.com", ref(ACCOUNT, 3).id)
    made = planned(
        contact(company=picked, account=ref(ACCOUNT, 5)), account(1, domain="acme.com"), account(3), account(5)
    )
    assert account_step(made).ref == ref(ACCOUNT, 3)


def test_a_picked_account_may_be_named_by_the_short_form_of_its_id():
    long = RecordRef(ACCOUNT, "0015e00000ABCDEAA4")
    made = planned(contact(company=Company("k", "Acme", None, long.id[:15])), FoundAccount(long, "X", None, "2020"))
    assert account_step(made).ref == long


def test_a_picked_account_that_is_not_there_is_a_problem_and_never_another_account():
    picked = Company("id:7", "Acme, Inc.", "acme.com", "001GONE")
    batch = [contact("1", company=picked), contact("2", company=Company("id:8", "Acme, Inc."), email="bob@x.com")]
    made = planned(batch, account(1, domain="acme.com"))
    problem = made.contacts["1"].problem
    assert (problem.code, problem.who) == ("picked_account_not_found", "event team")
    assert "001GONE" in problem.cause
    assert made.contacts["2"].problem is None
    assert [step.id for step in made.steps] == list(made.contacts["2"].step_ids)


def test_a_picked_account_that_is_not_there_does_not_stop_a_lead():
    picked = Company("id:7", "Acme", None, "001GONE")
    assert planned(ready(company=picked)).contacts["c1"].problem is None


def test_an_org_may_switch_creating_off_then_the_contact_goes_without_an_account():
    made = planned(contact(), policies=NO_NEW)
    assert "AccountId" not in person_step(made).fields
    assert made.contacts["c1"].account is None
    assert any("creates no Accounts" in line for line in made.contacts["c1"].why)


def test_an_account_is_still_matched_when_creating_is_off():
    assert account_step(planned(contact(), account(domain="acme.com"), policies=NO_NEW)).action is Action.LEAVE


def test_companies_of_one_batch_with_one_domain_or_name_make_one_account():
    batch = [
        contact("1", company=Company("id:1", "Acme, Inc.", "acme.com")),
        contact("2", company=Company("id:2", "ACME Incorporated"), email="b@x.com"),
        contact("3", company=Company("id:3", "Acme Holding", "acme.com"), email="c@x.com"),
        contact("4", company=Company("id:4", "Other"), email="d@x.com"),
    ]
    made = planned(batch)
    assert len(steps_of(made, ACCOUNT)) == 2
    assert len({made.contacts[one].account for one in "123"}) == 1
    assert made.contacts["4"].account != made.contacts["1"].account


def test_a_company_takes_the_account_of_another_one_of_its_batch_that_is_the_same():
    batch = [
        contact("1", company=Company("id:1", "Acme, Inc.", "acme.com")),
        contact("2", company=Company("id:2", "Acme Inc"), email="b@x.com"),
    ]
    made = planned(batch, account(1, "Renamed", "acme.com"))
    assert [step.ref for step in steps_of(made, ACCOUNT)] == [ref(ACCOUNT, 1)]
    assert made.contacts["2"].account == made.contacts["1"].account


def test_an_existing_account_is_matched_not_rewritten():
    step = account_step(planned(contact(), account(1, "Somebody's spelling", "acme.com")))
    assert (step.action, dict(step.fields)) == (Action.LEAVE, {})


def test_an_existing_account_is_updated_only_by_rules_whose_mode_allows_it():
    mapping = mapping_with("account", rule("domain", "Website", "if_empty"))
    step = account_step(planned(contact(), account(1, "Acme Inc", Website=None), mapping=mapping))
    assert (step.action, step.fields, step.before) == (Action.UPDATE, {"Website": "acme.com"}, {"Website": None})


def test_an_account_that_is_made_may_get_the_contacts_owner():
    mapping = mapping_with("account", rule("owner", "OwnerId", "on_create"))
    made = planned(contact(owner="sales@acme.com"), owner(4), mapping=mapping)
    assert account_step(made).fields["OwnerId"] == owner(4).ref.id


# ── a Contact that is there already ──


def test_an_existing_contact_is_never_moved_to_another_account():
    known = person(1, AccountId="AcOTHER")
    made = planned(contact(), known, account(1, domain="acme.com"))
    assert "AccountId" not in person_step(made).fields
    assert any("stays there" in line for line in made.contacts["c1"].why)
    assert account_step(made).ref == ref(ACCOUNT, 1)


def test_an_existing_contact_without_an_account_gets_one():
    made = planned(contact(), person(1, AccountId=None), account(1, domain="acme.com"))
    assert (person_step(made).fields["AccountId"], person_step(made).before["AccountId"]) == (ref(ACCOUNT, 1).id, None)
    created = planned(contact(), person(1, AccountId=None))
    assert person_step(created).fields["AccountId"] == StepRef("a1")


def test_an_existing_contact_in_its_account_is_left():
    made = planned(contact(), person(1, AccountId=ref(ACCOUNT, 1).id), account(1, domain="acme.com"))
    assert "AccountId" not in person_step(made).fields
    assert not any("stays there" in line for line in made.contacts["c1"].why)


def test_no_account_is_made_that_no_contact_would_have():
    made = planned(contact(), person(1, AccountId="AcOTHER"))
    assert steps_of(made, ACCOUNT) == []
    assert any("none was made for its company" in line for line in made.contacts["c1"].why)


def test_with_the_account_rule_off_companies_are_nobodys_business():
    mapping = mapping_with("contact", rule("account", "AccountId", "off"))
    picked = Company("id:7", "Acme", None, "001GONE")
    made = planned(contact(company=picked), mapping=mapping)
    assert [step.kind.is_person for step in made.steps] == [True]
    assert made.contacts["c1"].problem is None


def test_with_the_account_rule_on_create_an_existing_contact_needs_no_new_account():
    mapping = mapping_with("contact", rule("account", "AccountId", "on_create"))
    assert steps_of(planned(contact(), person(1, AccountId=None), mapping=mapping), ACCOUNT) == []


def test_a_converted_leads_contact_keeps_the_account_that_the_conversion_gave_it():
    known = person(7, AccountId="AcOTHER")
    made = planned(ready(company=ACME), lead(converted_to=known.ref), known)
    assert "AccountId" not in person_step(made).fields
    assert steps_of(made, ACCOUNT) == []


def test_of_two_contacts_that_share_a_record_the_newest_one_names_the_account():
    batch = [
        contact("1", changed="1", company=Company("id:1", "Old Corp", "old.com")),
        contact("2", changed="2", company=Company("id:2", "New Corp", "new.com")),
    ]
    made = planned(batch)
    assert [step.fields["Name"] for step in steps_of(made, ACCOUNT)] == ["New Corp"]
    assert made.contacts["1"].account is None


def test_of_several_accounts_the_org_chooses_as_of_several_people():
    records = [account(1, domain="acme.com", created="2021"), account(2, domain="acme.com", created="2023")]
    one = ready(sync_as="contact", company=Company("k", "Acme", "acme.com"))
    recent = planned(one, *records, policies=Policies(several_matches=SeveralMatches.MOST_RECENT))
    assert account_step(recent).ref == ref(ACCOUNT, 2)
    asked = planned(one, *records, policies=Policies(several_matches=SeveralMatches.STOP))
    assert asked.steps == ()
    assert asked.contacts["c1"].problem.code == "several_accounts"


def test_nobody_is_asked_which_account_it_is_when_the_contact_has_one_that_stays():
    stop = Policies(several_matches=SeveralMatches.STOP)
    records = [account(1, domain="acme.com"), account(2, domain="acme.com"), person(AccountId="001Z")]
    made = planned(contact(title="Countess"), *records, policies=stop)
    assert made.contacts["c1"].problem is None
    assert person_step(made).fields["Title"] == "Countess"
    assert planned(contact(), *records[:2], person(), policies=stop).contacts["c1"].problem is not None
