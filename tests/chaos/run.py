"""One run: send the stream while the schedule goes wrong, let it come to rest, judge."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import requests
import sqlalchemy as sa

from contactsync.store import tables as t
from contactsync.store.engine import reading
from tests.chaos.house import House, house
from tests.chaos.judge import judge
from tests.chaos.mischief import Mischiefs
from tests.chaos.report import Report
from tests.chaos.schedule import Mischief, schedule
from tests.chaos.seen import at_rest, seen
from tests.chaos.sender import Senders
from tests.chaos.stream import all_sends, stream

PACE = 45.0
"""Deliveries a second."""

SETTLE_SECONDS = 150.0
"""A CRM that said it is busy is left alone for a minute, and that by a clock that may have been a minute ahead."""

QUIET_LOOKS = 3
"""It is at rest when it was found at rest so often in a row."""


def run(
    seed: int, count: int, database: str, *, faults: bool = True, only: Iterable[str] = (), pace: float = PACE,
    folder: Path | None = None,
) -> Report:  # fmt: skip
    """Run it. `only`: none but these kinds of mischief, to hunt one. `folder`: keep the processes' logs there."""
    report = Report(seed, database, count)
    with house(database, folder) as running:
        planned = schedule(seed, count, running.database.kinds) if faults else ()
        wanted = tuple(only)
        chosen: list[Mischief] = [one for one in planned if not wanted or one.kind in wanted]
        running.start()
        _send_and_judge(running, report, chosen, pace)
    return report


def _send_and_judge(running: House, report: Report, chosen: list[Mischief], pace: float) -> None:
    began = time.monotonic()
    deliveries = stream(report.seed, report.deliveries, {slug: org.campaigns for slug, org in running.orgs.items()})
    give_up = report.deliveries / pace * 3 + 40
    senders = Senders(running.url, {slug: org.secret for slug, org in running.orgs.items()}, give_up_after=give_up)
    mischiefs = Mischiefs(running, chosen)
    answers = senders.send_all(all_sends(deliveries, report.seed), pace, mischiefs.before)
    mischiefs.end()
    report.seconds = time.monotonic() - began
    began = time.monotonic()
    _settle(running)
    report.settling = time.monotonic() - began
    stands = seen(running)
    report.verdict = judge(answers, stands)
    report.accepted = sum(one.status in (200, 202) for one in answers)
    report.rejected = sum(one.status == 422 for one in answers)
    report.sends, report.answers, report.retried = senders.sends, senders.statuses, senders.retried
    report.unanswered = senders.unanswered
    report.copies = senders.sends - len(deliveries)
    report.mischief, report.spoilt = mischiefs.done, mischiefs.failed
    report.restarts = {role: each.starts for role, each in running.roles.items()}
    kinds = ("Lead", "Contact", "Account", "CampaignMember", "Event")
    report.records = {kind: sum(len(one.rows.get(kind, ())) for one in stands.values()) for kind in kinds}
    report.calls = sum(_calls(org.standin.url) for org in running.orgs.values())
    with reading(running.engine) as db:
        outcomes = db.execute(sa.select(t.sync_run.c.outcome, sa.func.count()).group_by(t.sync_run.c.outcome))
        report.runs = Counter({row[0]: row[1] for row in outcomes})


def _settle(running: House) -> None:
    """Until nothing is left to do, or too long; the judge says what is left."""
    until, quiet = time.monotonic() + SETTLE_SECONDS, 0
    while quiet < QUIET_LOOKS and time.monotonic() < until:
        time.sleep(0.3)
        quiet = quiet + 1 if at_rest(running) else 0
    while time.monotonic() < until + 30:
        try:
            if requests.get(f"{running.url}/healthz", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.3)


def _calls(url: str) -> int:
    return int(requests.get(f"{url}/_standin/calls", timeout=60).json()["count"])
