"""How soon the CRM hears of a contact: on an idle system, and while another org is busy."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.bench import people
from tests.bench.burst import LATENCY_MS, PATIENCE, SENDERS
from tests.bench.installation import Installation, Org, installed
from tests.bench.lines import Line, at_most

MOST_SINGLES = 5


def measure_delay(times: int) -> Iterator[Line]:
    """From the sending of a webhook to the first CRM call, on an idle system."""
    with installed() as here:
        here.web(), here.worker(), here.clock()
        here.warm(here.org)
        delays = [_first_call(here, here.org, people.person(n)) for n in range(times)]
    note = f" (slowest of {times}: {1000 * max(delays):.0f})"
    yield at_most("webhook to first CRM call, idle system, median", 1000 * statistics.median(delays), 100, " ms", note)


def measure_neighbour(contacts: int) -> Iterator[Line]:
    """The same while another org's burst runs with two workers."""
    with installed(latency_ms=LATENCY_MS, orgs=("busy", "calm")) as here:
        busy, calm = here.orgs
        here.web(), here.clock(), here.worker(), here.worker()
        here.warm(busy)
        here.warm(calm)
        busy.standin.forget()
        sent = list(people.burst(busy.slug, busy.secret, contacts))
        delays: list[float] = []
        with ThreadPoolExecutor(SENDERS) as pool:
            posting = [pool.submit(here.post, one) for one in sent]
            busy.standin.first_call_at(PATIENCE)
            while here.synced("c-") < contacts and len(delays) < MOST_SINGLES:
                delays.append(_first_call(here, calm, people.person(len(delays), batch="calm")))
            for each in posting:
                each.result()
        assert delays, "the burst was over before a single contact could be sent"
        here.wait_until_synced(contacts, PATIENCE, "c-")
    what = f"first CRM call of an org's contact while another's {contacts:,} run, two workers, slowest"
    yield at_most(what, max(delays), 2, " s", f" (of {len(delays)})")


def _first_call(here: Installation, org: Org, contact: dict[str, object]) -> float:
    batch = str(contact["id"]).rpartition("-")[0] + "-"
    before = here.synced(batch)
    org.standin.forget()
    started = time.time()
    here.post_people(org, contact)
    delay = org.standin.first_call_at(PATIENCE) - started
    here.wait_until_synced(before + 1, PATIENCE, batch)
    if len(here.orgs) == 1:
        here.wait_until_idle()
    return delay
