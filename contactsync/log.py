"""What every process says: one line per past event, with keys; JSON off a terminal, readable on one.

    log = logger(__name__)
    log.info("contact synced", org="acme", run=17)

No personal data and no secret gets through (invariant I8), by three nets: keys that hold such things are left out,
texts that look like them are covered, and of an exception there is its class and its place, never its text, unless it
is one of ours, whose texts hold none. Libraries' own records go the same way.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping, MutableMapping
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

from contactsync.domain.errors import ContactsyncError

LEFT_OUT = "[left out]"
LONGEST_TEXT = 2000
"""Characters of one text: what is longer is no log line, and would take long to look through."""

PERSONAL_KEYS = frozenset(
    [
        "email",
        "emails",
        "first_name",
        "last_name",
        "full_name",
        "phone",
        "mobile_phone",
        "title",
        "note",
        "notes",
        "address",
        "street",
        "city",
        "postal_code",
        "company",
        "website",
        "social",
        "linkedin",
        "twitter",
        "facebook",
        "instagram",
        "custom",
        "owner_email",
        "host_email",
        "attendees",
        "body",
        "payload",
        "query",
        "sql",
        "authorization",
        "cookie",
        "password",
        "secret",
        "secrets",
        "token",
        "tokens",
        "key",
        "keys",
        "credentials",
        "client_secret",
        "access_token",
        "refresh_token",
        "private_key",
        "webhook_secret",
        "api_token",
        "signature",
        "database_url",
        "redis_url",
    ]
)
"""Keys that hold somebody's data or a secret wherever they turn up. Ids, counts and codes have other names."""

HOLDING_KEYS = frozenset(
    ("contact", "fields", "values", "record", "before", "after", "params", "args", "kwargs", "headers", "settings")
)
"""Keys that may hold names and ids, but no mapping of names to values."""

_COVERED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[^\s<>\"'=&?/:,;()]{1,64}(?:@|%40)[\w-]+(?:\.[\w-]+)+", re.IGNORECASE), "[email]"),
    (re.compile(r"\b(whsec|cst)_[\w+/=-]+"), r"\1_[secret]"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.!~+/=-]+", re.IGNORECASE), r"\1 [secret]"),
    (re.compile(r"\b00D\w{9,15}![\w.]+"), "[secret]"),  # a Salesforce session
    (re.compile(r"(\w{1,20}://)[^/\s@:]*:[^/\s@]*@"), r"\1[secret]@"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "[secret]"),  # a JWT
    (re.compile(r"(https?://[^\s?]+|\s/[^\s?]*)\?\S+"), r"\1?[query]"),
)

_TALKATIVE = ("urllib3", "requests", "simple_salesforce", "alembic", "rq.worker", "rq.job", "rq.queue", "rq.registry")
"""Libraries whose notes are for their authors; urllib3 would name whole query strings."""


def set_up_logging(stream: TextIO | None = None, *, level: int = logging.INFO, terminal: bool | None = None) -> None:
    """Send everything to `stream` (standard error): called once by each process, before anything else.

    `terminal`: whether people read it; None: whether the stream is a terminal.
    """
    stream = stream or sys.stderr
    readable = stream.isatty() if terminal is None else terminal
    shared = _shared()
    last: Processor = structlog.dev.ConsoleRenderer(colors=stream.isatty()) if readable else _JSON
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _Lines(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    sys.excepthook, threading.excepthook, sys.unraisablehook = _uncaught, _uncaught_in_thread, _unraisable
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.ERROR))
    logging.captureWarnings(capture=True)


def _shared() -> list[Processor]:
    """What happens to every line before it is written, wherever it is written to."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_exception_texts,
        without_personal_data,
    ]


def as_line(record: logging.LogRecord) -> str:
    """The line of a record as JSON, through all nets, for those who keep it elsewhere than the log."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _JSON],
    )
    return formatter.format(record)


def covered(value: Any) -> Any:
    """A value of JSON with every text in it covered, at any depth; the keys are not looked at."""
    match value:
        case str():
            return _covered(value)
        case Mapping():
            return {str(key): covered(part) for key, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [covered(part) for part in value]
        case bool() | int() | float() | None:
            return value
    return _covered(str(value))


class _Lines(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A line that cannot be written is lost; logging would print its arguments, and where it came from, instead."""


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What ends a process is said like all else: Python's own traceback would quote the exception's text."""
    if issubclass(kind, KeyboardInterrupt):
        return
    logger("contactsync").critical("ended by an unforeseen error", **described(error.with_traceback(trace)))


def _uncaught_in_thread(met: threading.ExceptHookArgs) -> None:
    if met.exc_value is not None and not isinstance(met.exc_value, SystemExit):
        name = met.thread.name if met.thread else ""
        logger("contactsync").error("thread ended by an unforeseen error", thread=name, **described(met.exc_value))


def _unraisable(met: sys.UnraisableHookArgs) -> None:
    if met.exc_value is not None:
        logger("contactsync").error("error while clearing up", **described(met.exc_value))


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The log of one module; made at import, it does nothing until it is written to."""
    made: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return made


def described(error: BaseException) -> dict[str, object]:
    """What may be said of an exception: its class, its place, what it came from, and its text if it is one of ours.

    `{"error": "sqlalchemy.exc.OperationalError", "at": ["engine.py:52 writing", …], "from": [...], "reason": "…"}`
    """
    said: dict[str, object] = {"error": _class_name(error)}
    if isinstance(error, ContactsyncError):
        said["reason"] = str(error)
    if frames := traceback.extract_tb(error.__traceback__):
        said["at"] = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-5:]]
    if causes := [_class_name(cause) for cause in _causes(error)]:
        said["from"] = causes
    return said


def without_exception_texts(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Say an exception's class and place instead of its text and traceback."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        for key, value in described(error).items():
            event.setdefault(key, value)
    event.pop("stack_info", None)
    return event


def without_personal_data(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out what stands under a personal key, cover what looks personal or secret anywhere else."""
    for key, value in event.items():
        if not key.startswith("_"):  # structlog's own
            event[key] = _clean(key, value)
    return event


def _clean(key: str, value: object) -> object:
    if key.lower() in PERSONAL_KEYS and not isinstance(value, bool | int | float | None):
        return LEFT_OUT
    if key.lower() in HOLDING_KEYS and isinstance(value, Mapping):
        return LEFT_OUT
    match value:
        case str():
            return _covered(value)
        case Mapping():
            return {str(name): _clean(str(name), part) for name, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(key, part) for part in value]
        case bool() | int() | float() | None:
            return value
        case BaseException():
            return _class_name(value)
        case _:
            return _covered(str(value))


def _covered(text: str) -> str:
    text = text[:LONGEST_TEXT]
    for pattern, cover in _COVERED:
        text = pattern.sub(cover, text)
    return text


def _dumps_in_order(event: Mapping[str, Any], **options: Any) -> str:
    first = {key: event[key] for key in ("timestamp", "level", "event") if key in event}
    return json.dumps({**first, **event}, **options)  # in ASCII: Unicode has line ends of its own


def _as_text(value: object) -> str:
    return _covered(str(value))


_JSON: Processor = structlog.processors.JSONRenderer(_dumps_in_order, default=_as_text)


def _class_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _causes(error: BaseException) -> Iterable[BaseException]:
    seen = {id(error)}
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in seen and len(seen) < 10:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
