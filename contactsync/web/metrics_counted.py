"""What was counted up in the database, as Prometheus knows counters, summaries and histograms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric, SummaryMetricFamily

from contactsync.store.tally import Counted, Tallied
from contactsync.sync.tallying import BEYOND, BUCKETS

_COUNTERS: Mapping[Tallied, tuple[str, str, Sequence[str]]] = {
    Tallied.OUTCOMES: ("contactsync_outcomes", "Attempts to bring a record to the CRM, by how they ended.",
                       ("subject", "outcome")),
    Tallied.RETRIES: ("contactsync_retries", "Those of them that were not the first attempt.", ("subject",)),
    Tallied.ROWS: ("contactsync_crm_rows", "Rows that the CRM took, by what was done.", ("action",)),
    Tallied.DELIVERIES: ("contactsync_deliveries_handled", "Deliveries absorbed, failed, duplicate or replayed.",
                         ("result",)),
}  # fmt: skip
"""What is counted → the metric, its help, and the labels beside the org."""


RESULTS = ("absorbed", "failed", "duplicate", "replayed")
"""What became of deliveries, as the tally has it."""


def counters(tallied: Iterable[tuple[str, Counted]], orgs: Iterable[str]) -> Iterator[Metric]:
    """All of them, those that nobody counted yet too: a metric that is missing looks like one that is well.

    Deliveries begin at 0 for each org: `increase()` does not see a counter's first value, so the first failure would alert
    nobody.
    """
    by_name: dict[Tallied, list[tuple[str, Counted]]] = defaultdict(list)
    for org, one in tallied:
        by_name[one.name].append((org, one))
    handled = {(org, one.label) for org, one in by_name[Tallied.DELIVERIES]}
    by_name[Tallied.DELIVERIES] += [
        (org, Counted(Tallied.DELIVERIES, result, 0))
        for org in orgs
        for result in RESULTS
        if (org, result) not in handled
    ]
    for name, (metric, words, labels) in _COUNTERS.items():
        family = CounterMetricFamily(metric, words, labels=["org", *labels])
        for org, one in by_name[name]:
            family.add_metric([org, *one.label.split(":", len(labels) - 1)], one.count)
        yield family
    phases = SummaryMetricFamily(
        "contactsync_phase_seconds", "Time that a batch spends in each phase.", labels=["org", "phase"]
    )
    for org, one in by_name[Tallied.PHASES]:
        phases.add_metric([org, one.label], count_value=one.count, sum_value=one.seconds)
    yield phases
    yield _arrivals(by_name[Tallied.ARRIVALS])


def _arrivals(counted: Iterable[tuple[str, Counted]]) -> Metric:
    family = HistogramMetricFamily(
        "contactsync_webhook_to_crm_seconds",
        "From a webhook's arrival until its contact was in the CRM, where the first attempt brought it there.",
        labels=["org"],
    )
    by_org: dict[str, dict[str, Counted]] = defaultdict(dict)
    for org, one in counted:
        by_org[org][one.label] = one
    for org, buckets in by_org.items():
        total, up_to = 0, []
        for bound in (*(f"{bound:g}" for bound in BUCKETS), BEYOND):
            total += buckets[bound].count if bound in buckets else 0
            up_to.append((bound, total))
        family.add_metric([org], up_to, sum(one.seconds for one in buckets.values()))
    return family
