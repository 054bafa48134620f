"""A worker that lost its lease inside one apply sends none of the calls that are left (I3)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import sqlalchemy as sa

from contactsync.store import tables as t
from contactsync.store.engine import writing
from contactsync.store.queue import LeaseLost
from contactsync.sync import actions
from tests.fixtures.waiting import wait_until
from tests.sync.conftest import World, ada

COUNT = 30
PEOPLE = [
    ada(id=f"c-{n}", email=f"p{n}@engines.example", sync_as="contact", events=[{"id": "e-1", "status": "registered"}])
    for n in range(COUNT)
]
"""So many that Accounts, people and members go in three calls."""


def held(world: World) -> bool:
    assert world.standin is not None
    return bool(requests.get(f"{world.standin.url}/_standin/held", timeout=5).json()["held"])


def with_campaign(world: World) -> None:
    (campaign,) = world.seed(Campaign=[{"Name": "Summit", "IsActive": True}])["Campaign"]
    actions.connect_event(world.parts, world.org_id, "e-1", campaign)
    world.contact(*PEOPLE)


def take_over(world: World) -> None:
    with writing(world.parts.engine) as db:
        db.execute(sa.update(t.org).where(t.org.c.id == world.org_id).values(lease_owner="another worker"))


def test_the_calls_after_the_one_during_which_the_lease_was_lost_are_not_made(connected: World) -> None:
    with_campaign(connected)
    connected.fault(times=1, do="hold_after", match={"writes": True})
    connected.calls()
    with ThreadPoolExecutor(1) as pool:
        turn = pool.submit(connected.sync)
        wait_until(lambda: held(connected), what="the first of three writing calls is under way")
        take_over(connected)
        connected.admin("release", {})
        with pytest.raises(LeaseLost):
            turn.result(timeout=30)
    assert connected.calls() == 2, "one to look up, one of three to write"
    assert (len(connected.crm("Account")), len(connected.crm("Contact"))) == (1, 0)
    rows = connected.rows(t.contact)
    assert {row.status for row in rows} == {"queued"}, "nothing is recorded that is not known"
    assert {len(row.attempted) for row in rows} == {1}


def test_whoever_has_the_lease_then_brings_everything_once(connected: World) -> None:
    with_campaign(connected)
    connected.fault(times=1, do="hold_after", match={"writes": True, "nth": 2})
    with ThreadPoolExecutor(1) as pool:
        turn = pool.submit(connected.sync)
        wait_until(lambda: held(connected), what="the second of three writing calls is under way")
        take_over(connected)
        connected.admin("release", {})
        with pytest.raises(LeaseLost):
            turn.result(timeout=30)
    assert (len(connected.crm("Contact")), len(connected.crm("CampaignMember"))) == (COUNT, 0)
    connected.clock.forward(hours=1)
    connected.sync()
    found = {kind: len(connected.crm(kind)) for kind in ("Account", "Contact", "CampaignMember")}
    assert found == {"Account": 1, "Contact": COUNT, "CampaignMember": COUNT}
    assert {row.status for row in connected.rows(t.contact)} == {"synced"}


def test_without_a_turn_nobody_is_asked(connected: World) -> None:
    connected.contact(ada(title="Countess"))
    connected.sync()
    connected.clock.forward(seconds=1)
    connected.contact(ada(title="Duchess"))
    connected.sync()
    take_over(connected)
    actions.undo(connected.parts, connected.org_id, connected.rows(t.sync_run)[-1].id)
    assert [row["Title"] for row in connected.crm("Lead")] == ["Countess"]
