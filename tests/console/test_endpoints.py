"""Endpoints, secrets and tokens: shown once, ended when somebody says so, and tested with one press."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.serving import make_server

from contactsync.domain.roles import Role
from contactsync.store import audit, orgs
from contactsync.store.engine import reading, writing
from contactsync.store.views_paging import Slice
from contactsync.web.console import sample
from tests.console.conftest import Console
from tests.web.conftest import Caller


def good_secrets(acme: Caller) -> tuple[str, ...]:
    with reading(acme.parts.engine) as db:
        return orgs.secrets(db, acme.parts.vault, acme.org.id, acme.parts.now())


def actions_of(acme: Caller) -> list[str]:
    with reading(acme.parts.engine) as db:
        return [str(entry["action"]) for entry in audit.entries(db, acme.org.id, Slice(50)).items]


# ── secrets ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_secret_is_shown_once_and_never_again(console: Console, acme: Caller) -> None:
    before = good_secrets(acme)
    shown = console.post("/settings/endpoints/secrets")
    (made,) = set(good_secrets(acme)) - set(before)
    assert shown.page.one(id="secret").text == made
    assert f"SECRET='{made}'" in shown.page.one(id="script-contacts").text
    assert "no-store" in shown.answer.headers["Cache-Control"]
    assert made not in console.get("/settings/endpoints").html
    assert "secret.added" in actions_of(acme)


def test_a_secret_ends_after_the_overlap_that_was_chosen(console: Console, acme: Caller, clock) -> None:
    console.post("/settings/endpoints/secrets")
    with reading(acme.parts.engine) as db:
        newest = max(one.id for one in orgs.list_secrets(db, acme.org.id))
    before = len(good_secrets(acme))
    after = console.follow(console.post(f"/settings/endpoints/secrets/{newest}/end", {"in_hours": "24"}))
    assert "The secret made today 09:00 ends in a day" in after.text
    assert len(good_secrets(acme)) == before
    clock.pass_by(hours=24)
    assert len(good_secrets(acme)) == before - 1


def test_ending_a_secret_again_for_later_does_not_make_it_good_again(acme: Caller, clock) -> None:
    now = acme.parts.now()
    with writing(acme.parts.engine) as db:
        number, made = orgs.add_secret(db, acme.parts.vault, acme.org.id, now)
        orgs.revoke_secret(db, acme.org.id, number, now)
        clock.pass_by(minutes=1)
        orgs.revoke_secret(db, acme.org.id, number, acme.parts.now(), acme.parts.now().replace(year=2030))
    assert made not in good_secrets(acme)


def test_another_orgs_secret_is_not_there(console: Console, other: Caller) -> None:
    with writing(other.parts.engine) as db:
        number, _ = orgs.add_secret(db, other.parts.vault, other.org.id, other.parts.now())
    assert console.post(f"/settings/endpoints/secrets/{number}/end", {"in_hours": "0"}).status == 404


def test_editors_see_secrets_but_make_and_end_none(console: Console) -> None:
    editor = console.as_role(Role.EDITOR)
    assert editor.get("/settings/endpoints").status == 200
    assert editor.post("/settings/endpoints/secrets").status == 403
    assert editor.post("/settings/endpoints/secrets/1/end", {"in_hours": "0"}).status == 403


# ── send a test ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_test_goes_through_the_real_endpoint_and_its_contact_is_followed(console: Console, acme: Caller) -> None:
    console.post("/settings/endpoints/secrets")
    after = console.follow(console.post("/settings/endpoints/test", {"kind": "complete"}))
    assert "answered 202" in after.text
    assert "was accepted" in after.page.one(id="sample").text
    acme.absorb()
    followed = (
        console.get(after.answer.request.full_path.removeprefix(f"/o/{acme.org.slug}")).page.one(id="sample").text
    )
    assert "taken in" in followed
    assert "Test Contact" in followed
    assert "Waiting" in followed
    assert "nothing goes to Salesforce now" in followed, "no connection: it is on no way"


def test_a_test_without_a_company_says_what_is_missing(at_salesforce: Caller, console: Console) -> None:
    console.post("/settings/endpoints/secrets")
    console.post("/settings/endpoints/test", {"kind": "incomplete"})
    at_salesforce.sync()
    assert "Still missing: company" in console.get("/settings/endpoints").page.one(id="sample").text


def test_however_many_tests_are_sent_there_is_one_contact_and_one_lead(at_salesforce: Caller, console: Console) -> None:
    console.post("/settings/endpoints/secrets")
    for _ in range(3):
        console.post("/settings/endpoints/test")
        at_salesforce.sync()
    shown = console.get("/settings/endpoints").page.one(id="sample")
    assert "It is a Lead in Salesforce" in shown.text
    assert at_salesforce.get("/contacts")["items"][0]["id"] == sample.CONTACT_ID
    assert len(at_salesforce.get("/contacts")["items"]) == 1


def test_a_test_that_still_waits_shows_nothing_of_the_one_before_it(
    at_salesforce: Caller, console: Console, clock
) -> None:
    console.post("/settings/endpoints/secrets")
    console.post("/settings/endpoints/test")
    at_salesforce.sync()
    path = console.post("/settings/endpoints/test").goes_to
    waiting = console.get(path, whole=True).page.one(id="sample").text
    assert "Being taken in" in waiting
    assert "It is a Lead" not in waiting
    assert "contactsync doctor" not in waiting
    clock.pass_by(seconds=31)
    assert "contactsync doctor" in console.get(path, whole=True).page.one(id="sample").text


def test_without_a_secret_a_test_says_to_make_one(console: Console) -> None:
    after = console.follow(console.post("/settings/endpoints/test"))
    assert "There is no webhook secret" in after.text


@pytest.mark.parametrize("sent", ["x", "-1", "9" * 40, "٣", "1e3", "0"])
def test_a_number_of_a_delivery_that_is_none_shows_nothing_of_one(console: Console, sent: str) -> None:
    shown = console.get(f"/settings/endpoints?sent={sent}")
    assert shown.status == 200
    assert "The webhook" not in shown.page.one(id="sample").text


@pytest.fixture
def listening(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.skipif(
    not (shutil.which("openssl") and shutil.which("curl")), reason="this machine has no curl and openssl"
)
def test_the_scripts_of_all_doors_post_as_they_stand_on_the_page(
    console: Console, acme: Caller, listening: str
) -> None:
    page = console.post("/settings/endpoints/secrets").page
    # The test's clock stands still: the scripts are told its time.
    at, moment = str(int(acme.parts.now().timestamp())), f"{acme.parts.now():%Y-%m-%dT%H:%M:%SZ}"
    for door in ("contacts", "events", "meetings"):
        script = "".join(each for each in page.one("pre", id=f"script-{door}").children if isinstance(each, str))
        script = script.replace("$(date +%s)", at).replace("$(date -u +%Y-%m-%dT%H:%M:%SZ)", moment)
        script = script.replace("'http://localhost/", f"'{listening}/")
        said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=30, check=False)
        answer, status = said.stdout.splitlines()
        assert (status, json.loads(answer)["status"]) == ("202", "accepted"), said.stderr
    acme.absorb()
    assert acme.get("/contacts/c-1")["first_name"] == "Ada"
    assert acme.get("/events/ev-1")["name"] == "Engines"
    assert acme.get("/meetings/mt-1")["title"] == "A look at the engine"


# ── tokens ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_token_is_shown_once_and_works_as_it_says(console: Console, app: Flask, acme: Caller) -> None:
    shown = console.post("/settings/tokens", {"label": "Report", "may": "read", "days": "30"})
    token = shown.page.one(id="token").text
    headers = {"Authorization": f"Bearer {token}"}
    assert app.test_client().get("/api/v1/contacts", headers=headers).status_code == 200
    assert app.test_client().post("/api/v1/resync", json={}, headers=headers).status_code == 403
    listed = console.get("/settings/tokens")
    assert token not in listed.html
    assert "Report" in listed.text
    assert "token.added" in actions_of(acme)


def test_a_token_that_was_ended_is_refused(console: Console, app: Flask, acme: Caller) -> None:
    shown = console.post("/settings/tokens", {"label": "Report", "may": "change", "days": ""})
    token = shown.page.one(id="token").text
    with reading(acme.parts.engine) as db:
        number = max(one.id for one in orgs.list_tokens(db, acme.org.id))
    after = console.follow(console.post(f"/settings/tokens/{number}/end"))
    assert "“Report” is ended" in after.text
    headers = {"Authorization": f"Bearer {token}"}
    assert app.test_client().get("/api/v1/contacts", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"label": "", "may": "read", "days": "30"}, "Say what it is for"),
        ({"label": "x" * 300, "may": "read", "days": "30"}, "At most 255"),
        ({"label": "x", "may": "all", "days": "30"}, "Choose what it may do"),
        ({"label": "x", "may": "read", "days": "31"}, "Choose when it ends"),
    ],
)
def test_wrong_input_makes_no_token_and_keeps_what_was_typed(
    console: Console, said: dict[str, str], words: str
) -> None:
    before = actions_of(console.acme)
    shown = console.post("/settings/tokens", said)
    assert shown.status == 422
    assert words in shown.text
    assert shown.page.one("input", name="label")["value"] == said["label"]
    assert actions_of(console.acme) == before


def test_viewers_see_tokens_but_make_and_end_none(console: Console) -> None:
    viewer = console.as_role(Role.VIEWER)
    assert viewer.get("/settings/tokens").status == 200
    assert viewer.post("/settings/tokens", {"label": "x", "may": "read", "days": "30"}).status == 403
    assert viewer.post("/settings/tokens/1/end").status == 403
    assert viewer.post("/settings/endpoints/test").status == 403
