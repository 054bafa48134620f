"""Events and campaigns, status, preview and send, from the command line."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from contactsync.intake.signature import sign
from contactsync.standin import RunningStandin
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from tests.cli.conftest import CommandLine

ADA = {
    "id": "c-1", "first_name": "Ada", "last_name": "Lovelace", "email": "ada@engines.example",
    "company": "Engines", "sync_as": "lead", "events": [{"id": "e-1"}],
}  # fmt: skip
CAMPAIGN = "701Ws00000AbCdEIAV"


@pytest.fixture
def absorbed(acme: CommandLine, deliver: Callable[..., None], engine_of: Engine) -> Callable[..., None]:
    """Have a worker bring deliveries in, as far as it comes."""
    from contactsync.bootstrap import build  # noqa: PLC0415
    from contactsync.settings import Settings  # noqa: PLC0415
    from contactsync.sync.org import sync_org  # noqa: PLC0415

    def done(*items: dict[str, object]) -> None:
        deliver("contact.created", list(items))
        parts = build(Settings.from_environment(acme.environment))
        sync_org(parts, 1)
        parts.engine.dispose()

    return done


def event(engine: Engine) -> tuple[str, str | None, str | None]:
    with reading(engine) as db:
        row = db.execute(sa.select(t.event)).one()
    return row.source_id, row.campaign_choice, row.campaign_id


def test_an_event_is_connected_before_it_was_heard_of_and_disconnected(acme: CommandLine, engine_of: Engine) -> None:
    said = acme.good("event", "connect", "acme", "e-1", "--campaign", f" {CAMPAIGN} ").stdout
    assert said == f"Event e-1 is connected to campaign {CAMPAIGN}; 0 contacts have to sync again.\n"
    assert event(engine_of) == ("e-1", CAMPAIGN, CAMPAIGN)
    assert "no campaign" in acme.good("event", "disconnect", "acme", "e-1").stdout
    assert event(engine_of) == ("e-1", "", None)


def test_it_says_how_many_contacts_sync_again(acme: CommandLine, absorbed: Callable[..., None]) -> None:
    absorbed(ADA)
    assert "1 contact has" in acme.good("event", "connect", "acme", "e-1", "--campaign", CAMPAIGN).stdout
    assert "0 contacts have" in acme.good("event", "connect", "acme", "e-1", "--campaign", CAMPAIGN).stdout


@pytest.mark.parametrize(
    ("event_id", "campaign_id", "named"),
    [
        ("e-1", "", "campaign"),
        ("e-1", "   ", "campaign"),
        ("e-1", "7" * 65, "campaign"),
        ("", CAMPAIGN, "event"),
        ("  ", CAMPAIGN, "event"),
        ("e" * 256, CAMPAIGN, "event"),
    ],
)
def test_ids_that_no_record_can_have_are_refused(
    acme: CommandLine, engine_of: Engine, event_id: str, campaign_id: str, named: str
) -> None:
    assert named in acme.refused("event", "connect", "acme", event_id, "--campaign", campaign_id).lower()
    with reading(engine_of) as db:
        assert db.execute(sa.select(t.event)).all() == []


def test_status_counts_contacts_and_names_the_connection_also_for_scripts(
    acme: CommandLine, absorbed: Callable[..., None]
) -> None:
    absorbed(ADA, {"id": "c-2"})
    stands = acme.json("status", "acme")
    assert stands["contacts"]["queued"] == 1
    assert stands["contacts"]["incomplete"] == 1
    shown = acme.good("status", "acme").stdout
    assert "acme (Acme Events)" in shown
    assert "queued 1" in shown
    assert "none waits, none was rejected, none failed" in shown, "those that were taken in are not none"


def test_a_preview_shows_every_step_with_its_fields_and_writes_nothing(
    connected: CommandLine, absorbed: Callable[..., None], engine_of: Engine, standin: RunningStandin
) -> None:
    with writing(engine_of) as db:
        db.execute(sa.update(t.connection).values(paused_until=sa.func.datetime("now", "+1 day")))
    absorbed(ADA)
    (step,) = connected.json("preview", "acme", "c-1")["steps"]
    assert (step["action"], step["object"], step["crm_id"]) == ("create", "Lead", None)
    assert step["fields"]["LastName"] == {"old": None, "new": "Lovelace"}
    assert step["why"]
    shown = connected.good("preview", "acme", "c-1").stdout
    assert "create Lead" in shown
    assert "Lovelace" in shown


def test_a_preview_of_nobody_or_without_a_crm_says_what_to_do(acme: CommandLine, absorbed: Callable[..., None]) -> None:
    assert "'c-9'" in acme.refused("preview", "acme", "c-9")
    absorbed(ADA)
    assert "contactsync connect" in acme.refused("preview", "acme", "c-1")


def test_a_preview_of_an_incomplete_contact_names_what_is_missing(
    connected: CommandLine, absorbed: Callable[..., None]
) -> None:
    absorbed({"id": "c-2", "first_name": "Ada"})
    said = connected.refused("preview", "acme", "c-2")
    assert "last_name" in said
    assert "email" in said


# ── send ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Door(HTTPServer):
    """What takes the webhooks here: it keeps what came and answers what it is told."""

    came: list[tuple[str, dict[str, str], bytes]]
    answer = 202


class Handler(BaseHTTPRequestHandler):
    server: Door

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.came.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(self.server.answer)
        self.end_headers()
        self.wfile.write(b'{"status": "said"}')

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def door() -> Iterator[Door]:
    """A door that listens."""
    with Door(("127.0.0.1", 0), Handler) as server:
        server.came = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    """A file to send."""
    file = tmp_path / "payload.json"
    file.write_text(json.dumps({"type": "contact.created", "timestamp": "2026-11-24T09:00:00Z", "data": ADA}))
    return file


def test_a_file_is_sent_byte_for_byte_and_signed_with_the_newest_secret(
    cli: CommandLine, door: Door, payload: Path
) -> None:
    cli.good("org", "add", "acme")
    secret = cli.json("org", "secret", "add", "acme")["webhook_secret"]
    done = cli.good(
        "send", str(payload), "--org", "acme", "--to", "events", "--webhook-id", "w-1", PORT=str(door.server_port)
    )  # fmt: skip
    ((path, headers, body),) = door.came
    assert (path, body) == ("/webhooks/acme/events", payload.read_bytes())
    stamp = int(headers["webhook-timestamp"])
    assert headers["webhook-id"] == "w-1"
    assert headers["webhook-signature"] == sign(secret, "w-1", stamp, body)
    assert json.loads(done.stdout) == {"status": "said"}
    assert done.stderr.startswith("202")


def test_standard_input_is_sent_to_the_url_that_is_given(acme: CommandLine, door: Door) -> None:
    url = f"http://127.0.0.1:{door.server_port}/"
    acme.good("send", "-", "--org", "acme", "--url", url, given=b"\xffanything")
    assert [(path, body) for path, _, body in door.came] == [("/webhooks/acme/contacts", b"\xffanything")]


def test_an_answer_that_is_no_yes_ends_with_1(acme: CommandLine, door: Door, payload: Path) -> None:
    door.answer = 422
    done = acme.run("send", str(payload), "--org", "acme", PORT=str(door.server_port))
    assert (done.exit_code, json.loads(done.stdout)) == (1, {"status": "said"})


def test_where_nobody_listens_it_asks_whether_web_runs(acme: CommandLine, payload: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        said = acme.refused("send", str(payload), "--org", "acme", PORT=str(taken.getsockname()[1]))
    assert "contactsync web" in said


@pytest.mark.parametrize(
    "options",
    [
        ("/there/is/no.json", "--org", "acme"),
        (".", "--org", "acme"),
        ("-",),
        ("-", "--org", "acme", "--url", "nonsense"),
        ("-", "--org", "acme", "--url", "ftp://127.0.0.1"),
        ("-", "--org", "acme", "--webhook-id", "line\nbreak"),
        ("-", "--org", "acme", "--webhook-id", "größe"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_sent_is_said(acme: CommandLine, options: tuple[str, ...]) -> None:
    assert acme.refused("send", *options, given="{}")


def test_an_org_without_a_good_secret_is_told_to_make_one(acme: CommandLine) -> None:
    (only,) = acme.json("org", "secret", "list", "acme")
    acme.good("org", "secret", "revoke", "acme", str(only["id"]))
    assert "org secret add acme" in acme.refused("send", "-", "--org", "acme", given="{}")


def test_a_campaign_is_made_of_an_event_on_demand_and_said_in_one_way_only(
    connected: CommandLine, deliver: Callable[..., None], sync: Callable[[], None], engine_of: Engine
) -> None:
    deliver("event.created", {"id": "e-1", "name": "Expo"})
    sync()
    assert "--create" in connected.refused("event", "connect", "acme", "e-1")
    assert "--create" in connected.refused("event", "connect", "acme", "e-1", "--create", "--campaign", CAMPAIGN)
    assert "never heard of" in connected.refused("event", "connect", "acme", "e-2", "--create")
    assert "made" in connected.good("event", "connect", "acme", "e-1", "--create").stdout
    sync()
    assert event(engine_of)[2]


def test_an_org_is_disconnected_when_it_is_meant_and_there_is_something_to_disconnect(connected: CommandLine) -> None:
    assert "--yes" in connected.refused("disconnect", "acme")
    assert "waits" in connected.good("disconnect", "acme", "--yes").stdout
    assert "not connected" in connected.refused("disconnect", "acme", "--yes")
    assert connected.json("status", "acme")["crm"]["state"] == "none"
