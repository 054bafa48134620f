"""The doctor's round: everything is asked, each for a short time only, and nothing that is away keeps the others from it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from contactsync.domain.errors import Misconfigured, RefusedInput, TargetError, TargetRefused, TargetUnavailable
from contactsync.domain.facts import BrokenPlugin, DatabaseFacts, Facts, Health, OrgFacts
from contactsync.loading import PluginStatus
from contactsync.store.checkup import database_facts, kind, orgs_facts
from contactsync.store.engine import reading, unavailable
from contactsync.store.orgs import find_org
from contactsync.sync.parts import Parts
from contactsync.sync.targets import Targets, asking

DATABASE_SECONDS = 8.0
"""Longer than a connection to Postgres may take to be made."""

CRM_SECONDS = 15.0
"""For all that a check asks of one CRM."""

AT_ONCE = 8
"""So many CRMs are asked at the same time."""

Key = TypeVar("Key")
Answer = TypeVar("Answer")


def examine(parts: Parts, slug: str | None = None) -> Facts:
    """All facts, of every org or of one. Raises RefusedInput for an org that is not there."""
    now = parts.now()
    database = in_time(
        {None: lambda: database_facts(parts.engine, parts.vault, now)}, DATABASE_SECONDS, _database_hangs
    )[None]
    orgs: Sequence[OrgFacts] = ()
    if not database.trouble and not database.pending:
        orgs, database = _orgs(parts, slug, database)
    listing = parts.plugins.listing()
    return Facts(
        now=now,
        database=replace(database, kind=kind(parts.engine)),
        redis=parts.bell.answers(),
        plugins=sum(one.status is PluginStatus.LOADED for one in listing),
        broken=[BrokenPlugin(one.name, one.problem, one.fix or "") for one in listing if one.problem],
        complaints=parts.plugins.complaints(parts.settings.config),
        orgs=_with_health(parts, orgs),
        lease_seconds=parts.settings.config.sync.lease_seconds,
        retry_seconds=parts.settings.config.sync.retry_most_seconds,
    )


def _database_hangs() -> DatabaseFacts:
    return DatabaseFacts(trouble=f"DATABASE_URL: the database does not answer within {DATABASE_SECONDS:g} seconds.")


def _orgs(parts: Parts, slug: str | None, database: DatabaseFacts) -> tuple[Sequence[OrgFacts], DatabaseFacts]:
    def read() -> Sequence[OrgFacts] | RefusedInput | None:
        try:
            with reading(parts.engine) as db:
                if slug is not None and find_org(db, slug) is None:
                    return RefusedInput(
                        f"There is no org {slug!r}: `contactsync org list` shows them, `org add` makes one."
                    )
                limits = parts.settings.config.intake
                return orgs_facts(db, parts.now(), slug, (limits.most_waiting, limits.most_waiting_megabytes))
        except Exception as error:
            if unavailable(error):
                return None  # it went away since
            raise

    found = in_time({None: read}, DATABASE_SECONDS, lambda: None)[None]
    if isinstance(found, RefusedInput):
        raise found
    return ((), _database_hangs()) if found is None else (found, database)


def _with_health(parts: Parts, orgs: Sequence[OrgFacts]) -> Sequence[OrgFacts]:
    """Each org with what its CRM says, if it has one."""
    asked = {org.slug: _asker(parts, org.slug) for org in orgs if org.state != "none"}
    away = f"it did not answer within {CRM_SECONDS:g} seconds."
    answers = in_time(asked, CRM_SECONDS, lambda: Health(ok=False, away=away))
    return [_heard(org, answers[org.slug]) if org.slug in answers else org for org in orgs]


def _heard(org: OrgFacts, answer: Health) -> OrgFacts:
    if answer.used is None:
        return replace(org, health=answer)
    return replace(org, health=answer, calls_used=answer.used, calls_limit=answer.limit)


def _asker(parts: Parts, slug: str) -> Callable[[], Health]:
    def ask() -> Health:
        # Of its own: the parts' are not made for threads.
        targets = Targets(parts.engine, parts.vault, parts.plugins, parts.now)
        try:
            with reading(parts.engine) as db:
                org = find_org(db, slug)
            bound = targets.of(org.id) if org else None
            if bound is None:
                return Health()
            try:
                with asking(bound):
                    said = bound.target.check()
            finally:
                bound.connection.flush()
        except TargetError as error:
            problem = error.problem if isinstance(error, TargetUnavailable | TargetRefused) else None
            return Health(ok=False, problems=(problem,)) if problem else Health(ok=False, away=str(error))
        except Misconfigured as error:  # its plugin is broken, its credentials do not open
            return Health(ok=False, away=f"{error}.", fix="Put that right; the sync goes on by itself then.")
        except Exception as error:
            if unavailable(error):
                return Health(ok=False, away="the database went away meanwhile.")
            raise
        return Health(said.ok, said.problems, used=said.calls_used, limit=said.calls_limit)

    return ask


def in_time(asks: Mapping[Key, Callable[[], Answer]], seconds: float, late: Callable[[], Answer]) -> dict[Key, Answer]:
    """What each answers, `late()` for those that take longer; some are asked at once. What one raises is raised.

    The threads of those that hang are left behind: they end with the process.
    """
    answers: dict[Key, Answer] = {}
    raised: list[BaseException] = []
    keys = list(asks)
    for start in range(0, len(keys), AT_ONCE):
        threads = []
        for key in keys[start : start + AT_ONCE]:

            def answer(key: Key = key) -> None:
                try:
                    answers[key] = asks[key]()
                except Exception as error:  # noqa: BLE001 - raised below, where it is heard
                    raised.append(error)

            threads.append(threading.Thread(target=answer, name="examining", daemon=True))
            threads[-1].start()
        until = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
    if raised:
        raise raised[0]
    return {key: answers[key] if key in answers else late() for key in keys}
