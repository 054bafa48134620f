"""A real web process, and a socket that says to it whatever it likes."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from contactsync.intake.signature import sign
from contactsync.store import orgs
from contactsync.store import tables as t
from contactsync.store.engine import Engine, open_engine, reading, writing
from contactsync.store.vault import Vault
from tests.fixtures.processes import Processes, Running, free_port
from tests.fixtures.waiting import wait_until
from tests.hostile.doors import Figures
from tests.hostile.heads import in_pieces, spoilt

KEYS = "a key of these tests and of no other"
SECONDS = 1.0
"""How long a request may take to arrive here."""

BODY = b'{"type":"contact.updated","timestamp":"2026-11-24T09:00:00Z","data":{"id":"c-1"}}'


@dataclass(frozen=True)
class Said:
    """An answer as it came."""

    raw: bytes
    seconds: float

    @property
    def status(self) -> int:
        """Its last status (100 Continue may come before); 0: the connection was closed without one."""
        statuses = [int(line[9:12]) for line in self.raw.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        return statuses[-1] if statuses else 0


@dataclass
class Web:
    """The web process of an org that is called `hostile`."""

    running: Running
    port: int
    engine: Engine
    secret: str
    sent: int = field(default=0)

    def signed(self, body: bytes = BODY) -> dict[str, str]:
        """Good headers, without length, under a webhook-id of its own."""
        self.sent += 1
        at, webhook_id = int(datetime.now(UTC).timestamp()), f"wire_{self.sent}"
        signature = sign(self.secret, webhook_id, at, body)
        names = {"webhook-id": webhook_id, "webhook-timestamp": str(at), "webhook-signature": signature}
        return {"Host": "localhost", "Content-Type": "application/json", **names}

    def head(self, headers: dict[str, str], *more: str) -> bytes:
        """The head of a webhook; `more` are lines as they are."""
        lines = [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(["POST /webhooks/hostile/contacts HTTP/1.1", *lines, *more, "", ""]).encode("latin-1")

    def good(self, body: bytes = BODY) -> bytes:
        """A webhook as it should be."""
        return self.head(self.signed(body), f"Content-Length: {len(body)}") + body

    def connect(self) -> socket.socket:
        """A connection that gives up after ten seconds."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def say(self, *parts: bytes, then_close: bool = False) -> Said:
        """Send bytes, in pieces, and hear the answer out."""
        with self.connect() as client:
            started = time.monotonic()
            try:
                for part in parts:
                    client.sendall(part)
                if then_close:
                    client.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it may have hung up on us already
            return Said(heard(client), time.monotonic() - started)

    def kept(self) -> list[Any]:
        """The deliveries."""
        with reading(self.engine) as db:
            return list(db.execute(sa.select(t.delivery.c.webhook_id, t.delivery.c.body).order_by(t.delivery.c.id)))


def heard(client: socket.socket) -> bytes:
    """All that comes until the other side hangs up."""
    answer = bytearray()
    try:
        while more := client.recv(65_536):
            answer += more
    except ConnectionResetError:
        pass
    return bytes(answer)


DOCUMENTED = {0, 202, 400, 401, 404, 405, 408, 413, 414, 415, 417, 422, 431}
"""What may come of a request; 0: the connection is closed on what is none."""


def knock(there: Web, wrong: tuple[list[str], list[tuple[float, bytes]], int], figures: Figures) -> None:
    """Send a good webhook with something wrong: an answer in time, and the very body kept if and only if it says so."""
    more, put_in, pieces = wrong
    request = spoilt(there.head(there.signed(), f"Content-Length: {len(BODY)}", *more) + BODY, put_in)
    before = len(there.kept())
    said = there.say(*in_pieces(request, pieces))
    figures.note("wire", said.status, said.seconds)
    assert said.status in DOCUMENTED, (said.raw[:300], request[:600])
    assert said.seconds < SECONDS + 8, (said.seconds, request[:600])
    kept = there.kept()[before:]
    assert [row.body for row in kept] == ([BODY] if said.status in {202, 422} else []), request[:600]


@contextmanager
def web(processes: Processes, sqlite_url: str, workers: int = 2, **environment: str) -> Iterator[Web]:
    """A web process with the org in its database."""
    engine = open_engine(sqlite_url)
    now = datetime.now(UTC)
    with writing(engine) as db:
        org = orgs.add_org(db, "hostile", "Hostile", now)
        _, secret = orgs.add_secret(db, Vault((KEYS,)), org.id, now)
    port = free_port()
    running = processes.start(
        "web",
        PORT=str(port),
        DATABASE_URL=sqlite_url,
        REDIS_URL="redis://127.0.0.1:1/0",
        CONTACTSYNC_SECRET_KEYS=KEYS,
        WEB_CONCURRENCY=str(workers),
        **{"CONTACTSYNC_INTAKE_REQUEST_SECONDS": str(SECONDS), **environment},
    )
    there = Web(running, port, engine, secret)
    running.wait_for("web started")
    wait_until(lambda: answers(there), 20, "the web answers")
    try:
        yield there
    finally:
        engine.dispose()


def answers(there: Web) -> bool:
    """Whether it answers yet."""
    try:
        return there.say(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").status == 200
    except OSError:
        return False
