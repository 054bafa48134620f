"""Requests as bytes, good ones with something wrong in their framing or headers, as hypothesis strategies."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = (
    "webhook-id", "webhook-timestamp", "webhook-signature", "svix-id", "svix-timestamp", "svix-signature", "webhook_id",
    "Content-Length", "Transfer-Encoding", "Content-Type", "Content-Encoding", "Host", "Expect", "Connection", "Upgrade", "X-Y",
    "Content-Length ", " folded", "", "X\x00", "X-Forwarded-Proto", "X-Forwarded-For", "Trailer", "TE",
)  # fmt: skip
VALUES = (
    "", "0", "1", "-1", "+5", "1_0", "9" * 30, "chunked", "gzip, chunked", "identity", "chunked, chunked", "application/json",
    "application/json; charset=utf-16", "text/plain", "gzip", "100-continue", "miracles", "close", "h2c", "v1,AAAA", "v1, v1,",
    "v1," * 1_000, "a" * 5_000, "a" * 9_000, "\xff\xfe", "a\tb", "\x00", "a\rb", "localhost:99999", "<script>",
    "1.2.3.4, 5.6.7.8",
)  # fmt: skip

lines = st.tuples(st.sampled_from(NAMES), st.sampled_from((": ", ":", " : ", "")), st.sampled_from(VALUES)).map("".join)
text = st.text(st.characters(codec="latin-1"), max_size=20)


@st.composite
def wrongs(draw: st.DrawFn) -> tuple[list[str], list[tuple[float, bytes]], int]:
    """(further lines of the head, bytes to put in at a place from 0 to 1, in how many pieces it is sent)."""
    more = draw(st.lists(lines | text, max_size=4))
    put_in = draw(st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4)), max_size=2))
    return more, put_in, draw(st.sampled_from((1, 1, 1, 2, 5)))


def spoilt(request: bytes, put_in: list[tuple[float, bytes]]) -> bytes:
    """A request with bytes put in."""
    for place, more in put_in:
        at = int(place * len(request))
        request = request[:at] + more + request[at:]
    return request


def in_pieces(request: bytes, count: int) -> list[bytes]:
    """The same in so many pieces."""
    size = max(1, -(-len(request) // count))
    return [request[at : at + size] for at in range(0, len(request), size)]
