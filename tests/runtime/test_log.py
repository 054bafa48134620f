"""Log lines: JSON off a terminal, readable on one, and nobody's data in either (invariant I8)."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from contactsync.domain.errors import Misconfigured, TargetUnavailable
from contactsync.log import LEFT_OUT, LONGEST_TEXT, PERSONAL_KEYS, described, logger, set_up_logging


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Logging is set up for the whole process: put it back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    set_up_logging(stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_event_keys_level_and_utc_time(stream: io.StringIO) -> None:
    logger("contactsync.sync").info("contact synced", org="acme", run=17, took=0.5, why=["new"])
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "contact synced",
        "org": "acme",
        "run": 17,
        "took": 0.5,
        "why": ["new"],
        "level": "info",
        "logger": "contactsync.sync",
    }


def test_a_terminal_gets_words_and_no_json() -> None:
    stream = io.StringIO()
    set_up_logging(stream, terminal=True)
    logger("contactsync").info("contact synced", org="acme", email="ada@example.com")
    said = stream.getvalue()
    assert "contact synced" in said
    assert "org=acme" in said
    assert "ada" not in said
    assert not said.lstrip().startswith("{")


def test_libraries_speak_the_same_way_and_their_small_talk_is_dropped(stream: io.StringIO) -> None:
    logging.getLogger("somebody.else").warning("disk %s is %d%% full", "sda", 91)
    logging.getLogger("urllib3.connectionpool").warning("Retrying /query?q=SELECT+Id+WHERE+Email='ada@example.com'")
    logging.getLogger("rq.worker").info("bell: 1f0c")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("disk sda is 91% full", "warning", "somebody.else")


def test_a_warning_is_a_line_too(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("something will go", DeprecationWarning, stacklevel=1)
    assert "something will go" in lines(stream)[0]["event"]


@pytest.mark.parametrize("key", sorted(PERSONAL_KEYS))
def test_what_stands_under_a_personal_key_is_left_out_at_any_depth(stream: io.StringIO, key: str) -> None:
    logger("x").info("kept", outer={"list": [{key: "Ada Lovelace"}]}, **{key.upper(): "Ada", key: ["Ada"]})
    assert "Ada" not in stream.getvalue()
    assert lines(stream)[0][key] == LEFT_OUT


def test_counts_and_names_may_stand_under_such_keys(stream: io.StringIO) -> None:
    logger("x").info("kept", tokens=3, fields=["Title", "Phone"], contact="c-17")
    (line,) = lines(stream)
    assert (line["tokens"], line["fields"], line["contact"]) == (3, ["Title", "Phone"], "c-17")


def test_values_by_field_name_are_left_out(stream: io.StringIO) -> None:
    logger("x").info("planned", fields={"Title": "Countess"}, before={"Title": "Miss"})
    assert "Countess" not in stream.getvalue()
    assert "Miss" not in stream.getvalue()


@pytest.mark.parametrize(
    "secret",
    [
        "ada.lovelace+events@example.co.uk",
        "ada%40example.com",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "cst_Zm9vYmFyYmF6cXV4",
        "Bearer 00Dxx!abc.def",
        "00D5g00000Abcde!AQ4AQFakeFakeFake.Fake",
        "postgres://user:hunter2@db.example.com/name",
        "redis://:hunter2@db/0",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "https://example.my.salesforce.com/query?q=SELECT+Name+FROM+Lead+WHERE+LastName='Lovelace'",
        "/api/v1/accounts?q=Lovelace",
    ],
)
@pytest.mark.parametrize("where", ["event", "value", "nested", "library", "argument"])
def test_what_looks_personal_or_secret_is_covered_wherever_it_stands(
    stream: io.StringIO, secret: str, where: str
) -> None:
    match where:
        case "event":
            logger("x").info(f"went to {secret} and on")
        case "value":
            logger("x").info("went", to=f"to {secret} and on")
        case "nested":
            logger("x").info("went", to={"there": [f"to {secret} and on"]})
        case "library":
            logging.getLogger("lib").error(f"went to {secret} and on")  # noqa: G004 - as libraries do
        case "argument":
            logging.getLogger("lib").error("went to %s and on", secret)
    said = stream.getvalue()
    for part in ("ada", "MfKQ9", "Zm9v", "abc.def", "Fake", "hunter2", "c2lnbmF0dXJl", "Lovelace"):
        assert part not in said
    assert "and on" in said


@settings(max_examples=40, deadline=None)
@given(st.text(), st.recursive(st.none() | st.text() | st.binary() | st.floats(), st.lists, max_leaves=5))
def test_any_value_makes_a_line(key: str, value: object) -> None:
    stream = io.StringIO()
    set_up_logging(stream)
    logger("x").info("kept", **{f"a {key}": value, "under": {key: value}})
    assert len(lines(stream)) == 1


@pytest.mark.parametrize("piece", ["a", "a@", "a.", "://a:", "%40", "eyJ.", "http://", "?q="])
def test_a_long_text_is_cut_and_does_not_take_long(stream: io.StringIO, piece: str) -> None:
    began = time.monotonic()
    logger("x").info("kept", text=piece * 100_000)
    assert time.monotonic() - began < 1
    assert len(stream.getvalue()) < LONGEST_TEXT + 500


# ── exceptions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def broken() -> None:
    raise ValueError("ada@example.com, Lovelace")


def test_an_exception_is_told_by_class_and_place_and_not_by_its_text(stream: io.StringIO) -> None:
    for log in (logger("x"), logging.getLogger("lib")):
        try:
            broken()
        except ValueError:
            log.exception("went wrong")
    assert "Lovelace" not in stream.getvalue()
    for line in lines(stream):
        assert line["error"] == "ValueError"
        assert line["at"][-1].startswith("test_log.py:")
        assert line["at"][-1].endswith(" broken")


def test_our_own_exceptions_say_why_and_what_they_came_from() -> None:
    try:
        try:
            broken()
        except ValueError as error:
            raise Misconfigured("PORT must be a whole number") from error
    except Misconfigured as error:
        said = described(error)
    assert said["error"] == "contactsync.domain.errors.Misconfigured"
    assert said["reason"] == "PORT must be a whole number"
    assert said["from"] == ["ValueError"]


def test_causes_that_go_in_a_circle_are_told_once() -> None:
    one, other = TargetUnavailable("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert described(one)["from"] == ["ValueError"]


def test_an_exception_given_as_a_value_is_told_by_its_class(stream: io.StringIO) -> None:
    logger("x").warning("went wrong", reason=ValueError("Lovelace"))
    assert lines(stream)[0]["reason"] == "ValueError"
