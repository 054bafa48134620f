"""Signing in through a browser: consent, code, refresh, and the end of it."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

BACK = "http://127.0.0.1:5000/connect/back"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CLIENT = {"client_id": "the-id", "client_secret": "the-secret"}


class App:
    """A client of the web server flow."""

    def __init__(self, url):
        self.url = f"{url}/services/oauth2"

    def authorize(self, **changes):
        base = {
            "response_type": "code",
            "client_id": "the-id",
            "redirect_uri": BACK,
            "state": "s/1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        params = {name: value for name, value in {**base, **changes}.items() if value is not None}
        return requests.get(f"{self.url}/authorize", params=params, allow_redirects=False, timeout=10)

    def sent_back(self, **changes):
        answer = self.authorize(**changes)
        assert answer.status_code == 302, answer.text
        where = urlsplit(answer.headers["Location"])
        assert f"{where.scheme}://{where.netloc}{where.path}" == BACK
        return {name: values[0] for name, values in parse_qs(where.query).items()}

    def token(self, **form):
        answer = requests.post(f"{self.url}/token", data=form, timeout=10)
        return answer.status_code, answer.json()

    def exchange(self, code, **changes):
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
        merged = {**form, **CLIENT, **changes}
        return self.token(**{name: value for name, value in merged.items() if value is not None})

    def refresh(self, token, **changes):
        return self.token(grant_type="refresh_token", refresh_token=token, **{**CLIENT, **changes})

    def sign_in(self, **changes):
        status, body = self.exchange(self.sent_back(**changes)["code"])
        assert status == 200, body
        return body


@pytest.fixture
def app(standin):
    standin.org.options.client_id = "the-id"
    standin.org.options.client_secret = "the-secret"
    standin.site.gate.grants.grants.clear()
    return App(standin.url)


def test_a_browser_comes_back_with_a_code_and_its_state_and_the_code_gives_both_tokens(app, wire, standin):
    back = app.sent_back()
    assert back["state"] == "s/1"
    status, body = app.exchange(back["code"])
    assert status == 200
    assert body["instance_url"] == standin.url
    assert {"access_token", "refresh_token", "signature", "id", "issued_at", "scope", "token_type"} <= set(body)
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    assert wire.get("limits", headers=headers).status_code == 200
    assert wire.get("/services/oauth2/userinfo", headers=headers).json()["organization_id"] == standin.org.id


def test_a_wrong_client_or_address_gets_a_page_and_no_way_back(app, wire):
    wire.admin("options", {"redirect_uris": [BACK]})
    for changes, problem in (
        ({"client_id": "other"}, "invalid_client_id"),
        ({"redirect_uri": f"{BACK}/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": None}, "redirect_uri_mismatch"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ):
        answer = app.authorize(**changes)
        assert (answer.status_code, "Location" in answer.headers) == (400, False)
        assert answer.text.startswith(f"error={problem}&error_description=")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
    ],
)
def test_a_wrong_question_is_told_to_the_client_with_its_state(app, changes, problem):
    back = app.sent_back(**changes)
    assert (back["error"], back["state"], "code" in back) == (problem, "s/1", False)


def test_a_user_may_say_no(app, wire):
    wire.admin("options", {"deny_authorization": True})
    back = app.sent_back()
    assert back == {
        "error": "access_denied",
        "error_description": "end-user denied authorization",
        "state": "s/1",
    }


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"code_verifier": "w" * 64}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_grant"),
        ({"redirect_uri": f"{BACK}/"}, "redirect_uri_mismatch"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "other"}, "invalid_client_id"),
        ({"code": "unknown"}, "invalid_grant"),
    ],
)
def test_a_code_is_good_only_for_who_asked_for_it(app, changes, problem):
    status, body = app.exchange(**{"code": app.sent_back()["code"], **changes})
    assert (status, body["error"]) == (400, problem)


def test_a_code_is_good_once_and_for_fifteen_minutes(app, standin, monkeypatch):
    code = app.sent_back()["code"]
    assert app.exchange(code)[0] == 200
    assert app.exchange(code)[1]["error"] == "invalid_grant"
    late = app.sent_back()["code"]
    now = standin.org.clock()
    monkeypatch.setattr(standin.org, "clock", lambda: now + timedelta(minutes=16))
    assert app.exchange(late) == (
        400,
        {"error": "invalid_grant", "error_description": "expired authorization code"},
    )


def test_a_refresh_brings_an_access_token_and_no_new_refresh_token(app, wire):
    signed_in = app.sign_in()
    status, body = app.refresh(signed_in["refresh_token"])
    assert (status, "refresh_token" in body) == (200, False)
    assert body["access_token"] != signed_in["access_token"]
    assert wire.get("limits", headers={"Authorization": f"Bearer {body['access_token']}"}).status_code == 200
    assert app.refresh(signed_in["refresh_token"])[0] == 200


def test_an_org_may_rotate_refresh_tokens_and_an_old_one_ends_the_grant(app, wire):
    wire.admin("options", {"rotate_refresh_tokens": True})
    first = app.sign_in()["refresh_token"]
    second = app.refresh(first)[1]["refresh_token"]
    assert second != first
    assert app.refresh(first)[1]["error"] == "invalid_grant"
    assert app.refresh(second)[1]["error"] == "invalid_grant"


def test_a_client_that_asks_for_no_refresh_gets_no_refresh_token(app):
    assert "refresh_token" not in app.sign_in(scope="api")
    assert "refresh_token" in app.sign_in(scope="api refresh_token")


def test_a_revoked_grant_ends_its_tokens_and_its_refresh_with_the_recorded_words(app, wire):
    gone, kept = app.sign_in(), app.sign_in()
    first, second = wire.admin("grants")
    assert (first["offline"], "token" in str(first).replace("refresh_token api", "")) == (True, False)
    assert wire.admin("revoke_grants", {"ids": [first["id"]]}) == {"revoked": 1}
    assert app.refresh(gone["refresh_token"]) == (
        400,
        {"error": "invalid_grant", "error_description": "expired access/refresh token"},
    )
    assert wire.get("limits", headers={"Authorization": f"Bearer {gone['access_token']}"}).status_code == 401
    assert app.refresh(kept["refresh_token"])[0] == 200
    assert [grant["revoked"] for grant in wire.admin("grants")] == [True, False]
    assert wire.admin("revoke_grants", {}) == {"revoked": 1}
    assert second["id"] != first["id"]


def test_the_holder_of_a_refresh_token_can_revoke_the_grant(app, wire):
    body = app.sign_in()
    answer = requests.post(f"{app.url}/revoke", data={"token": body["refresh_token"]}, timeout=10)
    assert answer.status_code == 200
    again = requests.get(f"{app.url}/revoke", params={"token": body["refresh_token"]}, timeout=10)
    assert again.json()["error"] == "unsupported_token_type"
    assert app.refresh(body["refresh_token"])[0] == 400
    assert wire.get("limits", headers={"Authorization": f"Bearer {body['access_token']}"}).status_code == 401


def test_ended_access_tokens_leave_the_grant_so_that_a_refresh_goes_on(app, wire):
    body = app.sign_in()
    wire.admin("revoke", {})
    status, fresh = app.refresh(body["refresh_token"])
    assert status == 200
    assert wire.get("limits", headers={"Authorization": f"Bearer {fresh['access_token']}"}).status_code == 200


def test_calls_for_tokens_are_counted_by_what_they_offer_and_show_no_secret(app, wire):
    body = app.sign_in()
    for _ in range(2):
        app.refresh(body["refresh_token"])
    calls = wire.admin("calls")
    assert calls["grant_types"] == {"authorization_code": 1, "refresh_token": 2}
    assert [call["path"].rpartition("/")[2] for call in calls["calls"]] == ["authorize", "token", "token", "token"]
    assert body["refresh_token"] not in str(calls)


def test_a_browser_is_asked_for_consent_past_the_daily_limit_but_gets_no_token(app, wire):
    wire.admin("options", {"daily_limit": 0})
    code = app.sent_back()["code"]
    status, body = app.exchange(code)
    assert (status, body[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
