"""docs/webhooks.md says what the code does: its tables are the code's, its payloads are read, its programs run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from contactsync_plugins.company_from_domain import CONTACTSYNC_OPTIONS
from werkzeug.serving import WSGIRequestHandler, make_server

from contactsync.intake.answers import KINDS
from contactsync.intake.decode import decode
from contactsync.intake.docs import made_anew, main
from contactsync.intake.schemas import CONTACT, DOORS
from contactsync.intake.signature import sign
from tests.intake.conftest import Sender, kept

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"
TEXT = PAGE.read_text("utf-8")
RUNNERS = {"python": [sys.executable, "-"], "javascript": ["node", "-"], "ruby": ["ruby", "-"]}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_tables_are_those_of_the_code():
    assert made_anew(TEXT) == TEXT, "run: python -m contactsync.intake.docs docs/webhooks.md"


def test_a_field_that_changes_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(TEXT.replace("| `mobile_phone` |", "| `cell_phone` |"), "utf-8")
    assert main(["--check", str(page)]) == 1
    assert main([str(page)]) == 0
    assert page.read_text("utf-8") == TEXT
    assert main(["--check", str(page)]) == 0


def test_every_field_type_door_and_answer_is_on_the_page():
    for name in CONTACT.fields:
        assert f"| `{name}` |" in TEXT
    for door, types in DOORS.items():
        for type_ in types:
            assert f"| `/webhooks/<org>/{door}` | `{type_}` |" in TEXT
    assert {kind.status for kind in KINDS} == {200, 202, 401, 413, 415, 422, 429, 503}
    for kind in KINDS:
        assert f"| **{kind.status}** |" in TEXT


def test_every_example_payload_can_be_read():
    examples = blocks("json")
    assert len(examples) == 4
    for example in examples:
        (door,) = re.findall(r'"type": "(contact|event|meeting)\.\w+"', example)
        payload = decode(f"{door}s", example.encode())
        assert payload.items
        assert payload.unknown_keys == {}


def test_the_vector_on_the_page_is_right():
    secret, webhook_id, at, body, signature = re.search(
        r"the secret `(whsec_\S+)`, the id `(\S+)`, the\s+time `(\d+)` and the body `(.+?)` give `(v1,\S+)`", TEXT
    ).groups()
    assert sign(secret, webhook_id, int(at), body.encode()) == signature


def test_every_source_that_counts_as_captured_is_on_the_page():
    (paragraph,) = re.findall(r"\*\*Captured leads\.\*\*(.*?)\n\n", TEXT, re.DOTALL)
    named = {re.sub(r"[\W_]", "", word) for word in re.findall(r"`([\w -]+)`", paragraph)}
    assert {source.replace(" ", "") for source in CONTACTSYNC_OPTIONS["captured_sources"]} <= named


class Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass


@pytest.fixture
def address(quick_sender: Sender) -> Iterator[str]:
    """Where the doors of the sender's org listen."""
    server = make_server("127.0.0.1", 0, quick_sender.client.application, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/webhooks/acme/contacts"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("language", RUNNERS)
def test_the_program_on_the_page_signs_so_that_its_webhook_is_accepted(quick_sender, clock, address, language):
    if shutil.which(RUNNERS[language][0]) is None:
        pytest.skip(f"{language} is not on this machine")
    clock.at = datetime.now(UTC)
    (program,) = blocks(language)
    environment = {**os.environ, "WEBHOOK_URL": address, "WEBHOOK_SECRET": quick_sender.secret, "LANG": "C.UTF-8"}
    done = subprocess.run(
        RUNNERS[language], input=program.encode(), capture_output=True, timeout=60, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr.decode()
    assert re.match(rb'202 .*"status": "accepted"', done.stdout), done.stdout
    (row,) = kept(quick_sender.parts.engine)
    (contact,) = decode("contacts", bytes(row.body)).items
    assert contact["first_name"] == "Zoë"
    assert b"Zo\xc3\xab" in row.body or b"Zo\\u00eb" in row.body
