"""What the doctor says: facts in, findings out. Pure: what gathers the facts decides nothing.

A finding is of one of three levels: `ok`; `warn`, which will become worse, or goes by itself; `red`, which somebody must act on
now. Whatever is not ok says what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from contactsync.domain.checkup_orgs import of_org
from contactsync.domain.facts import DatabaseFacts, Facts, Finding, Level, long, many, named

CLOCKS_APART = timedelta(seconds=5)
"""By so much the clocks of two machines may differ."""


def findings(facts: Facts) -> tuple[Finding, ...]:
    """Every line, the installation's first, then org by org."""
    return (*_installation(facts), *(one for org in facts.orgs for one in of_org(facts, org)))


def worst(found: Sequence[Finding]) -> Level:
    """The worst level among them."""
    levels = {one.level for one in found}
    return next((level for level in (Level.RED, Level.WARN) if level in levels), Level.OK)


# ── the installation ───────────────────────────────────────────────────────────────────────────────────────────────


def _installation(facts: Facts) -> Iterator[Finding]:
    yield Finding("configuration", Level.OK, "The settings can be read.")
    yield from _database(facts.database)
    yield _redis(redis=facts.redis)
    yield from _plugins(facts)
    if facts.database.trouble or facts.database.pending:
        return
    yield _keys(facts.database)
    yield _clock(facts)
    yield from _workers(facts)
    yield _times(facts)


def _database(facts: DatabaseFacts) -> Iterator[Finding]:
    if facts.trouble:
        do = "See that it runs, and that DATABASE_URL is right. Webhooks are answered 503 meanwhile; their senders come again."
        yield Finding("database", Level.RED, facts.trouble, do)
        return
    yield Finding("database", Level.OK, f"{facts.kind} answers.")
    if facts.pending:
        do = "Run `contactsync db upgrade`; the processes refuse to start before."
        yield Finding("migrations", Level.RED, "The database lacks migrations of this version.", do)
    else:
        yield Finding("migrations", Level.OK, "The schema is this version's.")


def _redis(*, redis: bool) -> Finding:
    if redis:
        return Finding("redis", Level.OK, "It answers.")
    do = (
        "See that it runs, and that REDIS_URL is right. Nothing is lost: webhooks are kept, and the clock rings within"
        " seconds of its return."
    )
    return Finding("redis", Level.RED, "It does not answer: no worker hears of new work.", do)


def _plugins(facts: Facts) -> Iterator[Finding]:
    for plugin in facts.broken:
        yield Finding("plugins", Level.RED, f"{plugin.name}: {plugin.problem}.", f"{plugin.fix}.")
    for complaint in facts.complaints:
        yield Finding("plugins", Level.RED, complaint, "`contactsync plugins check` says more.")
    if not facts.broken and not facts.complaints:
        yield Finding("plugins", Level.OK, f"{many(facts.plugins, 'plugin')} can be used.")


def _keys(facts: DatabaseFacts) -> Finding:
    if not facts.unopened:
        return Finding("keys", Level.OK, f"All that is sealed ({facts.sealed:,}) opens with the keys at hand.")
    what = "; ".join(f"{purpose} of {named(orgs)}" for purpose, orgs in sorted(facts.unopened.items()))
    do = (
        "Put the key that sealed them back, at the end of CONTACTSYNC_SECRET_KEYS. If it is lost: `contactsync connect` and"
        " `contactsync org secret add` for each org that is named."
    )
    return Finding("keys", Level.RED, f"No key opens: {what}.", do)


def _clock(facts: Facts) -> Finding:
    beats = [one for one in facts.database.processes if one.name == "clock"]
    do = "Start `contactsync clock`. Until then no lost bell is rung again, and no retry comes back."
    if not beats:
        return Finding("clock", Level.RED, "No clock runs.", do)
    (beat,) = beats
    ago = f"{long((facts.now - beat.beat_at).total_seconds())} ago ({beat.owner})"
    if beat.until <= facts.now:
        return Finding("clock", Level.RED, f"The clock was last heard of {ago}.", do)
    return Finding("clock", Level.OK, f"It beat {ago}.")


def _workers(facts: Facts) -> Iterator[Finding]:
    workers = [one for one in facts.database.processes if one.name.startswith("worker:")]
    alive = [one for one in workers if one.until > facts.now]
    missing = [one for one in workers if one.until <= facts.now]
    if not alive:
        do = "Start `contactsync worker`. Webhooks are kept meanwhile, and nothing reaches the CRM."
        yield Finding("workers", Level.RED, "No worker runs.", do)
    else:
        yield Finding("workers", Level.OK, f"{many(len(alive), 'worker runs', 'workers run')}.")
    if missing:
        who = named([one.owner for one in missing])
        do = (
            "If nobody ended it on purpose, look at its log. Another worker goes on once the clock has freed its lease."
        )
        yield Finding("workers", Level.WARN, f"Ended without a word in the last minutes: {who}.", do)


def _times(facts: Facts) -> Finding:
    """Times that lie ahead of ours were written by a clock that was wrong, or ours is."""
    database, ahead = facts.database, CLOCKS_APART
    wrong = []
    if database.clock is not None and abs(database.clock - facts.now) > ahead:
        wrong.append(
            f"this machine and the database differ by {long(abs((database.clock - facts.now).total_seconds()))}"
        )
    if database.newest_delivery is not None and database.newest_delivery > facts.now + ahead:
        wrong.append(
            f"the newest delivery came {long((database.newest_delivery - facts.now).total_seconds())} from now"
        )
    wrong += [f"{one.owner} beat in the future" for one in database.processes if one.beat_at > facts.now + ahead]
    if not wrong:
        return Finding("times", Level.OK, "The clocks of the machines agree.")
    do = "Set the clocks of the machines (NTP). Leases, retries and the age of signatures go by them."
    return Finding("times", Level.RED, f"Clocks disagree: {'; '.join(wrong)}.", do)
