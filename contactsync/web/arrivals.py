"""The way in of a web process: a request is served once it is there, so that who sends slowly keeps nobody waiting.

gunicorn's sync worker reads a request while it serves it, and lingers until the other side hangs up: whoever dribbles, or
does not hang up, has the worker for as long as it likes. Here instead:

    accept who comes, and read what is there already
    not all of it yet: it waits beside the others, without a worker, for up to `seconds` after it connected → 408
    served from memory, without another look at the socket; the answer must be taken within `seconds`
    who still sends what nobody wants is read off and dropped meanwhile, so that the answer is not lost to it

Too many that wait, or too much that they have sent: the oldest goes first.
"""

from __future__ import annotations

import errno
import json
import os
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http import errors as unreadable  # type: ignore[import-untyped]
from gunicorn.workers.sync import SyncWorker  # type: ignore[import-untyped]

from contactsync.log import described, logger
from contactsync.web.errors import WORDS
from contactsync.web.framing import Framing, Stage

MOST_CONNECTIONS = 500
"""Connections of one process that may wait at once."""

MOST_BYTES = 32 * 1024 * 1024
"""And what they may have sent, all together."""

MOST_DROPPED = 8 * 1024 * 1024
READ = 65_536

_STATUS: Mapping[type[Exception], int] = {
    unreadable.LimitRequestLine: 414,
    unreadable.LimitRequestHeaders: 431,
    unreadable.ExpectationFailed: 417,
}
_CODES: Mapping[int, tuple[str, str]] = {
    417: ("expectation_failed", "The header Expect asks for what there is not: leave it out."),
    431: ("headers_too_large", "The headers are too large: send fewer or shorter ones."),
}

log = logger(__name__)


@dataclass(frozen=True)
class Limits:
    """How long a request may take to arrive, and how long a body is read at all."""

    seconds: float = 10.0
    body: int = 1_048_576


@dataclass(eq=False)
class _Connection:
    """One that waits: until its request is there, or until it has sent what nobody wants."""

    client: socket.socket
    address: Any
    framing: Framing
    until: float
    dropped: int = 0


@dataclass(eq=False)
class _Whole:
    """A socket as gunicorn sees it, whose request is in memory: reading it never waits, closing it is the worker's."""

    worker: ServedWhole
    connection: _Connection
    at: int = 0

    def recv(self, size: int) -> bytes:
        """The next bytes of the request, then nothing."""
        data = self.connection.framing.data
        part = bytes(memoryview(data)[self.at : self.at + size])
        self.at += len(part)
        return part

    def sendall(self, data: bytes) -> None:
        """Send it within the limit; who does not take it in time counts as gone."""
        try:
            self.connection.client.sendall(data)
        except TimeoutError:
            raise BrokenPipeError(errno.EPIPE, "the answer was not taken in time") from None

    send = sendall

    def settimeout(self, seconds: float | None) -> None:
        """Nothing: the limit is the worker's."""

    def close(self) -> None:
        """Hang up, at once or once the other side has stopped sending."""
        self.worker.leave(self.connection)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection.client, name)


@dataclass
class _Waiting:
    """The connections that wait, oldest first: all may wait for equally long."""

    arriving: dict[socket.socket, _Connection] = field(default_factory=dict)
    leaving: dict[socket.socket, _Connection] = field(default_factory=dict)
    held: int = 0  # bytes that those who arrive have sent

    def __len__(self) -> int:
        return len(self.arriving) + len(self.leaving)

    def next_end(self) -> float | None:
        """When the time of the first of them is up."""
        firsts = [next(iter(each.values())).until for each in (self.arriving, self.leaving) if each]
        return min(firsts, default=None)


class ServedWhole(SyncWorker):  # type: ignore[misc] # gunicorn is untyped
    """gunicorn's sync worker, which serves whole requests only. `limits` may be set before it runs."""

    limits = Limits()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._waiting = _Waiting()
        self._poller: selectors.BaseSelector

    def run(self) -> None:
        """Serve until asked to stop."""
        self._poller = selectors.DefaultSelector()
        for each in (*self.sockets, self.PIPE[0]):
            self._poller.register(each, selectors.EVENT_READ)
        super().run()

    def run_for_one(self, timeout: float) -> None:
        """Accept, and look after those who wait."""
        self.run_for_multiple(timeout)

    def run_for_multiple(self, timeout: float) -> None:
        """The same for several addresses."""
        while self.alive:
            self.notify()
            accepted = [self._accepted(listener) for listener in self.sockets]
            if any(accepted):
                if self._waiting:
                    self.look(0)
                continue
            if not self.is_parent_alive():
                return
            self.look(timeout)

    def _accepted(self, listener: Any) -> bool:
        try:
            self.accept(listener)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return False
        return True

    def accept(self, listener: Any) -> None:
        """Take one connection, and serve it if its request is there. Raises OSError when nobody is there."""
        client, address = listener.accept()
        client.settimeout(0)
        util.close_on_exec(client)
        until = time.monotonic() + self.limits.seconds
        self._read(_Connection(client, address, Framing(self.limits.body), until))

    def look(self, seconds: float) -> None:
        """Read what has come from those who wait, for at most so long, and part with those whose time is up."""
        end = self._waiting.next_end()
        if end is not None:
            seconds = max(0.0, min(seconds, end - time.monotonic()))
        for key, _ in self._poller.select(seconds):
            client: Any = key.fileobj
            if client in self._waiting.arriving:
                self._read(self._waiting.arriving[client])
            elif client in self._waiting.leaving:
                self._drop(self._waiting.leaving[client])
            elif client == self.PIPE[0]:
                os.read(self.PIPE[0], 1)
        self._part()

    def finish(self, until: float) -> None:
        """Serve those whose requests are under way, up to a time; then hang up on all."""
        while any(one.framing.data for one in self._waiting.arriving.values()) and time.monotonic() < until:
            self.notify()
            self.look(max(0.0, until - time.monotonic()))
        for one in (*self._waiting.arriving.values(), *self._waiting.leaving.values()):
            self._forget(one)
            one.client.close()

    # ── arriving ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, connection: _Connection) -> None:
        """All that is there; serve it when it is whole, wait for the rest when it is not."""
        framing = connection.framing
        try:
            while framing.stage is Stage.ARRIVING:
                more = connection.client.recv(READ)
                if not more:
                    self._hang_up(connection)
                    return
                if connection.client in self._waiting.arriving:
                    self._waiting.held += len(more)
                if framing.add(more) and framing.expects_go_ahead:
                    connection.client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        except BlockingIOError:
            self._wait_for(connection)
            return
        except OSError:
            self._hang_up(connection)
            return
        self._forget(connection)
        self._serve(connection)

    def _wait_for(self, connection: _Connection) -> None:
        if connection.client in self._waiting.arriving:
            return
        self._poller.register(connection.client, selectors.EVENT_READ)
        self._waiting.arriving[connection.client] = connection
        self._waiting.held += len(connection.framing.data)

    def _serve(self, connection: _Connection) -> None:
        connection.client.settimeout(self.limits.seconds)
        if connection.framing.stage is Stage.HEAD_TOO_LARGE:
            self._refuse(connection, 431)
        else:
            self.handle(self.sockets[0], _Whole(self, connection), connection.address)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ARG002
        """Answer what gunicorn cannot read, in the words of all other answers. gunicorn's own answer and its log line would
        quote the request, and say who sent it.
        """
        if isinstance(exc, unreadable.ParseException):
            status = _STATUS.get(type(exc), 400)
            log.warning("request cannot be read", reason=type(exc).__name__, status=status)
        else:
            status = 500
            log.error("request failed", **described(exc))
        try:
            client.sendall(_answer(status))
        except OSError:
            log.debug("answer not taken", status=status)

    def _refuse(self, connection: _Connection, status: int) -> None:
        try:
            connection.client.sendall(_answer(status))
            connection.client.shutdown(socket.SHUT_WR)
        except OSError:
            connection.client.close()
        else:
            self.leave(connection)

    # ── leaving ────────────────────────────────────────────────────────────────────────────────────────────────────

    def leave(self, connection: _Connection) -> None:
        """Hang up: at once on who has sent one whole request, and once it stops on who goes on sending. Closed with bytes
        unread, the kernel would take the answer back.
        """
        if connection.framing.stage is Stage.WHOLE:
            connection.client.close()
            return
        connection.until = time.monotonic() + self.limits.seconds
        connection.framing.data.clear()
        try:
            connection.client.settimeout(0)
            self._poller.register(connection.client, selectors.EVENT_READ)
        except (OSError, ValueError):
            connection.client.close()
            return
        self._waiting.leaving[connection.client] = connection

    def _drop(self, connection: _Connection) -> None:
        try:
            while dropped := connection.client.recv(READ):
                connection.dropped += len(dropped)
                if connection.dropped > MOST_DROPPED:
                    break
        except BlockingIOError:
            return
        except OSError:
            log.debug("connection reset")
        self._hang_up(connection)

    def _part(self) -> None:
        """Hang up on those whose time is up, and on the oldest while there are too many."""
        now, waiting = time.monotonic(), self._waiting
        for one in _while_first(waiting.leaving, lambda one: one.until <= now or len(waiting) > MOST_CONNECTIONS):
            self._hang_up(one)
        for one in _while_first(
            waiting.arriving, lambda _: waiting.held > MOST_BYTES or len(waiting) > MOST_CONNECTIONS
        ):
            self._hang_up(one)
        for one in _while_first(waiting.arriving, lambda one: one.until <= now):
            self._forget(one)
            if one.framing.data:
                self._refuse(one, 408)
            else:
                one.client.close()

    def _forget(self, connection: _Connection) -> None:
        """It waits no more."""
        waiting, client = self._waiting, connection.client
        if client in waiting.arriving:
            waiting.held -= len(connection.framing.data)
        if waiting.arriving.pop(client, None) or waiting.leaving.pop(client, None):
            self._poller.unregister(client)

    def _hang_up(self, connection: _Connection) -> None:
        self._forget(connection)
        connection.client.close()


def _while_first(
    those: Mapping[socket.socket, _Connection], bad: Callable[[_Connection], bool]
) -> Iterator[_Connection]:
    """The oldest, and again the then oldest, for as long as it is one of the bad."""
    while those and bad(first := next(iter(those.values()))):
        yield first


def _answer(status: int) -> bytes:
    """A whole answer, without an app."""
    code, message = _CODES.get(status) or WORDS[status]
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
