"""Another CRM, another owner, another mapping: each swapped by configuration alone, end to end through the real sync."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contactsync.config import Config
from contactsync.domain.batch import Plan
from contactsync.hooks import Plugins
from contactsync.settings import Settings
from contactsync.store import orgs
from contactsync.store.engine import open_engine, writing
from contactsync.store.vault import Vault
from contactsync.sync import actions
from contactsync.sync.parts import Parts
from contactsync.sync.targets import Targets
from tests.plugins.conftest import Shelf
from tests.sync.conftest import Clock, Rung, World, ada

GIVEN = (
    {
        "kind": "User",
        "id": "u-olga",
        "at": "2026-01-01T00:00:00Z",
        "fields": {"Name": "Olga", "Email": "olga@x.example"},
    },
    {"kind": "User", "id": "u-dach", "at": "2026-01-01T00:00:00Z", "fields": {"Name": "D", "Email": "dach@x.example"}},
    {
        "kind": "Campaign",
        "id": "c-expo",
        "at": "2026-01-01T00:00:00Z",
        "fields": {"Name": "Expo", "statuses": ["Sent", "Responded"]},
    },
)

JSON_LINES = """
[plugins]
discover = false
load = [{more} "contactsync_plugins.toml_mappings", "contactsync_plugins.owner_by_email",
        "contactsync_plugins.company_from_domain", "contactsync_plugins.jsonl_target"]
[sync.mappings]
jsonl = "{mapping}"
"""


@pytest.fixture
def world_of(sqlite_url: str, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """An org whose CRM is a file of JSON lines, under the given configuration."""
    engine = open_engine(sqlite_url)

    def made(more: str = "", mapping: str = "salesforce") -> World:
        config = Config.parse(JSON_LINES.format(more=more, mapping=mapping))
        settings = Settings(sqlite_url, None, ("a key that is long enough",), tmp_path, config=config)
        vault, plugins, clock = Vault(settings.secret_keys), Plugins.load(config), Clock()
        parts = Parts(settings, engine, vault, plugins, Rung(), Targets(engine, vault, plugins), clock)
        with writing(engine) as db:
            found = orgs.find_org(db, "acme") or orgs.add_org(db, "acme", "Acme Events", clock())
        return World(parts, found.id, clock)

    yield made
    engine.dispose()


@pytest.fixture
def crm(tmp_path: Path) -> Path:
    """The directory of the CRM."""
    directory = tmp_path / "crm"
    directory.mkdir()
    (directory / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in GIVEN))
    return directory


def connect(world: World, crm: Path) -> World:
    actions.connect(world.parts, world.org_id, "jsonl", {"directory": str(crm)}, {})
    return world


def records(crm: Path, kind: str) -> list[dict[str, Any]]:
    """The records of a kind, as their lines add up."""
    found: dict[str, dict[str, Any]] = {}
    for line in filter(None, (crm / "records.jsonl").read_text().split("\n")):
        said = json.loads(line)
        if said["kind"] == kind:
            found.setdefault(said["id"], {}).update(said["fields"])
    return list(found.values())


def test_another_crm_gets_people_companies_owners_and_memberships(world_of: Callable[..., World], crm: Path) -> None:
    world = connect(world_of(), crm)
    actions.connect_event(world.parts, world.org_id, "e-1", "c-expo")
    olga = {"owner_email": "Olga@x.example", "events": [{"id": "e-1", "status": "attended"}]}
    world.contact(ada(**olga), ada(id="c-2", email="charles@engines.example", sync_as="contact", **olga))
    world.sync()
    (lead,), (contact,), (account,) = (records(crm, kind) for kind in ("Lead", "Contact", "Account"))
    assert (lead["Email"], lead["Company"], lead["OwnerId"]) == ("ada@engines.example", "Engines", "u-olga")
    assert (account["Name"], contact["OwnerId"]) == ("Engines", "u-olga")
    members = [(each["campaign"], each["status"], each["person"]) for each in records(crm, "CampaignMember")]
    assert members == [("c-expo", "Responded", world.row(each).crm_id) for each in ("c-1", "c-2")]
    row = world.row("c-1")
    assert (row.status, row.crm_kind) == ("synced", "Lead")


def test_another_crm_is_updated_and_never_written_twice(world_of: Callable[..., World], crm: Path) -> None:
    world = connect(world_of(), crm)
    world.contact(ada())
    world.sync()
    before = (crm / "records.jsonl").read_bytes()
    world.clock.forward(minutes=1)
    world.contact(ada())
    world.sync()
    assert (crm / "records.jsonl").read_bytes() == before
    world.clock.forward(minutes=1)
    world.contact(ada(title="Countess"))
    world.sync()
    (lead,) = records(crm, "Lead")
    assert lead["Title"] == "Countess"


TERRITORIES = """
    from contactsync.api import OwnerChoice, hookimpl

    @hookimpl
    def contactsync_owner(contact):
        if contact.text("address.country") == "DE":
            return OwnerChoice("dach@x.example", why="Owner: Germany has a team.")
"""


def test_another_owner_resolution_decides_before_the_bundled_one(
    world_of: Callable[..., World], crm: Path, shelf: Shelf
) -> None:
    shelf.write("territories", TERRITORIES)
    world = connect(world_of(more='"territories",'), crm)
    owner = {"owner_email": "olga@x.example"}
    world.contact(ada(**owner, address={"country": "DE"}), ada(id="c-2", email="b@engines.example", **owner))
    world.sync()
    assert [each["OwnerId"] for each in records(crm, "Lead")] == ["u-dach", "u-olga"]
    assert "Owner: Germany has a team." in world.row("c-1").why


MAPPING = """
    from contactsync.api import FieldMapping, FieldRule, NamedMapping, hookimpl

    PERSON = (
        FieldRule("last_name", "LastName"),
        FieldRule("email", "Email"),
        FieldRule("custom.shoe_size", "Shoe_Size__c", values={"9": "nine"}),
    )
    RULES = {
        "lead": (*PERSON, FieldRule("company", "Company")),
        "contact": PERSON,
        "account": (FieldRule("name", "Name"),),
    }

    @hookimpl
    def contactsync_mappings():
        return [NamedMapping("shoes", FieldMapping(RULES))]
"""


def test_another_mapping_writes_other_fields(world_of: Callable[..., World], crm: Path, shelf: Shelf) -> None:
    shelf.write("shoes", MAPPING)
    world = connect(world_of(more='"shoes",', mapping="shoes"), crm)
    world.contact(ada(title="Countess", custom={"shoe_size": "9"}))
    world.sync()
    assert records(crm, "Lead") == [
        {"LastName": "Lovelace", "Email": "ada@engines.example", "Shoe_Size__c": "nine", "Company": "Engines"}
    ]


def test_a_captured_lead_gets_its_company_and_says_why(world_of: Callable[..., World], crm: Path) -> None:
    world = connect(world_of(), crm)
    captured = {**ada(email="ada@sales.engines.co.uk", source="Leads Inbox"), "company": None}
    world.contact(captured, {**captured, "id": "c-2", "email": "ada@gmail.com"})
    world.sync()
    assert [each["Company"] for each in records(crm, "Lead")] == ["engines.co.uk"]
    assert any("e-mail domain" in line for line in world.row("c-1").why)
    free_mail = world.row("c-2")
    assert (free_mail.status, free_mail.missing) == ("incomplete", ["company"])


def test_a_preview_asks_the_same_plugins(world_of: Callable[..., World], crm: Path, shelf: Shelf) -> None:
    shelf.write("territories", TERRITORIES)
    world = connect(world_of(more='"territories",'), crm)
    world.contact(ada(address={"country": "DE"}))
    world.sync()
    world.contact(ada(address={"country": "DE"}, title="Countess"))
    plan = actions.preview(world.parts, world.org_id, "c-1")
    assert isinstance(plan, Plan)
    assert "Owner: Germany has a team." in plan.contacts["c-1"].why


FAILING = """
    from contactsync.api import hookimpl

    @hookimpl
    def contactsync_owner(contact):
        raise ValueError(contact.email)
"""


def test_a_plugin_that_fails_holds_its_contacts_by_name_until_it_is_mended(
    world_of: Callable[..., World], crm: Path, shelf: Shelf
) -> None:
    shelf.write("territories", FAILING)
    world = connect(world_of(more='"territories",'), crm)
    world.contact(ada())
    world.sync()
    row = world.row("c-1")
    assert (row.status, row.problem["code"]) == ("needs_attention", "plugin_broken")
    assert "the plugin territories (territories) failed in contactsync_owner: ValueError" in row.problem["cause"]
    assert "ada@" not in json.dumps(row.problem)
    assert records(crm, "Lead") == []
    mended = world_of()
    actions.sync_now(mended.parts, mended.org_id, "c-1")
    mended.sync()
    assert len(records(crm, "Lead")) == 1


OBSERVER = """
    from contactsync.api import hookimpl

    runs = []

    @hookimpl
    def contactsync_run_finished(run):
        runs.append(run)
        raise ValueError("this observer always fails")
"""


def test_an_observer_that_fails_undoes_nothing(world_of: Callable[..., World], crm: Path, shelf: Shelf) -> None:
    shelf.write("watcher", OBSERVER)
    world = connect(world_of(more='"watcher",'), crm)
    world.contact(ada(), ada(id="c-2", email="charles@engines.example"))
    world.sync()
    assert len(records(crm, "Lead")) == 2
    assert {world.row(each).status for each in ("c-1", "c-2")} == {"synced"}
    runs = shelf.module("watcher").runs
    assert [(run.org, run.contact_id, run.outcome, len(run.steps), run.results[0].ok) for run in runs] == [
        ("acme", "c-1", "synced", 1, True),
        ("acme", "c-2", "synced", 1, True),
    ]


def test_a_broken_plugin_that_nobody_needs_stops_nothing(
    world_of: Callable[..., World], crm: Path, shelf: Shelf
) -> None:
    shelf.write("acme_crm", "import not_installed_anywhere\ndef contactsync_targets(): ...")
    world = connect(world_of(more='"acme_crm", "no_such_module",'), crm)
    world.contact(ada())
    world.sync()
    assert world.row("c-1").status == "synced"
    assert [state.name for state in world.parts.plugins.listing() if state.status == "broken"] == [
        "acme_crm",
        "no_such_module",
    ]
