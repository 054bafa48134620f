"""Every command that the docs show runs as it stands there, against an org that has what they name."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from contactsync.cli import main
from contactsync.intake.decode import decode
from contactsync.store.replays import ReplayFilter
from contactsync.web.api.shapes import filter_from
from tests.cli.conftest import CommandLine, contact
from tests.fixtures.commands import subcommands
from tests.fixtures.salesforce import Salesforce

CHECKOUT = Path(__file__).parents[2]
PAGES = [
    CHECKOUT / "README.md",
    *(CHECKOUT / "docs" / f"{n}.md" for n in ("matching", "meetings", "operations", "privacy", "problems")),
    *sorted((CHECKOUT / "docs" / "runbooks").glob("*.md")),
]
ELSEWHERE = ("connect", "db", "demo", "web", "worker", "clock", "standin")
"""Commands that need the world outside, or never end; they have tests of their own."""


def commands(page: Path) -> Iterator[list[str]]:
    """The commands in a page's shell blocks, without their comments."""
    for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["contactsync"] and words[1] not in ELSEWHERE and words[1:3] != ["org", "add"]:
                yield words[1:]


@pytest.fixture
def filled(
    connected: CommandLine, deliver: Callable[..., None], sync: Callable[[], None], salesforce: Salesforce
) -> dict[str, str]:
    """An org with everything that the docs name; the ids that they stand for."""
    connected.good("org", "add", "acme-sandbox")
    deliver("event.created", {"id": "ev-9", "name": "Expo"})
    deliver("contact.created", [{**contact(1), "id": "c-1042"}, contact(2)])
    times = {"starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T10:00:00Z"}
    deliver("meeting.created", {"id": "m-7", "title": "Demo", "attendees": [{"contact_id": "c-1042"}], **times})
    sync()
    salesforce.does("validation_rules", object="Lead", field="Phone", wrong_when="blank", message="Phone, please")
    deliver("contact.created", contact(3))
    sync()
    (problem,) = connected.json("problems", "acme")
    run = connected.json("runs", "acme", "--contact", "c-1042")[0]["id"]
    return {"3f0c9a1be2d47a55": problem["id"], "run_17": run, "EVENT_ID": "ev-9", "CONTACT_ID": "c-1042", "701…": "701"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_page_runs(
    page: Path, connected: CommandLine, filled: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # files that they write
    shown = list(commands(page))
    assert len(shown) >= (1 if page.parent.name == "runbooks" else 2)
    for words in shown:
        said = [filled.get(word, word) for word in words]
        if said[0] == "resync" and "--no-watch" not in said:
            said.append("--no-watch")  # nobody syncs here
        given = "y\n"
        if "--email" in said:  # typed when it is asked for, on a terminal
            given = "ada1@example.com\n"
            said += ["--yes"] if said[1] == "erase" else []
        done = connected.run(*said, given=given)
        well = (0, 1) if said[0] == "doctor" else (0,)  # no clock runs here, and it says so
        assert done.exit_code in well, (words, done.output)


def test_every_example_in_a_help_can_be_parsed() -> None:
    """Up to the org, which is not there."""
    for name in ("preview", "resync", "runs", "undo", "status"):
        for line in getattr(subcommands(main)[name], "_example", "").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["contactsync"]:
                done = CliRunner().invoke(main, words[1:], env={"DATABASE_URL": "nonsense"})
                assert "Usage:" not in done.output, line


def test_every_filter_on_the_api_page_is_one() -> None:
    page = (CHECKOUT / "docs" / "api.md").read_text("utf-8")
    payloads = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    replays = [payload for payload in payloads if "door" in payload]
    filters = [payload for payload in payloads if payload.keys().isdisjoint({"state", "replayed", "door"})]
    assert filters
    assert replays
    for payload in filters:
        assert filter_from(payload).as_json()
    for payload in replays:
        assert ReplayFilter(**payload).as_json()


def test_every_meeting_on_the_webhooks_page_can_be_read() -> None:
    page = (CHECKOUT / "docs" / "webhooks.md").read_text("utf-8")
    meetings = [text for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if '"meeting.' in text]
    assert meetings
    for text in meetings:
        assert decode("meetings", text.encode()).items
