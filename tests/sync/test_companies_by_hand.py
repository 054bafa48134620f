"""A person says which Account a company is, that it has none, or that two companies are one; every sync keeps to it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from contactsync.domain.crm import RecordKind, RecordRef
from contactsync.domain.errors import RefusedInput
from contactsync.domain.outcome import Outcome
from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.lease import org_lease
from contactsync.store.ledger import LinkMade, Recorded, record
from contactsync.store.orgs import chosen
from contactsync.store.queue import OrgLease
from contactsync.store.replays import ReplayFilter
from contactsync.sync import actions
from contactsync.sync.rules import rules_of
from contactsync.sync.turn import Overtaken, Turn, holding
from tests.sync.conftest import ada


def of(company, contact_id="c-1", **more):
    address = f"{contact_id}@engines.example"
    return ada(**{"id": contact_id, "sync_as": "contact", "company": company, "email": address, **more})


def account_of(world, contact_id="c-1"):
    held = [one for one in world.crm("Contact") if one["Email"] == f"{contact_id}@engines.example"]
    assert len(held) == 1
    return held[0].get("AccountId")


def row(world, key):
    (found,) = [one for one in world.rows(t.company) if one.key == key]
    return found


def links(world):
    return {one.source: one.crm_id for one in world.rows(t.link) if one.kind == "Account"}


def do(world, action, *args):
    return action(world.parts, world.org_id, *args)


@pytest.fixture
def later(connected):
    """Deliver contacts, each time at a later moment unless it is said, and sync."""

    def deliver(*items, sent_at=None):
        connected.clock.forward(minutes=10)
        connected.contact(*items, sent_at=sent_at)
        connected.sync()

    return deliver


# ── link ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_company_that_a_person_linked_goes_to_that_account_whatever_matching_would_find(connected, later):
    by_name, other = connected.seed(Account=[{"Name": "Acme"}, {"Name": "Acme Holding"}])["Account"]
    later(of("Acme", "c-1"))
    assert account_of(connected) == by_name
    changed = do(connected, actions.link_company, "name:acme", other)
    assert (changed.contacts, links(connected)) == (1, {"name:acme": other})
    connected.sync()
    later(of("Acme", "c-2"))
    assert account_of(connected, "c-2") == other
    # Nobody is moved silently from another Account (policy move_accounts).
    assert account_of(connected, "c-1") == by_name
    assert connected.row("c-1").status == "synced"
    actions.set_policies(connected.parts, connected.org_id, {"move_accounts": "always"})
    actions.sync_now(connected.parts, connected.org_id, "c-1")
    connected.sync()
    assert account_of(connected, "c-1") == other


def test_a_persons_choice_holds_over_what_the_event_platform_says_later(connected, later):
    said, chosen = connected.seed(Account=[{"Name": "Said"}, {"Name": "Chosen"}])["Account"]
    later(of({"name": "Acme"}))
    do(connected, actions.link_company, "name:acme", chosen)
    later(of({"name": "Acme", "account_id": said}, "c-2"))
    assert account_of(connected, "c-2") == chosen


def test_an_account_may_be_named_by_the_short_form_of_its_id(connected, later):
    (account,) = connected.seed(Account=[{"Name": "Chosen"}])["Account"]
    later(of("Acme", sync_as="lead"))
    do(connected, actions.link_company, "name:acme", f" {account[:15]} ")
    later(of("Acme", "c-2"))
    assert account_of(connected, "c-2") == account


@pytest.mark.parametrize("account_id", ["", "  ", "001 7", "0" * 65, "001Q000000NOTHERE0", "003000000000001AAA"])
def test_an_account_that_is_not_there_is_refused_and_changes_nothing(connected, later, account_id):
    later(of("Acme"))
    before = links(connected)
    with pytest.raises(RefusedInput) as refused:
        do(connected, actions.link_company, "name:acme", account_id)
    assert list(refused.value.fields) == ["account_id"]
    assert (links(connected), row(connected, "name:acme").account_choice) == (before, None)


def test_linking_asks_the_crm_once_and_a_company_that_is_not_there_not_at_all(connected, later):
    (account,) = connected.seed(Account=[{"Name": "Chosen"}])["Account"]
    later(of("Acme"))
    connected.calls()
    do(connected, actions.link_company, "name:acme", account)
    assert connected.calls() == 1
    for action, args in (
        (actions.link_company, (account,)),
        (actions.unlink_company, ()),
        (actions.match_company, ()),
        (actions.part_company, ()),
    ):
        assert do(connected, action, "name:nobody", *args) is None
    assert connected.calls() == 0


def test_without_a_crm_nothing_can_be_linked_and_it_says_what_to_do(world):
    world.contact(of("Acme"))
    world.sync()
    with pytest.raises(actions.NotReady, match="connect"):
        do(world, actions.link_company, "name:acme", "001")
    with pytest.raises(actions.NotReady, match="connect"):
        do(world, actions.unlink_company, "name:acme")


def test_an_account_picked_in_an_edit_is_a_persons_choice_and_an_edit_replayed_brings_no_old_choice_back(
    connected, later
):
    first, second, said = connected.seed(Account=[{"Name": "One"}, {"Name": "Two"}, {"Name": "Three"}])["Account"]
    later(of("Acme"))
    edited = do(connected, actions.edit_contacts, {"c-1": {"company": {"name": "Acme", "account_id": first}}})
    connected.sync()
    assert row(connected, "name:acme").account_choice == first
    later(of({"name": "Acme", "account_id": said}, "c-2"))
    assert account_of(connected, "c-2") == first
    do(connected, actions.link_company, "name:acme", second)
    (delivery,) = edited.deliveries
    do(connected, actions.replay, ReplayFilter(ids=(f"dlv_{delivery}",)))
    connected.sync()
    assert row(connected, "name:acme").account_choice == second


# ── unlink ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unlinked_company_stays_without_an_account_until_somebody_links_it(connected, later):
    (account,) = connected.seed(Account=[{"Name": "Acme", "Website": "acme.example"}])["Account"]
    company = {"name": "Acme", "domain": "acme.example"}
    later(of(company))
    assert links(connected) == {"name:acme": account}
    do(connected, actions.unlink_company, "name:acme")
    assert links(connected) == {}
    connected.sync()
    later(of(company, "c-2"), of({**company, "account_id": account}, "c-3"))
    assert links(connected) == {}
    assert account_of(connected, "c-2") is account_of(connected, "c-3") is None
    assert len(connected.crm("Account")) == 1
    assert connected.row("c-2").status == "synced"
    assert any("unlinked" in line for line in connected.row("c-2").why)
    do(connected, actions.link_company, "name:acme", account)
    connected.sync()
    assert account_of(connected, "c-2") == account


def test_an_unlinked_company_is_matched_again_when_somebody_says_so(connected, later):
    (account,) = connected.seed(Account=[{"Name": "Acme"}])["Account"]
    later(of("Acme"))
    do(connected, actions.unlink_company, "name:acme")
    later(of("Acme", "c-2"))
    assert do(connected, actions.match_company, "name:acme").contacts == 2
    connected.sync()
    assert account_of(connected, "c-2") == account
    assert links(connected) == {"name:acme": account}


def test_a_choice_says_nothing_about_another_crm(connected, later):
    later(of("Acme"))
    do(connected, actions.unlink_company, "name:acme")
    connected.sync()
    actions.connect(
        connected.parts,
        connected.org_id,
        "salesforce",
        {"instance_url": connected.standin.url.replace("127.0.0.1", "localhost"), "client_id": "id",
         "flow": "client_credentials"},
        {"client_secret": "secret"},
    )  # fmt: skip
    connected.sync()
    assert len(links(connected)) == 1


def test_a_run_that_was_under_way_while_somebody_unlinked_ties_nothing(connected, later):
    later(of("Acme", "c-1"))
    do(connected, actions.unlink_company, "name:acme")
    one, bound = connected.row("c-1"), connected.parts.targets.of(connected.org_id)
    tied = LinkMade("name:acme", RecordRef(RecordKind.ACCOUNT, "001000000000001AAA"), created_by_us=True)
    outcome = Outcome(SyncStatus.SYNCED)
    done = Recorded(one.id, "c-1", one.change - 1, 1, outcome, connected.clock(), links=(tied,), run=[])
    with writing(connected.parts.engine) as db:
        record(db, connected.org_id, bound.row.id, [done], connected.clock())
    assert links(connected) == {}


def test_matching_again_is_not_undone_by_a_run_that_was_under_way(connected, later):
    later(of("Acme", "c-1"))
    one, bound = connected.row("c-1"), connected.parts.targets.of(connected.org_id)
    with reading(connected.parts.engine) as db:
        before = chosen(db, connected.org_id).company_choices
    do(connected, actions.match_company, "name:acme")
    tied = LinkMade("name:acme", RecordRef(RecordKind.ACCOUNT, "001000000000001AAA"), created_by_us=True)
    outcome = Outcome(SyncStatus.SYNCED)
    done = Recorded(one.id, "c-1", one.change - 1, 1, outcome, connected.clock(), links=(tied,), run=[])
    with writing(connected.parts.engine) as db:
        record(db, connected.org_id, bound.row.id, [done], connected.clock(), company_choices=before)
    assert links(connected) == {}
    connected.sync()
    assert len(links(connected)) == 1


def test_who_links_one_company_holds_up_no_run_that_goes_by_others(connected, later):
    later(of("Acme", "c-1"), of("Globex", "c-2"))
    (account,) = connected.seed(Account=[{"Name": "First"}])["Account"]
    parts, org_id = connected.parts, connected.org_id
    bound = parts.targets.of(org_id)
    with reading(parts.engine) as db:
        rules = rules_of(db, parts, org_id, "acme", bound.row.target)
    do(connected, actions.link_company, "name:acme", account)
    with org_lease(parts.engine, OrgLease(org_id, "tests", 60), parts.now) as lease:
        turn = Turn(parts, org_id, rules, bound, lease)
        with holding(turn, {"name:globex"}):
            pass
        for companies in ({"name:acme", "name:globex"}, None):
            with pytest.raises(Overtaken), holding(turn, companies):
                pass


def test_a_contact_that_a_run_made_where_nobody_wanted_it_any_more_is_moved_once_whatever_the_policy(connected, later):
    first, second = connected.seed(Account=[{"Name": "First"}, {"Name": "Second"}])["Account"]
    later(of("Acme", "c-0", sync_as="lead"))
    do(connected, actions.link_company, "name:acme", first)
    later(of("Acme"))
    with writing(connected.parts.engine) as db:
        db.execute(sa.update(t.contact).values(account_overtaken=True))
    do(connected, actions.link_company, "name:acme", second)
    connected.sync()
    assert account_of(connected) == second
    do(connected, actions.link_company, "name:acme", first)
    connected.sync()
    assert account_of(connected) == second


# ── merge ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def keys(world):
    return {one.source_id: one.company_key for one in world.rows(t.contact)}


def test_what_names_a_merged_company_names_the_other_one_now_and_later_and_out_of_order(connected, later):
    later(of("Acme"), of("Globex", "c-2"))
    changed = do(connected, actions.merge_companies, "name:acme", "name:globex")
    assert (changed.key, changed.contacts) == ("name:globex", 2)
    assert keys(connected) == {"c-1": "name:globex", "c-2": "name:globex"}
    later(of("ACME", "c-3"))
    later(of("Acme", "c-4"), sent_at="2026-11-01T09:00:00.000000Z")
    later(of("Initech"))
    later(of("Acme"), sent_at="2026-11-02T09:00:00.000000Z")
    assert keys(connected) == {
        "c-1": "name:initech",
        "c-2": "name:globex",
        "c-3": "name:globex",
        "c-4": "name:globex",
    }
    globex = links(connected)["name:globex"]
    assert account_of(connected, "c-3") == account_of(connected, "c-4") == globex


def test_a_replay_of_what_came_before_the_merge_changes_nothing(connected):
    delivery = connected.deliver("contacts", "contact.updated", [of("Acme"), of("Globex", "c-2")])
    connected.sync()
    do(connected, actions.merge_companies, "name:acme", "name:globex")
    connected.sync()
    connected.calls()
    do(connected, actions.replay, ReplayFilter(ids=(f"dlv_{delivery}",)))
    connected.sync()
    assert keys(connected) == {"c-1": "name:globex", "c-2": "name:globex"}


def test_a_lead_takes_the_name_of_the_company_that_its_own_was_merged_into(connected, later):
    later(of("Acme", sync_as="lead"), of("Globex", "c-2", sync_as="lead"))
    do(connected, actions.merge_companies, "name:acme", "name:globex")
    connected.sync()
    assert {one["Company"] for one in connected.crm("Lead")} == {"Globex"}


def test_merges_one_after_the_other_lead_to_the_last_one_in_any_order(connected, later):
    later(of("A"), of("B", "c-2"), of("C", "c-3"), of("D", "c-4"))
    do(connected, actions.merge_companies, "name:a", "name:b")
    do(connected, actions.merge_companies, "name:b", "name:c")
    do(connected, actions.merge_companies, "name:d", "name:a")  # it is C by now
    assert set(keys(connected).values()) == {"name:c"}
    assert [row(connected, f"name:{one}").merged_into for one in "abcd"] == ["name:c", "name:c", None, "name:c"]
    later(of("A", "c-5"))
    assert keys(connected)["c-5"] == "name:c"


@pytest.mark.parametrize(
    ("one", "other", "field"),
    [
        ("name:a", "name:a", "into"),
        ("name:b", "name:a", "into"),  # a cycle: A is B
        ("name:a", "name:b", "into"),  # once more
        ("name:a", "name:c", "company"),  # it is B
        ("name:nobody", "name:a", "company"),
        ("name:b", "name:nobody", "into"),
    ],
)
def test_merges_that_make_no_sense_are_refused_with_what_to_do(world, one, other, field):
    world.contact(of("A"), of("B", "c-2"), of("C", "c-3"))
    world.sync()
    do(world, actions.merge_companies, "name:a", "name:b")
    before = world.rows(t.company)
    with pytest.raises(RefusedInput) as refused:
        do(world, actions.merge_companies, one, other)
    assert list(refused.value.fields) == [field]
    assert world.rows(t.company) == before


@pytest.mark.parametrize("linked", ["gone", "kept", "both"])
def test_the_account_of_the_kept_company_counts_and_else_that_of_the_other_one(connected, later, linked):
    one, other = connected.seed(Account=[{"Name": "One"}, {"Name": "Other"}])["Account"]
    connected.contact(of("Acme", sync_as="lead"), of("Globex", "c-2", sync_as="lead"))
    connected.sync()
    if linked != "kept":
        do(connected, actions.link_company, "name:acme", one)
    if linked != "gone":
        do(connected, actions.link_company, "name:globex", other)
    do(connected, actions.merge_companies, "name:acme", "name:globex")
    later(of("Acme", "c-3"))
    assert account_of(connected, "c-3") == (one if linked == "gone" else other)


def test_a_merged_company_that_is_linked_or_unlinked_is_the_one_that_it_is_now(connected, later):
    (account,) = connected.seed(Account=[{"Name": "Chosen"}])["Account"]
    later(of("Acme", sync_as="lead"), of("Globex", "c-2", sync_as="lead"))
    do(connected, actions.merge_companies, "name:acme", "name:globex")
    assert do(connected, actions.link_company, "name:acme", account).key == "name:globex"
    assert links(connected) == {"name:globex": account}
    do(connected, actions.unlink_company, "name:acme")
    later(of("Acme", "c-3"))
    assert (links(connected), account_of(connected, "c-3")) == ({}, None)


def test_what_the_kept_company_does_not_say_it_takes_over_until_it_is_said(connected, later):
    later(of({"id": "7"}, sync_as="lead"), of({"name": "Acme", "domain": "acme.example"}, "c-2", sync_as="lead"))
    assert connected.row("c-1").missing == ["company"]
    do(connected, actions.merge_companies, "name:acme", "id:7")
    connected.sync()
    assert {one["Company"] for one in connected.crm("Lead")} == {"Acme"}
    assert row(connected, "id:7").sort_name == "acme"
    later(of({"id": "7", "name": "Acme Group"}), sent_at="2026-11-01T09:00:00.000000Z")
    assert row(connected, "id:7").name == "Acme Group"


def test_a_merge_that_is_taken_back_gives_each_contact_the_company_that_was_said(connected, later):
    later(of("Acme"), of("Globex", "c-2"))
    before = links(connected)
    do(connected, actions.merge_companies, "name:acme", "name:globex")
    later(of("Acme", "c-3"))
    changed = do(connected, actions.part_company, "name:acme")
    assert (changed.key, changed.contacts) == ("name:acme", 3)
    assert keys(connected) == {"c-1": "name:acme", "c-2": "name:globex", "c-3": "name:acme"}
    assert links(connected) == before
    assert do(connected, actions.part_company, "name:acme") is None


def test_a_merge_that_is_taken_back_leaves_whoever_was_merged_into_it_with_it(connected, later):
    later(of("A"), of("B", "c-2"), of("C", "c-3"), of("D", "c-4"))
    do(connected, actions.merge_companies, "name:a", "name:b")
    do(connected, actions.merge_companies, "name:b", "name:c")
    do(connected, actions.merge_companies, "name:d", "name:c")
    assert do(connected, actions.part_company, "name:b").contacts == 4
    assert [row(connected, f"name:{one}").merged_into for one in "abcd"] == ["name:b", None, None, "name:c"]
    assert keys(connected) == {"c-1": "name:b", "c-2": "name:b", "c-3": "name:c", "c-4": "name:c"}
    do(connected, actions.part_company, "name:a")
    assert keys(connected)["c-1"] == "name:a"


def test_a_company_that_a_plugin_names_is_the_one_that_is_known_by_that_name(connected, later):
    (account,) = connected.seed(Account=[{"Name": "Chosen"}])["Account"]
    later(of("engines.example", "c-1", sync_as="lead"), of("Globex", "c-2", sync_as="lead"))
    do(connected, actions.merge_companies, "name:engines example", "name:globex")
    do(connected, actions.link_company, "name:globex", account)
    captured = of(None, "c-3", source="leads inbox")
    del captured["company"]
    later(captured)
    assert account_of(connected, "c-3") == account
    assert connected.row("c-3").company_key is None


def test_what_people_do_to_companies_is_written_down_without_their_names(connected, later):
    (account,) = connected.seed(Account=[{"Name": "Chosen"}])["Account"]
    later(of("Acme"), of("Globex", "c-2"))
    matched = links(connected)["name:acme"]
    do(connected, actions.link_company, "name:acme", account)
    do(connected, actions.unlink_company, "name:acme")
    do(connected, actions.match_company, "name:acme")
    do(connected, actions.merge_companies, "name:acme", "name:globex")
    do(connected, actions.part_company, "name:acme")
    acme, globex = (f"company {row(connected, key).id}" for key in ("name:acme", "name:globex"))
    written = [(one.action, one.about, one.details) for one in connected.rows(t.audit_entry) if "compan" in one.action]
    assert written == [
        ("company.linked", acme, {"account_id": {"old": matched, "new": account}, "contacts": 1}),
        ("company.unlinked", acme, {"account_id": {"old": account, "new": None}, "contacts": 1}),
        ("company.matched_again", acme, {"account_id": {"old": None, "new": None}, "contacts": 1}),
        ("companies.merged", acme, {"into": globex, "contacts": 2}),
        ("company.parted", acme, {"contacts": 2}),
    ]
