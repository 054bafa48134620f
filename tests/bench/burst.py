"""Calls per contact, the burst against a job per contact, and the worker's memory in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.bench import baseline, people
from tests.bench.installation import Installation, installed, peak_megabytes
from tests.bench.lines import Line, at_least, at_most

LATENCY_MS = 100
SAMPLE = 20
SAMPLE_COMPANIES = 4  # as many contacts per company as in the burst
PATIENCE = 600.0
SENDERS = 4
FULL_BATCHES = 10_000  # from here on a burst is more than a batch of the worker, and memory has to be flat


@dataclass(frozen=True)
class Brought:
    """A burst that has arrived."""

    contacts: int
    seconds: float
    calls: int
    megabytes: float


def measure_calls() -> Iterator[Line]:
    """CRM calls of single contacts."""
    with installed() as here:
        here.web(), here.worker()
        here.warm(here.org)
        here.org.standin.forget()
        here.post_people(here.org, people.person(1))
        here.wait_until_synced(1, PATIENCE, "c-")
        here.wait_until_idle()
        yield at_most("CRM calls, a new contact with company, owner and campaign", here.org.standin.count(), 2)
        here.org.standin.forget()
        here.post_people(here.org, people.person(1))
        here.post_people(here.org, people.person(2))  # the worker is past the unchanged one when this one is there
        here.wait_until_synced(2, PATIENCE, "c-")
        here.wait_until_idle()
        both = here.org.standin.count()
        here.org.standin.forget()
        here.post_people(here.org, people.person(3))
        here.wait_until_synced(3, PATIENCE, "c-")
        here.wait_until_idle()
        alone = here.org.standin.count()
        yield at_most("CRM calls, an unchanged contact", both - alone, 0)


def bring(contacts: int, latency_ms: float) -> Brought:
    """Post a burst to a running installation, from its first webhook until the last contact is in the CRM."""
    with installed(latency_ms=latency_ms) as here:
        here.web(), here.clock()
        worker = here.worker()
        here.warm(here.org)
        here.org.standin.forget()
        sent = list(people.burst(here.org.slug, here.org.secret, contacts))
        started = time.monotonic()
        with ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(here.post, sent))
        here.wait_until_synced(contacts, PATIENCE, "c-")
        seconds = time.monotonic() - started
        return Brought(contacts, seconds, here.org.standin.count(), peak_megabytes(worker))


def job_per_contact() -> float:
    """Seconds that the baseline takes for a contact."""
    with installed(latency_ms=LATENCY_MS) as here:
        return _baseline(here)


def _baseline(here: Installation) -> float:
    sample = [people.person(n, companies=SAMPLE_COMPANIES) for n in range(SAMPLE)]
    return baseline.seconds_per_contact(here.org.standin, sample)


def measure_burst(contacts: int) -> Iterator[Line]:
    """A burst, then one of twice the size, and the baseline."""
    small = bring(contacts, LATENCY_MS)
    big = bring(2 * contacts, LATENCY_MS)
    each = job_per_contact()
    what = f"burst of {contacts:,} contacts"
    yield at_most(f"CRM calls, {what}, 2,000 companies, 20 owners, 1 campaign", small.calls, 30)
    yield Line(f"CRM calls, burst of {2 * contacts:,}", str(big.calls))
    yield Line(f"{what}, first webhook to last contact, {LATENCY_MS} ms a call", f"{small.seconds:.1f} s")
    yield Line(f"a job per contact, simple-salesforce, {SAMPLE} contacts, scaled", f"{each * contacts:,.0f} s")
    yield at_least("the burst against a job per contact, times faster", each * contacts / small.seconds, 100)
    yield at_most(f"worker's memory at most, {what}", small.megabytes, 200, " MB")
    yield at_most(f"worker's memory at most, burst of {2 * contacts:,}", big.megabytes, 200, " MB")
    growth = big.megabytes / small.megabytes
    if contacts < FULL_BATCHES:
        yield Line("memory of the larger burst to the smaller, both too small to say more", f"{growth:.3g}")
    else:
        yield at_most("memory of the larger burst to the smaller", growth, 1.1)
