"""The demo cleans up after itself."""

from __future__ import annotations

import re

import requests

from tests.fixtures.processes import Processes
from tests.fixtures.waiting import wait_until


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code > 0
    except requests.ConnectionError:
        return False


def test_a_demo_that_is_asked_to_stop_ends_every_process_it_started(processes: Processes) -> None:
    demo = processes.start("demo")
    wait_until(lambda: "Up and running" in demo.said(), 90, "the demo is up")
    addresses = set(re.findall(r"http://127\.0\.0\.1:\d+", demo.said()))
    assert len(addresses) == 2
    assert all(answers(url) for url in addresses)
    assert demo.stop(30) == 0, demo.said()
    assert not any(answers(url) for url in addresses)
