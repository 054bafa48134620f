"""Lets what the schedule says happen, each in a thread of its own, and undoes it."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from tests.chaos.house import ROLES, House
from tests.chaos.schedule import CLOCKS, CRM, REDIS, Mischief

_FAULTS: Mapping[str, dict[str, Any]] = {
    "status": {"status": 503},
    "html": {},
    "hang": {"after": True},
    "drop_after": {"match": {"writes": True}},
    "drop_before": {},
    "cut": {"match": {"writes": True}},
    "garbage": {"match": {"writes": True}},
    "lock_call": {"match": {"writes": True}},
    "rows": {"match": {"writes": True}, "error": {"statusCode": "UNABLE_TO_LOCK_ROW"}},
    "concurrent_limit": {},
    "expired_token": {},
    "slow": {},
}


class Mischiefs:
    """Of one house. `done`: how often what happened; `failed`: what could not be done, which spoils the run."""

    def __init__(self, house: House, planned: Sequence[Mischief]) -> None:
        self._house = house
        self._planned = list(planned)
        self._threads: list[threading.Thread] = []
        self._locks = {name: threading.Lock() for name in ("redis", "database", "clocks")}
        self.done: Counter[str] = Counter()
        self.failed: list[str] = []

    def before(self, position: int) -> None:
        """Start what is planned up to this delivery."""
        while self._planned and self._planned[0].position <= position:
            mischief = self._planned.pop(0)
            thread = threading.Thread(target=self._run, args=(mischief,), name=mischief.kind, daemon=True)
            thread.start()
            self._threads.append(thread)

    def end(self) -> None:
        """Wait until the last is over; nothing goes wrong from now on."""
        for thread in self._threads:
            thread.join()
        for org in self._house.orgs.values():
            requests.delete(f"{org.standin.url}/_standin/faults", timeout=30)
            org.admin("release", {})
        for role in ROLES:
            self._house.clocks.set(role, 0)
            self._house.roles[role].signal(signal.SIGCONT)

    def _run(self, mischief: Mischief) -> None:
        try:
            if mischief.kind in CRM:
                self._crm(mischief)
            elif mischief.kind in REDIS:
                with self._locks["redis"]:
                    self._redis(mischief)
            elif mischief.kind in CLOCKS:
                with self._locks["clocks"]:
                    self._jump(mischief)
            elif mischief.kind in self._house.database.kinds:
                with self._locks["database"]:
                    self._house.database.do(mischief.kind, mischief.seconds)
            else:
                self._process(mischief)
        except Exception as error:  # noqa: BLE001 - told at the end
            self.failed.append(f"{mischief.kind}: {type(error).__name__}: {error}")
        self.done[mischief.kind] += 1

    def _crm(self, mischief: Mischief) -> None:
        kind = mischief.kind.removeprefix("crm_")
        plan = {"do": kind, "times": int(mischief.amount), **_FAULTS[kind]}
        if kind in ("hang", "slow"):
            plan["ms"] = mischief.seconds * 1000
        self._house.orgs[mischief.target].admin("faults", plan)

    def _redis(self, mischief: Mischief) -> None:
        redis = self._house.redis
        if mischief.kind == "redis_flush":
            with redis.client() as client:
                client.flushall()
        elif mischief.kind == "redis_hang":
            redis.pause()
            time.sleep(mischief.seconds)
            redis.resume()
        else:
            redis.end(signal.SIGKILL if mischief.kind == "redis_kill" else signal.SIGTERM)
            time.sleep(mischief.seconds)
            redis.start()

    def _jump(self, mischief: Mischief) -> None:
        roles = ROLES if mischief.kind == "jump_all" else (mischief.target,)
        for role in roles:
            self._house.clocks.set(role, mischief.amount)
        time.sleep(mischief.seconds)
        for role in roles:
            self._house.clocks.set(role, 0)

    def _process(self, mischief: Mischief) -> None:
        process = self._house.roles[mischief.target]
        verb = mischief.kind.partition("_")[0]
        with process.lock:
            if mischief.kind == "kill_web_child":
                process.signal_child(signal.SIGKILL)
            elif verb == "kill":
                process.signal(signal.SIGKILL)
            elif verb == "term":
                process.signal_main(signal.SIGTERM)
            else:
                process.signal(signal.SIGSTOP)
                time.sleep(mischief.seconds)
                process.signal(signal.SIGCONT)
