"""Where an HTTP request ends, told from its bytes as they come. What it means is gunicorn's to read."""

from __future__ import annotations

from enum import Enum, auto

MOST_HEAD = 65_536
"""A head of more bytes is refused."""

_MORE_IN_CHUNKS = 65_536
_CHUNK_LINE = 8_192
_HEAD_END = b"\r\n\r\n"


class Stage(Enum):
    """How far a request has come."""

    ARRIVING = auto()
    WHOLE = auto()  # all of it is there, and nothing else
    ENOUGH = auto()  # there is more, or will be, that nobody reads: the body is too large, or the head is wrong
    HEAD_TOO_LARGE = auto()


class Framing:
    """The bytes of one request. `most_body`: a body of more bytes is kept up to the first that is too many."""

    def __init__(self, most_body: int) -> None:
        self.data = bytearray()
        self.stage = Stage.ARRIVING
        self.expects_go_ahead = False
        """The sender waits for "100 Continue" before it sends the body."""
        self._most_body = most_body
        self._body_at: int | None = None
        self._length: int | None = 0  # of the body; None: in chunks
        self._chunk_at = 0

    def add(self, more: bytes) -> bool:
        """Take more bytes; whether the head ended with them and a body is still to come."""
        searched = max(0, len(self.data) - len(_HEAD_END) + 1)
        self.data += more
        first = self._body_at is None
        if first:
            end = self.data.find(_HEAD_END, searched)
            if end > MOST_HEAD or (end < 0 and len(self.data) > MOST_HEAD):
                self.stage = Stage.HEAD_TOO_LARGE
                return False
            if end < 0:
                return False
            self._body_at = self._chunk_at = end + len(_HEAD_END)
            if not self._read_head(bytes(self.data[:end])):
                self.stage = Stage.ENOUGH
                return False
        self.stage = self._in_chunks() if self._length is None else self._by_length(self._length)
        return first and self.stage is Stage.ARRIVING

    def _read_head(self, head: bytes) -> bool:
        """How long the body is. False for what gunicorn refuses: it has no end that all would agree on."""
        lengths: list[bytes] = []
        codings: list[bytes] = []
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            match name.lower():
                case b"content-length":
                    lengths.append(value.strip(b" \t"))
                case b"transfer-encoding":
                    codings.append(value.strip(b" \t").lower())
                case b"expect":
                    self.expects_go_ahead = value.strip(b" \t").lower() == b"100-continue"
        if codings:
            self._length = None
            return codings[-1].endswith(b"chunked") and not lengths
        if lengths:
            if len(lengths) > 1 or not lengths[0].isdigit() or len(lengths[0]) > 18:
                return False
            self._length = int(lengths[0])
        return True

    def _by_length(self, length: int) -> Stage:
        there = len(self.data) - (self._body_at or 0)
        if there == length:
            return Stage.WHOLE
        return Stage.ENOUGH if there > min(length, self._most_body) else Stage.ARRIVING

    def _in_chunks(self) -> Stage:
        """Go from chunk to chunk as far as there are any; what is no chunk is gunicorn's to refuse."""
        while (line_end := self.data.find(b"\r\n", self._chunk_at, self._chunk_at + _CHUNK_LINE)) >= 0:
            digits = bytes(self.data[self._chunk_at : line_end]).partition(b";")[0].strip(b" \t")
            try:
                size = int(digits, 16) if len(digits) <= 16 else -1
            except ValueError:
                size = -1
            if size < 0:
                return Stage.ENOUGH
            if size == 0:
                return self._trailers(line_end)
            following = line_end + 2 + size + 2
            if following > len(self.data):
                break
            self._chunk_at = following
        else:
            if len(self.data) - self._chunk_at >= _CHUNK_LINE:
                return Stage.ENOUGH
        # What frames small chunks may weigh as much again as they hold.
        most = (self._body_at or 0) + 2 * self._most_body + _MORE_IN_CHUNKS
        return Stage.ENOUGH if len(self.data) > most else Stage.ARRIVING

    def _trailers(self, at: int) -> Stage:
        """After the last chunk: lines up to an empty one. `at`: where the line of the last chunk ends."""
        end = self.data.find(_HEAD_END, at)
        if end < 0:
            return Stage.ENOUGH if len(self.data) - at > MOST_HEAD else Stage.ARRIVING
        return Stage.WHOLE if end + len(_HEAD_END) == len(self.data) else Stage.ENOUGH
