"""What a sync costs, counted by the wire itself."""

from __future__ import annotations

from collections.abc import Iterator

from contactsync_plugins.salesforce.target import SalesforceTarget

from contactsync.api import Action, Found, RecordKind, RecordRef, Step, StepRef, Wanted
from tests.salesforce.conftest import Org

LEAD, CONTACT, ACCOUNT, MEMBER = RecordKind.LEAD, RecordKind.CONTACT, RecordKind.ACCOUNT, RecordKind.MEMBER
FIELDS = {
    CONTACT: frozenset({"FirstName", "LastName", "Email", "AccountId", "Title", "Description", "OwnerId"}),
    ACCOUNT: frozenset({"Name", "Website"}),
}
PEOPLE, COMPANIES, OWNERS = 10_000, 2_000, 20


def email(n: int) -> str:
    return f"first.last{n}@company{n % COMPANIES}.example"


class Burst:
    """People who are new, of companies that are new, with owners and one campaign; as the planner would ask and plan."""

    def __init__(self, org: Org, target: SalesforceTarget, company_of: list[int]) -> None:
        self.org, self.target, self.company_of = org, target, company_of
        self.owners = [org.owner(f"owner{n}@acme.example") for n in range(OWNERS)]
        self.campaign = org.campaign()
        self.accounts: dict[int, RecordRef] = {}
        org.forget_calls()

    def wanted(self, batch: range) -> Wanted:
        companies = {self.company_of[n] for n in batch}
        return Wanted(
            emails={CONTACT: frozenset(email(n) for n in batch)},
            ids={ACCOUNT: frozenset(self.accounts[c].id for c in companies if c in self.accounts)},
            account_names=frozenset(f"Company {c}" for c in companies),
            account_domains=frozenset(f"company{c}.example" for c in companies),
            owner_emails=frozenset(f"owner{n}@acme.example" for n in range(OWNERS)),
            campaigns=frozenset({self.campaign}),
            member_emails=frozenset(email(n) for n in batch),
            fields=FIELDS,
        )

    def steps(self, batch: range) -> Iterator[Step]:
        new = sorted({self.company_of[n] for n in batch} - set(self.accounts))
        for company in new:
            fields = {"Name": f"Company {company}", "Website": f"company{company}.example"}
            yield Step(f"a{company}", Action.CREATE, ACCOUNT, fields=fields)
        for n in batch:
            company = self.company_of[n]
            known = self.accounts.get(company)
            fields = {
                "LastName": f"Last {n}",
                "Email": email(n),
                "AccountId": known.id if known else StepRef(f"a{company}"),
                "OwnerId": self.owners[n % OWNERS],
            }
            yield Step(f"p{n}", Action.CREATE, CONTACT, fields=fields)
        for n in batch:
            fields = {"campaign": self.campaign, "person": StepRef(f"p{n}"), "status": "Sent"}
            yield Step(f"m{n}", Action.CREATE, MEMBER, fields=fields)

    def sync(self, batch: range) -> Found:
        found = self.target.look_up(self.wanted(batch))
        assert len(found.owners) == OWNERS
        results = {result.step_id: result for result in self.target.apply(list(self.steps(batch)))}
        assert all(result.ok for result in results.values())
        for n in batch:
            made = results.get(f"a{self.company_of[n]}")
            if made and made.ref:
                self.accounts[self.company_of[n]] = made.ref
        return found


def test_a_burst_of_ten_thousand_in_batches_of_five_thousand_is_thirty_calls(
    org: Org, target: SalesforceTarget
) -> None:
    burst = Burst(org, target, [n % COMPANIES for n in range(PEOPLE)])
    for start in range(0, PEOPLE, 5_000):
        burst.sync(range(start, start + 5_000))
    assert org.admin("calls")["count"] == 30
    assert len(org.counted) == 30
    store = org.standin.org.store.live
    assert {kind: len(store[kind]) for kind in ("Contact", "Account", "CampaignMember")} == {
        "Contact": PEOPLE,
        "Account": COMPANIES,
        "CampaignMember": PEOPLE,
    }


def test_two_thousand_people_of_four_hundred_companies_are_six_calls_and_so_five_times_that_many_are_thirty(
    org: Org, target: SalesforceTarget
) -> None:
    burst = Burst(org, target, [n // 5 for n in range(4_000)])
    counts = []
    for start in (0, 2_000):
        burst.sync(range(start, start + 2_000))
        counts.append(org.admin("calls")["count"])
    assert counts == [6, 12]


def test_one_new_contact_is_two_calls(org: Org, target: SalesforceTarget) -> None:
    Burst(org, target, [0]).sync(range(1))
    assert len(org.calls()) == 2


def test_eight_new_contacts_are_two_calls(org: Org, target: SalesforceTarget) -> None:
    Burst(org, target, list(range(8))).sync(range(8))
    assert len(org.calls()) == 2


def test_an_unchanged_contact_is_no_write(org: Org, target: SalesforceTarget) -> None:
    burst = Burst(org, target, [0])
    burst.sync(range(1))
    org.forget_calls()
    found = target.look_up(burst.wanted(range(1)))
    left = [
        Step("p0", Action.LEAVE, CONTACT, found.people[0].ref),
        Step("m0", Action.LEAVE, MEMBER, found.members[0].ref),
    ]
    assert all(result.ok for result in target.apply(left))
    assert len(org.calls()) == 1
