"""Errors reach Sentry when SENTRY_DSN says where it is, with what the log says and nothing else."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import structlog

from contactsync import __version__
from contactsync.domain.errors import Misconfigured
from contactsync.log import described, logger, set_up_logging
from contactsync.reporting import ErrorReports, Reporting, report_errors
from contactsync.settings import Settings
from tests.fixtures.processes import Processes
from tests.fixtures.sentry import Sentry

PROGRAM = """
import os, sys, threading
from contactsync.log import set_up_logging, logger, described
from contactsync.reporting import Reporting, report_errors
set_up_logging()
report_errors(Reporting(os.environ["SENTRY_DSN"]), "web")
"""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, sys.unraisablehook
    yield
    sys.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def reports(sentry: Sentry) -> Iterator[ErrorReports]:
    set_up_logging(io.StringIO())
    handler = ErrorReports(Reporting(sentry.dsn, environment="staging", release="contactsync@test"), "worker")
    logging.getLogger().addHandler(handler)
    yield handler
    handler.end()


def fail() -> None:
    ada = "Ada Lovelace"  # a local variable, which must not travel along
    raise ValueError(f"{ada} <ada@example.com> has no company")


def test_an_error_arrives_with_its_class_its_places_and_what_was_said_of_it(
    reports: ErrorReports, sentry: Sentry
) -> None:
    try:
        fail()
    except ValueError as error:
        logger("contactsync.sync").error("bell not answered", org="acme", contacts=3, **described(error))
    event = sentry.wait_for("bell not answered")
    (exception,) = event["exception"]["values"]
    assert (exception["type"], exception["value"]) == ("ValueError", "")
    assert exception["stacktrace"]["frames"][-1]["function"] == "fail"
    assert event["tags"] == {"process": "worker", "org": "acme"}
    assert event["extra"]["contacts"] == 3
    assert (event["environment"], event["release"], event["level"]) == ("staging", "contactsync@test", "error")
    assert event["server_name"] == "contactsync"
    assert sentry.paths == ["/api/42/envelope/"]
    assert "Lovelace" not in str(sentry.raw)


def test_neither_variables_nor_source_nor_request_nor_modules_nor_arguments_go_along(
    reports: ErrorReports, sentry: Sentry
) -> None:
    try:
        fail()
    except ValueError:
        logging.getLogger("a.library").exception("could not %s", "go on")
    event = sentry.wait_for("could not go on")
    assert {"vars", "pre_context", "context_line"}.isdisjoint(
        event["exception"]["values"][0]["stacktrace"]["frames"][-1]
    )
    assert {"breadcrumbs", "request", "user", "modules", "threads"}.isdisjoint(event)
    assert "sys.argv" not in str(event)
    assert "Lovelace" not in str(sentry.raw)


def test_the_text_of_our_own_errors_goes_along_for_it_holds_nothing(reports: ErrorReports, sentry: Sentry) -> None:
    logger("x").error("not set up", **described(Misconfigured("PORT must be a number")))
    assert sentry.wait_for("not set up")["exception"]["values"][0]["value"] == "PORT must be a number"


@pytest.mark.parametrize(
    "secret",
    ["ada@example.com", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "Bearer 00Dxx!abc.def", "redis://:hunter2@db/0"],
)
def test_what_looks_personal_or_secret_is_covered_wherever_it_stands(
    reports: ErrorReports, sentry: Sentry, secret: str
) -> None:
    logger("x").error(f"met {secret}", org=secret, where=[{"deep": secret}], email="Ada", endpoint=secret)
    reports.end()
    assert sentry.events()
    assert secret.partition(" ")[2] or secret not in str(sentry.raw)
    assert secret not in str(sentry.raw)
    assert "Ada" not in str(sentry.raw)


def test_what_is_no_error_is_not_reported(reports: ErrorReports, sentry: Sentry) -> None:
    logger("x").warning("bell not rung")
    logger("x").info("contact synced")
    logger("x").error("the last one")
    sentry.wait_for("the last one")
    assert len(sentry.events()) == 1


def test_a_sentry_that_hangs_holds_neither_the_work_nor_the_end_up(reports: ErrorReports, sentry: Sentry) -> None:
    sentry.hangs.set()
    began = time.monotonic()
    for number in range(200):
        logger("x").error("again", number=number)
    reports.end()
    assert time.monotonic() - began < 5


def test_without_a_dsn_nothing_is_loaded() -> None:
    program = PROGRAM.partition("report_errors(")[0] + "report_errors(None, 'web'); print('sentry_sdk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    starts = "import contactsync.cli, contactsync.web.server, contactsync.sync.worker, sys; print('sentry_sdk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", starts], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_process_that_was_forked_reports_over_a_connection_of_its_own(processes: Processes, sentry: Sentry) -> None:
    program = PROGRAM + (
        "log = logger('x'); log.error('of the parent'); pid = os.fork()\n"
        "log.error('of the child' if pid == 0 else 'of the parent again')\n"
        "pid and os.waitpid(pid, 0)\n"
    )
    assert processes.start_python("-c", program, SENTRY_DSN=sentry.dsn).wait() == 0
    words = sorted(event["logentry"]["formatted"] for event in sentry.events())
    assert words == ["of the child", "of the parent", "of the parent again"]


@pytest.mark.parametrize(
    "ending",
    [
        "raise ValueError('Ada Lovelace')",
        "t = threading.Thread(target=lambda: int('Ada Lovelace')); t.start(); t.join()",
    ],
    ids=["process", "thread"],
)
def test_what_nobody_foresaw_is_logged_and_reported_without_its_text(
    processes: Processes, sentry: Sentry, ending: str
) -> None:
    running = processes.start_python("-c", PROGRAM + ending, SENTRY_DSN=sentry.dsn)
    assert running.wait() == ("raise" in ending)
    (event,) = sentry.events()
    assert event["exception"]["values"][0]["type"] == "ValueError"
    assert "unforeseen error" in running.said()
    assert "Traceback" not in running.said()
    assert "Lovelace" not in running.said() + str(sentry.raw)


# ── the settings ───────────────────────────────────────────────────────────────────────────────────────────────────


def read(**said: str) -> Settings:
    return Settings.from_environment(
        {"DATABASE_URL": "sqlite:////tmp/x.db", "CONTACTSYNC_SECRET_KEYS": "k" * 16, **said}
    )


def test_the_dsn_environment_and_release_are_read_and_not_shown() -> None:
    assert read().reporting is None
    dsn = "https://abcdef@o1.ingest.sentry.io/42"
    reporting = read(SENTRY_DSN=dsn).reporting
    assert reporting == Reporting(dsn, "production", f"contactsync@{__version__}")
    assert "abcdef" not in repr(read(SENTRY_DSN=dsn))
    named = read(SENTRY_DSN=dsn, SENTRY_ENVIRONMENT="staging", SENTRY_RELEASE="v7").reporting
    assert named == Reporting(dsn, "staging", "v7")


@pytest.mark.parametrize(
    "dsn", ["nonsense", "https://sentry.io/42", "https://key@sentry.io/", "http://key@sentry.io/42", "https://key@[/42",
            "https://key@host/project", "ftp://key@host/1", "https://key@host:99999/1"]
)  # fmt: skip
def test_a_dsn_that_is_none_is_refused_at_the_start_without_being_shown(dsn: str) -> None:
    with pytest.raises(Misconfigured, match="SENTRY_DSN") as refused:
        read(SENTRY_DSN=dsn)
    assert dsn not in str(refused.value)


def test_reports_go_where_the_settings_say(sentry: Sentry) -> None:
    set_up_logging(io.StringIO())
    report_errors(read(SENTRY_DSN=sentry.dsn).reporting, "clock")
    logger("x").error("turn broke off")
    assert sentry.wait_for("turn broke off")["tags"]["process"] == "clock"
