"""Personal data and secrets are planted everywhere, everything fails in every way, and nothing of them gets out (I8).

Real processes on both databases, with a Redis that wants a password, a Sentry, a Salesforce that quotes what it refuses, a
plugin that raises what it was given, a database whose errors show rows. Then everything that others may read is searched:
logs, Redis at any moment, metrics, error answers, what commands say, Sentry's envelopes, the list of processes.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
import structlog
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from redis import Redis

from contactsync.bell import Bell
from contactsync.cli import main
from contactsync.intake.signature import sign
from contactsync.redis_server import RemoteRedis
from contactsync.standin import Options, RunningStandin, serve
from contactsync.store import tables as t
from contactsync.store.engine import open_engine, reading
from contactsync.store.tokens import TOKEN_PURPOSE
from contactsync.store.vault import Vault
from tests.fixtures.processes import Processes, Running, free_port
from tests.fixtures.redis import RedisForTests, everything_in
from tests.fixtures.salesforce import Salesforce
from tests.fixtures.sentry import Sentry
from tests.fixtures.waiting import wait_until
from tests.runtime.planted import CANARY, EVENT, WRONG, Heard, meeting, person

SECRET_KEY = f"{CANARY}-secret-key-of-the-vault"
CLIENT_SECRET = f"{CANARY}-client-secret"
METRICS_TOKEN = f"{CANARY}-metrics-token"
PASSWORD = f"{CANARY}-password"


@dataclass
class Installation:
    """The running whole, and what it lets one hear."""

    processes: Processes
    heard: Heard
    redis: RedisForTests
    redis_url: str
    port: int
    secret: str
    token: str
    folder: Path
    redis_runs: bool = True

    def post(self, door: str, kind: str, data: object, *, secret: str | None = None, body: bytes | None = None) -> int:
        """A webhook; what it answers when it refuses is heard."""
        said = {"type": kind, "timestamp": "2026-11-24T09:00:00Z", "data": data}
        body = json.dumps(said).encode() if body is None else body
        now, name = int(datetime.now(UTC).timestamp()), f"msg_{os.urandom(8).hex()}"
        headers = {
            "content-type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(secret or self.secret, name, now, body),
        }
        answer = requests.post(f"{self.base}/webhooks/acme/{door}", data=body, headers=headers, timeout=30)
        if self.redis_runs:
            self.look_into_redis()
        if answer.status_code >= 400:
            self.heard.add(f"answer to {kind}", answer.text + str(answer.headers))
        return answer.status_code

    def ask(self, method: str, path: str, body: object = None, token: str | None = None) -> requests.Response:
        """A request to the API; an answer that refuses is heard."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        answer = requests.request(method, f"{self.base}{path}", json=body, headers=headers, timeout=30)
        if answer.status_code >= 400:
            self.heard.add(f"answer to {method} {path.partition('?')[0][:40]}", answer.text + str(answer.headers))
        return answer

    def status(self, contact: str) -> str:
        answer = requests.get(
            f"{self.base}/api/v1/contacts/{contact}", headers={"Authorization": f"Bearer {self.token}"}, timeout=30
        )
        return str(answer.json()["sync"]["status"]) if answer.ok else ""

    def settled(self, contact: str) -> bool:
        """Whether a contact has come to an end; what is paused is asked to go on."""
        if self.status(contact) in ("synced", "needs_attention"):
            return True
        for problem in self.ask("GET", "/api/v1/problems").json()["items"]:
            self.ask("POST", f"/api/v1/problems/{problem['id']}/check")
        return False

    def command(self, *words: str, given: str = "", **environment: str) -> str:
        """A command, to its end; all that it says is heard. Answers what it printed."""
        whole = {**self.processes.environment, **environment}
        if whole["DATABASE_URL"].startswith("sqlite"):
            done = CliRunner().invoke(main, words, input=given, env=whole)
            trace = traceback.format_exception(done.exception) if done.exception else ()
            printed, said = done.stdout, "".join([done.stderr, *trace])
        else:  # its connections end with it
            run = self.processes.start_python(
                "-c", "import sys; from contactsync.cli import main; sys.stdin = open(sys.argv.pop(1)); main()",
                self.kept(given), *words, name=words[0], **environment,
            )  # fmt: skip
            run.wait(60)
            printed, said = run.said(), ""
        self.heard.add(f"contactsync {' '.join(words)[:40]}", printed + said)
        return printed

    def kept(self, given: str) -> str:
        """A file with what is typed."""
        path = self.folder / f"typed-{len(self.heard.texts)}"
        path.write_text(given, "utf-8")
        return str(path)

    def look_into_redis(self) -> None:
        self.heard.add("Redis", everything_in(self.redis_url))

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    root.handlers[:], root.level = handlers, level
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    structlog.reset_defaults()


@pytest.fixture
def locked_redis() -> Iterator[RedisForTests]:
    """A Redis that wants a password."""
    with tempfile.TemporaryDirectory(prefix="cs-redis-", dir="/tmp") as folder:
        server = RedisForTests(Path(folder), "--requirepass", PASSWORD)
        server.url = f"unix://:{PASSWORD}@{server.socket}"
        server.start()
        yield server
        server.stop()


@pytest.fixture
def standin() -> Iterator[RunningStandin]:
    with serve(options=Options(client_id="id", client_secret=CLIENT_SECRET)) as running:
        yield running


@pytest.fixture
def installation(
    processes: Processes,
    database_url: str,
    locked_redis: RedisForTests,
    sentry: Sentry,
    standin: RunningStandin,
    tmp_path: Path,
) -> Installation:
    """web, worker and clock, with one org that is connected."""
    config = tmp_path / "contactsync.toml"
    usual = (Path(__file__).parents[2] / "config" / "contactsync.toml").read_text("utf-8")
    mine = '  "tests.runtime.quoting_plugin",\n  "contactsync_plugins.owner_by_email",'
    config.write_text(usual.replace('  "contactsync_plugins.owner_by_email",', mine), "utf-8")
    port = free_port()
    processes.environment |= {
        "DATABASE_URL": database_url,
        "REDIS_URL": locked_redis.url,
        "CONTACTSYNC_CONFIG": str(config),
        "CONTACTSYNC_SECRET_KEYS": SECRET_KEY,
        "CONTACTSYNC_METRICS_TOKEN": METRICS_TOKEN,
        "CONTACTSYNC_SYNC_CLOCK_SECONDS": "0.2",
        "CONTACTSYNC_SYNC_RETRY_FIRST_SECONDS": "0.1",
        "CONTACTSYNC_SYNC_RETRY_MOST_SECONDS": "1",
        "SENTRY_DSN": sentry.dsn,
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
    }
    whole = Installation(processes, Heard(), locked_redis, locked_redis.url, port, "", "", tmp_path)
    made = json.loads(whole.command("org", "add", "acme", "--json"))
    heard = whole.heard = Heard()
    whole.secret, whole.token = made["webhook_secret"], made["api_token"]
    connect = ("connect", "acme", "--instance-url", standin.url, "--client-id", "id", "--client-secret", "-")
    assert "acme is connected" in whole.command(*connect, given=f"{CLIENT_SECRET}\n")
    heard.secrets += [made["webhook_secret"].removeprefix("whsec_"), made["api_token"].removeprefix("cst_")]
    return whole


def running(installation: Installation) -> list[Running]:
    processes = [installation.processes.start(name) for name in ("web", "worker", "clock")]
    for process in processes:
        process.wait_for(f"{process.name} started")
    return processes


@contextmanager
def rows_refused_with_their_values(url: str) -> Iterator[None]:
    """The database refuses what names c-database, and quotes the row in its error, as constraints of Postgres do."""
    engine = open_engine(url)
    postgres = engine.dialect.name == "postgresql"
    if postgres:
        make = [
            (
                "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " RAISE EXCEPTION 'Failing row contains (%)', NEW::text; END $$"
            ),
            (
                "CREATE TRIGGER tells BEFORE INSERT ON sync_run FOR EACH ROW WHEN (NEW.source_id = 'c-database')"
                " EXECUTE FUNCTION tell()"
            ),
        ]
        drop = ["DROP TRIGGER tells ON sync_run", "DROP FUNCTION tell"]
    else:
        make = [
            (
                "CREATE TRIGGER tells BEFORE INSERT ON sync_run WHEN NEW.source_id = 'c-database'"
                f" BEGIN SELECT RAISE(ABORT, 'failing row contains {CANARY}'); END"
            )
        ]
        drop = ["DROP TRIGGER tells"]
    with engine.begin() as conn:
        for statement in make:
            conn.execute(sa.text(statement))
    try:
        yield
    finally:
        with engine.begin() as conn:
            for statement in drop:
                conn.execute(sa.text(statement))
        engine.dispose()


def test_nothing_that_is_somebodys_gets_out_whatever_fails(
    installation: Installation, salesforce: Salesforce, sentry: Sentry, database_url: str
) -> None:
    heard = installation.heard
    processes = running(installation)
    web, worker, clock = processes
    heard.add("list of processes", listed(processes))

    what_is_sent_is_wrong(installation)
    the_crm_refuses_and_quotes(installation, salesforce)
    a_plugin_quotes(installation, worker)
    if database_url.startswith("sqlite"):
        commands_fail(installation)
    with rows_refused_with_their_values(database_url):
        installation.post("contacts", "contact.created", person("database"))
        worker.wait_for("bell not answered", 40)
    redis_is_away(installation)
    wait_until(lambda: installation.settled("c-after"), 40, "a contact is synced after all that")
    assert installation.status("c-after") == "synced"

    token = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    metrics = requests.get(f"{installation.base}/metrics", headers=token, timeout=30)
    assert metrics.ok
    heard.add("metrics", metrics.text)
    heard.add("list of processes", listed(processes))
    sentry.wait_for("bell not answered")
    installation.post("contacts", "contact.created", [person(f"last-{number}") for number in range(200)])
    sentry.hangs.set()  # it keeps nobody from ending in time
    for process in processes:
        assert process.stop(10) == 0
        heard.add(f"log of {process.name}", process.said())
    heard.add("Sentry", "".join(sentry.raw))

    assert {event["tags"]["process"] for event in sentry.events()} >= {"worker"}
    assert all(len(process.said()) > 100 for process in (web, worker, clock))
    heard.secrets += access_tokens(database_url)
    assert not heard.leaks(), "\n\n".join(f"{where}: {around}" for where, around in heard.leaks())


def access_tokens(url: str) -> list[str]:
    """Those of the CRM that are kept; a refused sign-in keeps none."""
    engine, vault = open_engine(url), Vault([SECRET_KEY])
    with reading(engine) as db:
        rows = db.execute(sa.select(t.connection.c.org_id, t.connection.c.sealed_token)).all()
    engine.dispose()
    found = [json.loads(vault.open(org_id, TOKEN_PURPOSE, sealed))[0] for org_id, sealed in rows if sealed]
    assert found
    return found


@pytest.fixture
def salesforce(standin: RunningStandin) -> Salesforce:
    return Salesforce(standin)


def what_is_sent_is_wrong(installation: Installation) -> None:
    for wrong in WRONG:
        installation.post("contacts", "contact.created", person("wrong") | wrong)
        installation.post("meetings", "meeting.created", meeting() | wrong)
        installation.post("events", "event.created", EVENT | wrong)
    for body in (
        b"{" + CANARY.encode(),
        f'"{CANARY}"'.encode(),
        b'{"type": "' + CANARY.encode() + b'"}',
        b"\xff" + CANARY.encode(),
    ):
        assert installation.post("contacts", CANARY, None, body=body) == 422
    assert installation.post("contacts", "contact.created", person("unsigned"), secret="whsec_" + "A" * 44) == 401
    assert installation.post(CANARY, "contact.created", person("lost")) >= 400
    for path in (
        f"/api/v1/contacts/{CANARY}",
        f"/api/v1/contacts?status={CANARY}",
        f"/api/v1/contacts?cursor={CANARY}",
        f"/api/v1/accounts?q={CANARY}&limit={CANARY}",
        f"/{CANARY}",
        f"/connect/salesforce/callback?state={CANARY}&code={CANARY}",
    ):
        assert installation.ask("GET", path).status_code >= 400, path
    assert installation.ask("GET", "/api/v1/contacts", token=f"cst_{CANARY}").status_code == 401
    for path, body in (
        ("/api/v1/policies", {"sync_as_default": CANARY, "several_matches": [CANARY]}),
        (
            "/api/v1/mapping/lead",
            {"rules": [{"source": "nonsense", "target": "Title", "mode": [CANARY], "default": CANARY}]},
        ),
    ):
        assert installation.ask("PUT", path, body).status_code == 422, path
    for path, body in (
        ("/api/v1/resync", {"contacts": [[CANARY]]}),
        ("/api/v1/people/export", {"email": [CANARY]}),
        (
            "/api/v1/connection/sign-in",
            {"target": CANARY, "settings": {"client_id": CANARY}, "credentials": {"client_secret": CANARY}},
        ),
    ):
        assert installation.ask("POST", path, body).status_code >= 400, path
    for head in (
        f"GET /api/v1/contacts?q={CANARY} and a space HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {CANARY}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nX-{CANARY}\x00: {CANARY}\r\n\r\n",
        f"{CANARY} / HTTP/9.9\r\n\r\n",
        f"POST /webhooks/acme/contacts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {CANARY}\r\n\r\n{CANARY}",
        f"POST /webhooks/acme/contacts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{CANARY}\r\n",
        f"GET /{CANARY}{'x' * 9000} HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\n{CANARY}: {'x' * 9000}\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", installation.port), timeout=10) as link:
            link.sendall(head.encode("latin-1"))
            link.shutdown(socket.SHUT_WR)
            installation.heard.add("answer to what is no HTTP", link.makefile("rb").read().decode("latin-1"))


LOST = {
    "statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "message": f"Not {CANARY}@example.com, {CANARY}!",
    "fields": [],
}
QUOTED = [{"message": f"no such thing as {CANARY}", "errorCode": "UNKNOWN_EXCEPTION"}]


def the_crm_refuses_and_quotes(installation: Installation, salesforce: Salesforce) -> None:
    installation.post("events", "event.created", EVENT)
    installation.post("contacts", "contact.created", person("good"))
    wait_until(lambda: installation.status("c-good") == "synced", 40, "the good one is synced")
    salesforce.does("faults", do="row", times=1, where={"object": "Lead"}, error=LOST)
    installation.post("contacts", "contact.created", person("refused"))
    wait_until(lambda: installation.status("c-refused") == "needs_attention", 40, "the refused one is held")
    for number, fault in enumerate(
        (
            {"do": "html", "body": f"<html>{CANARY}</html>"},
            {"do": "status", "status": 500, "body": QUOTED},
            {"do": "status", "status": 400, "body": QUOTED},
            {"do": "garbage"},
            {"do": "cut"},
            {"do": "drop_after"},
            {"do": "expired_token"},
        )
    ):
        salesforce.does("faults", times=1, **fault)
        name = f"fault-{number}"
        installation.post("contacts", "contact.created", person(name))
        wait_until(lambda name=name: installation.settled(f"c-{name}"), 40, f"{fault} is over")
    salesforce.does("faults", do="row", times=1, where={"object": "Event"}, error=LOST)
    installation.post("meetings", "meeting.created", meeting())
    refused = {"error": "invalid_client", "error_description": f"{CLIENT_SECRET} of {CANARY} is wrong"}
    salesforce.does("faults", do="status", times=1, match={"path": "oauth2/token"}, status=400, body=refused)
    salesforce.does("faults", do="expired_token", times=1)
    installation.post("contacts", "contact.created", person("signed-out"))
    wait_until(lambda: installation.ask("GET", "/api/v1/problems").json()["items"], 40, "a problem is shown")
    for path in ("problems", "status", "connection"):
        installation.heard.add(path, installation.ask("GET", f"/api/v1/{path}").text)


def a_plugin_quotes(installation: Installation, worker: Running) -> None:
    installation.post("contacts", "contact.created", person("plugin"))
    wait_until(lambda: installation.settled("c-plugin"), 40, "the plugin's one is held")
    assert installation.status("c-plugin") == "needs_attention"


def commands_fail(installation: Installation) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()  # fmt: skip
    installation.heard.secrets.append(private.splitlines()[5])
    secrets = re.findall(r"(?:whsec|cst)_(\S+)", installation.command("org", "add", "globex"))
    assert len(secrets) == 2
    installation.heard.texts.pop()  # this one shows them, this once
    installation.heard.secrets += secrets
    url = ("--instance-url", f"http://127.0.0.1:{free_port()}")
    for words, given in (
        (("connect", "globex", *url, "--client-id", "id", "--client-secret", "-"), f"{CANARY}-wrong\n"),
        (("connect", "globex", *url, "--client-id", "id", "--username", "u@x.example", "--private-key", "-"), private),
        (("connect", "globex", *url, "--client-id", "id", "--username", "u@x.example", "--private-key", "-"), CANARY),
        (("send", "-", "--org", "acme"), f'{{"type": "contact.created", "data": "{CANARY}"}}'),
        (("org", "import", "acme", "-", "--yes"), f"{CANARY} = [{CANARY}"),
        (("keys", "check"), ""),
        (("doctor", "--json"), ""),
    ):
        installation.command(*words, given=given)
    nowhere = f"127.0.0.1:{free_port()}"
    for words, environment in (
        (("status", "acme", "--json"), {"DATABASE_URL": f"postgresql://{CANARY}:{PASSWORD}@{nowhere}/db"}),
        (("status", "acme", "--json"), {"DATABASE_URL": f"mysql://{CANARY}:{PASSWORD}@{nowhere}/db"}),
        (("doctor", "--json"), {"REDIS_URL": f"redis://:{PASSWORD}@{nowhere}/0"}),
        (("status", "acme"), {"REDIS_URL": f"http://:{PASSWORD}@{nowhere}/0"}),
        (("doctor",), {"CONTACTSYNC_SECRET_KEYS": f"{CANARY}, another that does not open a thing"}),
        (("worker", "--burst"), {"REDIS_URL": f"redis://:{PASSWORD}@{nowhere}/0"}),
        (("status", "acme"), {"SENTRY_DSN": f"{CANARY}"}),
        (("status", "acme"), {"CONTACTSYNC_METRICS_TOKEN": "Kanarie"}),
        (("status", "acme"), {"CONTACTSYNC_BASE_URL": f"https://{CANARY}@x.example"}),
    ):
        installation.command(*words, **environment)


def redis_is_away(installation: Installation) -> None:
    installation.redis.stop()
    installation.redis_runs = False
    assert installation.post("contacts", "contact.created", person("after")) == 202, (
        "kept, though nobody hears the bell"
    )
    installation.redis.start()
    installation.redis_runs = True


def listed(processes: list[Running]) -> str:
    """What anybody on the machine sees of the processes: their words and titles."""
    groups = ",".join(str(process.pid) for process in processes)
    return subprocess.run(
        ["ps", "-ww", "-o", "args=,comm=", "-g", groups], capture_output=True, text=True, check=True
    ).stdout


# ── this test would notice ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "form", ["Kanarie", "kanarie@x.example", "x%4banarie", "K\\u0061narie", "A-made-secret", "KANARIE"]
)
def test_a_planted_leak_is_found_in_any_form_and_place(form: str) -> None:
    heard = Heard(secrets=["A-made-secret"])
    heard.add("a log", "nothing here")
    assert heard.leaks() == []
    heard.add("another log", f'{{"event": "met {form}"}}')
    assert {where for where, _ in heard.leaks()} == {"another log"}


def test_a_process_that_says_a_name_and_a_job_that_holds_one_are_noticed(
    processes: Processes, redis: Redis, redis_url: str
) -> None:
    heard = Heard()
    program = "from contactsync.log import *; set_up_logging(); logger('x').info('met', who='Ada Kanarie')"
    told = processes.start_python("-c", program)
    told.wait()
    heard.add("log", told.said())
    redis.hset("rq:job:1", "data", json.dumps(["sync", None, [f"Ada {CANARY}"], {}]))
    heard.add("Redis", everything_in(redis_url))
    assert {where for where, _ in heard.leaks()} == {"log", "Redis"}


def test_redis_holds_ids_in_json_and_nothing_else(redis_url: str) -> None:
    """Read raw, the job's hash and all: an org's id in JSON, beside times, states, and names of ours."""
    assert Bell(RemoteRedis(redis_url)).ring(4711)
    with Redis.from_url(redis_url) as client:
        keys = {key.decode() for key in client.keys("*")}
        (job,) = [client.hgetall(key) for key in keys if key.startswith("rq:job:")]
    called = json.loads(zlib.decompress(job.pop(b"data")))
    assert called == ["sync_org", None, [4711], {}]
    assert job[b"description"] == b"bell"
    assert {re.sub(r"[0-9a-f-]{36}", "…", key) for key in keys} == {
        "wake:4711",
        "rq:job:…",
        "rq:queue:bell",
        "rq:queues",
    }
    assert len(b" ".join(job.values())) < 400
