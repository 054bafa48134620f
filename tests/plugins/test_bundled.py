"""The plugins that come with contactsync, through the door that all plugins use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from contactsync_plugins.company_from_domain import CONTACTSYNC_OPTIONS, company_domain
from hypothesis import given
from hypothesis import strategies as st

from contactsync.api import Company, Contact, FieldRule, PluginBroken, WriteMode
from contactsync.config import Config, PluginsConfig
from contactsync.hooks import Plugins

BUNDLED = Plugins.load(Config(plugins=PluginsConfig(discover=False)))


def load(*names: str, **options: object) -> Plugins:
    paths = tuple(f"contactsync_plugins.{name}" for name in names)
    return Plugins.load(Config(plugins=PluginsConfig(paths, discover=False, options=options)))  # type: ignore[arg-type]


def contact(**fields: str) -> Contact:
    return Contact("1", fields)


def test_all_bundled_plugins_can_be_used() -> None:
    assert [(state.name, state.status, state.problem) for state in BUNDLED.listing()] == [
        ("salesforce", "loaded", None),
        ("toml_mappings", "loaded", None),
        ("owner_by_email", "loaded", None),
        ("company_from_domain", "loaded", None),
    ]
    assert BUNDLED.complaints(Config()) == ()


def test_importing_the_api_and_the_hooks_brings_no_framework_along() -> None:
    heavy = "flask marshmallow sqlalchemy alembic rq redis requests simple_salesforce publicsuffixlist"
    program = f"import sys, contactsync.api; print([name for name in '{heavy}'.split() if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ── owner ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_owner_is_the_user_with_the_owners_address_in_lower_case() -> None:
    owner = BUNDLED.choices(contact(owner_email=" Olga@Acme.Example ")).owner
    assert owner is not None
    assert owner.email == "olga@acme.example"
    assert "@" not in owner.why


@pytest.mark.parametrize("email", ["", "   "])
def test_a_blank_owner_is_no_owner(email: str) -> None:
    assert BUNDLED.choices(contact(owner_email=email)).owner is None
    assert BUNDLED.choices(contact()).owner is None


# ── company ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "source", ["leads_inbox", "Leads Inbox", "LEADS-INBOX", "lead capture", "LeadCapture", "Captured", "badge_scan"]
)
def test_a_captured_contact_gets_the_company_of_its_domain(source: str) -> None:
    choice = BUNDLED.choices(contact(email="Ada@Mail.Acme.co.uk", source=source)).company
    assert choice is not None
    assert choice.company == Company(key="name:acme co uk", name="acme.co.uk", domain="acme.co.uk")
    assert "acme" not in choice.why.lower()


@pytest.mark.parametrize("source", ["", "import", "registration form", "leads"])
def test_a_contact_that_was_not_captured_gets_none(source: str) -> None:
    assert BUNDLED.choices(contact(email="ada@acme.example", source=source)).company is None


def test_a_company_of_its_own_is_kept() -> None:
    ada = Contact("1", {"email": "ada@acme.com", "source": "captured"}, company=Company("name:engines", "Engines"))
    assert BUNDLED.choices(ada).company is None


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("ada@acme.com", "acme.com"),
        ("ada@acme.com.", "acme.com"),
        ("ada@sales.eu.acme.de", "acme.de"),
        ("ada@acme.co.uk", "acme.co.uk"),
        ("ada@acme.uk.com", "acme.uk.com"),
        ("ada@münchen.de", "münchen.de"),
        ("ada@xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        # free mail, and whatever stands below it
        ("ada@gmail.com", None),
        ("ada@googlemail.com", None),
        ("ada@hotmail.co.uk", None),
        ("ada@yahoo.co.jp", None),
        ("ada@web.de", None),
        ("ada@anything.gmail.com", None),
        ("ada@mailinator.com", None),
        # many companies share it
        ("ada@acme.onmicrosoft.com", None),
        ("ada@privaterelay.appleid.com", None),
        # no domain that anybody can register
        ("ada@co.uk", None),
        ("ada@localhost", None),
        ("ada@printer.local", None),
        ("ada@192.168.1.1", None),
        ("ada@[192.168.1.1]", None),
        ("ada@", None),
        ("ada@.com", None),
        ("ada@acme..com", None),
        ("ada@-acme.com", None),
        ("", None),
    ],
)
def test_the_company_domain_is_the_registrable_one_and_never_free_mail(email: str, domain: str | None) -> None:
    assert company_domain(email, CONTACTSYNC_OPTIONS["shared_domains"]) == domain


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_address_however_odd_breaks_it(local: str, host: str) -> None:
    domain = company_domain(f"{local}@{host}")
    assert domain is None or ("." in domain and host.rstrip(". ").lower().strip().endswith(domain))


def test_an_operator_names_the_sources_and_the_shared_domains() -> None:
    plugins = load(
        "company_from_domain",
        company_from_domain={"captured_sources": ["Scanner 9"], "shared_domains": ["partners.example"]},
    )
    acme = contact(email="ada@acme.com", source="scanner-9")
    assert plugins.choices(acme).company is not None
    assert plugins.choices(contact(email="ada@acme.com", source="captured")).company is None
    assert plugins.choices(contact(email="ada@eu.partners.example", source="scanner 9")).company is None


# ── mappings ───────────────────────────────────────────────────────────────────────────────────────────────────────

MINE = """
[lead]
rules = [
  { source = "last_name", target = "LastName" },
  { source = "email", target = "Email" },
  { source = "company", target = "Company" },
  { source = "custom.shoe_size", target = "Shoe_Size__c", mode = "if_empty", values = { "9" = "nine" }, default = "?" },
]
[contact]
rules = [{ source = "last_name", target = "LastName" }, { source = "email", target = "Email", clear = false }]
[account]
rules = [{ source = "name", target = "Name", mode = "on_create" }]
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    folder = tmp_path / "mappings"
    folder.mkdir()
    return folder


def mappings(directory: Path) -> Plugins:
    return load("toml_mappings", toml_mappings={"directory": str(directory)})


def test_the_mapping_for_salesforce_comes_along() -> None:
    mapping = load("toml_mappings").mapping("salesforce")
    assert FieldRule("mobile_phone", "MobilePhone") in mapping.rules["lead"]
    assert {rule.source for rule in mapping.rules["contact"] if not rule.on} >= {"website", "social.linkedin"}
    assert all(rule.mode is WriteMode.ON_CREATE for rule in mapping.rules["account"])


def test_every_file_of_the_operators_directory_is_a_mapping_by_its_name(directory: Path) -> None:
    (directory / "mine.toml").write_text(MINE)
    (directory / "notes.txt").write_text("not a mapping")
    plugins = mappings(directory)
    assert plugins.listing()[0].provides == ("mapping salesforce", "mapping mine")
    assert plugins.mapping("mine").rules["lead"][3] == FieldRule(
        "custom.shoe_size", "Shoe_Size__c", WriteMode.IF_EMPTY, values={"9": "nine"}, default="?"
    )


def test_a_file_from_before_there_were_meetings_has_the_bundled_rules_for_them(directory: Path) -> None:
    (directory / "mine.toml").write_text(MINE + '[campaign]\nrules = [{ source = "name", target = "Name" }]\n')
    plugins = mappings(directory)
    mine, bundled = plugins.mapping("mine").rules, plugins.mapping("salesforce").rules
    assert mine["meeting"] == bundled["meeting"]
    assert mine["campaign"] == (FieldRule("name", "Name"),)


def test_a_file_of_the_operator_replaces_the_bundled_one_of_its_name(directory: Path) -> None:
    (directory / "salesforce.toml").write_text(MINE)
    assert len(mappings(directory).mapping("salesforce").rules["lead"]) == 4


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (MINE.replace('mode = "if_empty"', 'mode = "sometimes"'), "lead.rules.3.mode: Write one of: always"),
        (MINE.replace("custom.shoe_size", "shoe_size"), "lead.rules.3.source: There is no “shoe_size” for lead"),
        (MINE.replace("[account]", "[acount]"), "acount: no such kind; a mapping has lead, contact, account"),
        (MINE.replace("[account]", "[other]"), "account.rules: Write"),
        (MINE.replace("clear = false", "cleer = false"), "contact.rules.1.cleer: There is no such key"),
        ("[lead", "is not TOML"),
    ],
)
def test_a_wrong_file_is_named_with_the_path_of_what_is_wrong(directory: Path, text: str, says: str) -> None:
    (directory / "mine.toml").write_text(text)
    with pytest.raises(PluginBroken) as caught:
        mappings(directory).mapping("mine")
    assert f"{directory}/mine.toml" in str(caught.value)
    assert says in str(caught.value)
    assert "contactsync 0" in str(caught.value)


def test_everything_wrong_in_a_file_is_said_at_once(directory: Path) -> None:
    (directory / "mine.toml").write_text(
        MINE.replace('"if_empty"', '"sometimes"').replace('mode = "on_create"', "x = 1")
    )
    problem = mappings(directory).listing()[0].problem or ""
    assert "lead.rules.3.mode" in problem and "account.rules.0.x" in problem


def test_a_file_that_is_not_text_is_named(directory: Path) -> None:
    (directory / "mine.toml").write_bytes(b"\xff\xfe")
    assert "mine.toml cannot be read: UnicodeDecodeError" in (mappings(directory).listing()[0].problem or "")


def test_a_directory_that_is_not_there_is_named_with_its_option(tmp_path: Path) -> None:
    problem = mappings(tmp_path / "gone").listing()[0].problem or ""
    assert problem == f"plugins.options.toml_mappings.directory: there is no directory {tmp_path}/gone"


def test_a_file_whose_name_cannot_be_a_mappings_name_is_refused(directory: Path) -> None:
    (directory / "My Mapping.toml").write_text(MINE)
    assert mappings(directory).listing()[0].status == "broken"
