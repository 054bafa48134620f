"""The configuration file: defaults, ranges, hints, overrides, and no secrets."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.config import Config, IntakeConfig, PluginsConfig, SyncConfig
from contactsync.domain.errors import Misconfigured


def refusal(text: str, **environ: str) -> str:
    with pytest.raises(Misconfigured) as caught:
        Config.parse(text, "my.toml", environ)
    return str(caught.value)


def test_the_packaged_file_says_exactly_the_defaults() -> None:
    assert Config.read() == Config()


def test_the_packaged_file_names_and_explains_every_key() -> None:
    text = files("contactsync_config").joinpath("contactsync.toml").read_text("utf-8")
    document = tomllib.loads(text)
    for section, kind in (("plugins", PluginsConfig), ("sync", SyncConfig), ("intake", IntakeConfig)):
        assert set(document[section]) | {"options"} >= {each.name for each in fields(kind)}, section
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if " = " in line and line[0].isalpha():
            assert "#" in line or lines[number - 1].startswith("#"), f"nothing explains {line}"


def test_the_packaged_file_says_the_range_of_every_number() -> None:
    text = files("contactsync_config").joinpath("contactsync.toml").read_text("utf-8")
    for each in (*fields(SyncConfig), *fields(IntakeConfig)):
        if "least" in each.metadata:
            (line,) = [line for line in text.splitlines() if line.startswith(f"{each.name} = ")]
            ranges = f"{each.metadata['least']} to {each.metadata['most']}"
            assert line.endswith(ranges) or (each.metadata["least"] == 0 and "0 = no limit" in line), line


def test_a_file_changes_only_what_it_names() -> None:
    config = Config.parse("[sync]\nbatch_size = 7\n[sync.mappings]\nacme = 'special'\n[intake]\nmax_per_second = 20\n")
    assert config.sync == SyncConfig(batch_size=7, mappings={"acme": "special"})
    assert config.intake == IntakeConfig(max_per_second=20.0)
    assert config.plugins == PluginsConfig()


def test_a_target_without_a_line_uses_the_mapping_of_its_own_name() -> None:
    sync = SyncConfig(mappings={"acme": "special"})
    assert (sync.mapping_for("acme"), sync.mapping_for("salesforce")) == ("special", "salesforce")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[sync]\nlease_secnds = 3", "sync.lease_secnds is not known: did you mean lease_seconds?"),
        ("[snyc]", "[snyc] is not known: did you mean sync?"),
        ("sync = 3", "sync is a number: write it as a table, [sync]"),
        ("[sync]\nbatch_size = 0", "sync.batch_size is 0: write a whole number from 1 to 10000"),
        ("[sync]\nbatch_size = 3.5", "sync.batch_size is 3.5: write a whole number from 1 to 10000"),
        ("[sync]\nbatch_size = true", "sync.batch_size is true or false: write a whole number"),
        ("[sync]\nbatch_size = 'many'", "sync.batch_size is text: write a whole number"),
        ("[sync]\nclock_seconds = nan", "sync.clock_seconds is nan: write a number from 0.1 to 300"),
        ("[sync]\nclock_seconds = inf", "sync.clock_seconds is inf: write a number"),
        ("[intake]\nmax_bytes = 1", "intake.max_bytes is 1: write a whole number from 1024 to 16777216"),
        ("[sync]\nretry_first_seconds = 90\nretry_most_seconds = 5", "sync.retry_most_seconds is less than"),
        ("[sync.mappings]\nacme = 5", "sync.mappings.acme is a number: write a name in quotes"),
        ("[plugins]\nload = 'acme'", 'plugins.load is text: write a list of names, as ["one", "two"]'),
        ("[plugins]\nload = ['']", "plugins.load is a list: write a list of names"),
        ("[plugins]\nload = ['acme', 'acme']", "plugins.load names acme twice"),
        ("[plugins]\ndiscover = 1", "plugins.discover is a number: write true or false"),
        ("[plugins.options]\nacme = 1", "plugins.options.acme is a number: write it as a table"),
        ("[sync\n", "my.toml is not TOML"),
    ],
)
def test_what_is_wrong_is_refused_with_the_file_its_path_and_what_to_write(text: str, says: str) -> None:
    message = refusal(text)
    assert says in message
    assert message.startswith("my.toml")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("[plugins.options.acme]\nclient_secret = 'x'", "plugins.options.acme.client_secret"),
        ("[plugins.options.acme]\napiKey = 'x'", "plugins.options.acme.apiKey"),
        ("[plugins.options.acme]\nprivate-key = 'x'", "plugins.options.acme.private-key"),
        ("[plugins.options.acme.deep]\nPASSWORD = 'x'", "plugins.options.acme.deep.PASSWORD"),
        ("[sync]\nsecret_keys = 'x'", "sync.secret_keys"),
        ("[plugins.options.acme]\nurl = 'https://user:hush-hush@acme.example'", "plugins.options.acme.url"),
        ("[plugins.options.acme]\nsign = 'whsec_hush-hush'", "plugins.options.acme.sign"),
        ("[plugins.options.acme]\npem = ['-----BEGIN hush-hush']", "plugins.options.acme.pem.0"),
    ],
)
def test_what_looks_like_a_secret_is_refused_without_being_repeated(text: str, path: str) -> None:
    message = refusal(text)
    assert f"{path} looks like a secret" in message
    assert "hush-hush" not in message


@pytest.mark.parametrize("text", ["tokenizer = 'a'", "keyboard = 'b'", "url = 'https://acme.example/a:b@c'"])
def test_what_only_resembles_a_secret_passes(text: str) -> None:
    config = Config.parse(f"[plugins.options.acme]\n{text}")
    assert config.plugins.options["acme"]


def test_every_number_may_come_from_the_environment() -> None:
    for section, kind in (("sync", SyncConfig), ("intake", IntakeConfig)):
        for each in fields(kind):
            if "least" not in each.metadata:
                continue
            variable = f"CONTACTSYNC_{section.upper()}_{each.name.upper()}"
            most = each.metadata["most"]
            config = Config.parse("", environ={variable: f" {most} "})
            assert getattr(getattr(config, section), each.name) == most, variable


def test_the_environment_goes_before_the_file() -> None:
    config = Config.parse("[sync]\nlease_seconds = 30", environ={"CONTACTSYNC_SYNC_LEASE_SECONDS": "2.5"})
    assert config.sync.lease_seconds == 2.5


def test_a_misspelt_variable_is_refused_with_a_hint() -> None:
    message = refusal("", CONTACTSYNC_SYNC_LEASE_SECOND="3")
    assert message.startswith("CONTACTSYNC_SYNC_LEASE_SECOND names no number of [sync]: did you mean LEASE_SECONDS?")


@pytest.mark.parametrize("value", ["soon", "0", "1e9", "", "nan"])
def test_a_variable_out_of_range_is_refused_by_its_name(value: str) -> None:
    assert refusal("", CONTACTSYNC_SYNC_LEASE_SECONDS=value).startswith("CONTACTSYNC_SYNC_LEASE_SECONDS is ")


def test_tables_do_not_come_from_the_environment() -> None:
    assert "names no number of [sync]" in refusal("", CONTACTSYNC_SYNC_MAPPINGS="a=b")


def test_a_file_that_is_not_there_is_named_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"gone\.toml cannot be read \(FileNotFoundError\).*CONTACTSYNC_CONFIG"):
        Config.read(tmp_path / "gone.toml")


SCALARS = st.one_of(st.booleans(), st.integers(-(10**12), 10**12), st.floats(), st.text(max_size=5))


@given(key=st.sampled_from([each.name for each in fields(SyncConfig) if "least" in each.metadata]), value=SCALARS)
def test_a_number_is_taken_within_its_range_or_refused_never_worse(key: str, value: object) -> None:
    written = {True: "true", False: "false"}[value] if isinstance(value, bool) else value
    text = "'" + "".join(filter(str.isalnum, value)) + "'" if isinstance(value, str) else str(written)
    try:
        config = Config.parse(f"[sync]\n{key} = {text}\n")
    except Misconfigured:
        return
    limits = SyncConfig.__dataclass_fields__[key].metadata
    assert limits["least"] <= getattr(config.sync, key) <= limits["most"]
