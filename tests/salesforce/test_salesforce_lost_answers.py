"""Writes whose answer is lost, and calls that fail half way: every row is told the truth."""

from __future__ import annotations

from typing import Any

import pytest
from contactsync_plugins.salesforce.target import SalesforceTarget

from contactsync.api import Next, RecordKind, Step, StepRef, TargetRefused, TargetUnavailable, Token, Wanted
from tests.salesforce.conftest import Org
from tests.salesforce.test_salesforce_apply import apply, create

CONTACT, ACCOUNT, MEMBER = RecordKind.CONTACT, RecordKind.ACCOUNT, RecordKind.MEMBER
WRITES = {"writes": True}


def three_levels(org: Org, count: int = 30) -> list[Step]:
    campaign = org.campaign()
    return [
        *(create(f"a{n}", ACCOUNT, Name=f"Company {n}") for n in range(count)),
        *(create(f"p{n}", CONTACT, Email=f"p{n}@x.example", AccountId=StepRef(f"a{n}")) for n in range(count)),
        *(create(f"m{n}", MEMBER, campaign=campaign, person=StepRef(f"p{n}")) for n in range(count)),
    ]


@pytest.mark.parametrize(
    ("fault", "written"),
    [
        ({"do": "drop_after"}, 1),
        ({"do": "drop_before"}, 0),
        ({"do": "html", "status": 502, "after": True}, 1),
        ({"do": "html", "status": 503}, 0),
        ({"do": "html", "status": 200, "after": True}, 1),
        ({"do": "status", "status": 500, "body": [{"errorCode": "UNKNOWN_EXCEPTION", "message": "x"}]}, 0),
        ({"do": "status", "status": 504, "body": "gateway"}, 0),
        ({"do": "status", "status": 200, "body": {"compositeResponse": []}, "after": True}, 1),
        ({"do": "status", "status": 200, "body": [], "after": True}, 1),
    ],
    ids=lambda value: f"{value['do']}-{value.get('status', '')}" if isinstance(value, dict) else None,
)
def test_a_write_whose_answer_is_lost_comes_back_soon(
    org: Org, target: SalesforceTarget, fault: dict[str, Any], written: int
) -> None:
    org.fault(**fault, match=WRITES)
    failure = apply(target, create("p1", CONTACT))["p1"].failure
    assert failure
    assert (failure.next, failure.problem.code) == (Next.RETRY, "answer_lost")
    assert failure.retry_after
    assert failure.retry_after < 60
    assert len(org.rows("Contact")) == written


def test_a_write_that_takes_too_long_comes_back_when_salesforce_is_surely_done(org: Org) -> None:
    org.target().look_up(Wanted(owner_emails=frozenset({"x@x.example"})))  # signs in without the short limit
    target = org.target(read_timeout="0.3")
    org.fault(do="hold_after", match=WRITES)
    failure = apply(target, create("p1", CONTACT))["p1"].failure
    org.admin("release", {})
    assert failure
    assert (failure.next, failure.problem.code) == (Next.RETRY, "answer_lost")
    assert failure.retry_after
    assert failure.retry_after >= 60


def test_after_a_lost_answer_the_record_is_found_and_there_is_one(org: Org, target: SalesforceTarget) -> None:
    org.fault(do="drop_after", match=WRITES)
    assert not apply(target, create("p1", CONTACT, Email="ada@x.example"))["p1"].ok
    found = target.look_up(Wanted(emails={CONTACT: frozenset({"ada@x.example"})})).people
    assert [person.ref.id for person in found] == [row["Id"] for row in org.rows("Contact")]


def test_an_answer_lost_half_way_is_told_level_by_level_and_nothing_more_is_sent(
    org: Org, target: SalesforceTarget
) -> None:
    steps = three_levels(org)
    org.fault(do="drop_after", match={**WRITES, "nth": 2})
    results = apply(target, *steps)
    assert all(results[f"a{n}"].ok for n in range(30))
    assert {results[f"p{n}"].failure.problem.code for n in range(30)} == {"answer_lost"}
    assert {results[f"m{n}"].failure.next for n in range(30)} == {Next.RETRY}
    assert len(org.calls()) == 2
    assert len(org.rows("Contact")) == 30
    assert org.rows("CampaignMember") == []


def test_rows_that_were_never_sent_are_not_called_lost(org: Org, target: SalesforceTarget) -> None:
    org.fault(do="drop_after", match=WRITES)
    results = apply(target, *(create(f"p{n}", CONTACT) for n in range(1200)))
    codes = [results[f"p{n}"].failure.problem.code for n in range(1200)]
    assert codes.count("answer_lost") == 1000
    assert codes.count("server_unavailable") == 200
    assert {result.failure.next for result in results.values()} == {Next.RETRY}


def test_when_salesforce_goes_away_half_way_what_was_done_stays_done(org: Org, target: SalesforceTarget) -> None:
    steps = three_levels(org)
    org.fault(do="status", status=503, match={**WRITES, "nth": 2})
    results = apply(target, *steps)
    assert all(results[f"a{n}"].ok for n in range(30))
    assert {results[f"p{n}"].failure.problem.code for n in range(30)} == {"server_unavailable"}
    assert {results[f"m{n}"].failure.next for n in range(30)} == {Next.RETRY}
    assert org.rows("Contact") == []


def test_what_failed_only_with_the_call_or_was_never_sent_is_no_failure_of_its_own(
    org: Org, target: SalesforceTarget
) -> None:
    org.fault(do="status", status=503, match={**WRITES, "nth": 2})
    away = apply(target, *three_levels(org))
    assert {failure.whole for result in away.values() if (failure := result.failure)} == {True}
    org.fault(do="drop_after", match=WRITES)
    lost = apply(target, *three_levels(org, 1100))
    told = {failure.problem.code: failure.whole for result in lost.values() if (failure := result.failure)}
    assert told["answer_lost"] is False
    assert told["server_unavailable"] is True


def test_when_salesforce_refuses_half_way_what_was_done_stays_done(org: Org, target: SalesforceTarget) -> None:
    refusal = [{"errorCode": "API_DISABLED_FOR_ORG", "message": "x"}]
    org.fault(do="status", status=403, body=refusal, match={**WRITES, "nth": 2})
    results = apply(target, *three_levels(org))
    assert all(results[f"a{n}"].ok for n in range(30))
    assert {(results[f"p{n}"].failure.next, results[f"p{n}"].failure.problem.code) for n in range(30)} == {
        (Next.STOP, "api_disabled_for_org")
    }


@pytest.mark.parametrize("count", [1, 40], ids=["few", "many"])
def test_when_nothing_could_be_done_at_all_the_whole_call_says_so(
    org: Org, target: SalesforceTarget, count: int
) -> None:
    org.fault(do="status", status=503, match=WRITES)
    with pytest.raises(TargetUnavailable):
        apply(target, *(create(f"p{n}", CONTACT) for n in range(count)))
    org.fault(do="status", status=403, match=WRITES)
    with pytest.raises(TargetUnavailable) as caught:
        apply(target, *(create(f"p{n}", CONTACT) for n in range(count)))
    assert caught.value.problem
    assert caught.value.problem.code == "daily_limit"
    refusal = [{"errorCode": "API_DISABLED_FOR_ORG", "message": "x"}]
    org.fault(do="status", status=403, body=refusal, match=WRITES)
    with pytest.raises(TargetRefused):
        apply(target, *(create(f"p{n}", CONTACT) for n in range(count)))
    assert org.rows("Contact") == []


def test_a_write_to_a_port_where_nobody_listens_was_surely_not_done(org: Org) -> None:
    target = org.target(instance_url="http://127.0.0.1:1")
    org.keeper.kept = Token("from before", "http://127.0.0.1:1")
    with pytest.raises(TargetUnavailable):
        apply(target, create("p1", CONTACT))


def test_a_lost_answer_outside_a_composite_is_lost_too(org: Org, target: SalesforceTarget) -> None:
    org.fault(do="drop_after", match=WRITES)
    failure = apply(target, create("p1", CONTACT, Title="@{x}"))["p1"].failure
    assert failure
    assert failure.problem.code == "answer_lost"


@pytest.mark.parametrize("count", [1, 31])
def test_an_answer_with_another_number_of_rows_is_lost_for_all_of_them(
    org: Org, target: SalesforceTarget, count: int
) -> None:
    """Only their order says whose they are."""
    rows = [{"id": f"003Ws00000000{n:02}AAA", "success": True, "errors": []} for n in range(count)]
    body = {"compositeResponse": [{"referenceId": "part_0", "httpStatusCode": 200, "body": rows, "httpHeaders": {}}]}
    org.fault(do="status", status=200, body=body, match=WRITES)
    results = apply(target, *(create(f"p{n}", CONTACT) for n in range(30)))
    assert {results[f"p{n}"].failure.problem.code for n in range(30)} == {"answer_lost"}
