"""A company's Account is asked for by its id alone while it is linked; one that was merged or deleted is matched again."""

from __future__ import annotations

from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.sync import actions
from tests.sync.conftest import World, ada
from tests.sync.test_rules import only


def bob(**more: object) -> dict[str, object]:
    return ada(id="c-2", email="bob@engines.example", first_name="Bob", sync_as="contact", **more)


def alive(world: World, kind: str) -> list[dict[str, object]]:
    return [row for row in world.crm(kind) if not row.get("IsDeleted")]


def with_account_that_is_gone(world: World) -> str:
    """A first contact's company is linked to an Account, which somebody then deletes, with whoever belongs to it."""
    world.contact(ada(sync_as="contact"))
    world.sync()
    gone = str(only(world.crm("Account"))["Id"])
    world.admin("delete", {"object": "Contact", "ids": [only(world.crm("Contact"))["Id"]]})
    world.admin("delete", {"object": "Account", "ids": [gone]})
    world.calls()
    return gone


def test_a_linked_account_that_is_gone_is_matched_by_name_and_made_no_second_time(connected: World) -> None:
    gone = with_account_that_is_gone(connected)
    survivor = connected.seed(Account=[{"Name": ada()["company"]}])["Account"][0]
    connected.contact(bob())
    connected.sync()
    assert connected.row("c-2").status == SyncStatus.SYNCED
    assert connected.calls() == 3, "the link, then domain and name, then the write"
    assert [row["Id"] for row in alive(connected, "Account")] == [survivor]
    assert only(alive(connected, "Contact"))["AccountId"] == survivor != gone


def test_a_linked_account_that_is_gone_for_good_is_made_once_for_all_who_need_it(connected: World) -> None:
    with_account_that_is_gone(connected)
    connected.contact(bob(), bob() | {"id": "c-3", "email": "eve@engines.example"})
    connected.sync()
    made = str(only(alive(connected, "Account"))["Id"])
    assert {row["AccountId"] for row in alive(connected, "Contact")} == {made}
    connected.calls()
    connected.contact(bob() | {"id": "c-4", "email": "dan@engines.example"})
    connected.sync()
    assert connected.row("c-4").status == SyncStatus.SYNCED
    assert connected.calls() == 2, "the new link is good"


def test_the_preview_asks_for_everything_at_once(connected: World) -> None:
    with_account_that_is_gone(connected)
    connected.contact(bob())
    connected.sync()
    connected.admin("delete", {"object": "Account", "ids": [row["Id"] for row in alive(connected, "Account")]})
    plan = actions.preview(connected.parts, connected.org_id, "c-2")
    assert plan is not None
    assert plan.contacts["c-2"].problem is None
    assert len(connected.rows(t.contact)) == 2
