"""The first page: is everything all right?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Response, request

from contactsync.domain.records import SyncStatus
from contactsync.store import orgs
from contactsync.store.engine import reading
from contactsync.store.hourly import HourCount, Hourly
from contactsync.store.pages_overview import Overview
from contactsync.store.pages_overview import overview as read_overview
from contactsync.web.auth import parts
from contactsync.web.console import charts
from contactsync.web.console.charts import Chart, Series, Sums
from contactsync.web.console.doors import Pages
from contactsync.web.console.headline import headline, standing
from contactsync.web.console.problem_words import told_of
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import page, viewers_zone

pages = Pages("overview")

MOST_ASKS = 4

_READ = Series("taken in", "brand")
_REFUSED = Series("not readable", "bad")
_CONTACTS = Series("contacts", "good")
_OTHERS = Series("meetings and events", "info")
_PROBLEMS = Series("problems", "bad")
_TOOK = Series("on average", "brand")


@pages.get("")
def overview() -> Response:
    """How everything stands, in one look."""
    chosen = request.args.get("range", "")
    chosen = chosen if chosen in charts.RANGES else next(iter(charts.RANGES))
    now, zone = parts().now(), viewers_zone()
    spans = charts.spans(chosen, now, zone)
    today = charts.midnight(now, zone)
    with reading(parts().engine) as db:
        seen = read_overview(db, seat().org.id, now, sorted({today, *(span.start for span in spans)}))
        reserved = orgs.policies(db, seat().org.id).reserve_percent
    sums = charts.summed(seen.hours, spans)
    return page(
        "overview.html",
        title="Overview",
        nav="overview",
        headline=headline(seen),
        standing=standing(seen),
        seen=seen,
        asks=[told_of(card) for card in seen.problems[:MOST_ASKS]],
        today=_since(seen.hours, today),
        charts=_charts(spans, sums),
        speed=_speed(sums),
        ranges=charts.RANGES,
        chosen=chosen,
        budget=_budget(seen, reserved),
        oldest=_oldest(seen),
        meetings=_meetings(seen.status.meetings),
    )


def _charts(spans: Sequence[charts.Span], sums: Sequence[Sums]) -> Mapping[str, Chart]:
    came = [(one.of(Hourly.DELIVERIES, "absorbed"), one.of(Hourly.DELIVERIES, "failed", "rejected")) for one in sums]
    went = [
        (
            one.of(Hourly.SYNCED, "contact"),
            one.of(Hourly.SYNCED, "meeting", "event"),
            one.of(Hourly.PROBLEMS),
        )
        for one in sums
    ]
    took = [one.seconds / many if (many := one.of(Hourly.ARRIVALS)) else None for one in sums]
    return {
        "came": charts.of_counts(spans, (_READ, _REFUSED), came),
        "went": charts.of_counts(spans, (_CONTACTS, _OTHERS, _PROBLEMS), went),
        "took": charts.of_seconds(spans, _TOOK, took),
    }


def _speed(sums: Sequence[Sums]) -> str:
    """How fast webhooks reached the CRM, in words; "" when none did."""
    buckets: dict[str, int] = {}
    for one in sums:
        for (name, label), count in one.counts.items():
            if name is Hourly.ARRIVALS:
                buckets[label] = buckets.get(label, 0) + count
    if not buckets:
        return ""
    half, most = charts.within(buckets, 0.5), charts.within(buckets, 0.95)
    if half is None or most is None:
        return "Some took more than 6 hours."
    if half == most:
        return f"95 of 100 were there within {charts.duration(most)}."
    return f"Half were there within {charts.duration(half)}, 95 of 100 within {charts.duration(most)}."


def _since(hours: Sequence[HourCount], start: datetime) -> Mapping[str, int]:
    """What today brought: contacts and others synced."""
    here = [one for one in hours if one.hour >= start and one.name is Hourly.SYNCED]
    contacts = sum(one.count for one in here if one.label == "contact")
    return {"contacts": contacts, "others": sum(one.count for one in here) - contacts}


def _budget(seen: Overview, reserved: int) -> Mapping[str, Any] | None:
    """The CRM's own count of its day's calls; None while it never said one."""
    crm = seen.status.crm
    if crm.budget_used is None or not crm.budget_limit:
        return None
    share = min(1.0, crm.budget_used / crm.budget_limit)
    ours_end = 1 - reserved / 100
    return {
        "used": crm.budget_used,
        "limit": crm.budget_limit,
        "percent": round(share * 100),
        "width": max(0.8, round(share * 100, 1)),
        "mark": round(ours_end * 100, 1),
        "reserved": reserved,
        "tone": "bad" if share >= ours_end else "warn" if share >= 0.8 * ours_end else "good",
        "at": crm.budget_at,
    }


def _oldest(seen: Overview) -> str:
    """For how long what waits longest has been waiting, in words; "" when nothing does."""
    said = (seen.status.oldest_due_seconds, seen.status.oldest_waiting_seconds)
    times = [seconds for seconds in said if seconds is not None]
    return charts.duration(max(times)) if times else ""


def _meetings(by: Mapping[str, int]) -> Mapping[str, int]:
    return {
        "synced": by[SyncStatus.SYNCED],
        "total": sum(count for status, count in by.items() if status != SyncStatus.EXCLUDED),
    }
