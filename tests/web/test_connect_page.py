"""The page that a sign-in with a browser ends on: what it says, to whom, and what it never gives away."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask
from sqlalchemy.engine import Engine
from werkzeug.test import TestResponse

from contactsync.standin import Options, RunningStandin, serve
from contactsync.store.connections import present
from contactsync.store.engine import reading, writing
from contactsync.store.orgs import add_org
from contactsync.sync.parts import Parts
from contactsync.sync.signing_in import begin_sign_in
from contactsync.web.app import create_app
from tests.web.conftest import Caller, Clock, HandBell, statements

BASE = "https://contactsync.example.com"
PAGE = "/connect/salesforce/callback"


@pytest.fixture(scope="module")
def salesforce() -> Iterator[RunningStandin]:
    with serve(options=Options(client_id="id", client_secret="secret")) as standin:
        yield standin


@pytest.fixture
def back(acme: Caller, salesforce: RunningStandin) -> dict[str, str]:
    """What the browser is sent back with after a person has allowed it."""
    return allowed(acme.parts, acme.org.id, salesforce)


def allowed(parts: Parts, org_id: int, salesforce: RunningStandin) -> dict[str, str]:
    settings = {"client_id": "id", "login_url": salesforce.url}
    url = begin_sign_in(parts, org_id, "salesforce", settings, {"client_secret": "secret"}, BASE).url
    answer = requests.get(url, allow_redirects=False, timeout=10)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def open_page(app: Flask, said: Any, path: str = PAGE, method: str = "GET", **more: Any) -> TestResponse:
    return app.test_client().open(path, method=method, query_string=said, **more)


def words(answer: TestResponse) -> str:
    return " ".join(re.sub("<[^>]+>", " ", answer.get_data(as_text=True)).split())


def is_connected(caller: Caller) -> bool:
    with reading(caller.parts.engine) as db:
        return present(db, caller.org.id) is not None


def test_a_sign_in_that_comes_back_connects_the_org_and_says_which_to_what(
    app: Flask, acme: Caller, bell: HandBell, back: dict[str, str], salesforce: RunningStandin
) -> None:
    answer = open_page(app, back)
    assert answer.status_code == 200
    assert answer.mimetype == "text/html"
    for expected in ("Salesforce is connected", "Acme", salesforce.url, "You can close this window."):
        assert expected in words(answer)
    assert is_connected(acme)
    assert bell.rung == [acme.org.id]


def test_the_page_needs_no_token_and_sets_no_cookie(app: Flask, back: dict[str, str]) -> None:
    answer = open_page(app, back)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("said", [{}, {"state": "x", "code": "y"}], ids=["nothing", "unknown"])
def test_no_page_may_run_load_send_or_be_framed_or_kept(app: Flask, said: dict[str, str]) -> None:
    answer = open_page(app, said)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    for part in ("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    for active in ("<script", "<a ", "<form", "<img", "<iframe", "http-equiv", "src=", "href="):
        assert active not in answer.get_data(as_text=True)


def test_the_style_is_the_one_that_the_policy_allows(app: Flask) -> None:
    answer = open_page(app, {})
    style = re.search(r"<style>(.*?)</style>", answer.get_data(as_text=True), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"]


HOSTILE = '"><script>alert(1)</script>{{1234567*7}}'


@pytest.mark.parametrize("name", ["state", "code", "error", "error_description"])
def test_what_the_address_holds_is_never_shown(app: Flask, back: dict[str, str], name: str) -> None:
    page = open_page(app, {**back, name: HOSTILE}).get_data(as_text=True)
    assert "alert(1)" not in page
    assert "8641969" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_an_orgs_name_is_shown_as_text(app: Flask, parts: Parts, salesforce: RunningStandin) -> None:
    with writing(parts.engine) as db:
        org = add_org(db, "odd", "<b>Odd</b> & Sons", parts.now())
    page = open_page(app, allowed(parts, org.id, salesforce)).get_data(as_text=True)
    assert "&lt;b&gt;Odd&lt;/b&gt; &amp; Sons" in page
    assert "<b>" not in page


def test_the_second_time_the_page_says_that_it_is_done(app: Flask, back: dict[str, str]) -> None:
    assert open_page(app, back).status_code == 200
    again = open_page(app, back)
    assert again.status_code == 400
    assert "was finished before" in words(again)


def test_after_ten_minutes_the_page_says_to_begin_again(
    app: Flask, acme: Caller, clock: Clock, back: dict[str, str]
) -> None:
    clock.pass_by(minutes=11)
    answer = open_page(app, back)
    assert answer.status_code == 400
    assert "more than ten minutes ago" in words(answer)
    assert not is_connected(acme)


def test_a_person_who_said_no_reads_what_that_means(app: Flask, acme: Caller, back: dict[str, str]) -> None:
    answer = open_page(app, {"state": back["state"], "error": "access_denied"})
    assert answer.status_code == 400
    assert "The access was not allowed in Salesforce." in words(answer)
    assert not is_connected(acme)


def test_an_error_counts_even_beside_a_code(app: Flask, acme: Caller, back: dict[str, str]) -> None:
    assert open_page(app, {**back, "error": "access_denied"}).status_code == 400
    assert not is_connected(acme)


def test_a_code_that_salesforce_refuses_is_explained(app: Flask, acme: Caller, back: dict[str, str]) -> None:
    answer = open_page(app, {**back, "code": "another"})
    assert answer.status_code == 400
    assert "Begin the sign-in again." in words(answer)
    assert not is_connected(acme)


def test_a_salesforce_that_is_away_is_a_page_too(
    app: Flask, acme: Caller, back: dict[str, str], salesforce: RunningStandin
) -> None:
    plan = {"do": "html", "status": 503, "match": {"path": "oauth2/token"}}
    assert requests.post(f"{salesforce.url}/_standin/faults", json=plan, timeout=10).ok
    answer = open_page(app, back)
    assert answer.status_code == 503
    assert "in a few minutes" in words(answer)
    assert not is_connected(acme)


@pytest.mark.parametrize("name", ["state", "code", "error"])
def test_a_part_that_is_there_twice_is_refused_and_uses_nothing_up(app: Flask, back: dict[str, str], name: str) -> None:
    twice = [*back.items(), (name, "x"), (name, "y")]
    assert open_page(app, twice).status_code == 400
    assert open_page(app, back).status_code == 200


def test_a_scanner_that_only_looks_at_the_head_uses_nothing_up(app: Flask, acme: Caller, back: dict[str, str]) -> None:
    assert open_page(app, back, method="HEAD").status_code == 200
    assert not is_connected(acme)
    assert open_page(app, back).status_code == 200
    assert is_connected(acme)


def test_states_that_nobody_began_write_nothing_whoever_tries_how_many(app: Flask, engine: Engine) -> None:
    with statements(engine) as seen:
        for number in range(3):
            assert open_page(app, {"state": f"guess-{number}", "code": "x"}).status_code == 400
    assert seen
    assert all(statement.startswith("SELECT") for statement in seen)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_but_a_get_finishes_a_sign_in(app: Flask, back: dict[str, str], method: str) -> None:
    assert open_page(app, back, method=method).status_code == 405
    assert open_page(app, back).status_code == 200


@pytest.mark.parametrize("path", ["/connect/jsonl/callback", "/connect/nonesuch/callback", "/connect/%22/callback"])
def test_another_crms_page_finishes_no_sign_in_at_salesforce(
    app: Flask, acme: Caller, back: dict[str, str], path: str
) -> None:
    answer = open_page(app, back, path=path)
    assert answer.status_code == 400
    assert not is_connected(acme)
    assert open_page(app, back).status_code == 200


def test_the_page_leads_nowhere_whatever_the_address_asks_for(app: Flask, back: dict[str, str]) -> None:
    asked = {
        **back,
        "redirect_uri": "https://evil.example",
        "next": "//evil.example",
        "RelayState": "https://evil.example",
    }
    answer = open_page(app, asked, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert "evil" not in answer.get_data(as_text=True)


# ── where the CRM sends the browser back to ────────────────────────────────────────────────────────────────────────

BODY = {"settings": {"client_id": "id"}}


def redirect_uri(answer: TestResponse) -> str:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return parse_qs(urlsplit(answer.json["url"]).query)["redirect_uri"][0]


def ask_from(caller: Caller, host: str, remote: str = "127.0.0.1", **headers: str) -> TestResponse:
    return caller.ask(
        "POST",
        "/connection/sign-in",
        BODY,
        headers={"Host": host, **headers},
        environ_base={"REMOTE_ADDR": remote},
    )


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000"])
def test_on_this_machine_the_browser_comes_back_to_where_the_request_went(acme: Caller, host: str) -> None:
    assert redirect_uri(ask_from(acme, host)) == f"http://{host}{PAGE}"


@pytest.mark.parametrize(
    ("host", "remote"),
    [
        ("evil.example", "127.0.0.1"),
        ("evil.example", "198.51.100.7"),
        ("localhost.evil.example", "127.0.0.1"),
        ("localhost:8000", "198.51.100.7"),
        ("127.0.0.1.evil.example", "127.0.0.1"),
    ],
)
def test_elsewhere_no_host_header_is_believed(acme: Caller, host: str, remote: str) -> None:
    answer = ask_from(acme, host, remote)
    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "base_url_missing"
    assert "CONTACTSYNC_BASE_URL" in answer.json["error"]["message"]


def test_the_address_that_is_set_goes_before_all_that_a_request_says(acme: Caller, parts: Parts) -> None:
    app = create_app(replace(parts, settings=replace(parts.settings, base_url=BASE)))
    answer = ask_from(replace(acme, app=app), "evil.example", **{"X-Forwarded-Host": "evil.example"})
    assert redirect_uri(answer) == BASE + PAGE
