"""What Heroku and gunicorn are told: the Procfile's commands exist, app.json names what is there."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest

from contactsync.cli import main
from contactsync.redis_server import RemoteRedis, find_redis
from contactsync.settings import Settings
from contactsync.web.server import DEFAULT_WORKERS, server_options

ROOT = Path(__file__).parents[2]
KEY = {"CONTACTSYNC_SECRET_KEYS": "a key for tests only"}
HEROKU = {
    **KEY,
    "DYNO": "web.1",
    "PORT": "31337",
    "DATABASE_URL": "postgres://u:p@ec2.compute.amazonaws.com:5432/d",
    "REDIS_URL": "rediss://:p@ec2.compute.amazonaws.com:6380",
}


def procfile() -> dict[str, list[str]]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: shlex.split(command) for name, _, command in (line.partition(":") for line in lines if line)}


def app_json() -> dict[str, object]:
    return json.loads((ROOT / "app.json").read_text())


@pytest.mark.parametrize("process", ["release", "web", "worker", "clock"])
def test_each_process_of_the_procfile_is_a_command_that_exists(process: str) -> None:
    program, *words = procfile()[process]
    assert program == "contactsync"
    command: click.Command = main
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None, f"contactsync {' '.join(words)}: there is no {word!r}"
        command = found
    assert not isinstance(command, click.Group)


def test_app_json_forms_the_processes_of_the_procfile() -> None:
    formation = app_json()["formation"]
    assert set(formation) == set(procfile()) - {"release"}
    assert all(size["quantity"] == 1 for size in formation.values())


def test_app_json_brings_what_every_process_needs() -> None:
    app = app_json()
    assert {addon["plan"].partition(":")[0] for addon in app["addons"]} == {"heroku-postgresql", "heroku-redis"}
    assert [buildpack["url"] for buildpack in app["buildpacks"]] == ["heroku/python"]
    assert app["env"]["CONTACTSYNC_SECRET_KEYS"]["generator"] == "secret"


def test_app_json_sets_no_variable_that_nobody_reads() -> None:
    reads = (ROOT / "contactsync" / "settings.py").read_text("utf-8")
    assert [name for name in app_json()["env"] if f'"{name}"' not in reads] == []


def test_python_is_the_one_that_the_package_asks_for() -> None:
    assert (ROOT / ".python-version").read_text().strip() == "3.11"
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()


def test_the_build_installs_contactsync_and_nothing_that_is_not_locked(tmp_path: Path) -> None:
    """requirements.txt, with its hashes, is installed by the buildpack before."""
    script = ROOT / "bin" / "post_compile"
    assert script.stat().st_mode & stat.S_IXUSR
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([script], env=environ, cwd=ROOT, capture_output=True, text=True, check=True)
    words = done.stdout.split()
    assert words[:3] == ["-m", "pip", "install"]
    assert "--no-deps" in words
    assert [word for word in words[3:] if not word.startswith("-")] == ["."]
    assert "--hash=sha256:" in (ROOT / "requirements.txt").read_text()


def test_heroku_says_where_everything_is() -> None:
    settings = Settings.from_environment(HEROKU)
    assert settings.database_url.startswith("postgresql+psycopg://")
    assert find_redis(settings.redis_url, settings.var) == RemoteRedis(HEROKU["REDIS_URL"])
    options = server_options(settings, HEROKU)
    assert options["bind"] == "0.0.0.0:31337"
    assert options["forwarded_allow_ips"] == "*"


def test_elsewhere_nobody_is_believed_who_says_that_he_came_over_https(tmp_path: Path) -> None:
    environ = {**KEY, "CONTACTSYNC_VAR": str(tmp_path)}
    assert "*" not in server_options(Settings.from_environment(environ), environ)["forwarded_allow_ips"]


@pytest.mark.parametrize(("said", "workers"), [({}, DEFAULT_WORKERS), ({"WEB_CONCURRENCY": "5"}, 5)])
def test_web_concurrency_says_how_many_workers_there_are(tmp_path: Path, said: dict[str, str], workers: int) -> None:
    environ = {**KEY, **said, "CONTACTSYNC_VAR": str(tmp_path)}
    assert server_options(Settings.from_environment(environ), environ)["workers"] == workers


def test_gunicorn_takes_its_configuration_and_loads_the_app(tmp_path: Path) -> None:
    """For those who start it themselves."""
    words = ["-m", "gunicorn", "--check-config", "--print-config", "-c", "config/gunicorn.py", "wsgi:app"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CONTACTSYNC_", "PYTEST"))}
    environ = {**inherited, **KEY, "CONTACTSYNC_VAR": str(tmp_path), "PORT": "8123"}
    done = subprocess.run([sys.executable, *words], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = {line.partition("=")[0].strip(): line.partition("=")[2].strip() for line in done.stdout.splitlines()}
    assert told["bind"] == "['0.0.0.0:8123']"
    assert told["graceful_timeout"] == "7"
    assert told["control_socket_disable"] == "True"
