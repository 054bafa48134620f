"""CRM calls of meetings: one of people who are there already, one of people who are not, and many at once."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import people
from tests.bench.burst import PATIENCE
from tests.bench.installation import Installation, installed
from tests.bench.lines import Line, at_most

ATTENDEES = 5
PER_WEBHOOK = 100


def measure_meetings(many: int) -> Iterator[Line]:
    """Counted without the describe of attendees, which is asked for once in ten minutes: the first meeting pays for it."""
    with installed() as here:
        here.web(), here.worker()
        here.warm(here.org)
        here.post_people(here.org, *(people.person(n) for n in range(ATTENDEES)))
        here.wait_until_synced(ATTENDEES, PATIENCE, "c-")
        here.post_meetings(here.org, people.meeting(0, list(range(ATTENDEES))))
        here.wait_until_met(1, PATIENCE)
        here.wait_until_idle()
        here.org.standin.forget()
        here.post_meetings(here.org, people.meeting(1, list(range(ATTENDEES))))
        here.wait_until_met(2, PATIENCE)
        here.wait_until_idle()
        yield at_most(f"CRM calls, a meeting with {ATTENDEES} synced attendees", here.org.standin.count(), 2)
        yield at_most(f"CRM calls, a meeting with {ATTENDEES} new attendees", _of_new_people(here), 4)
        yield Line(f"CRM calls, {many:,} meetings of {ATTENDEES} synced attendees each", str(_of_many(here, many)))


def _of_new_people(here: Installation) -> int:
    """What they cost, and their meeting with them: it was there first, without a record for any of them."""
    new = list(range(100, 100 + ATTENDEES))
    here.org.standin.forget()
    here.post_meetings(here.org, people.meeting(2, new))
    here.wait_until_met(3, PATIENCE)
    here.wait_until_idle()
    alone = here.org.standin.count()
    here.post_people(here.org, *(people.person(n) for n in new))
    here.wait_until_synced(2 * ATTENDEES, PATIENCE, "c-")
    here.wait_until_idle()
    return here.org.standin.count() - alone


def _of_many(here: Installation, many: int) -> int:
    here.org.standin.forget()
    for start in range(0, many, PER_WEBHOOK):
        numbers = range(start, min(start + PER_WEBHOOK, many))
        here.post_meetings(here.org, *(people.meeting(10 + n, list(range(ATTENDEES))) for n in numbers))
    here.wait_until_met(3 + many, PATIENCE)
    here.wait_until_idle()
    return here.org.standin.count()
