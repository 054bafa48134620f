"""Load on a web process: `wrk` where it is, else a few processes of our own."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.people import Webhook

CONNECTIONS = 16
CLIENTS = 2  # processes, when there is no wrk


@dataclass(frozen=True)
class Load:
    """What came of a load: answers by status."""

    seconds: float
    accepted: int
    repeated: int
    other: int

    @property
    def per_second(self) -> float:
        """Accepted ones."""
        return self.accepted / self.seconds


def load(url: str, webhooks: Sequence[Webhook], seconds: float, *, again: bool = False) -> Load:
    """Send signed webhooks as fast as they are answered. `again`: to begin anew when all were sent is fine."""
    with tempfile.TemporaryDirectory(prefix="contactsync-bench-load-") as folder:
        loaded = _wrk(url, webhooks, seconds, Path(folder)) if shutil.which("wrk") else _clients(url, webhooks, seconds)
    assert loaded.accepted, f"no webhook was accepted: {loaded}"
    assert not loaded.other, f"some webhooks were refused: {loaded}"
    assert again or not loaded.repeated, f"more webhooks are needed: {loaded}, of {len(webhooks)}"
    return loaded


def _wrk(url: str, webhooks: Sequence[Webhook], seconds: float, folder: Path) -> Load:
    requests = folder / "requests"
    host = urlsplit(url).netloc
    with requests.open("wb") as file:
        for sent in webhooks:
            raw = _raw(host, sent)
            file.write(b"%d\n%b" % (len(raw), raw))
    script = Path(__file__).with_name("load.lua")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-s", script, url, "--", str(requests)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    return Load(**json.loads(said.strip().splitlines()[-1]))


def _raw(host: str, sent: Webhook) -> bytes:
    headers = {"host": host, **sent.headers, "content-length": str(len(sent.body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {sent.path} HTTP/1.1\r\n{head}\r\n".encode() + sent.body


def _clients(url: str, webhooks: Sequence[Webhook], seconds: float) -> Load:
    shares = [(url, webhooks[n::CLIENTS], seconds) for n in range(CLIENTS)]
    started = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(CLIENTS) as pool:
        counted = pool.starmap(_client, shares)
    accepted, repeated, other = (sum(column) for column in zip(*counted, strict=True))
    return Load(min(seconds, time.monotonic() - started), accepted, repeated, other)


def _client(url: str, webhooks: Sequence[Webhook], seconds: float) -> tuple[int, int, int]:
    host = urlsplit(url).netloc
    statuses: list[int] = []
    over = time.monotonic() + seconds
    while time.monotonic() < over:
        sent = webhooks[len(statuses) % len(webhooks)]
        connection = http.client.HTTPConnection(host, timeout=60)
        connection.request("POST", sent.path, sent.body, sent.headers)
        statuses.append(connection.getresponse().status)
        connection.close()
    accepted, repeated = statuses.count(202), statuses.count(200)
    return accepted, repeated, len(statuses) - accepted - repeated
