"""The stand-in on a socket: a threaded HTTP/1.1 server with keep-alive, on a loopback address."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from contactsync.standin.admin import Admin
from contactsync.standin.options import Options
from contactsync.standin.org import Org
from contactsync.standin.site import HttpAnswer, HttpCall, Site, json_answer

MAX_BODY = 50 * 1024 * 1024


class _Handler(BaseHTTPRequestHandler):
    """Reads one call after another from a connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one write per answer
    server_version = "contactsync-standin"
    sys_version = ""
    server: _Server

    def serve(self) -> None:
        call, refusal = self._read()
        answer = refusal or self.server.site.handle(call)
        if answer is None:
            self.close_connection = True  # the caller sees the connection end without an answer
            return
        self._write(answer)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_HEAD = do_OPTIONS = serve  # noqa: N815 - names of the base class

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - name of the base class
        """The call log is the log."""

    def _read(self) -> tuple[HttpCall, HttpAnswer | None]:
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = HttpCall(self.command, self.path, headers)
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdigit():
            self.close_connection = True
            return call, json_answer(411, [{"message": "Content-Length is required", "errorCode": "LENGTH_REQUIRED"}])
        if int(length) > MAX_BODY:
            self.close_connection = True
            return call, json_answer(413, [{"message": "Request Entity Too Large", "errorCode": "REQUEST_TOO_LARGE"}])
        raw = self.rfile.read(int(length))
        if headers.get("content-encoding", "").lower() == "gzip":
            unpack = zlib.decompressobj(wbits=31)
            try:
                raw = unpack.decompress(raw, MAX_BODY)
            except zlib.error:
                return call, json_answer(400, [{"message": "Not in GZIP format", "errorCode": "UNKNOWN_EXCEPTION"}])
        return HttpCall(self.command, self.path, headers, raw), None

    def _write(self, answer: HttpAnswer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in {204, 304}:
            self.send_header("Content-Length", str(len(answer.body)))
        self.close_connection = self.close_connection or answer.cut
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)


class _Server(ThreadingHTTPServer):
    """Knows its open connections, so that stopping ends them too."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], site: Site) -> None:
        self.site = site
        self.connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class RunningStandin:
    """A stand-in that listens: `.url`, `.org` (hold `.org.lock` to touch it), `.site`, `.stop()`; a context manager."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self.site = server.site
        self.org = server.site.org
        host, port = server.server_address[:2]
        self.url = f"http://{host!s}:{port}"
        self.site.base_url = self.url
        self._thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="standin", daemon=True)
        self._thread.start()

    def token(self) -> str:
        """A fresh access token, for tests that skip the token endpoint."""
        with self.org.lock:
            return self.site.gate.issue()

    def wait(self) -> None:
        """Block until it is stopped."""
        self._thread.join()

    def stop(self) -> None:
        """Stop listening and end every open connection."""
        self.site.stop()
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._server.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def __enter__(self) -> RunningStandin:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(host: str = "127.0.0.1", port: int = 0, options: Options | None = None) -> RunningStandin:
    """Start a stand-in in a thread of its own; port 0 takes a free one.

    Raises ValueError for a host that is not a loopback address (a development tool has no business on a network),
    OSError when the port is taken.
    """
    if host not in {"127.0.0.1", "localhost"}:
        message = f"the stand-in listens on 127.0.0.1 only, not on {host}"
        raise ValueError(message)
    site = Site(Org(options or Options()))
    site.admin = Admin(site).handle
    return RunningStandin(_Server(("127.0.0.1", port), site))


def run_forever(port: int = 0, options: Options | None = None) -> None:
    """Serve until interrupted; prints one line with the address when ready."""
    with serve(port=port, options=options) as running:
        sys.stdout.write(f"Salesforce stand-in (development tool) at {running.url}, look at {running.url}/_standin/\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            running.wait()
