"""`/metrics` for Prometheus, out of the database: it says the same whichever process is asked.

Whoever sees it learns which orgs there are: it answers who brings CONTACTSYNC_METRICS_TOKEN or, while none is set,
private addresses only.

There are no counters in the process: a gunicorn has several, each would count its own part (store/tally.py). Labels are org
slugs, statuses and names of parts; nothing personal, and nothing that comes and goes with processes or records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hmac import compare_digest
from ipaddress import ip_address

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from contactsync import __version__
from contactsync.config import IntakeConfig
from contactsync.store.backlog import Backlog
from contactsync.store.beats import Beat, beats
from contactsync.store.engine import reading
from contactsync.store.tally import Counted, tallies
from contactsync.store.views_status import CrmStatus, OrgStatus, all_statuses
from contactsync.web.auth import parts
from contactsync.web.errors import Refusal
from contactsync.web.metrics_counted import counters

blueprint = Blueprint("metrics", __name__)

DAY = timedelta(days=1)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@blueprint.get("/metrics")
def metrics() -> Response:
    """The text that Prometheus reads."""
    _check_reader()
    now, there = parts().now(), parts().bell.answers()
    with reading(parts().engine) as db:
        limits = parts().settings.config.intake
        collected = Collected(all_statuses(db, now), beats(db), tallies(db), now, redis=there, limits=limits)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collected)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE)


def _check_reader() -> None:
    token = parts().settings.metrics_token
    if token is not None:
        sent = request.authorization
        if sent is None or sent.type != "bearer" or not compare_digest((sent.token or "").encode(), token.encode()):
            words = "Send the metrics token in the header Authorization: Bearer …."
            raise Refusal(401, "unauthorized", words, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
    elif not _asked_from_nearby():
        words = (
            "Metrics answer private addresses only; to read them from elsewhere, set CONTACTSYNC_METRICS_TOKEN and "
            "send it in the header Authorization: Bearer …."
        )
        raise Refusal(403, "forbidden", words)


def _asked_from_nearby() -> bool:
    if not parts().settings.proxies and ("X-Forwarded-For" in request.headers or "Forwarded" in request.headers):
        return False  # it came through a proxy that nobody told us of: who asked cannot be known
    try:
        return ip_address(request.remote_addr or "").is_private
    except ValueError:
        return not request.remote_addr  # a Unix socket has no address


class Collected(Collector):
    """One reading of the database as metrics."""

    def __init__(
        self,
        statuses: Iterable[OrgStatus],
        beats: Iterable[Beat],
        tallied: Iterable[tuple[str, Counted]],
        now: datetime,
        *,
        redis: bool = True,
        limits: IntakeConfig | None = None,
    ) -> None:
        self._statuses = tuple(statuses)
        self._beats = tuple(beats)
        self._tallied = tuple(tallied)
        self._now = now
        self._redis = redis
        self._limits = limits or IntakeConfig()

    def collect(self) -> Iterator[Metric]:
        """All metrics, in a fixed order."""
        info = GaugeMetricFamily("contactsync_info", "The version that runs.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        yield from self._work()
        yield from self._crm()
        yield GaugeMetricFamily("contactsync_redis_up", "1 when Redis answers this web process.", float(self._redis))
        yield from self._inboxes()
        yield from counters(self._tallied, [status.org for status in self._statuses])
        yield from self._processes()

    def _processes(self) -> Iterator[Metric]:
        """Each kind of process, not each process: workers come and go, and their names would never end."""
        age = GaugeMetricFamily(
            "contactsync_beat_age_seconds", "Since the last beat of a clock or any worker.", labels=["name"]
        )
        alive = GaugeMetricFamily(
            "contactsync_processes_alive", "Clocks that lead, workers that beat.", labels=["name"]
        )
        missing = GaugeMetricFamily(
            "contactsync_processes_missing", "Those that ended in the last minutes without a word.", labels=["name"]
        )
        for name in ("clock", "worker"):
            ours = [beat for beat in self._beats if beat.name.partition(":")[0] == name]
            living = sum(beat.alive(self._now) for beat in ours)
            alive.add_metric([name], living)
            missing.add_metric([name], len(ours) - living)
            if ours:
                age.add_metric([name], max(0.0, (self._now - max(beat.beat_at for beat in ours)).total_seconds()))
        yield from (age, alive, missing)

    def _work(self) -> Iterator[Metric]:
        contacts, events, meetings = (
            GaugeMetricFamily(f"contactsync_{kind}", f"{kind.capitalize()} by sync status.", labels=["org", "status"])
            for kind in ("contacts", "events", "meetings")
        )
        deliveries = GaugeMetricFamily(
            "contactsync_deliveries", "Deliveries that wait, were rejected or failed.", labels=["org", "status"]
        )
        due = GaugeMetricFamily(
            "contactsync_oldest_due_seconds", "For how long the longest due record has been due.", labels=["org"]
        )
        waiting = GaugeMetricFamily(
            "contactsync_oldest_waiting_seconds", "For how long the oldest delivery has waited.", labels=["org"]
        )
        for status in self._statuses:
            for family, counts in ((contacts, status.contacts), (events, status.events), (meetings, status.meetings)):
                for name, count in counts.items():
                    family.add_metric([status.org, name], count)
            for name, count in status.deliveries.items():
                deliveries.add_metric([status.org, name], count)
            due.add_metric([status.org], status.oldest_due_seconds or 0)
            waiting.add_metric([status.org], status.oldest_waiting_seconds or 0)
        yield from (contacts, events, meetings, deliveries, due, waiting)

    def _inboxes(self) -> Iterator[Metric]:
        most, megabytes = self._limits.most_waiting, self._limits.most_waiting_megabytes
        yield GaugeMetricFamily("contactsync_inbox_limit", "Deliveries of an org that may wait.", most)
        words = (
            "The part of the room for what waits that is taken, by number or by size; at 1 webhooks are answered 503."
        )
        filled = GaugeMetricFamily("contactsync_inbox_filled", words, labels=["org"])
        for status in self._statuses:
            waits = Backlog(status.deliveries.get("waiting", 0), status.waiting_bytes)
            filled.add_metric([status.org], waits.part_of(most, megabytes))
        yield filled

    def _crm(self) -> Iterator[Metric]:
        calls = CounterMetricFamily("contactsync_crm_calls", "Calls to the CRM.", labels=["org", "target"])
        used = GaugeMetricFamily("contactsync_crm_budget_used", "Calls of the day, by the CRM.", labels=["org"])
        limit = GaugeMetricFamily("contactsync_crm_budget_limit", "Calls the CRM allows a day.", labels=["org"])
        state = GaugeMetricFamily("contactsync_crm_state", "1 for the connection's state.", labels=["org", "state"])
        for status in self._statuses:
            crm = status.crm
            state.add_metric([status.org, crm.state], 1)
            if crm.target is not None:
                calls.add_metric([status.org, crm.target], crm.calls)
            if crm.budget_used is not None and not self._of_yesterday(crm):
                used.add_metric([status.org], crm.budget_used)
            if crm.budget_limit is not None:
                limit.add_metric([status.org], crm.budget_limit)
        yield from (calls, used, limit, state)

    def _of_yesterday(self, crm: CrmStatus) -> bool:
        """Whether nothing of the CRM's count can be left: it goes by 24 hours, and an idle org does not ask again."""
        return crm.budget_at is not None and self._now - crm.budget_at >= DAY
