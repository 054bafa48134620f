"""Signing in: tokens are fetched once, kept, replaced when Salesforce refuses them, and never sent anywhere else."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from contactsync_plugins.salesforce.auth import assertion_of
from contactsync_plugins.salesforce.settings import read_access
from contactsync_plugins.salesforce.target import SalesforceTarget
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from contactsync.api import RecordKind, TargetRefused, TargetUnavailable, Token, Wanted
from tests.salesforce.conftest import MemoryKeeper, Org
from tests.salesforce.test_salesforce_apply import apply, create

LEAD = RecordKind.LEAD
ASKED = Wanted(emails={LEAD: frozenset({"ada@x.example"})})
TOKENS = {"path": "oauth2/token"}


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    made = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return made.decode()


def jwt_target(org: Org, key: rsa.RSAPrivateKey, **settings: str) -> SalesforceTarget:
    given = {"instance_url": org.standin.url, "client_id": "id", "username": "contactsync@standin.example", **settings}
    return org.connect(given, {"private_key": private_pem(key)}, org.keeper)


def token_calls(org: Org) -> int:
    return int(org.admin("calls")["token_count"])


def refusal(target: SalesforceTarget) -> str:
    with pytest.raises(TargetRefused) as caught:
        target.look_up(ASKED)
    return caught.value.problem.code


def test_one_token_serves_all_calls_and_is_not_counted_as_one(org: Org, target: SalesforceTarget) -> None:
    for _ in range(3):
        target.look_up(ASKED)
    assert token_calls(org) == 1
    assert len(org.counted) == 3


def test_a_kept_token_is_used_by_the_next_target(org: Org) -> None:
    for _ in range(3):
        org.target().look_up(ASKED)
    assert token_calls(org) == 1


def test_making_a_target_calls_nobody(org: Org) -> None:
    org.target(instance_url="http://127.0.0.1:1")
    assert token_calls(org) == 0


def test_an_expired_session_is_replaced_and_the_call_repeated(org: Org, target: SalesforceTarget) -> None:
    org.seed("Lead", LastName="L", Company="C", Email="ada@x.example")
    target.look_up(ASKED)
    org.admin("revoke", {})
    assert len(target.look_up(ASKED).people) == 1
    assert token_calls(org) == 2
    assert org.keeper.fetched == 2


def test_a_repeated_write_keeps_its_headers_and_is_done_once(org: Org, target: SalesforceTarget) -> None:
    ours, rules = org.owner(), org.owner("rules@acme.example")
    org.admin("options", {"assignment_owner_id": rules})
    for text in ("Countess", "@{direct}"):  # once inside a composite, once outside
        target.look_up(ASKED)
        org.admin("revoke", {})
        ref = apply(target, create("p1", LEAD, Title=text, OwnerId=ours))["p1"].ref
        assert org.row("Lead", ref.id)["OwnerId"] == ours
    assert len(org.rows("Lead")) == 2


def test_a_token_that_another_worker_has_replaced_is_not_fetched_again(org: Org) -> None:
    target = org.target()
    target.look_up(ASKED)
    org.admin("revoke", {})
    other = org.target(keeper=MemoryKeeper())
    other.look_up(ASKED)
    fresh = other._wire._tokens.token(lambda: pytest.fail("it is kept"))

    class TheirsByNow(MemoryKeeper):
        def token(self, fetch: Any, stale: str | None = None) -> Token:
            return super().token(fetch) if stale is None else fresh

    theirs = TheirsByNow()
    theirs.kept = org.keeper.kept
    org.target(keeper=theirs).look_up(ASKED)
    assert token_calls(org) == 2


def test_a_session_refused_twice_in_a_row_is_not_fetched_for_ever(org: Org, target: SalesforceTarget) -> None:
    org.fault(do="status", status=401, times=50)
    assert refusal(target) == "session_refused"
    assert token_calls(org) == 2
    assert len(org.calls()) == 2


def test_a_session_without_the_api_is_not_refreshed(org: Org, target: SalesforceTarget) -> None:
    body = [{"errorCode": "INVALID_SESSION_ID", "message": "This session is not valid for use with the REST API"}]
    org.fault(do="status", status=401, body=body)
    assert refusal(target) == "session_not_for_api"
    assert token_calls(org) == 1


def test_a_401_that_is_no_json_is_refreshed_like_any_other(org: Org, target: SalesforceTarget) -> None:
    org.fault(do="html", status=401)
    assert target.look_up(ASKED).people == ()
    assert token_calls(org) == 2


@pytest.mark.parametrize(
    ("error", "description", "code"),
    [
        ("invalid_client_id", "client identifier invalid", "invalid_client_id"),
        ("invalid_client", "invalid client credentials", "invalid_client"),
        ("invalid_grant", "user hasn't approved this consumer", "invalid_grant"),
        ("invalid_grant", "no client credentials user enabled", "invalid_grant"),
        ("invalid_grant", "expired access/refresh token", "invalid_grant"),
        ("invalid_grant", "", "invalid_grant"),
        ("inactive_user", "user is inactive", "inactive_user"),
        ("unsupported_grant_type", "grant type not supported", "unsupported_grant_type"),
        ("invalid_app_access", "user is not admin approved", "invalid_app_access"),
        ("something_new", "secret text", "sign_in_refused"),
    ],
)
def test_a_refused_sign_in_says_what_to_do(
    org: Org, target: SalesforceTarget, error: str, description: str, code: str
) -> None:
    org.fault(do="status", status=400, body={"error": error, "error_description": description}, match=TOKENS)
    with pytest.raises(TargetRefused) as caught:
        target.look_up(ASKED)
    problem = caught.value.problem
    assert problem.code == code
    assert problem.fix
    assert "secret" not in str(problem).replace("client secret", "").replace("Consumer Secret", "")


@pytest.mark.parametrize(
    "settings", [{"client_id": "other"}, {"client_secret": "other"}], ids=["client_id", "client_secret"]
)
def test_wrong_credentials_are_refused(org: Org, settings: dict[str, str]) -> None:
    credentials = {"client_secret": settings.pop("client_secret", "secret")}
    given = {"instance_url": org.standin.url, "client_id": "id", **settings}
    assert refusal(org.connect(given, credentials, org.keeper)) in {"invalid_client_id", "invalid_client"}


LATER = [
    ({"do": "html", "status": 503}, "sign_in_unavailable"),
    ({"do": "html", "status": 200}, "sign_in_unavailable"),
    ({"do": "status", "status": 200, "body": {"token_type": "Bearer"}}, "sign_in_unavailable"),
    ({"do": "status", "status": 500, "body": []}, "sign_in_unavailable"),
    ({"do": "drop_before"}, "salesforce_unreachable"),
    (
        {
            "do": "status",
            "status": 403,
            "body": [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}],
        },
        "daily_limit",
    ),
    (
        {"do": "status", "status": 400, "body": {"error": "invalid_grant", "error_description": "login rate exceeded"}},
        "sign_in_limit",
    ),
]


@pytest.mark.parametrize(("fault", "code"), LATER, ids=[f"{f['do']}-{f.get('status')}-{c}" for f, c in LATER])
def test_a_sign_in_that_fails_in_passing_works_the_next_time(
    org: Org, target: SalesforceTarget, fault: dict[str, Any], code: str
) -> None:
    org.fault(**fault, match=TOKENS)
    with pytest.raises(TargetUnavailable) as caught:
        target.look_up(ASKED)
    assert caught.value.problem
    assert caught.value.problem.code == code
    assert target.look_up(ASKED).people == ()


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "html", "status": 404},
        {"do": "html", "status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
    ],
    ids=lambda fault: str(fault["status"]),
)
def test_an_address_without_a_sign_in_is_named(org: Org, target: SalesforceTarget, fault: dict[str, Any]) -> None:
    org.fault(**fault, match=TOKENS)
    assert refusal(target) == "instance_url_wrong"


@pytest.mark.parametrize(
    "url", ["https://evil.example", "https://acme.my.salesforce.com", "http://evil.example", "javascript:alert(1)", ""]
)
def test_a_token_for_an_address_of_another_sort_is_not_used(org: Org, target: SalesforceTarget, url: str) -> None:
    org.fault(do="status", status=200, body={"access_token": "00D!x", "instance_url": url}, match=TOKENS)
    assert refusal(target) == "instance_url_refused"
    assert org.calls() == []


@pytest.mark.parametrize("value", ["", 5, None, "two\r\nlines", "ümlaut"])
def test_a_token_that_cannot_be_one_is_not_used(org: Org, target: SalesforceTarget, value: object) -> None:
    org.fault(do="status", status=200, body={"access_token": value, "instance_url": org.standin.url}, match=TOKENS)
    with pytest.raises(TargetUnavailable):
        target.look_up(ASKED)


def test_a_signed_assertion_signs_in(org: Org, key: rsa.RSAPrivateKey) -> None:
    org.admin("options", {"jwt_public_key": public_pem(key)})
    org.clock = time.time()
    assert jwt_target(org, key).look_up(ASKED).people == ()


def test_an_assertion_of_another_key_is_refused(org: Org, key: rsa.RSAPrivateKey) -> None:
    org.admin("options", {"jwt_public_key": public_pem(rsa.generate_private_key(65537, 2048))})
    org.clock = time.time()
    assert refusal(jwt_target(org, key)) == "invalid_grant"


def test_an_assertion_of_a_clock_that_is_wrong_says_so(org: Org, key: rsa.RSAPrivateKey) -> None:
    org.admin("options", {"jwt_public_key": public_pem(key)})
    org.clock = 1_000_000_000
    with pytest.raises(TargetRefused) as caught:
        jwt_target(org, key).look_up(ASKED)
    assert "clock" in caught.value.problem.fix


def test_an_assertion_says_who_for_whom_and_ends_in_three_minutes(org: Org, key: rsa.RSAPrivateKey) -> None:
    given = {
        "instance_url": "https://acme--x.sandbox.my.salesforce.com",
        "client_id": "id",
        "username": "u@acme.example",
    }
    access = read_access(given, {"private_key": private_pem(key)})
    claims = jwt.decode(
        assertion_of(access, now=1_900_000_000.7),
        key.public_key(),
        algorithms=["RS256"],
        audience="https://test.salesforce.com",
        options={"verify_exp": False},
    )
    assert claims == {
        "iss": "id",
        "sub": "u@acme.example",
        "aud": "https://test.salesforce.com",
        "exp": 1_900_000_180,
    }


def test_an_unknown_user_is_not_approved(org: Org, key: rsa.RSAPrivateKey) -> None:
    org.clock = time.time()
    with pytest.raises(TargetRefused) as caught:
        jwt_target(org, key, username="nobody@acme.example").look_up(ASKED)
    assert "approved" in caught.value.problem.cause
