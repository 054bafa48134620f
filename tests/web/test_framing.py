"""Where a request ends does not depend on the pieces in which it comes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.web.framing import MOST_HEAD, Framing, Stage

HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\n"
MOST = 1_000


def framed(*parts: bytes) -> Framing:
    """What is known after these bytes; like a worker, it reads no further than it must."""
    framing = Framing(MOST)
    for part in parts:
        if framing.stage is Stage.ARRIVING:
            framing.add(part)
    return framing


def length(value: int | str) -> bytes:
    """A head that announces a length."""
    return HEAD + f"Content-Length: {value}\r\n\r\n".encode()


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

CASES = [
    (HEAD + b"\r\n", Stage.WHOLE),
    (HEAD, Stage.ARRIVING),
    (b"", Stage.ARRIVING),
    (length(5) + b"12345", Stage.WHOLE),
    (length(5) + b"1234", Stage.ARRIVING),
    (length(0), Stage.WHOLE),
    (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n", Stage.WHOLE),
    (CHUNKED + b"3;x=y\r\nabc\r\n0\r\nX: 1\r\n\r\n", Stage.WHOLE),
    (CHUNKED + b"3\r\n\r\n\r\n\r\n", Stage.ARRIVING),
    (CHUNKED + b"3\r\nabc\r\n0\r\n", Stage.ARRIVING),
    (CHUNKED + b"3\r\nabc\r\n0\r\nX: 1\r\n", Stage.ARRIVING),
    (CHUNKED, Stage.ARRIVING),
]


@pytest.mark.parametrize(("request_bytes", "stage"), CASES)
@given(cuts=st.lists(st.integers(0, 200)))
def test_however_a_request_is_cut_it_ends_where_it_ends(request_bytes: bytes, stage: Stage, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(request_bytes)) for cut in cuts), len(request_bytes)]
    parts = [request_bytes[start:end] for start, end in pairwise(places)]
    framing = framed(*parts)
    assert framing.stage is stage
    assert bytes(framing.data) == request_bytes


@pytest.mark.parametrize(
    "request_bytes",
    [
        length(5) + b"123456",
        length("5, 5") + b"12345",
        length("+5"),
        length("9" * 19),
        length(MOST * 9) + b"x" * (MOST + 1),
        HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"f" * 17 + b"\r\n",
        CHUNKED + b"1" * 8_192,
        CHUNKED + b"0\r\n" + b"X: 1\r\n" * MOST_HEAD,
        CHUNKED + b"0\r\n\r\nmore",
        CHUNKED + b"ffffff\r\n" + b"x" * 100_000,
    ],
)
def test_what_has_no_good_end_is_not_waited_for(request_bytes: bytes) -> None:
    assert framed(request_bytes).stage is Stage.ENOUGH


def test_a_head_without_end_is_too_large_at_last() -> None:
    framing = framed(*[b"X: 1\r\n"] * (MOST_HEAD // 6 + 2))
    assert framing.stage is Stage.HEAD_TOO_LARGE


def test_who_asks_is_told_once_to_go_ahead() -> None:
    framing = Framing(MOST)
    assert framing.add(HEAD + b"Content-Length: 2\r\nExpect: 100-Continue\r\n\r\n")
    assert framing.expects_go_ahead
    assert not framing.add(b"1")
    assert not framing.add(b"2")
    assert framing.stage is Stage.WHOLE


@given(
    st.lists(
        st.binary(max_size=20) | st.sampled_from([HEAD, CHUNKED, length(3), b"\r\n", b"0\r\n\r\n", b"5\r\n"]),
        max_size=8,
    )
)
def test_no_bytes_break_it(parts: list[bytes]) -> None:
    assert framed(*parts).stage in Stage
