"""At whatever moment of a worker's turn people change what it goes by: what they chose holds, and nothing stays behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from contactsync.domain.records import SyncStatus
from contactsync.standin import Options, RunningStandin, serve
from contactsync.store import tables as t
from contactsync.store.engine import writing
from contactsync.sync import actions
from tests.sync.conftest import World, ada

MOST_MOMENTS = 100
"""More transactions no turn of these tests begins."""

EVERY = 6
"""Of the moments each sixth, on each database others; 1 goes through all, and takes a minute and a half."""


@contextmanager
def interrupted(engine: Engine, before: int, happens: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Before the n-th transaction that begins meanwhile, something happens, once; answers whether it did."""
    left = before
    mine = threading.get_ident()

    def begins(*_: object) -> None:
        nonlocal left
        if threading.get_ident() == mine:  # not the thread that keeps the lease alive
            left -= 1
            if left == 0:
                happens()

    sa.event.listen(engine, "checkout", begins)
    try:
        yield lambda: left <= 0
    finally:
        sa.event.remove(engine, "checkout", begins)


def each_moment(world: World, prepare: Callable[[int], None], happens: Callable[[], None]) -> Iterator[int]:
    """For each moment of a turn: prepared, the turn with what happens then, and all that is left to do after it."""
    first = 1 if world.parts.engine.dialect.name == "sqlite" or EVERY == 1 else 1 + EVERY // 2
    for moment in range(first, MOST_MOMENTS, EVERY):
        prepare(moment)
        with interrupted(world.parts.engine, moment, happens) as happened:
            world.sync()
        if not happened():
            return
        world.clock.forward(hours=1)
        while world.sync():
            pass
        yield moment
    raise AssertionError("the turn never ended")


def set_policies(world: World, **said: Any) -> None:
    actions.set_policies(world.parts, world.org_id, said)


def test_a_policy_that_is_changed_during_a_turn_releases_whoever_the_turn_holds_by_the_old_one(
    connected: World,
) -> None:
    def prepare(number: int) -> None:
        set_policies(connected, several_matches="stop")
        address = f"p{number}@engines.example"
        connected.seed(Lead=[{"LastName": "L", "Company": "C", "Email": address} for _ in range(2)])
        connected.contact(ada(id=f"c-{number}", email=address))

    held = [
        number
        for number in each_moment(connected, prepare, lambda: set_policies(connected, several_matches="first"))
        if connected.row(f"c-{number}").status != SyncStatus.SYNCED
    ]
    assert not held


def test_a_company_that_is_linked_or_merged_during_a_turn_has_its_contacts_in_the_account_that_was_chosen(
    connected: World,
) -> None:
    first, second = connected.seed(Account=[{"Name": "First"}, {"Name": "Second"}])["Account"]
    lead = {"sync_as": "lead", "email": "lead@engines.example"}
    connected.contact(ada(id="c-1", company="Acme", **lead), ada(id="c-2", company="Globex", **lead))
    connected.sync()
    chosen: list[tuple[Any, ...]] = [(actions.link_company, "name:acme", first)]
    synced_before, word = False, "l"

    def prepare(number: int) -> None:
        for action, *said in (
            (actions.part_company, "name:acme"),
            (actions.link_company, "name:globex", second),
            *chosen,
        ):
            action(connected.parts, connected.org_id, *said)
        while connected.sync():
            pass
        connected.contact(ada(id="c-new", email=f"{word}{number}@engines.example", sync_as="contact", company="Acme"))

    def happens_by(action: Callable[..., object], other: str) -> Callable[[], None]:
        def happens() -> None:
            nonlocal synced_before
            synced_before = any(
                one.source_id == "c-new" and one.status == SyncStatus.SYNCED for one in connected.rows(t.contact)
            )
            action(connected.parts, connected.org_id, "name:acme", other)

        return happens

    overtaken = 0
    for happens in (
        happens_by(actions.link_company, second),
        happens_by(actions.merge_companies, "name:globex"),
    ):
        for number in each_moment(connected, prepare, happens):
            (made,) = [one for one in connected.crm("Contact") if one["Email"] == f"{word}{number}@engines.example"]
            row = connected.row("c-new")
            assert row.status == SyncStatus.SYNCED, number
            assert not row.account_overtaken, number
            if not synced_before:  # else the policy move_accounts keeps it where it was put before anybody chose
                overtaken += 1
                assert made["AccountId"] == second, number
            with writing(connected.parts.engine) as db:
                db.execute(sa.delete(t.contact).where(t.contact.c.source_id == "c-new"))
                db.execute(sa.delete(t.link).where(t.link.c.source == "c-new"))
        word = "m"
    assert overtaken


@contextmanager
def another_crm(world: World) -> Iterator[RunningStandin]:
    with serve(options=Options(client_id="id", client_secret="secret")) as standin:
        yield standin


def connect(world: World, standin: RunningStandin) -> None:
    settings = {"instance_url": standin.url, "client_id": "id", "flow": "client_credentials"}
    actions.connect(world.parts, world.org_id, "salesforce", settings, {"client_secret": "secret"})


def forget(world: World) -> None:
    """Nothing was ever heard of anybody: each moment costs the same."""
    with writing(world.parts.engine) as db:
        for table in (t.meeting, t.attendance, t.contact, t.event, t.link, t.sync_run):
            db.execute(sa.delete(table))


def test_an_org_that_is_connected_to_another_crm_during_a_turn_has_everything_there(connected: World) -> None:
    first = connected.standin
    assert first is not None
    set_policies(connected, create_campaigns=True)
    with another_crm(connected) as second:

        def prepare(number: int) -> None:
            connected.standin = first
            connect(connected, first)
            while connected.sync():
                pass
            who, where = f"c-{number}", f"e-{number}"
            connected.event(id=where, name=f"Summit {number}", type="conference")
            connected.contact(ada(id=who, email=f"p{number}@engines.example", events=[{"id": where}]))
            times = {"starts_at": "2026-11-25T09:00:00Z", "ends_at": "2026-11-25T10:00:00Z"}
            connected.meeting(id=f"m-{number}", title=f"Demo {number}", attendees=[{"contact_id": who}], **times)

        def happens() -> None:
            connect(connected, second)
            connected.standin = second

        for number in each_moment(connected, prepare, happens):
            row, event = connected.row(f"c-{number}"), connected.of(t.event, f"e-{number}")
            meeting = connected.of(t.meeting, f"m-{number}")
            assert (row.status, event.sync_status, meeting.sync_status) == ("synced", "synced", "synced"), number
            people = {lead["Email"]: lead["Id"] for lead in connected.crm("Lead")}
            campaigns = {campaign["Name"]: campaign["Id"] for campaign in connected.crm("Campaign")}
            activities = {activity["Subject"]: activity for activity in connected.crm("Event")}
            assert row.crm_id == people[f"p{number}@engines.example"], number
            assert event.campaign_id == campaigns[f"Summit {number}"], number
            assert meeting.crm_id == activities[f"Demo {number}"]["Id"], number
            assert activities[f"Demo {number}"]["WhoId"] == row.crm_id, number
            members = {(one["CampaignId"], one["LeadId"]) for one in connected.crm("CampaignMember")}
            assert (event.campaign_id, row.crm_id) in members, number
            forget(connected)
