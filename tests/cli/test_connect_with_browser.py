"""`connect --web`: prints the address to open, waits for the browser, and says what came of it."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from contactsync.bootstrap import build
from contactsync.domain.errors import ContactsyncError
from contactsync.settings import Settings
from contactsync.standin import RunningStandin
from contactsync.sync.signing_in import finish_sign_in
from tests.cli.conftest import CommandLine
from tests.fixtures.processes import Processes, Running, free_port
from tests.fixtures.waiting import wait_until

PATIENCE = 60.0


@pytest.fixture
def beside(acme: CommandLine, processes: Processes) -> Processes:
    """Processes on the same installation."""
    processes.environment |= acme.environment
    return processes


def start(beside: Processes, *options: str) -> tuple[Running, str]:
    """The command, waiting, and the address that it printed."""
    running = beside.start("connect", "acme", "--web", *options)

    def address() -> list[str]:
        assert running.code is None, running.said()
        return re.findall(r"^  (https?://\S+/services/oauth2/authorize\S+)$", running.said(), re.MULTILINE)

    found = wait_until(address, PATIENCE, "the address is printed")[0]
    return running, found


def at(standin: RunningStandin) -> tuple[str, ...]:
    return ("--login-url", standin.url, "--client-id", "id", "--client-secret", "secret")


def state_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["state"][0]


@pytest.fixture
def parts(acme: CommandLine) -> Iterator[Any]:
    """What a web process beside it has."""
    made = build(Settings.from_environment(acme.environment))
    yield made
    made.engine.dispose()


def test_a_person_signs_in_and_the_command_ends_when_the_web_process_has_connected_the_org(
    acme: CommandLine, beside: Processes, standin: RunningStandin
) -> None:
    port = free_port()
    beside.environment["PORT"] = str(port)
    web = beside.start("web", WEB_CONCURRENCY="1")

    def answers() -> bool:
        assert web.code is None, web.said()
        try:
            return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False

    running, url = start(beside, *at(standin))
    assert f"http://localhost:{port}/connect/salesforce/callback" in running.said()
    wait_until(answers, PATIENCE, "web answers")
    page = requests.get(url, timeout=30)  # as a browser: to the stand-in, and back to us
    assert page.status_code == 200, page.text
    assert "Acme Events" in page.text
    assert running.wait(PATIENCE) == 0
    assert "acme is connected to salesforce." in running.said()
    assert acme.json("org", "show", "acme")["connection"]["flow"] == "web_server"
    secrets = (state_of(url), parse_qs(urlsplit(page.url).query)["code"][0], "5Aep861")
    assert not any(secret in web.said() for secret in secrets)


def test_a_sign_in_that_is_refused_ends_the_command_with_where_to_read_why(
    beside: Processes, standin: RunningStandin, parts: Any
) -> None:
    running, url = start(beside, *at(standin))
    with pytest.raises(ContactsyncError):
        finish_sign_in(parts, "salesforce", state_of(url), error="access_denied")
    assert running.wait(PATIENCE) == 2
    assert "the page in the browser says why" in running.said()
    assert "Traceback" not in running.said()


def test_the_command_stops_waiting_when_it_is_told_to_and_the_sign_in_goes_on(
    acme: CommandLine, beside: Processes, standin: RunningStandin, parts: Any
) -> None:
    running, url = start(beside, *at(standin))
    running.send(signal.SIGINT)
    assert running.wait(PATIENCE) == 2
    assert "contactsync org show acme" in running.said()
    assert "Traceback" not in running.said()
    answer = requests.get(url, allow_redirects=False, timeout=10)
    code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    finish_sign_in(parts, "salesforce", state_of(url), code=code)
    assert acme.json("org", "show", "acme")["connection"]["instance_url"] == standin.url


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ((), "client_id"),
        (("--client-id", "id", "--login-url", "https://evil.example"), "login_url"),
        (("--client-id", "id", "--username", "u@acme.com"), "--username"),
        (("--client-id", "id", "--sandbox", "--login-url", "https://login.salesforce.com"), "--sandbox"),
        (("--target", "nonesuch"), "target"),
        (("--client-id", "id", "--setting", "client_secret=x"), "client_secret"),
    ],
)
def test_what_cannot_be_signed_in_at_is_said_at_once(acme: CommandLine, options: tuple[str, ...], named: str) -> None:
    assert named in acme.refused("connect", "acme", "--web", *options)


def test_a_sandbox_is_signed_in_at_where_sandboxes_are_and_leads_back_to_the_base_url(beside: Processes) -> None:
    beside.environment["CONTACTSYNC_BASE_URL"] = "https://contactsync.example.com/"
    running, url = start(beside, "--sandbox", "--client-id", "id")
    assert url.startswith("https://test.salesforce.com/services/oauth2/authorize?")
    back = parse_qs(urlsplit(url).query)["redirect_uri"]
    assert back == ["https://contactsync.example.com/connect/salesforce/callback"]
    running.send(signal.SIGINT)
    assert running.wait(PATIENCE) == 2
