"""The pages of companies: which Account each is, and two that are one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contactsync.domain.roles import Role
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from tests.console.conftest import Console, Shown, counted_queries, person
from tests.web.conftest import Caller


def account(number: int, name: str, website: str | None = None) -> dict[str, Any]:
    return {"kind": "Account", "id": f"00{number}", "at": "2026", "fields": {"Name": name, "Website": website}}


@pytest.fixture
def connected(acme: Caller, tmp_path: Path) -> Caller:
    """An org whose CRM is a file, with some Accounts."""
    acme.connect_file(
        tmp_path, account(1, "Globex", "globex.example"), account(2, "Globex Holding"), account(3, "Initech")
    )
    return acme


def contacts(acme: Caller, *items: dict[str, Any]) -> None:
    acme.deliver("contacts", "contact.created", list(items))
    acme.sync()


def of(number: int, company: Any, **more: Any) -> dict[str, Any]:
    return person(number, company=company, sync_as="contact", **more)


def key_of(acme: Caller, named_by: str) -> int:
    with reading(acme.parts.engine) as db:
        return int(db.execute(t.company.select().where(t.company.c.key == named_by)).one().id)


def names(shown: Shown) -> list[str]:
    return [each.text for each in shown.page.all("a", class_="name")]


def links(acme: Caller) -> dict[str, str]:
    with reading(acme.parts.engine) as db:
        rows = db.execute(t.link.select().where(t.link.c.kind == "Account"))
        return {row.source: row.crm_id for row in rows}


# ── the list ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_companies_stand_by_name_with_how_many_contacts_and_which_account(console: Console, connected: Caller) -> None:
    contacts(connected, of(1, "globex"), of(2, "Globex"), person(3, company="Acme"), person(4, company="Zeta"))
    shown = console.get("/companies")
    assert names(shown) == ["Acme", "Globex", "Zeta"]
    rows = [each.text for each in shown.page.one("tbody").all("tr")]
    assert "Not linked yet" in rows[0]
    assert "2" in rows[1]
    assert "Linked" in rows[1]
    assert "001" in rows[1]
    assert names(console.get("/companies?show=linked")) == ["Globex"]
    assert names(console.get("/companies?show=open")) == ["Acme", "Zeta"]
    assert names(console.post("/companies", {"q": "  GLOB"})) == ["Globex"]
    assert "No company is called so" in console.post("/companies", {"q": "obex"}).text
    assert "No company is called so" in console.post("/companies", {"q": "\u0301"}).text


def test_pages_follow_each_other_and_ask_as_often_for_many_as_for_few(console: Console, acme: Caller) -> None:
    contacts(acme, *(person(number, company=f"Company {number:03}") for number in range(3)))
    with counted_queries(console) as few:
        console.get("/companies")
    contacts(acme, *(person(number, company=f"Company {number:03}") for number in range(3, 60)))
    with counted_queries(console) as many:
        first = console.get("/companies")
    assert len(many) == len(few)
    (following,) = [each["href"] for each in first.page.all("a") if each.text == "Next page"]
    assert names(first) + names(console.get(following, whole=True)) == [f"Company {number:03}" for number in range(60)]
    with counted_queries(console) as opened:
        assert len(names(console.get("/companies?show=open"))) == 50
    assert len(opened) <= len(few) + 1


def test_an_org_without_companies_and_another_orgs_companies(console: Console, acme: Caller, other: Caller) -> None:
    contacts(other, person(1, company="Secret"))
    for show in ("", "?show=open", "?show=linked"):
        assert "No companies yet" in console.get(f"/companies{show}").text
    key = key_of(other, "name:secret")
    for path in ("", "/accounts", "/merge"):
        assert console.get(f"/companies/{key}{path}").status == 404
    for path in ("link", "unlink", "match", "merge-into", "part"):
        assert console.post(f"/companies/{key}/{path}", {"account_id": "001", "into": str(key)}).status == 404


def test_unlinked_companies_come_with_the_accounts_that_they_may_be(console: Console, connected: Caller) -> None:
    contacts(
        connected,
        person(1, company={"name": "The Globex Company", "domain": "globex.example"}),
        person(2, company="Initech"),
        person(3, company="Globex people", email="ada@mail.globex.example"),
        person(4, company="Nobody"),
    )
    plain = console.get("/companies?show=open")
    assert "Asking Salesforce" in plain.text
    shown = console.get(plain.page.one("section", id="list")["hx-get"], whole=True)
    rows = {each.one("a", class_="name").text: each.text for each in shown.page.one("tbody").all("tr")}
    assert "It has the same website." in rows["The Globex Company"]
    assert "It has the same name." in rows["Initech"]
    assert "write from its website’s domain." in rows["Globex people"]
    assert "No Account fits." in rows["Nobody"]
    (initech,) = [each for each in shown.page.all("form", class_="action") if "Initech" not in each.text
                  and each["action"].endswith(f"/companies/{key_of(connected, 'name:initech')}/link")]  # fmt: skip
    sent = {each["name"]: each["value"] for each in initech.all("input")}
    done = console.post(initech["action"], sent, whole=True)
    assert done.goes_to.endswith("/companies?show=open")
    assert links(connected) == {"name:initech": "003"}


def test_without_a_crm_it_says_who_connects_it(console: Console, acme: Caller) -> None:
    contacts(acme, person(1, company="Acme"))
    key = key_of(acme, "name:acme")
    assert "an admin connects it under Settings" in console.get("/companies?show=open&suggest=1").text
    assert "an admin connects it under Settings" in console.get(f"/companies/{key}/accounts").text
    for path in ("link", "unlink", "match"):
        done = console.post(f"/companies/{key}/{path}", {"account_id": "001"})
        assert "an admin connects it under Settings" in console.follow(done).text


# ── one company ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_company_shows_its_account_and_contacts_and_can_be_linked_unlinked_and_matched(
    console: Console, connected: Caller
) -> None:
    contacts(connected, of(1, "Globex"), of(2, "Globex"))
    key = key_of(connected, "name:globex")
    shown = console.get(f"/companies/{key}")
    assert names(shown) == ["Ada Lovelace 2", "Ada Lovelace 1"]
    assert "001" in shown.text
    found = console.post(f"/companies/{key}/accounts", {"q": "holding"})
    assert "Globex Holding" in found.text
    linked = console.follow(console.post(f"/companies/{key}/link", {"account_id": "002"}))
    assert "Globex is linked. 2 contacts are brought up to date" in linked.text
    assert "Somebody linked it here" in linked.text
    assert links(connected) == {"name:globex": "002"}
    unlinked = console.follow(console.post(f"/companies/{key}/unlink"))
    assert "stays so until somebody links it" in unlinked.text
    assert "No Account, as you said" in unlinked.text
    connected.sync()
    assert links(connected) == {}
    console.post(f"/companies/{key}/match")
    connected.sync()
    assert links(connected) == {"name:globex": "001"}


@pytest.mark.parametrize("account_id", ["", "not there", "nope", "x" * 300])
def test_an_account_that_is_not_there_is_refused_on_the_page_that_chooses(
    console: Console, connected: Caller, account_id: str
) -> None:
    contacts(connected, person(1, company="Acme"))
    again = console.post(f"/companies/{key_of(connected, 'name:acme')}/link", {"account_id": account_id})
    assert again.status == 422
    assert "Not linked yet" in again.text
    assert links(connected) == {}


def test_two_are_merged_either_way_and_taken_apart_again(console: Console, connected: Caller) -> None:
    contacts(connected, person(1, company="Acme"), person(2, company="Acme Corp"), person(3, company="Zeta"))
    acme, corp = key_of(connected, "name:acme"), key_of(connected, "name:acme corp")
    shown = console.get(f"/companies/{corp}/merge")
    assert names(shown) == ["Acme"]
    assert names(console.post(f"/companies/{corp}/merge", {"q": "z"})) == ["Zeta"]
    done = console.post(f"/companies/{corp}/merge-into", {"into": str(acme)})
    assert done.goes_to.endswith(f"/companies/{acme}")
    kept = console.follow(done)
    assert "Acme Corp is Acme now. 2 contacts are" in kept.text
    assert names(kept) == ["Ada Lovelace 2", "Ada Lovelace 1"]
    assert names(console.get("/companies")) == ["Acme", "Zeta"]
    gone = console.get(f"/companies/{corp}")
    assert "Merged into another company" in gone.text
    parted = console.follow(console.post(f"/companies/{corp}/part"))
    assert names(parted) == ["Ada Lovelace 2"]
    assert names(console.get("/companies")) == ["Acme", "Acme Corp", "Zeta"]
    assert "done already" in console.follow(console.post(f"/companies/{corp}/part")).text


def test_a_merge_into_nothing_or_itself_says_what_to_do(console: Console, acme: Caller) -> None:
    contacts(acme, person(1, company="Acme"))
    key = key_of(acme, "name:acme")
    for into in ("", "x", "-1", "0", "9" * 18, "9" * 40, str(key)):
        said = console.follow(console.post(f"/companies/{key}/merge-into", {"into": into}))
        assert "choose another" in said.text, into


def test_names_are_shown_as_they_are_whatever_they_hold(console: Console, acme: Caller) -> None:
    contacts(acme, person(1, company="<script>alert(1)</script>"), person(2, company={"id": "7"}))
    shown = console.get("/companies")
    assert names(shown) == ["7", "<script>alert(1)</script>"]
    assert "<script>alert" not in shown.html
    key = key_of(acme, "name:script alert 1 script")
    assert console.get(f"/companies/{key}").page.one("h1").text == "<script>alert(1)</script>"


def test_a_viewer_sees_companies_and_changes_none(console: Console, connected: Caller) -> None:
    contacts(connected, person(1, company="Acme"))
    key = key_of(connected, "name:acme")
    viewer = console.as_role(Role.VIEWER)
    assert names(viewer.get("/companies")) == names(viewer.get("/companies?show=open&suggest=1")) == ["Acme"]
    assert viewer.get(f"/companies/{key}").status == 200
    assert [viewer.get(f"/companies/{key}/{page}").status for page in ("accounts", "merge")] == [403, 403]
    for path in ("link", "unlink", "match", "merge-into", "part"):
        assert viewer.post(f"/companies/{key}/{path}", {"account_id": "001", "into": str(key)}).status == 403


def test_a_page_of_one_company_asks_as_often_whatever_it_has(console: Console, acme: Caller) -> None:
    contacts(acme, *(person(number, company="Acme") for number in range(3)), person(90, company="B0"))
    key = key_of(acme, "name:acme")
    with writing(acme.parts.engine) as db:
        db.execute(t.company.update().where(t.company.c.key == "name:b0").values(merged_into="name:acme"))
    with counted_queries(console) as few:
        console.get(f"/companies/{key}")
    contacts(acme, *(person(number, company="Acme") for number in range(3, 33)))
    contacts(acme, *(person(100 + number, company=f"C{number}") for number in range(30)))
    with writing(acme.parts.engine) as db:
        merged = t.company.c.key.like("name:c%")
        db.execute(t.company.update().where(merged).values(merged_into="name:acme"))
    with counted_queries(console) as many:
        shown = console.get(f"/companies/{key}")
    assert len(many) == len(few)
    assert len(names(shown)) == 20
