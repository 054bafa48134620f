"""Settings from the environment."""

from __future__ import annotations

import multiprocessing
import re
import stat
from pathlib import Path

import pytest

import contactsync.settings
from contactsync.domain.errors import Misconfigured
from contactsync.settings import Settings

KEY = "sixteen letters."


def settings(tmp_path: Path, **environ: str) -> Settings:
    return Settings.from_environment({"CONTACTSYNC_VAR": str(tmp_path / "var"), **environ})


def test_an_empty_environment_is_enough(tmp_path: Path) -> None:
    made = settings(tmp_path)
    assert made.database_url == f"sqlite:///{tmp_path}/var/contactsync.db"
    assert made.redis_url is None
    assert (made.port, made.web_concurrency) == (8000, None)
    assert made.config == type(made.config)()


def test_var_is_the_checkouts_own_when_we_run_from_one() -> None:
    made = Settings.from_environment({"CONTACTSYNC_SECRET_KEYS": KEY})
    checkout = Path(contactsync.settings.__file__).parent.parent
    assert made.var == checkout / "var"


def test_a_relative_var_stays_where_the_process_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = Settings.from_environment({"CONTACTSYNC_VAR": "here", "CONTACTSYNC_SECRET_KEYS": KEY})
    assert made.var == tmp_path / "here"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_a_postgres_url_ends_with_the_driver_that_we_bring(tmp_path: Path, scheme: str) -> None:
    made = settings(tmp_path, DATABASE_URL=f"{scheme}://u:p@h:5432/d?sslmode=require", CONTACTSYNC_SECRET_KEYS=KEY)
    assert made.database_url == "postgresql+psycopg://u:p@h:5432/d?sslmode=require"


@pytest.mark.parametrize("url", ["redis://h:6379/0", "rediss://:hush@h:6380", "unix:///run/redis.sock"])
def test_a_redis_url_is_carried_as_it_is(tmp_path: Path, url: str) -> None:
    assert settings(tmp_path, REDIS_URL=url).redis_url == url


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://root:hush-hush@h/d"),
        ("DATABASE_URL", "hush-hush"),
        ("REDIS_URL", "http://hush-hush@h"),
        ("PORT", "hush-hush"),
        ("PORT", "70000"),
        ("PORT", "-1"),
        ("PORT", "0"),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_CONCURRENCY", "2.5"),
        ("CONTACTSYNC_SECRET_KEYS", "hush-hush"),
        ("CONTACTSYNC_SECRET_KEYS", f"{KEY},"),
        ("CONTACTSYNC_SECRET_KEYS", f"{KEY},{KEY}"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name_and_its_value_is_not_repeated(
    tmp_path: Path, variable: str, value: str
) -> None:
    with pytest.raises(Misconfigured, match=f"^{variable}") as caught:
        settings(tmp_path, **{variable: value})
    assert "hush-hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("CONTACTSYNC_SECRET_KEY", "CONTACTSYNC_SECRET_KEYS"),
        ("CONTACTSYNC_CONFG", "CONTACTSYNC_CONFIG"),
        ("CONTACTSYNC_METRICS_TOKENS", "CONTACTSYNC_METRICS_TOKEN"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_one_that_is_meant(tmp_path: Path, misspelt: str, meant: str) -> None:
    with pytest.raises(Misconfigured, match=f"^{misspelt} is not known: did you mean {meant}") as caught:
        settings(tmp_path, **{misspelt: "hush-hush hush-hush"})
    assert "hush" not in str(caught.value)
    assert not (tmp_path / "var").exists()


def test_a_variable_of_somebody_elses_is_none_of_our_business(tmp_path: Path) -> None:
    assert settings(tmp_path, CONTACTSYNC_TEST_POSTGRES="x", SECRET_KEYS="y") == settings(tmp_path)


def test_every_variable_of_ours_that_is_read_is_known() -> None:
    source = Path(contactsync.settings.__file__).read_text("utf-8")
    assert set(re.findall(r'said(?:\.get\(|, )"(CONTACTSYNC_\w+)"', source)) == set(contactsync.settings.VARIABLES)


def test_a_blank_variable_is_an_absent_one(tmp_path: Path) -> None:
    made = settings(tmp_path, DATABASE_URL=" ", REDIS_URL="", PORT="", CONTACTSYNC_CONFIG="", WEB_CONCURRENCY=" ")
    assert made == settings(tmp_path)


def test_keys_are_told_apart_by_commas_and_the_first_one_writes(tmp_path: Path) -> None:
    made = settings(tmp_path, CONTACTSYNC_SECRET_KEYS=f" {KEY}new , {KEY}old ")
    assert made.secret_keys == (f"{KEY}new", f"{KEY}old")


def test_postgres_without_keys_is_refused_with_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"CONTACTSYNC_SECRET_KEYS is missing.*openssl rand"):
        settings(tmp_path, DATABASE_URL="postgres://h/d")
    assert not (tmp_path / "var" / "secret.key").exists()


def test_with_sqlite_the_key_is_made_once_for_this_user_alone(tmp_path: Path) -> None:
    first, second = settings(tmp_path), settings(tmp_path)
    file = tmp_path / "var" / "secret.key"
    assert first.secret_keys == second.secret_keys == (file.read_text().strip(),)
    assert len(first.secret_keys[0]) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["secret.key"]


def _key_of(var: str) -> tuple[str, ...]:
    return Settings.from_environment({"CONTACTSYNC_VAR": var}).secret_keys


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(_key_of, [str(tmp_path / "var")] * 16)
    assert len(set(keys)) == 1


def test_a_damaged_key_file_is_named_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "secret.key").write_text("short")
    with pytest.raises(Misconfigured, match=r"secret\.key is damaged"):
        settings(tmp_path)


def test_a_var_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    with pytest.raises(Misconfigured, match=r"secret\.key cannot be read or made"):
        settings(tmp_path)


def test_settings_do_not_show_their_secrets(tmp_path: Path) -> None:
    made = settings(
        tmp_path,
        DATABASE_URL="postgres://u:hush-hush@h/d",
        REDIS_URL="rediss://:hush-hush@h:1",
        CONTACTSYNC_SECRET_KEYS="hush-hush hush-hush",
    )
    assert not re.search("hush", repr(made))


def test_the_configuration_comes_from_the_file_that_the_variable_names(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[sync]\nbatch_size = 3\n")
    made = settings(tmp_path, CONTACTSYNC_CONFIG=str(file), CONTACTSYNC_INTAKE_MAX_BYTES="2048")
    assert (made.config.sync.batch_size, made.config.intake.max_bytes) == (3, 2048)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://contactsync.example.com", "https://contactsync.example.com"),
        ("https://contactsync.example.com/", "https://contactsync.example.com"),
        ("https://Contactsync.Example.com:8443/under/", "https://contactsync.example.com:8443/under"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_base_url_is_where_browsers_find_the_web_process(tmp_path: Path, url: str, kept: str) -> None:
    assert settings(tmp_path, CONTACTSYNC_BASE_URL=url).base_url == kept


@pytest.mark.parametrize(
    "url",
    [
        "contactsync.example.com",
        "http://contactsync.example.com",
        "http://localhost.evil.example",
        "https://user:hush-hush@contactsync.example.com",
        "https://contactsync.example.com/?next=hush-hush",
        "https://contactsync.example.com#hush-hush",
        "https://contactsync.example.com\\@evil.example",
        "https://contactsync.example.com:port",
        "https://",
        "javascript:alert(1)",
        "https://cöntactsync.example.com",
    ],
)
def test_a_base_url_that_a_sign_in_must_not_lead_back_to_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(Misconfigured, match="CONTACTSYNC_BASE_URL") as caught:
        settings(tmp_path, CONTACTSYNC_BASE_URL=url)
    assert "hush" not in str(caught.value)


def test_without_a_base_url_there_is_none(tmp_path: Path) -> None:
    assert settings(tmp_path).base_url is None


OIDC = {
    "CONTACTSYNC_OIDC_ISSUER": "https://login.example.com/realms/acme",
    "CONTACTSYNC_OIDC_CLIENT_ID": "contactsync",
    "CONTACTSYNC_OIDC_CLIENT_SECRET": "hush-hush",
}


def test_a_provider_to_sign_in_at_is_said_whole_or_not_at_all(tmp_path: Path) -> None:
    assert settings(tmp_path).oidc is None
    made = settings(tmp_path, **OIDC)
    assert made.oidc is not None
    assert made.oidc.issuer == OIDC["CONTACTSYNC_OIDC_ISSUER"]
    assert "hush" not in repr(made)
    for name in OIDC:
        with pytest.raises(Misconfigured, match=f"{name} is missing") as caught:
            settings(tmp_path, **{other: value for other, value in OIDC.items() if other != name})
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "issuer",
    ["login.example.com", "http://login.example.com", "https://", "https://u:p@login.example.com", "https://x:port/"],
)
def test_a_provider_without_https_is_refused(tmp_path: Path, issuer: str) -> None:
    with pytest.raises(Misconfigured, match="CONTACTSYNC_OIDC_ISSUER must be"):
        settings(tmp_path, **OIDC | {"CONTACTSYNC_OIDC_ISSUER": issuer})
