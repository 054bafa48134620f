"""A database that has run for long: rows of every kind, made by the database itself, spread over several orgs.

What grows with the years grows with `Size`; what is under way (due, waiting) is the same in every size, as it would be.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

from contactsync.domain.changes import changes_of
from contactsync.domain.crm import Problem, RecordKind
from contactsync.domain.merge import as_json, merge
from contactsync.store import connections, counts, orgs, resyncs
from contactsync.store.engine import Engine, upgrade, writing
from contactsync.store.ledger import problem_as_json
from contactsync.store.resyncs import ResyncFilter
from contactsync.store.vault import Vault
from tests.bench.people import meeting, person

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)

ORGS = 10
"""The first has nine of ten rows, the others share the rest."""

DUE = 2_000
MEETINGS_DUE = 500
WAITING = 500
PROBLEMS = 7
PROBLEM_KEY = "0123456789abcde1"
"""One of them, whose last digit tells it from the others."""


HOURS = 24 * 90
HOURLY = (
    *(("deliveries", label) for label in ("absorbed", "rejected", "failed")),
    *(("synced", label) for label in ("contact", "event", "meeting")),
    ("problems", "contact"),
    *(("arrivals", label) for label in ("0.5", "1", "2", "5", "10", "30", "60", "300", "inf")),
)
"""What is counted hour by hour."""

FIRST_NAMES = ("anna", "maria", "jan", "ada", "zoe", "li", "omar", "grace", "tom", "ines")
LAST_NAMES = ("schmidt", "muller", "nguyen", "garcia", "smith", "lovelace", "okafor", "van der berg", "novak", "santos")


@dataclass(frozen=True)
class Size:
    """How much there is; as many meetings as a tenth of the deliveries, as many runs as deliveries."""

    contacts: int
    deliveries: int

    @property
    def meetings(self) -> int:
        """Each with two attendees."""
        return self.deliveries // 10

    @property
    def events(self) -> int:
        """Every contact takes part in two."""
        return self.contacts // 300


@dataclass(frozen=True)
class Crm:
    """How the first org is connected."""

    settings: dict[str, str] = field(default_factory=dict)
    credentials: dict[str, str] = field(default_factory=dict)


def fill(engine: Engine, vault: Vault, size: Size, crm: Crm = Crm()) -> None:
    """Migrate an empty database and fill it."""
    upgrade(engine)
    with writing(engine) as db:
        for number in range(1, ORGS + 1):
            org = orgs.add_org(db, f"org-{number}", f"Org {number}", LONG_AGO)
            orgs.add_secret(db, vault, org.id, LONG_AGO)
            settings, credentials = (crm.settings, crm.credentials) if number == 1 else ({}, {})
            connections.connect(db, vault, org.id, "salesforce", settings, credentials, LONG_AGO)
    with engine.connect() as db:
        if db.dialect.name == "sqlite":
            # Quick, and forgetful: who pulls the plug now fills it again.
            raw = cast("sqlite3.Connection", db.connection.driver_connection)
            raw.execute("PRAGMA synchronous=OFF")
            raw.execute("PRAGMA cache_size=-200000")
        for statement in _statements(_Words(db.dialect.name), size):
            db.exec_driver_sql(statement if db.dialect.name == "sqlite" else statement.replace("%", "%%"))
        resyncs.start(db, 1, ResyncFilter(all=True), forced=False, now=NOW)
        db.commit()
    engine.dispose()
    with writing(engine) as db:
        while counts.fold(db):
            pass
    if engine.dialect.name == "postgresql":
        with engine.connect() as db:
            db.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")


@dataclass(frozen=True)
class _Words:
    """How a database writes values down."""

    dialect: str

    def time(self, at: datetime) -> str:
        plain = at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        return f"'{plain}'" if self.dialect == "sqlite" else f"CAST('{plain}+00' AS timestamptz)"

    def moment(self, seconds: str, since: datetime = LONG_AGO) -> str:
        """So many seconds later."""
        if self.dialect == "sqlite":
            plain = since.replace(tzinfo=None).isoformat(" ")
            return f"(strftime('%Y-%m-%d %H:%M:%S', '{plain}', '+' || ({seconds}) || ' seconds') || '.000000')"
        return f"({self.time(since)} + make_interval(secs => {seconds}))"

    def json(self, value: object) -> str:
        text = json.dumps(value).replace("'", "''")
        return f"'{text}'" if self.dialect == "sqlite" else f"CAST('{text}' AS jsonb)"

    def blob(self, value: bytes) -> str:
        return f"x'{value.hex()}'" if self.dialect == "sqlite" else f"CAST('\\x{value.hex()}' AS bytea)"

    def numbers(self, count: int) -> str:
        if self.dialect == "sqlite":
            return (
                "(WITH RECURSIVE up(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM up"
                f" WHERE i < {count}) SELECT i FROM up) AS n"
            )
        return f"generate_series(1, {count}) AS n(i)"


ORG = f"CASE WHEN i % 10 > 0 THEN 1 ELSE 2 + (i / 10) % {ORGS - 1} END"


def _statements(words: _Words, size: Size) -> Iterator[str]:
    yield _insert("company", words, size.contacts // 5, _company(words))
    yield _insert("contact", words, size.contacts, _contact(words, size))
    yield _insert("event", words, size.events, _event(words))
    yield _insert("meeting", words, size.meetings, _meeting(words, size))
    for way in ("'id:c-' || (i * 3)", "'email:p' || (i * 2) || '@acme.example'"):
        attendee = {"org_id": ORG, "meeting_id": "i", "who": way}
        yield _insert("meeting_attendee", words, size.meetings, attendee)
    for which in ("i % {events}", "(i + 7) % {events}"):
        yield _insert("attendance", words, size.contacts, _attendance(which.format(events=size.events)))
    # One event is as large as a hundred others.
    yield _insert("attendance", words, size.contacts // 6, _attendance(str(size.events)))
    yield _insert("link", words, size.contacts, _link(words))
    yield _insert("link", words, size.contacts // 10, _account_link(words))
    yield _insert("written", words, size.contacts, _written(words))
    yield _insert("sync_run", words, size.deliveries, _run(words, size))
    yield _insert("delivery", words, size.deliveries, _delivery(words, size))
    yield _insert("audit_entry", words, size.deliveries // 10, _audit_entry(words))
    for name, label in HOURLY:
        yield _insert("hourly", words, HOURS * ORGS, _hourly(words, name, label))


def _insert(table: str, words: _Words, count: int, columns: dict[str, str]) -> str:
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {words.numbers(count)}"
    )


def _one_of(names: tuple[str, ...], number: str) -> str:
    """One of the names for the tens of a number, and the number itself: as different as people are called."""
    which = " ".join(f"WHEN {place} THEN '{name}'" for place, name in enumerate(names))
    told = f"CASE WHEN ({number}) % 3 > 0 THEN CAST(({number}) AS text) ELSE '' END"
    return f"(CASE ({number}) % {len(names)} {which} END || {told})"


def _status(due: str) -> str:
    return (
        f"CASE WHEN {due} THEN 'queued' WHEN i % 20 = 1 THEN 'needs_attention' WHEN i % 20 = 2 THEN 'incomplete'"
        " WHEN i % 20 = 3 THEN 'excluded' ELSE 'synced' END"
    )


def _held(due: str) -> str:
    return f"NOT {due} AND i % 20 = 1"


def _queue(words: _Words, due: str, status: str) -> dict[str, str]:
    problem = words.json(problem_as_json(Problem("field_too_long", "It is too long.", "Shorten it.", "event team")))
    return {
        "due_at": f"CASE WHEN {due} THEN {words.time(NOW)} END",
        "change": "1",
        "attempts": "0",
        "forced": "false",
        status: _status(due),
        "problem": f"CASE WHEN {_held(due)} THEN {problem} END",
        "problem_key": f"CASE WHEN {_held(due)} THEN '{PROBLEM_KEY[:-1]}' || (i % {PROBLEMS}) END",
        "why": words.json(["It was matched by its e-mail address."]),
        "last_synced_at": words.time(LONG_AGO),
    }


def _record(words: _Words, fields: object) -> dict[str, str]:
    return {
        "org_id": ORG,
        "fields": words.json(fields),
        "created_at": words.time(LONG_AGO),
        "updated_at": words.time(LONG_AGO),
        "deleted": "false",
    }


def _company(words: _Words) -> dict[str, str]:
    company = changes_of("contact.created", _AT, (person(1),), 1, NOW).contacts[0].company
    assert company is not None
    fields = as_json(merge({}, dict(company.changes), company.version))
    names = {"name": "'Company ' || i", "sort_name": "'company ' || i"}
    return {"org_id": ORG, "key": "'name:company ' || i", "fields": words.json(fields), **names}


_AT = "2026-10-24T09:00:00.000000Z"


def _contact(words: _Words, size: Size) -> dict[str, str]:
    change = changes_of("contact.created", _AT, (person(1),), 1, NOW).contacts[0]
    due = f"(i % {size.contacts // DUE} = 1)"
    first, last = _one_of(FIRST_NAMES, "i % 1000 * 7919 % 1000"), _one_of(LAST_NAMES, "i % 20011 * 104729 % 20011")
    return {
        **_record(words, as_json(merge({}, dict(change.changes), change.version))),
        **_queue(words, due, "status"),
        # Some were never synced; those who were, in bursts of a hundred at one moment.
        "last_synced_at": f"CASE WHEN i % 3 > 0 THEN {words.moment('i / 100')} END",
        "sort_name": f"{last} || ' ' || {first}",
        "first_name_key": first,
        "source_id": "'c-' || i",
        "email": "'p' || i || '@acme.example'",
        "company_key": "'name:company ' || (1 + i / 5)",
        "missing": f"CASE WHEN NOT {due} AND i % 20 = 2 THEN {words.json(['last_name'])} END",
        "sync_as": "'contact'",
        "crm_kind": f"'{RecordKind.CONTACT.value}'",
        "crm_id": "'003' || i",
    }


def _event(words: _Words) -> dict[str, str]:
    said = {"id": "e-1", "name": "Summit", "campaign_id": "701"}
    change = changes_of("event.created", _AT, (said,), 1, NOW).events[0]
    return {
        **_record(words, as_json(merge({}, dict(change.changes), change.version))),
        **_queue(words, "(i <= 50)", "sync_status"),
        "source_id": "'e-' || i",
        "name": "'Summit ' || i",
        "known": "true",
        "campaign_id": "'701' || i",
    }


def _meeting(words: _Words, size: Size) -> dict[str, str]:
    change = changes_of("meeting.created", _AT, (meeting(1, [3, 6]),), 1, NOW).meetings[0]
    return {
        **_record(words, as_json(merge({}, dict(change.changes), change.version))),
        **_queue(words, f"(i % {size.meetings // MEETINGS_DUE} = 1)", "sync_status"),
        "source_id": "'m-' || i",
        "event_id": f"'e-' || (i % {size.events})",
        "crm_id": "'00U' || i",
    }


def _attendance(event: str) -> dict[str, str]:
    return {
        "org_id": ORG,
        "event_id": f"'e-' || ({event})",
        "who": "'id:c-' || i",
        "status": "'registered'",
        "removed": "false",
        "version": f"'{_AT}|{_AT}|0000000000000001'",
    }


def _link(words: _Words) -> dict[str, str]:
    return {
        "connection_id": ORG,
        "kind": f"'{RecordKind.CONTACT.value}'",
        "source": "'c-' || i",
        "crm_id": "'003' || i",
        "created_by_us": "true",
        "updated_at": words.time(LONG_AGO),
    }


def _account_link(words: _Words) -> dict[str, str]:
    """Every other company is tied to an Account."""
    account = {"kind": f"'{RecordKind.ACCOUNT.value}'", "source": "'name:company ' || (2 * i)", "crm_id": "'001' || i"}
    return {**_link(words), **account}


def _written(words: _Words) -> dict[str, str]:
    marks = words.json({"Title": "0123456789abcdef", "Phone": "0123456789abcdef"})
    return {"connection_id": ORG, "kind": f"'{RecordKind.CONTACT.value}'", "crm_id": "'003' || i", "marks": marks}


def _run(words: _Words, size: Size) -> dict[str, str]:
    steps = [
        {
            "action": "update",
            "object": "Contact",
            "crm_id": "0031",
            "why": "changed",
            "fields": {"Title": {"old": "Head", "new": "Chief"}},
        }
    ]
    return {
        "org_id": ORG,
        "subject": "CASE WHEN i % 5 = 0 THEN 'meeting' ELSE 'contact' END",
        "contact_id": f"CASE WHEN i % 5 > 0 THEN 1 + i % {size.contacts} END",
        "source_id": f"CASE WHEN i % 5 = 0 THEN 'm-' || (i % {size.meetings}) ELSE 'c-' || (i % {size.contacts}) END",
        "connection_id": ORG,
        "started_at": words.time(LONG_AGO),
        "finished_at": words.time(LONG_AGO),
        "attempt": "1",
        "outcome": "'synced'",
        "steps": words.json(steps),
        "why": words.json(["It was matched by its e-mail address."]),
    }


def _audit_entry(words: _Words) -> dict[str, str]:
    said = {"at": words.time(LONG_AGO), "actor": "'user:1'", "action": "'deliveries.replayed'", "about": "'dlv_' || i"}
    return {"org_id": ORG, **said, "details": words.json({"count": 3})}


def _hourly(words: _Words, name: str, label: str) -> dict[str, str]:
    hour = words.moment(f"3600 * (i % {HOURS})", NOW - timedelta(hours=HOURS))
    said = {"name": f"'{name}'", "label": f"'{label}'", "count": "1 + i % 97", "seconds": "i % 13"}
    return {"org_id": f"1 + i / {HOURS} % {ORGS}", "hour": hour, **said}


def _delivery(words: _Words, size: Size) -> dict[str, str]:
    body = json.dumps({"type": "contact.created", "timestamp": _AT, "data": person(1)}).encode()
    return {
        "org_id": ORG,
        "webhook_id": "'msg-' || i",
        "door": "'contacts'",
        "received_at": words.time(LONG_AGO),
        "body": words.blob(body),
        "status": f"CASE WHEN i > {size.deliveries - WAITING} THEN 'accepted' WHEN i % 100 = 1 THEN 'rejected'"
        " WHEN i % 100 = 2 THEN 'failed' ELSE 'absorbed' END",
        "type": "'contact.created'",
        "absorbed_at": words.time(LONG_AGO),
    }
