from __future__ import annotations

import time
from datetime import timedelta

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from contactsync.standin.auth import JWT_BEARER

USERNAME = "contactsync@standin.example"


@pytest.fixture(scope="module")
def keys():
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public.decode()


@pytest.fixture
def ask(standin):
    def send(auth=None, **form):
        url = f"{standin.url}/services/oauth2/token"
        with requests.post(url, data=form, auth=auth, timeout=10) as answer:
            return answer.status_code, answer.json()

    return send


@pytest.fixture
def locked(standin):
    standin.org.options.client_id = "the-id"
    standin.org.options.client_secret = "the-secret"


def claims(**changes):
    base = {"iss": "the-id", "sub": USERNAME, "aud": "https://login.salesforce.com", "exp": str(int(time.time()) + 180)}
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def test_client_credentials_in_the_form_give_a_token_of_the_recorded_shape(standin, locked, ask):
    status, body = ask(grant_type="client_credentials", client_id="the-id", client_secret="the-secret")
    assert status == 200
    assert set(body) == {"access_token", "signature", "scope", "instance_url", "id", "token_type", "issued_at"}
    assert body["instance_url"] == standin.url
    assert body["token_type"] == "Bearer"
    assert body["issued_at"].isdigit()
    assert body["id"].startswith(f"{standin.url}/id/00D")


def test_client_credentials_may_come_as_http_basic(standin, locked, ask):
    status, body = ask(auth=("the-id", "the-secret"), grant_type="client_credentials")
    assert status == 200
    answer = requests.get(
        f"{standin.url}/services/data/v66.0/limits",
        headers={"Authorization": f"Bearer {body['access_token']}"},
        timeout=10,
    )
    assert answer.status_code == 200


def test_a_wrong_client_id_is_invalid_client_id(locked, ask):
    assert ask(grant_type="client_credentials", client_id="x", client_secret="the-secret") == (
        400,
        {"error": "invalid_client_id", "error_description": "client identifier invalid"},
    )


def test_a_wrong_secret_is_invalid_client(locked, ask):
    status, body = ask(grant_type="client_credentials", client_id="the-id", client_secret="x")
    assert (status, body["error"]) == (400, "invalid_client")


def test_without_a_configured_client_any_that_is_not_empty_is_accepted(ask):
    assert ask(grant_type="client_credentials", client_id="any", client_secret="any")[0] == 200
    assert ask(grant_type="client_credentials", client_id="any", client_secret="")[0] == 400
    assert ask(grant_type="client_credentials")[1]["error"] == "invalid_client_id"


def test_an_unknown_grant_type_is_refused(ask):
    assert ask(grant_type="password", username="x")[1]["error"] == "unsupported_grant_type"
    assert ask()[0] == 400


def test_a_json_body_is_no_token_request(standin):
    answer = requests.post(
        f"{standin.url}/services/oauth2/token", json={"grant_type": "client_credentials"}, timeout=10
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_signed_assertion_gives_a_token_that_works(standin, locked, ask, keys):
    private, standin.org.options.jwt_public_key = keys
    status, body = ask(grant_type=JWT_BEARER, assertion=jwt.encode(claims(), private, "RS256"))
    assert status == 200
    assert set(body) == {"access_token", "scope", "instance_url", "id", "token_type"}


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"exp": 1}, "invalid_grant", "token validity expired"),
        ({"exp": None}, "invalid_grant", "invalid assertion"),
        ({"aud": "https://evil.example"}, "invalid_grant", "audience is invalid"),
        ({"iss": "someone-else"}, "invalid_client_id", "client identifier invalid"),
        ({"sub": "nobody@standin.example"}, "invalid_grant", "user hasn't approved this consumer"),
    ],
)
def test_an_assertion_with_a_wrong_claim_is_refused(standin, locked, ask, keys, changes, error, description):
    private, standin.org.options.jwt_public_key = keys
    assertion = jwt.encode(claims(**changes), private, "RS256")
    body = {"error": error, "error_description": description}
    assert ask(grant_type=JWT_BEARER, assertion=assertion) == (400, body)


def test_an_assertion_signed_with_another_key_is_refused(standin, locked, ask, keys):
    standin.org.options.jwt_public_key = keys[1]
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    status, body = ask(grant_type=JWT_BEARER, assertion=jwt.encode(claims(), other, "RS256"))
    assert (status, body["error_description"]) == (400, "invalid assertion")


def test_an_assertion_signed_with_the_public_key_as_hmac_secret_is_refused(standin, locked, ask, keys):
    standin.org.options.jwt_public_key = keys[1]
    forged = jwt.encode(claims(), "k" * 64, "HS256")
    assert ask(grant_type=JWT_BEARER, assertion=forged)[1]["error"] == "invalid_grant"
    assert ask(grant_type=JWT_BEARER, assertion="not.a.jwt")[1]["error"] == "invalid_grant"


def test_the_stand_ins_own_url_is_an_audience_too(standin, ask, keys):
    assertion = jwt.encode(claims(aud=standin.url), keys[0], "RS256")
    assert ask(grant_type=JWT_BEARER, assertion=assertion)[0] == 200


def test_an_inactive_user_gets_no_token(standin, wire, ask, keys):
    wire.seed("User", LastName="Gone", Email="gone@x.example", Username="gone@x.example", IsActive=False)
    assertion = jwt.encode(claims(sub="gone@x.example"), keys[0], "RS256")
    assert ask(grant_type=JWT_BEARER, assertion=assertion)[1]["error"] == "inactive_user"


def test_a_call_without_or_with_an_unknown_token_gets_the_recorded_401(wire):
    body = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    for headers in ({"Authorization": None}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Bearer "}):
        answer = wire.get("limits", headers=headers)
        assert (answer.status_code, answer.json()) == (401, body)


def test_another_kind_of_authorization_header_is_refused_as_such(wire):
    answer = wire.get("limits", headers={"Authorization": "Basic abc"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_AUTH_HEADER")


def test_a_token_ends_after_its_lifetime(wire, standin, monkeypatch):
    standin.org.options.token_lifetime_s = 60
    assert wire.get("limits").status_code == 200
    now = standin.org.clock()
    monkeypatch.setattr(standin.org, "clock", lambda: now + timedelta(seconds=61))
    assert wire.get("limits").status_code == 401


def test_revoking_all_tokens_ends_them_at_once(wire):
    assert wire.admin("revoke", {})["revoked"] >= 1
    assert wire.get("limits").status_code == 401


def test_a_token_can_be_revoked_by_its_holder(wire, standin):
    token = standin.token()
    url = f"{standin.url}/services/oauth2/revoke"
    assert requests.post(url, data={"token": token}, timeout=10).status_code == 200
    assert requests.post(url, data={"token": token}, timeout=10).json()["error"] == "unsupported_token_type"
    assert wire.get("limits", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_userinfo_tells_who_the_token_belongs_to(wire):
    info = wire.get("/services/oauth2/userinfo").json()
    assert info["preferred_username"] == USERNAME
    assert info["user_id"].startswith("005")
    answer = wire.get("/services/oauth2/userinfo", headers={"Authorization": None})
    assert (answer.status_code, answer.text) == (403, "Bad_OAuth_Token")


def test_over_the_daily_limit_the_token_endpoint_answers_in_the_rest_shape(wire, ask):
    wire.admin("options", {"daily_limit": 0})
    status, body = ask(grant_type="client_credentials", client_id="a", client_secret="b")
    assert (status, body) == (
        403,
        [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}],
    )


def test_token_calls_are_counted_apart_from_api_calls(wire, ask):
    ask(grant_type="client_credentials", client_id="a", client_secret="b")
    wire.get("limits")
    calls = wire.admin("calls")
    assert (calls["count"], calls["token_count"]) == (1, 1)
    assert [call["kind"] for call in calls["calls"]] == ["token", "api"]
    bodies = wire.call("GET", "/_standin/calls?bodies=true").json()["calls"]
    assert bodies[0]["body"] is None  # secrets stay out of the log


def test_the_token_of_a_call_is_not_in_the_log(wire):
    wire.get("limits")
    assert "00D" not in str(wire.admin("calls"))
