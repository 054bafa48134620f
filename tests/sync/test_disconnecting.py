"""An org that parts from its CRM: nothing is sent, nothing is lost, and what it was tied to is found again."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from contactsync.domain.errors import RefusedInput
from contactsync.standin import Options, serve
from contactsync.store import connections
from contactsync.store import tables as t
from contactsync.store.connections import CREDENTIALS_PURPOSE
from contactsync.store.engine import reading, writing
from contactsync.sync import actions
from contactsync.sync.signing_in import StateRefused, begin_sign_in, finish_sign_in
from tests.sync.conftest import World, ada

MEETING = {"title": "Demo", "starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T10:00:00Z"}


def settings(url: str) -> dict[str, str]:
    return {"instance_url": url, "client_id": "id", "flow": "client_credentials"}


def connect(world: World, url: str | None = None) -> None:
    assert world.standin is not None
    actions.connect(
        world.parts, world.org_id, "salesforce", settings(url or world.standin.url), {"client_secret": "secret"}
    )


def synced(world: World) -> World:
    """With a contact and a meeting in the CRM."""
    world.contact(ada())
    world.meeting(**MEETING, attendees=[{"contact_id": "c-1"}])
    world.sync()
    assert world.row("c-1").status == "synced"
    return world


def test_a_disconnected_org_sends_nothing_and_what_is_due_says_that_it_waits(connected: World) -> None:
    connected.contact(ada())
    assert actions.disconnect(connected.parts, connected.org_id)
    connected.calls()
    connected.sync()
    row = connected.row("c-1")
    assert connected.calls() == 0
    assert (row.status, row.due_at, row.problem["code"]) == ("queued", None, "not_connected")


def test_the_org_of_a_disconnected_crm_is_rung_for(connected: World) -> None:
    connected.parts.bell.orgs.clear()  # type: ignore[attr-defined]
    actions.disconnect(connected.parts, connected.org_id)
    assert connected.parts.bell.orgs == [connected.org_id]  # type: ignore[attr-defined]


def test_to_disconnect_what_is_not_connected_changes_nothing_and_is_not_audited(world: World) -> None:
    assert not actions.disconnect(world.parts, world.org_id)
    assert world.rows(t.audit_entry) == []


def test_secrets_and_tokens_are_gone_and_the_audit_log_says_who_did_it(connected: World) -> None:
    synced(connected)
    begin_sign_in(connected.parts, connected.org_id, "salesforce", {}, {"client_secret": "secret"}, "http://localhost")
    actions.disconnect(connected.parts, connected.org_id)
    [row] = connected.rows(t.connection)
    assert row.sealed_token is None
    assert connected.parts.vault.open(connected.org_id, CREDENTIALS_PURPOSE, row.sealed_credentials) == "{}"
    assert connected.rows(t.authorization) == []
    entry = connected.rows(t.audit_entry)[-1]
    assert (entry.action, entry.about, entry.actor) == ("connection.ended", "salesforce", "contactsync")
    assert entry.details["old"]["target"] == "salesforce"
    assert entry.details["new"] is None
    assert "secret" not in str(entry.details)


def test_a_sign_in_that_was_begun_before_does_not_connect_the_org_again(connected: World) -> None:
    begun = begin_sign_in(
        connected.parts, connected.org_id, "salesforce", {}, {"client_secret": "secret"}, "http://localhost"
    )
    state = begun.url.split("state=")[1].split("&")[0]
    actions.disconnect(connected.parts, connected.org_id)
    with pytest.raises(StateRefused):
        finish_sign_in(connected.parts, "salesforce", state, code="a code")


def test_connecting_to_the_same_crm_again_finds_every_link_and_costs_no_call_for_what_did_not_change(
    connected: World,
) -> None:
    synced(connected)
    links = connected.rows(t.link)
    actions.disconnect(connected.parts, connected.org_id)
    connected.sync()
    connected.calls()
    connect(connected)
    connected.sync()
    assert connected.calls() == 0
    assert connected.rows(t.link) == links
    assert connected.row("c-1").status == "synced"
    connected.contact(ada(title="Countess"))
    connected.sync()
    [lead] = connected.crm("Lead")
    assert (lead["Title"], len(connected.crm("Event"))) == ("Countess", 1)


def test_what_changed_while_there_was_no_crm_goes_once_there_is_one_again(connected: World) -> None:
    synced(connected)
    actions.disconnect(connected.parts, connected.org_id)
    connected.contact(ada(title="Countess"), ada(id="c-2", email="grace@engines.example"))
    connected.sync()
    assert [connected.row(name).status for name in ("c-1", "c-2")] == ["queued", "queued"]
    connect(connected)
    connected.sync()
    assert sorted(lead.get("Title") or "" for lead in connected.crm("Lead")) == ["", "Countess"]


def test_another_crm_after_a_disconnected_one_gets_everything_and_the_first_one_is_known_again(
    connected: World,
) -> None:
    synced(connected)
    first = connected.standin
    assert first is not None
    actions.disconnect(connected.parts, connected.org_id)
    connected.sync()
    with serve(options=Options(client_id="id", client_secret="secret")) as second:
        connect(connected, second.url)
        assert connected.row("c-1").last_synced_at is None
        connected.sync()
        connected.standin = second
        assert (len(connected.crm("Lead")), len(connected.crm("Event"))) == (1, 1)
        actions.disconnect(connected.parts, connected.org_id)
        connected.standin = first
        connect(connected)
        connected.sync()
    assert (len(connected.crm("Lead")), len(connected.crm("Event"))) == (1, 1)
    assert connected.row("c-1").status == "synced"


def test_the_connection_that_was_left_last_is_known_whatever_the_clock_says(connected: World) -> None:
    assert connected.standin is not None
    here, elsewhere = connected.standin.url, "http://127.0.0.1:9"
    connect(connected, elsewhere)
    connect(connected, here)
    connected.clock.forward(days=-1)
    actions.disconnect(connected.parts, connected.org_id)
    with reading(connected.parts.engine) as db:
        last = connections.latest(db, connected.org_id)
    assert last is not None
    assert last.settings["instance_url"] == here


def test_a_disconnect_during_a_turn_stops_what_is_under_way(connected: World) -> None:
    synced(connected)
    with writing(connected.parts.engine) as db:  # as a connection that stood still for a refused sign-in
        stopped = {"code": "invalid_grant", "cause": "c", "fix": "f", "who": "w", "fields": [], "object": ""}
        db.execute(sa.update(t.connection).values(problem=stopped))
    connected.contact(ada(title="Countess"))
    connected.sync()
    assert connected.row("c-1").due_at is not None
    actions.disconnect(connected.parts, connected.org_id)
    connected.sync()
    assert connected.row("c-1").problem["code"] == "not_connected"
    connected.clock.forward(seconds=timedelta(minutes=1).total_seconds())
    connect(connected)
    connected.sync()
    assert connected.row("c-1").status == "synced"


def test_no_event_of_a_disconnected_org_gets_a_campaign_and_is_told_what_to_do(world: World) -> None:
    world.event(name="Summit")
    world.sync()
    with pytest.raises(RefusedInput, match="not connected to a CRM yet"):
        actions.create_campaign(world.parts, world.org_id, "e-1")
