"""How long one call may take and how much may come back, from the first byte sent to the last one read.

A socket's own time-out begins anew with every byte that comes, so it ends no answer that drips. Here every reading and every
sending gets what is left of the whole call, and all that comes in is counted: headers, chunks, and what a packed body
unpacks to.
"""

from __future__ import annotations

import io
import socket
import time
import zlib
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any, cast

import requests
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

MOST_ANSWER_BYTES = 64 * 1024 * 1024
_MOST_AROUND_IT = 1024 * 1024  # headers, and what holds chunks together
_PIECE = 64 * 1024


class AnswerUnreadable(requests.RequestException, ValueError):
    """An answer came, and not in a form that was asked for."""


class AnswerTooLarge(AnswerUnreadable):
    """An answer went over MOST_ANSWER_BYTES and was left unread."""


class Allowance:
    """What the call under way may still take. `clock`: seconds that only ever grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0
        self._answering = 0.0
        self._bytes = 0

    def begin(self, sending: float, answering: float) -> None:
        """A call begins. `sending`: seconds to connect and to wait for the answer to begin; `answering`: for all of it to
        come, once the request is out.
        """
        self._until = self._clock() + sending + answering
        self._answering = answering
        self._bytes = MOST_ANSWER_BYTES + _MOST_AROUND_IT

    def sent(self) -> None:
        """The request is out: the time for its answer begins."""
        self._until = min(self._until, self._clock() + self._answering)

    def seconds(self, most: float | None) -> float:
        """For how long the next reading or sending may wait, at most `most`. Raises TimeoutError when nothing is left."""
        left = self._until - self._clock()
        if left <= 0:
            raise TimeoutError("the call took too long")
        return left if most is None else min(left, most)

    def took(self, count: int) -> None:
        """Count what came in. Raises OSError when it is too much."""
        self._bytes -= count
        if self._bytes < 0:
            raise OSError("too much came in")


class _CountedReading(io.RawIOBase):
    """Reads a socket within an allowance."""

    def __init__(self, sock: socket.socket, allowance: Allowance) -> None:
        self._sock = sock
        self._raw = cast("io.RawIOBase", sock.makefile("rb", buffering=0))
        self._most = sock.gettimeout()
        self._allowance = allowance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._allowance.seconds(self._most))
        count = cast("int | None", self._raw.readinto(buffer))
        self._allowance.took(count or 0)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _CountedSocket:
    """All that an HTTPResponse asks of its socket."""

    def __init__(self, sock: socket.socket, allowance: Allowance) -> None:
        self._sock = sock
        self._allowance = allowance

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_CountedReading(self._sock, self._allowance), _PIECE)


def pools_within(allowance: Allowance) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3's pools by scheme, of connections that keep to an allowance."""

    class Answer(HTTPResponse):
        def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
            allowance.sent()
            super().__init__(cast("socket.socket", _CountedSocket(sock, allowance)), *args, **kwargs)

    def send_within(connection: HTTPConnection, data: Any, send: Callable[[Any], None]) -> None:
        if not isinstance(data, bytes):
            return send(data)
        for start in range(0, len(data), _PIECE):
            if connection.sock is not None:
                connection.sock.settimeout(allowance.seconds(connection.timeout))
            send(data[start : start + _PIECE])
        return None

    class Plain(HTTPConnection):
        response_class = Answer

        def send(self, data: Any) -> None:
            send_within(self, data, super().send)

    class Secure(HTTPSConnection):
        response_class = Answer

        def send(self, data: Any) -> None:
            send_within(self, data, super().send)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def read_whole(response: requests.Response) -> bytes:
    """The body of a streamed answer, unpacked. Raises AnswerUnreadable, and what urllib3 raises."""
    pieces, size = [], 0
    while piece := response.raw.read(_PIECE, decode_content=False):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_ANSWER_BYTES:
            raise AnswerTooLarge("the answer is too large")
    packed = b"".join(pieces)
    packing = response.headers.get("Content-Encoding", "").strip().lower()
    if packing in {"", "identity"} or not packed:
        return packed
    if packing not in {"gzip", "x-gzip"}:
        raise AnswerUnreadable("the answer is packed in a way that was not asked for")
    return _unpacked(packed)


def _unpacked(packed: bytes) -> bytes:
    """What gzip packed; a few bytes may say that they are many: no more than may come is ever made of them."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        whole = unpacker.decompress(packed, MOST_ANSWER_BYTES + 1)
    except zlib.error:
        raise AnswerUnreadable("the answer cannot be unpacked") from None
    if len(whole) > MOST_ANSWER_BYTES:
        raise AnswerTooLarge("the answer is too large")
    if not unpacker.eof:
        raise AnswerUnreadable("the answer was cut short")
    return whole
