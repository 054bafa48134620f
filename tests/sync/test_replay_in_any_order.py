"""Whatever is replayed, in whatever order and how often, records end as they were (invariant I4): tried with random news."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contactsync.store import orgs
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.inbox import public_id
from contactsync.store.lease import org_lease
from contactsync.store.queue import OrgLease
from contactsync.store.replays import ReplayFilter
from contactsync.sync import actions
from contactsync.sync.absorb import absorb
from tests.sync.conftest import START, World

FIELDS: Mapping[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from(["Countess", "", None]),
    "email": st.sampled_from(["ada@engines.example", "king@engines.example", None]),
    "company": st.sampled_from(["Engines", {"id": "co-1", "name": "Engines", "domain": "engines.example"}, None]),
    "address": st.sampled_from([None, {"city": "London"}, {"city": None, "country": "GB"}]),
    "custom": st.sampled_from([None, {"vip": True}, {"shoe": 39}]),
    "events": st.sampled_from([None, [], [{"id": "e-1"}], [{"id": "e-1", "status": "attended"}, {"id": "e-2"}]]),
}

MOMENTS = st.one_of(
    st.none(),
    st.integers(-5, 5).map(lambda hours: (START + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")),
)


def said(names: Mapping[str, st.SearchStrategy[Any]], **always: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    whole = st.fixed_dictionaries(dict(always), optional={**names, "updated_at": MOMENTS.filter(bool)})
    return st.lists(whole, min_size=1, max_size=2)


def roster() -> st.SearchStrategy[Any]:
    who = st.sampled_from([{"id": "c-1"}, {"id": "c-2", "status": "attended"}, {"email": "ada@engines.example"}])
    return said({}, event_id=st.sampled_from(["e-1", "e-2"]), contacts=st.lists(who, min_size=1, max_size=2))


PEOPLE = st.sampled_from(["c-1", "c-2"])
MEETING = {
    "title": st.sampled_from(["Talk", "Walk", None]),
    "status": st.sampled_from(["scheduled", "cancelled"]),
    "attendees": st.sampled_from([[{"contact_id": "c-1"}], [{"email": "ada@engines.example", "attended": True}], None]),
}
NEWS = st.one_of(
    st.tuples(st.sampled_from(["contact.created", "contact.updated"]), said(FIELDS, id=PEOPLE)),
    st.tuples(st.just("contact.deleted"), said({}, id=PEOPLE)),
    st.tuples(st.sampled_from(["event.contacts_added", "event.contacts_removed"]), roster()),
    st.tuples(
        st.sampled_from(["event.created", "event.cancelled", "event.deleted"]),
        said(
            {"name": st.sampled_from(["Expo", "Summit"]), "campaign_id": st.sampled_from(["701A", None])},
            id=st.just("e-1"),
        ),
    ),
    st.tuples(st.sampled_from(["meeting.created", "meeting.cancelled"]), said(MEETING, id=st.just("m-1"))),
)

_slugs = itertools.count(1)


def absorb_all(world: World) -> None:
    with org_lease(world.parts.engine, OrgLease(world.org_id, "me", 60), world.clock) as held:
        assert held is not None
        while absorb(world.parts, world.org_id, held):
            pass


def records(world: World) -> str:
    """All that deliveries make, without what the queue knows and without row numbers."""
    kept = {
        t.contact: ("source_id", "fields", "email", "company_key", "deleted"),
        t.company: ("key", "fields", "name"),
        t.event: ("source_id", "fields", "name", "known", "deleted", "campaign_id"),
        t.attendance: ("event_id", "who", "status", "removed", "version", "status_version"),
        t.meeting: ("source_id", "fields", "event_id", "deleted"),
    }
    with reading(world.parts.engine) as db:
        rows = {
            table.name: [
                tuple(row)
                for row in db.execute(
                    sa.select(*(table.c[name] for name in names))
                    .where(table.c.org_id == world.org_id)
                    .order_by(*names[:2])
                )
            ]
            for table, names in kept.items()
        }
        whos = sa.select(t.meeting_attendee.c.who).where(t.meeting_attendee.c.org_id == world.org_id)
        rows["attendees"] = [tuple(row) for row in db.execute(whos.order_by("who"))]
    return json.dumps(rows, sort_keys=True)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_records_are_after_any_replay_what_they_were_before(world: World, data: st.DataObject) -> None:
    """Each example in an org of its own, in one database; the fields and versions of every record are compared."""
    with writing(world.parts.engine) as db:
        org = orgs.add_org(db, f"org-{next(_slugs)}", "Org", world.clock())
    mine = replace(world, org_id=org.id)
    news = data.draw(st.lists(st.tuples(NEWS, st.booleans()), min_size=1, max_size=6), "news")
    numbers = []
    for (kind, items), at_once in news:
        number = mine.deliver(f"{kind.partition('.')[0]}s", kind, items)
        numbers.append(public_id(number))
        if not at_once:
            absorb_all(mine)
            world.clock.forward(minutes=1)
    absorb_all(mine)
    with reading(mine.parts.engine) as db:
        ends = set(db.execute(sa.select(t.delivery.c.status).where(t.delivery.c.org_id == org.id)).scalars())
    assert ends == {"absorbed"}  # all of it can be read: else nothing would be tried here
    before = records(mine)
    rounds = data.draw(
        st.lists(st.lists(st.sampled_from(numbers), min_size=1, max_size=4), min_size=1, max_size=3), "replays"
    )
    for chosen in rounds:
        world.clock.forward(hours=1)
        done = actions.replay(mine.parts, org.id, ReplayFilter(ids=tuple(dict.fromkeys(chosen))))
        assert done.replayed == len(set(chosen))
        absorb_all(mine)
        assert records(mine) == before
