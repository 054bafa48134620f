"""The job behind the bell: sync one org until nothing is due, or its time slice is over."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from contactsync.domain.errors import Misconfigured
from contactsync.log import described, logger
from contactsync.store import queue, releases, resyncs
from contactsync.store.engine import reading
from contactsync.store.lease import HeldLease, org_lease
from contactsync.store.queue import OrgLease
from contactsync.store.queue_events import claim_events
from contactsync.store.queue_meetings import claim_meetings
from contactsync.sync.absorb import absorb
from contactsync.sync.batch import sync_batch
from contactsync.sync.budget_gate import may_use, rows_within
from contactsync.sync.event_batch import sync_event_batch
from contactsync.sync.meeting_batch import sync_meeting_batch
from contactsync.sync.parts import Parts
from contactsync.sync.rules import rules_of
from contactsync.sync.turn import Overtaken, Turn

log = logger(__name__)


def never() -> bool:
    """Nobody asks this process to stop."""
    return False


def sync_org(parts: Parts, org_id: int, stop: Callable[[], bool] = never) -> bool:
    """Sync an org; True when more is due and the bell should ring again.

        take the org's lease, or knock and leave: its holder will look once more
        until nothing is due, or the time slice is over, or the process is asked to stop:
            absorb      deliveries in order → source records, due
            feed        the next of an unfinished release or resync, if there is room
            claim       up to N due events, then contacts, then meetings
            sync        look up → plan → apply → record
        let go of the lease; if somebody knocked meanwhile, look once more

    A worker may die at any line: what is due stays due, the clock frees its lease and rings again.
    """
    lease = OrgLease(org_id, _name_of_this_worker(), parts.settings.config.sync.lease_seconds)
    over = time.monotonic() + parts.settings.config.sync.slice_seconds
    with org_lease(parts.engine, lease, parts.now) as held:
        if held is None:
            return False
        with held.kept_alive():
            while True:
                worked = _round(parts, org_id, held)
                if worked is None:
                    return False
                if not worked and held.drop(even_if_knocked=False):
                    return False
                if stop() or time.monotonic() >= over:
                    return True


def _round(parts: Parts, org_id: int, lease: HeldLease) -> bool | None:
    """Absorb and sync one batch of each kind; False when there was nothing to do, None when the CRM cannot be used now.

    Events go before contacts, because a campaign may be made of them; meetings after, because their attendees are records
    by then.
    """
    with reading(parts.engine) as db:
        slug = queue.slug_of(db, org_id)
        noted = releases.newest(db, org_id)  # before the rules that they may have been noted with
    if slug is None:
        return None
    size = parts.settings.config.sync.batch_size
    absorbed = _absorb_up_to(parts, org_id, lease, size)
    try:
        bound = parts.targets.of(org_id)
        with reading(parts.engine) as db:
            rules = rules_of(db, parts, org_id, slug, bound.row.target if bound else None)
    except Misconfigured as error:
        # What is due stays due: the clock rings again, and it goes on once the setting or the plugin is mended.
        log.error("org cannot be synced", org=slug, **described(error))
        return None
    if bound is not None and bound.row.paused(parts.now()):
        return None
    turn = Turn(parts, org_id, rules, bound, lease)
    most = rows_within(bound.row if bound else None, rules.policies.reserve_percent, size)
    fed = _feed(turn, most, noted)
    if fed is None:
        return None
    synced = 0
    for word, claim, sync in _BATCHES:
        with reading(parts.engine) as db:
            claimed = claim(db, org_id, bound.row.id if bound else None, parts.now(), most)
        if not claimed:
            continue
        try:
            usable = sync(turn, claimed)
        except Overtaken:
            return True  # what was claimed is still due, and goes by what holds now
        log.info("batch synced", org=slug, usable=usable, **{word: len(claimed)})
        if not usable:
            return None
        synced += len(claimed)
    return bool(absorbed or fed or synced)


_BATCHES: tuple[tuple[str, Callable[..., Sequence[Any]], Callable[[Turn, Sequence[Any]], bool]], ...] = (
    ("events", claim_events, sync_event_batch),
    ("contacts", queue.claim, sync_batch),
    ("meetings", claim_meetings, sync_meeting_batch),
)


def _feed(turn: Turn, most: int, noted: int) -> int | None:
    """Put the next of an unfinished release (up to `noted`) or resync into the queue, never more than one batch ahead of what
    arrives by itself; None when nothing is left of the day's calls, so that it must wait.
    """
    now = turn.parts.now()
    with reading(turn.parts.engine) as db:
        if not noted and not resyncs.active(db, turn.org_id):
            return 0
        room = most - queue.due_count(db, turn.org_id, now, most)
    if turn.bound is not None and not may_use(turn, turn.bound):
        return None
    if room <= 0:
        return 0
    with turn.lease.writing() as db:
        fed = releases.feed(db, turn.org_id, now, room, noted)
        return fed + resyncs.feed(db, turn.org_id, now, room - fed)


def _absorb_up_to(parts: Parts, org_id: int, lease: HeldLease, enough: int) -> bool:
    """Absorb until a full batch is due: a burst goes in full batches, and memory stays flat as it grows."""
    absorbed = False
    while absorb(parts, org_id, lease):
        absorbed = True
        with reading(parts.engine) as db:
            if queue.due_count(db, org_id, parts.now(), enough) >= enough:
                break
    return absorbed


def _name_of_this_worker() -> str:
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(8)}"
