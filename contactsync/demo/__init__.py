"""The demo: all processes on this machine, a stand-in for Salesforce, and an event platform that posts to it.

fresh folder under var/ → database → org, users → stand-in with campaigns, sales people and rules
→ two weeks of webhooks, taken and synced under a clock that is set back (history.py)
→ web, worker, clock → today's webhooks over HTTP → wait until all are where they should be → what arrived where
"""

from __future__ import annotations

import time

import click
import requests

from contactsync.demo.history import make_ready, relive
from contactsync.demo.running import Demo, DemoFailed, running_demo, wait_for
from contactsync.demo.showing import show_arrived, show_doors
from contactsync.demo.today import post_now_and_then, post_sample, settled
from contactsync.stopping import stop_on_signal

PATIENCE_SECONDS = 90
LOOK_SECONDS = 0.4


def run_demo(*, once: bool) -> int:
    """Run the demo; answers the exit status. Without `once` it stays up until Ctrl-C or SIGTERM, which end it cleanly."""
    try:
        with stop_on_signal(_interrupt), running_demo() as demo:
            _set_up(demo)
            post_sample(demo)
            arrived = _wait_until_settled(demo)
            show_arrived(demo)
            if not arrived:
                click.secho("Not everything is where it should be; the logs say why.", fg="red", err=True)
            if once:
                return 0 if arrived else 1
            show_doors(demo)
            post_now_and_then(demo)
            return 0
    except (DemoFailed, requests.RequestException) as error:
        click.secho(f"The demo failed: {error}", fg="red", err=True)
        return 1
    except KeyboardInterrupt:
        return 1 if once else 0


def _interrupt() -> None:
    raise KeyboardInterrupt


def _set_up(demo: Demo) -> None:
    click.secho("Starting the stand-in for Salesforce …", bold=True)
    demo.start_standin()
    past = make_ready(demo)
    wait_for(demo, f"{demo.standin}/services/data/")
    click.secho("Living through two weeks of events …", bold=True)
    relive(demo, past)
    click.secho("Starting web, worker and clock …", bold=True)
    for name in ("web", "worker", "clock"):
        demo.start(name, name)
    wait_for(demo, f"{demo.web}/readyz")


def _wait_until_settled(demo: Demo) -> bool:
    """Wait until every contact and meeting is where it should be; whether that came true."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        demo.check_alive()
        if settled(demo):
            return True
        time.sleep(LOOK_SECONDS)
    return False


__all__ = ["run_demo"]
