"""Orgs, their secrets and tokens, and connections, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from contactsync.standin import RunningStandin
from contactsync.store import tables as t
from contactsync.store.engine import reading
from tests.cli.conftest import CommandLine

SALESFORCE = ("--instance-url", "https://acme.my.salesforce.com", "--client-id", "id")


def test_an_org_is_made_with_a_secret_and_a_token_that_are_shown_this_once(cli: CommandLine) -> None:
    made = cli.json("org", "add", "acme", "--name", "Acme Events")
    assert made["org"] == "acme"
    assert made["webhook_secret"].startswith("whsec_")
    assert made["api_token"]
    shown = cli.good("org", "show", "acme").stdout
    assert "Acme Events" in shown
    assert "contactsync connect acme" in shown
    listed = cli.json("org", "list")
    assert listed == [{"org": "acme", "name": "Acme Events", "target": None}]
    everything = shown + cli.good("org", "show", "acme", "--json").stdout
    assert made["webhook_secret"] not in everything
    assert made["api_token"] not in everything


def test_people_are_told_where_the_webhooks_go_and_what_comes_next(cli: CommandLine) -> None:
    said = cli.good("org", "add", "acme").stdout
    for expected in ("whsec_", "/webhooks/acme/contacts", "/webhooks/acme/meetings", "contactsync connect acme"):
        assert expected in said
    assert "nothing yet" in cli.good("org", "list").stdout


@pytest.mark.parametrize("slug", ["", "Acme Events", "acme/x", "ACME", "a" * 64, "../etc"])
def test_a_slug_that_could_not_stand_in_an_address_is_refused(cli: CommandLine, slug: str) -> None:
    assert "slug" in cli.refused("org", "add", "--", slug)
    assert cli.json("org", "list") == []


def test_an_org_that_is_there_is_not_made_again(acme: CommandLine) -> None:
    assert "acme" in acme.refused("org", "add", "acme")
    assert len(acme.json("org", "list")) == 1


def test_a_second_secret_is_made_and_the_first_revoked_after_an_overlap(acme: CommandLine) -> None:
    made = acme.json("org", "secret", "add", "acme", "--expires-in-days", "30")
    assert made["webhook_secret"].startswith("whsec_")
    first, second = acme.json("org", "secret", "list", "acme")
    assert (first["active"], second["active"], first["expires_at"]) == (True, True, None)
    assert second["expires_at"]
    said = acme.good("org", "secret", "revoke", "acme", str(first["id"]), "--in-hours", "24").stdout
    assert "24 more hours" in said
    assert acme.json("org", "secret", "list", "acme")[0]["active"]
    assert "revoked" in acme.good("org", "secret", "revoke", "acme", str(first["id"])).stdout
    assert [one["active"] for one in acme.json("org", "secret", "list", "acme")] == [False, True]
    assert "ended" in acme.good("org", "secret", "list", "acme").stdout


def test_a_token_is_made_labelled_listed_and_revoked(acme: CommandLine) -> None:
    made = acme.json("org", "token", "add", "acme", "--label", "reporting")
    assert made["api_token"] not in acme.good("org", "token", "list", "acme").stdout
    assert "reporting" in acme.good("org", "token", "list", "acme").stdout
    assert "revoked" in acme.good("org", "token", "revoke", "acme", str(made["id"])).stdout
    assert [one["active"] for one in acme.json("org", "token", "list", "acme")] == [True, False]
    assert made["api_token"] != acme.good("org", "token", "add", "acme").stdout


@pytest.mark.parametrize("kind", ["secret", "token"])
def test_what_another_org_has_or_nobody_has_cannot_be_revoked(acme: CommandLine, kind: str) -> None:
    acme.good("org", "add", "other")
    (theirs,) = acme.json("org", kind, "list", "other")
    assert str(theirs["id"]) in acme.refused("org", kind, "revoke", "acme", str(theirs["id"]))
    assert "4711" in acme.refused("org", kind, "revoke", "acme", "4711")
    assert acme.json("org", kind, "list", "other")[0]["active"]


@pytest.mark.parametrize(
    "command",
    [
        ("org", "secret", "revoke", "acme", "one"),
        ("org", "secret", "revoke", "acme", "1", "--in-hours", "-1"),
        ("org", "secret", "revoke", "acme", "1", "--in-hours", "nan"),
        ("org", "secret", "revoke", "acme", "1", "--in-hours", "1e300"),
        ("org", "secret", "revoke", "acme", "99999999999999999999"),
        ("org", "token", "revoke", "acme", "99999999999999999999"),
        ("org", "token", "add", "acme", "--expires-in-days", "0"),
        ("org", "add", "other", "--name", "x" * 300),
    ],
    ids=" ".join,
)
def test_malformed_numbers_and_endless_words_are_refused(acme: CommandLine, command: tuple[str, ...]) -> None:
    assert acme.refused(*command)


def test_an_org_is_connected_and_its_secret_is_neither_shown_nor_kept_in_plain(
    acme: CommandLine, standin: RunningStandin, engine_of: Engine
) -> None:
    said = acme.good(
        "connect", "acme", "--instance-url", standin.url, "--client-id", "id", "--client-secret", "secret"
    )  # fmt: skip
    assert said.stdout == "acme is connected to salesforce.\n"
    assert acme.json("org", "show", "acme")["connection"] == {
        "target": "salesforce", "instance_url": standin.url, "client_id": "id", "flow": "client_credentials",
    }  # fmt: skip
    assert standin.url in acme.good("org", "list").stdout
    assert standin.url in acme.good("org", "show", "acme").stdout
    with reading(engine_of) as db:
        assert "secret" not in str(db.execute(sa.select(t.connection.c.sealed_credentials)).scalar_one())


def test_a_secret_is_asked_for_so_that_it_stays_out_of_the_history(acme: CommandLine, standin: RunningStandin) -> None:
    said = acme.good(
        "connect", "acme", "--instance-url", standin.url, "--client-id", "id", "--client-secret", "-", given="secret\n"
    )  # fmt: skip
    assert "is connected" in said.stdout
    assert "secret\n" not in said.stdout.replace("Client secret", "")


def test_a_secret_that_the_crm_refuses_is_said_at_once_with_what_to_do(
    acme: CommandLine, standin: RunningStandin
) -> None:
    said = acme.good(
        "connect", "acme", "--instance-url", standin.url, "--client-id", "id", "--client-secret", "wr0ng"
    )  # fmt: skip
    assert said.stderr.strip()
    assert "wr0ng" not in said.output


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--client-secret", "s"), "instance_url"),
        (("--instance-url", "http://acme.my.salesforce.com", "--client-id", "id", "--client-secret", "s"), "https"),
        (("--instance-url", "nonsense", "--client-id", "id", "--client-secret", "s"), "instance_url"),
        (("--instance-url", "https://acme.my.salesforce.com", "--client-secret", "s"), "client_id"),
        (SALESFORCE, "client_secret"),
        ((*SALESFORCE, "--client-secret", "s", "--setting", "nonsense"), "NAME=VALUE"),
        ((*SALESFORCE, "--client-secret", "s", "--target", "hubspot"), "hubspot"),
        ((*SALESFORCE, "--username", "u", "--private-key", "/there/is/none.pem"), "none.pem"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_settings_are_named_and_nothing_is_connected(
    acme: CommandLine, options: tuple[str, ...], named: str
) -> None:
    assert named in acme.refused("connect", "acme", *options)
    assert acme.json("org", "show", "acme")["connection"] is None


def test_a_key_file_that_is_no_key_is_refused_without_showing_it(acme: CommandLine, tmp_path: Path) -> None:
    for number, content in enumerate((b"top-s3cret", b"\xff\xfe\x00")):
        key = tmp_path / f"{number}.pem"
        key.write_bytes(content)
        said = acme.refused("connect", "acme", *SALESFORCE, "--username", "u@acme.com", "--private-key", str(key))
        assert "private" in said
        assert "s3cret" not in said
