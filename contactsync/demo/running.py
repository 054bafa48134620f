"""The demo's processes, and how it talks to them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import requests

from contactsync.intake.signature import sign
from contactsync.settings import default_var

ORG = "demo"
CLIENT = {"client_id": "demo", "client_secret": "demo-secret"}
START_SECONDS = 30
LATENCY_MS = 40
"""How long the stand-in takes for each call: quicker than Salesforce, and slow enough to see something move."""


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


@dataclass
class Demo:
    """The running demo: where its processes are and what they were given. `password`: of all its console users."""

    folder: Path
    environment: dict[str, str]
    standin: str
    web: str
    password: str = field(repr=False)
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    running: list[tuple[str, subprocess.Popen[bytes]]] = field(default_factory=list)

    def start(self, name: str, *arguments: str) -> None:
        """Start one of our processes; what it says goes to a file."""
        log = (self.folder / f"{name}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", "contactsync", *arguments],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us: we end them in order
            )
        self.running.append((name, process))

    def start_standin(self) -> None:
        """Start the stand-in for Salesforce."""
        port = self.standin.rsplit(":", 1)[1]
        self.start("standin", "standin", "--port", port, "--client-id", CLIENT["client_id"], "--client-secret",
                   CLIENT["client_secret"], "--latency-ms", str(LATENCY_MS))  # fmt: skip

    def stop(self) -> None:
        """End all processes, the last one first, and wait for them."""
        for _, process in reversed(self.running):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for _, process in self.running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()

    def check_alive(self) -> None:
        """Raises DemoFailed when a process has ended, though nobody asked it to."""
        name = next((name for name, process in self.running if process.poll() is not None), None)
        if name is not None:
            raise DemoFailed(f"{name} ended by itself; {self.folder / name}.log says why")

    def post(self, door: str, kind: str, items: object, *, quietly: bool = False) -> None:
        """Sign and post one webhook."""
        body, headers = signed(self.secret, kind, items, time.time())
        answer = requests.post(f"{self.web}/webhooks/{ORG}/{door}", data=body, headers=headers, timeout=30)
        if not quietly:
            said = answer.json().get("status", "")
            click.echo(f"  POST /webhooks/{ORG}/{door}  {kind:<22} → {answer.status_code} {said}")
        if answer.status_code != 202:
            raise DemoFailed(f"the webhook was not accepted: {answer.text}")

    def contacts(self) -> list[dict[str, Any]]:
        """All contacts, as the API shows them."""
        return self._items("contacts")

    def meetings(self) -> list[dict[str, Any]]:
        """All meetings, as the API shows them."""
        return self._items("meetings")

    def status(self) -> dict[str, Any]:
        """How the org stands, as the API says it."""
        status: dict[str, Any] = self._ask("status")
        return status

    def salesforce(self, kind: str) -> list[dict[str, Any]]:
        """All records of one kind that the stand-in holds."""
        answer = requests.get(f"{self.standin}/_standin/records", params={"object": kind}, timeout=30)
        answer.raise_for_status()
        records: list[dict[str, Any]] = answer.json()[kind]
        return records

    def arrange(self, door: str, body: object) -> Any:
        """Do at the stand-in what an administrator of a Salesforce org does."""
        answer = requests.post(f"{self.standin}/_standin/{door}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def _items(self, what: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        cursor = ""
        while True:
            answer = self._ask(f"{what}?limit=200{cursor}")
            items += answer["items"]
            if answer["next"] is None:
                return items
            cursor = f"&cursor={answer['next']}"

    def _ask(self, path: str) -> Any:
        headers = {"authorization": f"Bearer {self.token}"}
        answer = requests.get(f"{self.web}/api/v1/{path}", headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()


def signed(secret: str, kind: str, items: object, at: float) -> tuple[bytes, dict[str, str]]:
    """A webhook's body and headers, as an event platform makes them at this time (Unix seconds)."""
    sent_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    body = json.dumps({"type": kind, "timestamp": sent_at, "data": items}).encode()
    named = f"demo_{secrets.token_hex(8)}"
    return body, {
        "content-type": "application/json",
        "webhook-id": named,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": sign(secret, named, int(at), body),
    }


@contextmanager
def running_demo() -> Iterator[Demo]:
    """A demo in a fresh folder, with nothing running yet; all that it starts has ended afterwards."""
    folder = Path(os.environ.get("CONTACTSYNC_VAR") or default_var()).absolute() / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    web_port, standin_port = _port(8000), _port(9000)
    ours = (
        "DATABASE_URL",
        "REDIS_URL",
        "CONTACTSYNC_SECRET_KEYS",
        "CONTACTSYNC_CONFIG",
        "CONTACTSYNC_BASE_URL",
        "DYNO",
    )
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    environment = inherited | {
        "CONTACTSYNC_VAR": str(folder),
        "PORT": str(web_port),
        "WEB_CONCURRENCY": "2",
        "CONTACTSYNC_SYNC_CLOCK_SECONDS": "1",
    }
    demo = Demo(
        folder,
        environment,
        f"http://127.0.0.1:{standin_port}",
        f"http://127.0.0.1:{web_port}",
        secrets.token_urlsafe(10),
    )
    try:
        yield demo
    finally:
        demo.stop()


def wait_for(demo: Demo, url: str) -> None:
    """Wait until something answers there. Raises DemoFailed."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        demo.check_alive()
        with suppress(requests.RequestException):
            if requests.get(url, timeout=2).ok:
                return
        time.sleep(0.1)
    raise DemoFailed(f"nothing answers at {url}; the logs are in {demo.folder}")


def _port(liked: int) -> int:
    """A port that is free on 127.0.0.1: the one people know, if it is."""
    for port in (liked, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise DemoFailed("no port is free on 127.0.0.1")
