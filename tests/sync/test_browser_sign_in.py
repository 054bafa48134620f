"""Connecting with a browser, from the address to open to synced contacts; grants that end; workers that refresh at once."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from contactsync.config import Config
from contactsync.domain.crm import RecordKind, Wanted
from contactsync.domain.errors import RefusedInput, TargetRefused, TargetUnavailable
from contactsync.hooks import Plugins
from contactsync.standin import Options, serve
from contactsync.store import orgs
from contactsync.store import tables as t
from contactsync.store.connections import present
from contactsync.store.engine import open_engine, reading, writing
from contactsync.store.vault import Vault
from contactsync.sync import actions
from contactsync.sync.signing_in import Finished, StateRefused, begin_sign_in, finish_sign_in
from contactsync.sync.targets import Targets
from tests.sync.conftest import World, ada

BASE = "https://contactsync.example.com"
KEY = "a key that is long enough"
SECRET = {"client_secret": "secret"}
ASKED = Wanted(emails={RecordKind.LEAD: frozenset({"ada@engines.example"})})


@pytest.fixture
def unconnected(world: World) -> Iterator[World]:
    """An org that is not connected, and a Salesforce that it may be connected to."""
    with serve(options=Options(client_id="id", client_secret="secret")) as standin:
        world.standin = standin
        yield world


def url_of(world: World) -> str:
    assert world.standin is not None
    return world.standin.url


def begin(world: World, **more: Any) -> str:
    """Begin a sign-in; the address for the browser."""
    settings = more.pop("settings", {"client_id": "id", "login_url": url_of(world)})
    org_id = more.pop("org_id", world.org_id)
    return begin_sign_in(world.parts, org_id, "salesforce", settings, more.pop("credentials", SECRET), BASE).url


def allow(url: str) -> dict[str, str]:
    """Sign in and allow it; what the browser is sent back with."""
    answer = requests.get(url, allow_redirects=False, timeout=10)
    assert answer.headers["Location"].startswith(f"{BASE}/connect/salesforce/callback?"), answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def finish(world: World, back: dict[str, str], target: str = "salesforce") -> Finished:
    return finish_sign_in(
        world.parts, target, back.get("state", ""), code=back.get("code", ""), error=back.get("error", "")
    )


def sign_in(world: World, **more: Any) -> Finished:
    return finish(world, allow(begin(world, **more)))


def connection(world: World, org_id: int | None = None) -> Any:
    with reading(world.parts.engine) as db:
        return present(db, org_id or world.org_id)


def token_calls(world: World) -> int:
    """How often a token was asked for, for a code or a refresh token."""
    return sum(requests.get(f"{url_of(world)}/_standin/calls", timeout=10).json()["grant_types"].values())


def sync(world: World) -> None:
    while world.sync():
        pass


# ── from nothing to synced ─────────────────────────────────────────────────────────────────────────────────────────


def test_what_waited_for_a_connection_goes_by_itself_after_the_sign_in(unconnected: World) -> None:
    unconnected.contact(ada())
    sync(unconnected)
    assert unconnected.row("c-1").status == "queued"
    finished = sign_in(unconnected)
    assert finished == Finished("Acme Events", "Salesforce", url_of(unconnected))
    assert unconnected.parts.bell.orgs == [unconnected.org_id]  # type: ignore[attr-defined]
    sync(unconnected)
    assert unconnected.row("c-1").status == "synced"
    assert len(unconnected.crm("Lead")) == 1


def test_the_connection_holds_no_secret_in_clear(unconnected: World) -> None:
    sign_in(unconnected)
    row = connection(unconnected)
    assert row.settings == {"client_id": "id", "instance_url": url_of(unconnected), "flow": "web_server"}
    for table in (t.connection, t.authorization):
        assert "5Aep861" not in str(unconnected.rows(table))
        assert "'secret'" not in str(unconnected.rows(table))


def test_begin_changes_nothing_of_a_connection_that_is_there(connected: World) -> None:
    before = connection(connected)
    begin(connected)
    assert connection(connected) == before


def test_a_refused_sign_in_changes_nothing_of_a_connection_that_is_there(connected: World) -> None:
    before = connection(connected)
    back = allow(begin(connected))
    with pytest.raises(TargetRefused) as caught:
        finish(connected, {**back, "code": "another"})
    assert caught.value.problem.code == "sign_in_code_refused"
    assert connection(connected) == before


def test_a_person_who_does_not_allow_it_is_told_so_and_the_state_is_used_up(unconnected: World) -> None:
    unconnected.admin("options", {"deny_authorization": True})
    back = allow(begin(unconnected))
    with pytest.raises(TargetRefused) as caught:
        finish(unconnected, back)
    assert caught.value.problem.code == "sign_in_denied"
    with pytest.raises(StateRefused):
        finish(unconnected, back)
    assert connection(unconnected) is None


# ── who may finish what ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_state_is_good_once_also_when_the_page_is_loaded_again(unconnected: World) -> None:
    back = allow(begin(unconnected))
    finish(unconnected, back)
    before = connection(unconnected)
    with pytest.raises(StateRefused, match="finished before"):
        finish(unconnected, back)
    assert connection(unconnected) == before


def test_a_state_is_good_for_ten_minutes(unconnected: World) -> None:
    back = allow(begin(unconnected))
    unconnected.clock.forward(minutes=10)
    with pytest.raises(StateRefused, match="ten minutes"):
        finish(unconnected, back)
    assert connection(unconnected) is None


@pytest.mark.parametrize("state", ["", "x", "x" * 10_000, "\x00", "\ud800", "' OR 1=1 --"])
def test_a_state_that_nobody_began_finishes_nothing_and_asks_the_crm_nothing(unconnected: World, state: str) -> None:
    back = allow(begin(unconnected))
    with pytest.raises(StateRefused):
        finish(unconnected, {**back, "state": state})
    assert token_calls(unconnected) == 0


def test_a_state_of_one_crm_finishes_no_sign_in_at_another(unconnected: World) -> None:
    back = allow(begin(unconnected))
    with pytest.raises(RefusedInput):
        finish(unconnected, back, target="jsonl")
    with pytest.raises(RefusedInput):
        finish(unconnected, back, target="nonesuch")
    finish(unconnected, back)


def test_a_code_of_another_sign_in_is_worth_nothing_under_my_state(unconnected: World) -> None:
    """Code injection: PKCE ties a code to the sign-in that asked for it."""
    mine, theirs = allow(begin(unconnected)), allow(begin(unconnected))
    with pytest.raises(TargetRefused) as caught:
        finish(unconnected, {"state": mine["state"], "code": theirs["code"]})
    assert caught.value.problem.code == "sign_in_code_refused"
    assert connection(unconnected) is None


def test_two_orgs_that_sign_in_at_once_each_get_their_own_connection(unconnected: World) -> None:
    with writing(unconnected.parts.engine) as db:
        other = orgs.add_org(db, "other", "Other Events", unconnected.clock())
    mine = allow(begin(unconnected))
    with serve(options=Options(client_id="theirs")) as second:
        settings = {"client_id": "theirs", "login_url": second.url}
        theirs = allow(begin(unconnected, org_id=other.id, settings=settings, credentials={"client_secret": "other"}))
        assert finish(unconnected, theirs).org_name == "Other Events"
        assert finish(unconnected, mine).org_name == "Acme Events"
        assert connection(unconnected, other.id).settings["instance_url"] == second.url
    assert connection(unconnected).settings["instance_url"] == url_of(unconnected)


def test_every_sign_in_has_a_state_and_a_verifier_of_its_own(unconnected: World) -> None:
    said = [parse_qs(urlsplit(begin(unconnected)).query) for _ in range(3)]
    assert len({query["state"][0] for query in said}) == 3
    assert len({query["code_challenge"][0] for query in said}) == 3
    assert all(len(query["state"][0]) == 43 for query in said)


@pytest.mark.parametrize("target", ["jsonl", "nonesuch"])
def test_a_crm_without_a_sign_in_by_browser_says_how_it_is_connected(world: World, target: str) -> None:
    with pytest.raises(RefusedInput) as caught:
        begin_sign_in(world.parts, world.org_id, target, {}, {}, BASE)
    assert list(caught.value.fields) == ["target"]


def test_wrong_settings_begin_nothing(world: World) -> None:
    with pytest.raises(RefusedInput) as caught:
        begin_sign_in(world.parts, world.org_id, "salesforce", {"login_url": "https://evil.example"}, {}, BASE)
    assert set(caught.value.fields) == {"client_id", "login_url"}
    assert world.rows(t.authorization) == []


def test_no_log_line_holds_a_state_a_code_or_a_token(
    unconnected: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    back = allow(begin(unconnected))
    finish(unconnected, back)
    again = allow(begin(unconnected))
    with pytest.raises(TargetRefused):
        finish(unconnected, {**again, "code": "hush-code"})
    with pytest.raises(StateRefused):
        finish(unconnected, {**again, "state": "hush-state"})
    printed = capfd.readouterr()
    ours = "".join(record.getMessage() for record in caplog.records if not record.name.startswith("urllib3"))
    said = ours + printed.out + printed.err
    assert "sign-in finished" in said
    for secret in ("hush", back["state"], back["code"], again["state"], again["code"], "5Aep861"):
        assert secret not in said


# ── a grant that ends ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_revoked_grant_stops_the_org_with_one_problem_and_a_new_sign_in_sets_everything_going(
    unconnected: World,
) -> None:
    sign_in(unconnected)
    unconnected.contact(ada())
    sync(unconnected)
    before = connection(unconnected)
    unconnected.admin("revoke_grants", {})
    unconnected.contact(
        ada(title="Countess"), ada(id="c-2", email="grace@navy.example"), ada(id="c-3", email="x@y.example")
    )
    sync(unconnected)
    stopped = connection(unconnected)
    assert stopped.problem["code"] == "sign_in_expired"
    assert stopped.problem["mended_by"] == ["connection"]
    assert stopped.paused_until is None
    asked = token_calls(unconnected)
    sync(unconnected)
    assert token_calls(unconnected) == asked, "nobody asks again before somebody signs in"
    sign_in(unconnected)
    sync(unconnected)
    assert [unconnected.row(one).status for one in ("c-1", "c-2", "c-3")] == 3 * ["synced"]
    after = connection(unconnected)
    assert (after.id, after.problem) == (before.id, None)
    assert len(unconnected.crm("Lead")) == 3
    assert [lead["Title"] for lead in unconnected.crm("Lead") if lead.get("Title")] == ["Countess"]


def test_signing_in_again_needs_no_settings(unconnected: World) -> None:
    sign_in(unconnected)
    before = connection(unconnected)
    unconnected.admin("revoke_grants", {})
    sign_in(unconnected, settings={}, credentials={})
    after = connection(unconnected)
    assert after.id == before.id
    assert after.settings == before.settings
    bound = unconnected.parts.targets.of(unconnected.org_id)
    assert bound is not None
    assert bound.target.check().ok


def test_a_connection_by_client_credentials_is_signed_in_with_a_browser_and_keeps_its_links(connected: World) -> None:
    connected.contact(ada())
    sync(connected)
    before, links = connection(connected), connected.rows(t.link)
    sign_in(connected, settings={}, credentials={})
    after = connection(connected)
    assert after.id == before.id
    assert after.settings["flow"] == "web_server"
    assert connected.rows(t.link) == links
    connected.contact(ada(title="Countess"))
    sync(connected)
    assert [lead["Title"] for lead in connected.crm("Lead")] == ["Countess"]


@pytest.mark.parametrize("again", ["https://ACME.my.salesforce.com", "https://acme.my.salesforce.com/"])
def test_the_same_my_domain_in_other_letters_is_the_same_connection(world: World, again: str) -> None:
    def connect(url: str) -> int:
        settings = {"instance_url": url, "client_id": "id", "flow": "client_credentials"}
        actions.connect(world.parts, world.org_id, "salesforce", settings, SECRET)
        return int(connection(world).id)

    assert connect("https://acme.my.salesforce.com") == connect(again)


def test_a_sign_in_while_a_batch_fails_by_the_old_grant_is_not_stopped_by_it(unconnected: World) -> None:
    sign_in(unconnected)
    old = unconnected.parts.targets.of(unconnected.org_id)
    assert old is not None
    unconnected.admin("revoke_grants", {})
    sign_in(unconnected)
    with pytest.raises(TargetUnavailable, match="connected anew"):
        old.target.look_up(ASKED)
    new = unconnected.parts.targets.of(unconnected.org_id)
    assert new is not None
    assert new.target.look_up(ASKED).people == ()


def test_a_limit_at_the_token_endpoint_is_waited_for_and_ends_by_itself(unconnected: World) -> None:
    sign_in(unconnected)
    body = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
    unconnected.fault(do="status", status=403, body=body, match={"path": "oauth2/token"})
    unconnected.contact(ada())
    sync(unconnected)
    paused = connection(unconnected)
    assert paused.paused_until is not None
    unconnected.clock.forward(hours=2)
    sync(unconnected)
    assert unconnected.row("c-1").status == "synced"


# ── workers at once ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rotating", [False, True], ids=["fixed", "rotating"])
def test_two_workers_refreshing_one_expired_token_ask_the_token_endpoint_once(
    unconnected: World, database_url: str, rotating: bool
) -> None:
    unconnected.admin("options", {"rotate_refresh_tokens": rotating})
    sign_in(unconnected)
    bound = unconnected.parts.targets.of(unconnected.org_id)
    assert bound is not None
    bound.target.look_up(ASKED)  # a token is kept for all workers
    unconnected.admin("revoke", {})
    before = token_calls(unconnected)
    _run_two_workers(database_url, unconnected.org_id)
    assert token_calls(unconnected) == before + 1
    unconnected.admin("revoke", {})  # with rotation this one goes by what one of the two was given
    assert bound.target.look_up(ASKED).people == ()
    assert token_calls(unconnected) == before + 2


def _run_two_workers(database_url: str, org_id: int) -> None:
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(2)
    workers = [spawn.Process(target=_look_up, args=(database_url, org_id, together)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]


def _look_up(url: str, org_id: int, together: Any) -> None:
    engine, plugins = open_engine(url), Plugins.load(Config.read())
    bound = Targets(engine, Vault([KEY]), plugins).of(org_id)
    assert bound is not None
    together.wait(60)
    assert bound.target.look_up(ASKED).people == ()
    engine.dispose()
