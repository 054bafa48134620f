"""Errors to Sentry, when SENTRY_DSN says where that is: each log line of an error, as the log has it, and nothing else.

    log line of an error → the nets of contactsync/log.py → an event of our own making → the nets again → Sentry

Sentry's own ways of looking are all switched off: no integrations, no local variables, no source, no request, no
breadcrumbs, no argv, no list of modules. What it knows of an exception is what the log knows: class, places, text if ours.
Sending happens in a thread; a Sentry that is away or hangs costs a process nothing but the second that its end waits.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contactsync import __version__
from contactsync.log import as_line, covered

if TYPE_CHECKING:
    from sentry_sdk.client import Client

LAST_SECONDS = 1.0
"""What is not sent so long after the end of a process is lost: it has ten seconds for all it does (stopping.py)."""

WAITING = 50
"""Events that wait to be sent; more are dropped, and the memory stays as it is."""

_TAGS = ("org", "run", "connection", "target", "plugin", "endpoint", "worker")
"""What one would look for; each is a slug or an id."""

_FRAME = re.compile(r"(?P<file>[^:]*):(?P<line>\d+)(?: (?P<function>.*))?")


@dataclass(frozen=True)
class Reporting:
    """Where errors go, and what is said of whose they are."""

    dsn: str = field(repr=False)
    environment: str = "production"
    release: str = f"contactsync@{__version__}"


def report_errors(reporting: Reporting | None, process: str) -> None:
    """Report what this process, and what it forks, logs as an error from now on; None: nothing, and nothing is loaded.

    Call it after `set_up_logging`, which forgets it. `process`: web, worker or clock.
    """
    if reporting is None:
        return
    handler = ErrorReports(reporting, process)
    logging.getLogger().addHandler(handler)
    atexit.register(handler.end)


class ErrorReports(logging.Handler):
    """Sends each record of an error. A process that was forked has a client of its own: no connection is shared."""

    def __init__(self, reporting: Reporting, process: str) -> None:
        super().__init__(logging.ERROR)
        self._reporting = reporting
        self._process = process
        self._made_in = os.getpid()
        self._client = _client(reporting)

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises; Sentry's own log lines are not sent to it."""
        if record.name.partition(".")[0] in ("sentry_sdk", "urllib3"):
            return
        try:
            if self._made_in != os.getpid():
                self._client, self._made_in = _client(self._reporting), os.getpid()
            self._client.capture_event(event_of(json.loads(as_line(record)), self._process))  # type: ignore[arg-type]
        except Exception:  # noqa: BLE001 - a report that fails must not fail what it is about
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Nothing is said: what could be said is in the log already."""

    def end(self) -> None:
        """Send what waits, for LAST_SECONDS."""
        if self._made_in == os.getpid():
            self._client.close(timeout=LAST_SECONDS)


def event_of(line: Mapping[str, Any], process: str) -> dict[str, Any]:
    """The event of a log line: the same words, with the keys that one looks for as tags."""
    rest = {key: value for key, value in line.items() if key not in _SAID}
    event: dict[str, Any] = {
        "level": "fatal" if line.get("level") == "critical" else "error",
        "logger": line.get("logger", ""),
        "logentry": {"formatted": line.get("event", "")},
        "tags": {"process": process} | {key: str(rest.pop(key)) for key in _TAGS if key in rest},
        "extra": rest,
    }
    if "error" in line:
        value: dict[str, Any] = {"type": line["error"], "value": line.get("reason", "")}
        frames = [_frame(**found.groupdict()) for text in _listed(line.get("at")) if (found := _FRAME.fullmatch(text))]
        if frames:
            value["stacktrace"] = {"frames": frames}
        event["exception"] = {"values": [value]}
    return event


_SAID = frozenset(("timestamp", "level", "logger", "event", "error", "reason", "at"))


def _listed(places: object) -> list[str]:
    """The places of an exception: a plugin's is one alone."""
    return [str(place) for place in places] if isinstance(places, list) else [str(places or "")]


def _frame(file: str, line: str, function: str | None) -> dict[str, object]:
    return {"filename": file, "lineno": int(line), "function": function or "", "in_app": True}


def _client(reporting: Reporting) -> Client:
    from sentry_sdk.client import Client  # noqa: PLC0415 - a megabyte that only who uses it shall pay

    return Client(
        dsn=reporting.dsn,
        environment=reporting.environment,
        release=reporting.release,
        server_name=os.environ.get("DYNO", "contactsync"),  # no host name: it may be a person's
        integrations=(),
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,
        include_source_context=False,
        attach_stacktrace=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        send_client_reports=False,
        enable_logs=False,
        enable_metrics=False,
        enable_backpressure_handling=False,
        traces_sample_rate=None,
        spotlight=False,
        debug=False,
        transport_queue_size=WAITING,
        shutdown_timeout=LAST_SECONDS,
        before_send=_cleaned_event,  # type: ignore[arg-type]
    )


def _cleaned_event(event: dict[str, Any], _hint: object) -> dict[str, Any]:
    """The net for texts once more, over the whole event: what a coming release of the SDK adds goes through it too."""
    for key in ("breadcrumbs", "request", "user", "modules", "threads"):
        event.pop(key, None)
    return {key: covered(value) for key, value in event.items()}
