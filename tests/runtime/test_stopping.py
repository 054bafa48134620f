"""SIGTERM and SIGINT ask once and insist the second time."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from contactsync.stopping import INSIST_SECONDS, Stop, stop_on_signal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_wakes_who_waits(number: signal.Signals) -> None:
    with stop_on_signal() as stop:
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        began = time.monotonic()
        assert stop.wait(30)
        assert time.monotonic() - began < 5
        assert stop.wait(30), "it stays asked"


def test_without_a_signal_a_wait_ends_in_time() -> None:
    with stop_on_signal() as stop:
        assert not stop.wait(0.01)
        assert not stop.asked()


def test_the_signals_mean_what_they_meant_before_when_it_is_over() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signal():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_signal_insists_but_not_the_same_one_passed_on_twice() -> None:
    now = [0.0]
    asked: list[bool] = []
    stop = Stop(lambda: asked.append(True), clock=lambda: now[0])
    stop(signal.SIGTERM)
    now[0] = INSIST_SECONDS / 2
    stop(signal.SIGTERM)
    assert asked == [True]
    now[0] = INSIST_SECONDS * 2
    with pytest.raises(SystemExit) as ended:
        stop(signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM
    stop.close()
