"""What the doctor says of one org. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from contactsync.domain.budget import BUDGET_PAUSE, Budget, calls_left
from contactsync.domain.facts import Facts, Finding, Level, OrgFacts, long, many, named

SOON = timedelta(days=14)
"""Secrets and tokens that expire within this time are named."""

DUE_WARN, DUE_RED = 120.0, 900.0
"""Seconds that a record may be due while its CRM can be used."""

WAITING_WARN, WAITING_RED = 60.0, 300.0
"""Seconds that a delivery may wait to be absorbed."""

FULL_WARN = 0.5
"""The part of an inbox's bound from which on it is named."""

USED_WARN = 0.8
"""The part of contactsync's share of the day's calls from which on it is named."""

RECENTLY = timedelta(days=7)
"""For so long deliveries that could not be read are something to look at."""

FURTHEST = 7200.0
"""Seconds: no retry lies further ahead, unless a clock was wrong."""


def of_org(facts: Facts, org: OrgFacts) -> Iterator[Finding]:
    """The lines of one org."""
    for check in (_connection, _health, _budget, _secrets, _tokens, _queue, _inbox, _lease):
        for level, says, do in check(facts, org):
            yield Finding(check.__name__.lstrip("_"), level, says, do, org.slug)


Said = Iterator[tuple[Level, str, str]]
"""Lines: how bad, what it is, what to do."""


def _connection(_facts: Facts, org: OrgFacts) -> Said:
    if org.state == "none":
        do = f"`contactsync connect {org.slug} …`; what came meanwhile goes by itself then."
        yield Level.WARN, "It is not connected to a CRM.", do
    elif org.state == "stopped":
        cause = org.problem.cause if org.problem else "Nobody wrote down why."
        fix = f"{org.problem.fix} (for: {org.problem.who})" if org.problem else f"See `contactsync status {org.slug}`."
        yield Level.RED, f"The sync is stopped: {cause}", fix
    elif org.state == "paused":
        until = f" until {org.paused_until:%H:%M UTC}" if org.paused_until else ""
        cause = f": {org.problem.cause}" if org.problem else "."
        do = f"Nothing: it goes on by itself. `contactsync problems {org.slug}` says how to have it tried at once."
        yield Level.WARN, f"The sync pauses{until}{cause}", do
    else:
        yield Level.OK, f"It is connected to {org.target}.", ""


def _health(_facts: Facts, org: OrgFacts) -> Said:
    health = org.health
    if health is None:
        return
    if health.away:
        do = "Nothing, if the CRM is away: what is due waits, and goes by itself. Else see that this machine may reach it."
        yield Level.RED, f"The CRM cannot be asked: {health.away}", health.fix or do
        return
    for problem in health.problems:
        level = Level.WARN if health.ok else Level.RED
        yield level, problem.cause, f"{problem.fix} (for: {problem.who})"
    if not health.problems:
        yield Level.OK, "The sign-in works, and the user may do all that is needed.", ""


def _budget(_facts: Facts, org: OrgFacts) -> Said:
    used, limit = org.calls_used, org.calls_limit
    left = calls_left(Budget(used, limit), org.reserve_percent)
    if used is None or limit is None or left is None:
        return
    share = limit * (100 - org.reserve_percent) / 100
    says = f"{used:,} of the CRM's {limit:,} calls of the day are used; {left:,} are left to contactsync."
    if left == 0:
        do = (
            f"Nothing: it looks again every {BUDGET_PAUSE // 60} minutes. To go on earlier, lower the policy reserve_percent,"
            " find out which other tool uses so many, or have the CRM's limit raised."
        )
        yield Level.WARN, says, do
    elif used > share * USED_WARN:
        do = "See which tool uses them; contactsync stands back before the reserved share is touched."
        yield Level.WARN, says, do
    else:
        yield Level.OK, says, ""


def _secrets(facts: Facts, org: OrgFacts) -> Said:
    add = f"`contactsync org secret add {org.slug}`, and give it to the sender before the old one ends."
    if not org.secrets:
        yield Level.RED, "There is no webhook secret that counts: every webhook is answered 401.", add
        return
    ends = _last(org.secrets)
    if ends is not None and ends <= facts.now + SOON:
        in_time = long((ends - facts.now).total_seconds())
        yield Level.WARN, f"The last webhook secret expires in {in_time}; webhooks are answered 401 then.", add
        return
    yield Level.OK, f"{many(len(org.secrets), 'webhook secret')} can be used.", ""


def _tokens(facts: Facts, org: OrgFacts) -> Said:
    soon = [label or "without a label" for label, ends in org.tokens if ends is not None and ends <= facts.now + SOON]
    if soon:
        do = f"`contactsync org token add {org.slug} …`, give it to whoever uses the old one, then revoke that."
        yield Level.WARN, f"API tokens that expire within {SOON.days} days: {named(soon)}.", do
    else:
        yield Level.OK, f"{many(len(org.tokens), 'API token')} can be used.", ""


def _last(ends: Sequence[datetime | None]) -> datetime | None:
    """When the last of them ends; None: one never does."""
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def _queue(facts: Facts, org: OrgFacts) -> Said:
    furthest = timedelta(seconds=max(FURTHEST, 2 * facts.retry_seconds))
    if org.latest_due is not None and org.latest_due > facts.now + furthest:
        ahead = long((org.latest_due - facts.now).total_seconds())
        do = "Nothing while a clock runs: it has such records tried now. Set the clocks of the machines (NTP)."
        yield Level.WARN, f"A record is to be tried in {ahead} only: a clock was wrong when that was written.", do
    seconds = org.due_seconds or 0.0
    says = f"The longest due record has been due for {long(seconds)}." if seconds else "Nothing is due."
    if seconds < DUE_WARN or org.state != "ready":
        yield Level.OK, says, ""
        return
    do = (
        "See that workers and the clock run, and how many orgs share the workers; more workers help more orgs, not one."
    )
    yield Level.RED if seconds >= DUE_RED else Level.WARN, says, do


def _inbox(facts: Facts, org: OrgFacts) -> Said:
    bound = f" of {org.most_waiting:,}" if org.most_waiting else ""
    says = f"{org.waiting:,}{bound} deliveries wait"
    says += f", the oldest for {long(org.waiting_seconds)}." if org.waiting_seconds else "."
    if org.filled >= FULL_WARN:
        says += f" The inbox is {min(org.filled, 1):.0%} full, by their number or their size."
    seconds = org.waiting_seconds or 0.0
    if seconds >= WAITING_RED or org.filled >= 1:
        do = "See that workers and the clock run. At the bound webhooks are answered 503, and their senders come again."
        yield Level.RED, says, do
    elif seconds >= WAITING_WARN or org.filled >= FULL_WARN:
        yield Level.WARN, says, "See that workers and the clock run, and whether one sender sends much more than usual."
    else:
        yield Level.OK, says, ""
    if org.failed:
        do = f"GET /api/v1/deliveries?status=failed says why; after the mend, `contactsync replay {org.slug} --status failed`."
        yield Level.WARN, f"{many(org.failed, 'delivery', 'deliveries')} could not be absorbed.", do
    if org.rejected:
        do = "GET /api/v1/deliveries?status=rejected says what the sender must change."
        says = f"{many(org.rejected, 'delivery', 'deliveries')} signed and unreadable"
        if (
            org.rejected_at is not None and org.rejected_at < facts.now - RECENTLY
        ):  # nobody can take it away, so it must end
            yield Level.OK, f"{says}, the last {long((facts.now - org.rejected_at).total_seconds())} ago.", ""
        else:
            yield Level.WARN, f"{says}.", do


def _lease(facts: Facts, org: OrgFacts) -> Said:
    if org.lease_owner is None or _alive(facts, org.lease_owner):
        return
    do = f"Nothing while a clock runs: it frees the lease once it has seen it unchanged for {facts.lease_seconds:g} s."
    yield Level.WARN, f"A worker that is gone ({org.lease_owner.rsplit(':', 1)[0]}) holds its lease.", do


def _alive(facts: Facts, owner: str) -> bool:
    """Whether a worker that beats may be the owner of a lease: both are named by host and process, the lease's host is cut."""
    host, _, process = owner.rsplit(":", 1)[0].rpartition(":")
    alive = (one.owner.rpartition(":") for one in facts.database.processes if one.until > facts.now)
    return any(pid == process and name.startswith(host) for name, _, pid in alive)
