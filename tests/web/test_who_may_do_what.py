"""Tokens that only read, credentials that open nothing but their own doors, and statements that stay within one org."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from contactsync.intake.keyring import REMEMBERED
from contactsync.intake.signature import sign
from contactsync.store import orgs
from contactsync.store import tables as t
from contactsync.store.engine import writing
from tests.web.conftest import Caller, Clock, person, statements
from tests.web.test_every_operation import call, operations

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

READS = {
    ("post", "/api/v1/connection/check"),
    ("post", "/api/v1/contacts/search"),
    ("post", "/api/v1/contacts/{contact_id}/preview"),
    ("post", "/api/v1/meetings/{meeting_id}/preview"),
    ("post", "/api/v1/people/export"),
    ("post", "/api/v1/preview"),
}
"""Operations that change nothing, though they are no GETs."""


def read_only(caller: Caller) -> Caller:
    """The same org with a token that only reads."""
    with writing(caller.parts.engine) as db:
        _, token = orgs.add_token(db, caller.org.id, "reports", caller.parts.now(), read_only=True)
    return Caller(caller.app, caller.parts, caller.org, token)


def test_a_token_that_only_reads_may_call_exactly_what_changes_nothing(
    app: Flask, acme: Caller, filled: dict[str, str]
) -> None:
    reader = read_only(acme)
    refused = set()
    for method, path, operation in operations(app):
        answer = call(reader, method, path, filled)
        if answer.status_code != 403:
            assert answer.status_code < 300, (method, path, answer.get_data(as_text=True))
            continue
        refused.add((method, path))
        assert answer.json["error"]["code"] == "read_only_token"
        assert "contactsync org token add" in answer.json["error"]["message"]
        assert "403" in operation["responses"]
    changing = {(method, path) for method, path, _ in operations(app) if method != "get"} - READS
    assert refused == changing


@SQLITE
def test_it_is_refused_before_its_body_is_looked_at(acme: Caller) -> None:
    reader = read_only(acme)
    assert reader.ask("PUT", "/policies", {"nonsense": True}).status_code == 403
    assert reader.ask("PUT", "/mapping/nothing", data=b"{", content_type="text/plain").status_code == 403


# ── the doors' own credentials ─────────────────────────────────────────────────────────────────────────────────────


def post(caller: Caller, secret: str | None, name: str, **headers: str) -> TestResponse:
    """A webhook of the caller's org, signed with a secret, or not."""
    body = f'{{"type": "contact.created", "timestamp": "2026-11-24T09:00:00Z", "data": {{"id": "{name}"}}}}'.encode()
    at = int(caller.parts.now().timestamp())
    signed: dict[str, str] = {}
    if secret is not None:
        signature = sign(secret, name, at, body)
        signed = {"webhook-id": name, "webhook-timestamp": str(at), "webhook-signature": signature}
    return caller.app.test_client().post(
        f"/webhooks/{caller.org.slug}/contacts",
        data=body,
        headers={**signed, **headers},
        content_type="application/json",
    )


def secret_of(caller: Caller, until: Any = None) -> tuple[int, str]:
    with writing(caller.parts.engine) as db:
        return orgs.add_secret(db, caller.parts.vault, caller.org.id, caller.parts.now(), until)


def test_an_api_token_opens_no_webhook_door_and_a_webhook_secret_no_operation(app: Flask, acme: Caller) -> None:
    _, secret = secret_of(acme)
    assert post(acme, secret, "msg_1").status_code == 202
    bearer = {"Authorization": f"Bearer {acme.token}"}
    token_as_secret = "whsec_" + acme.token.removeprefix("cst_").replace("-", "+").replace("_", "/") + "="
    answers = [
        post(acme, None, "msg_2", **bearer),
        post(acme, token_as_secret, "msg_3"),
        post(acme, token_as_secret, "msg_4", **bearer),
        post(acme, None, "msg_5", **{"webhook-id": "msg_5", "webhook-timestamp": "1763974800",
                                     "webhook-signature": f"v1,{acme.token}"}),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [401] * 4
    assert len({answer.get_data() for answer in answers}) == 1
    for method, path, _ in operations(app):
        for sent in (secret, secret.removeprefix("whsec_"), "cst_" + secret.removeprefix("whsec_")[:43]):
            answer = app.test_client().open(path, method=method.upper(), headers={"Authorization": f"Bearer {sent}"})
            assert answer.status_code == 401, (method, path)


def test_old_and_new_secret_are_both_taken_until_the_old_ones_end(acme: Caller, clock: Clock) -> None:
    old_id, old = secret_of(acme)
    assert post(acme, old, "msg_1").status_code == 202
    _, new = secret_of(acme)
    clock.pass_by(seconds=REMEMBERED.total_seconds())  # processes notice within so long
    with writing(acme.parts.engine) as db:
        orgs.revoke_secret(db, acme.org.id, old_id, clock.at, clock.at + timedelta(hours=24))
    assert [post(acme, secret, f"msg_{n}").status_code for n, secret in enumerate((old, new), 2)] == [202, 202]
    clock.pass_by(hours=23, minutes=59)
    assert [post(acme, secret, f"msg_{n}").status_code for n, secret in enumerate((old, new), 4)] == [202, 202]
    clock.pass_by(minutes=1, seconds=REMEMBERED.total_seconds())
    assert [post(acme, secret, f"msg_{n}").status_code for n, secret in enumerate((old, new), 6)] == [401, 202]


@SQLITE
@pytest.mark.parametrize("skew", [-2.0, 2.0])
def test_a_secret_that_ends_is_refused_within_two_seconds_also_by_a_clock_that_is_off(
    acme: Caller, clock: Clock, skew: float
) -> None:
    """The process that revokes and the one that answers have clocks of their own."""
    number, secret = secret_of(acme)
    assert post(acme, secret, "msg_1").status_code == 202
    with writing(acme.parts.engine) as db:
        orgs.revoke_secret(db, acme.org.id, number, clock.at + timedelta(seconds=skew))
    clock.pass_by(seconds=max(skew, 0) + REMEMBERED.total_seconds())
    assert post(acme, secret, "msg_2").status_code == 401


@SQLITE
def test_a_new_secret_is_taken_by_a_process_that_knows_the_old_ones_within_two_seconds(
    acme: Caller, clock: Clock
) -> None:
    _, old = secret_of(acme)
    assert post(acme, old, "msg_1").status_code == 202
    _, new = secret_of(acme)
    clock.pass_by(seconds=REMEMBERED.total_seconds())
    assert post(acme, new, "msg_2").status_code == 202


@SQLITE
def test_another_orgs_secret_opens_no_door(acme: Caller, other: Caller) -> None:
    _, secret = secret_of(other)
    assert post(other, secret, "msg_1").status_code == 202
    assert post(acme, secret, "msg_2").status_code == 401


# ── every statement ────────────────────────────────────────────────────────────────────────────────────────────────

OWNED = {table.name for table in t.metadata.sorted_tables if "org_id" in table.c} - {"api_token"}
"""A token is looked up by its hash alone: it is what says which org."""

OF_NOBODY = {"SELECT max(sync_run.id) AS max_1 FROM sync_run"}
"""The newest number there is, which stays when runs are deleted: it says nothing of anybody."""

OF_A_PARENT = {"link": "connection_id", "written": "connection_id"}


def test_every_statement_of_the_api_names_the_org_or_rows_that_it_has_read_for_the_org(
    app: Flask, acme: Caller, filled: dict[str, str]
) -> None:
    acme.deliver("contacts", "contact.created", person(7))
    with statements(acme.parts.engine) as seen:
        for method, path, _ in operations(app):
            call(acme, method, path, filled)
    walked = {table for one in seen for table in tables_of(one) & OWNED}
    assert {"contact", "event", "meeting", "delivery", "sync_run", "connection", "resync", "audit_entry"} <= walked
    loose = {" ".join(one.split()) for one in seen if not scoped(one)}
    assert loose <= OF_NOBODY


def tables_of(statement: str) -> set[str]:
    """The tables that a statement reads or writes."""
    return set(re.findall(r'(?:FROM|JOIN|UPDATE|INTO|,)\s+"?([a-z_]+)"?', statement))


def scoped(statement: str) -> bool:
    """Whether it names the org, a row by its key, or rows by their parent's key; inserts bring their org along."""
    touched = tables_of(statement)
    if statement.lstrip().startswith("INSERT") or not touched & (OWNED | OF_A_PARENT.keys()):
        return True
    wheres = statement.partition("WHERE")[2]
    if not wheres:
        return False
    keyed = (re.search(rf'"?{name}"?\.id (=|IN)', wheres) for name in touched & OWNED)
    parented = (f"{column} =" in wheres for name, column in OF_A_PARENT.items() if name in touched)
    joined = all(re.search(rf'"?{name}"?\.org_id = org\.id\b', statement) for name in touched & OWNED)
    of_one_org = joined and re.search(r"\borg\.id =", wheres) is not None
    return "org_id" in wheres or any(keyed) or any(parented) or of_one_org


def test_a_statement_without_an_org_would_be_noticed() -> None:
    assert not scoped("SELECT contact.id FROM contact WHERE contact.email = ?")
    assert not scoped("SELECT delivery.id FROM delivery ORDER BY delivery.id DESC")
    assert not scoped("UPDATE event SET name = ? WHERE event.source_id = ?")
    assert not scoped("DELETE FROM resync WHERE resync.ended_at < ?")
    assert not scoped("SELECT org.id, event.id FROM org JOIN event ON event.id = org.id WHERE org.id = ?")
    assert not scoped("SELECT org.id, event.id FROM org JOIN event ON event.org_id = org.id WHERE org.slug > ?")
    assert scoped("SELECT contact.id FROM contact WHERE contact.org_id = ?")
    assert scoped("SELECT org.id, event.id FROM org JOIN event ON event.org_id = org.id WHERE org.id = ?")
