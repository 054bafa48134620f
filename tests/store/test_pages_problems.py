"""The page of problems: each cause once, told apart by what it asks of people, with the records that it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from contactsync.domain.crm import Mend, Next, Problem
from contactsync.domain.outcome import Outcome
from contactsync.domain.records import SyncStatus
from contactsync.store import connections, dismissals
from contactsync.store import tables as t
from contactsync.store.counts import counted
from contactsync.store.engine import reading, writing
from contactsync.store.ledger import Recorded, problem_as_json, record
from contactsync.store.pages_problems import Standing, held_records, problem_card, problem_list
from tests.store.conftest import NOW

TITLE = Problem("field_too_long", "Too long.", "Shorten it.", "event team", ("Title",), "Lead", (Mend.MAPPING,))
LOCKED = Problem("locked", "Locked.", "Nothing.", "nobody")
SIGN_IN = Problem("sign_in", "Revoked.", "Connect again.", mended_by=(Mend.CONNECTION,))


@pytest.fixture
def held(engine, acme, vault):
    """Three contacts, an event and a meeting with one problem, and a contact that is tried again by itself."""
    row = {"org_id": acme.id, "created_at": NOW, "updated_at": NOW, "deleted": False, "change": 1}
    version = ["1"]
    with writing(engine) as db:
        connections.connect(db, vault, acme.id, "salesforce", {}, {}, NOW)
        company = {"key": "name:engines", "name": "Engines", "fields": {"versions": [], "fields": {}}}
        db.execute(sa.insert(t.company).values(org_id=acme.id, **company))
        for number in range(1, 6):
            fields = {"first_name": ["Ada", 0], "last_name": [f"Lovelace {number}", 0]}
            more = {"email": f"ada{number}@x.example", "company_key": "name:engines", "status": SyncStatus.QUEUED}
            said = {"versions": version, "fields": fields}
            db.execute(sa.insert(t.contact).values(**row, **more, source_id=f"c-{number}", fields=said, attempts=0))
        named = {"versions": version, "fields": {"title": ["Talk", 0]}}
        db.execute(sa.insert(t.meeting).values(**row, source_id="m-1", fields=named))
        named = {"versions": version, "fields": {"name": ["Expo", 0]}}
        db.execute(sa.insert(t.event).values(**row, source_id="e-1", fields=named, known=True))
        stopped = Outcome(SyncStatus.NEEDS_ATTENTION, problem=TITLE, next=Next.STOP)
        for subject, keys in (("contact", (1, 2, 3)), ("meeting", (1,)), ("event", (1,))):
            for key in keys:
                entry = Recorded(key, f"{subject[0]}-{key}", 1, 1, stopped, NOW, subject=subject)
                record(db, acme.id, 1, [entry], NOW)
        again = Outcome(SyncStatus.RETRYING, NOW + timedelta(minutes=5), 1, LOCKED, Next.RETRY)
        record(db, acme.id, 1, [Recorded(4, "c-4", 1, 1, again, NOW)], NOW)
    return acme


def cards(engine, org):
    with reading(engine) as db:
        return problem_list(db, org.id)


def test_what_needs_somebody_and_what_returns_by_itself_are_told_apart(engine, held):
    found = cards(engine, held)
    assert [(card.key, card.standing, card.total) for card in found.cards] == [
        (TITLE.key, Standing.NEEDS, 5),
        (LOCKED.key, Standing.RETURNS, 1),
    ]
    assert found.cards[0].counts == {"contact": 3, "event": 1, "meeting": 1}
    assert found.cards[0].problem == TITLE
    assert (found.waiting, found.records(Standing.NEEDS)) == (1, 5)


def test_a_cause_that_needs_somebody_for_some_of_its_records_needs_somebody(engine, held):
    with writing(engine) as db:
        stopped = Outcome(SyncStatus.NEEDS_ATTENTION, problem=LOCKED, next=Next.STOP)
        record(db, held.id, 1, [Recorded(5, "c-5", 1, 1, stopped, NOW)], NOW)
        card = problem_card(db, held.id, LOCKED.key)
    assert (card.standing, card.returns, card.total) == (Standing.NEEDS, 1, 2)


def test_what_stops_the_connection_comes_first_until_it_passes_by_itself(engine, held):
    with writing(engine) as db:
        db.execute(sa.update(t.connection).values(problem=problem_as_json(SIGN_IN)))
        first = problem_list(db, held.id).cards[0]
        assert (first.key, first.standing, first.connection, first.total) == (SIGN_IN.key, Standing.STOPPED, True, 0)
        until = NOW + timedelta(minutes=5)
        db.execute(sa.update(t.connection).values(paused_until=until))
        card = problem_card(db, held.id, SIGN_IN.key)
        assert (card.standing, card.returns_at) == (Standing.RETURNS, until)


def test_a_dismissed_problem_is_folded_away_until_it_holds_more(engine, held):
    with writing(engine) as db:
        dismissals.dismiss(db, held.id, LOCKED.key, 1, "user:1", NOW)
        found = problem_list(db, held.id)
        assert ([card.key for card in found.cards], [card.key for card in found.dismissed]) == (
            [TITLE.key],
            [LOCKED.key],
        )
        assert found.dismissed[0].dismissal.actor == "user:1"
        again = Outcome(SyncStatus.RETRYING, NOW, 1, LOCKED, Next.RETRY)
        record(db, held.id, 1, [Recorded(5, "c-5", 1, 1, again, NOW)], NOW)
        assert [card.key for card in problem_list(db, held.id).cards] == [TITLE.key, LOCKED.key]


def test_what_is_folded_away_is_not_counted(engine, held):
    with writing(engine) as db:
        dismissals.dismiss(db, held.id, TITLE.key, 5, "user:1", NOW)
        told = dismissals.told(counted(db, held.id), dismissals.dismissals(db, held.id))
        assert {one.problem_key for one in told} == {"", LOCKED.key}
        dismissals.dismiss(db, held.id, TITLE.key, 4, "user:1", NOW)
        told = dismissals.told(counted(db, held.id), dismissals.dismissals(db, held.id))
        assert sum(one.records for one in told if one.problem_key == TITLE.key) == 5


def test_what_is_gone_is_forgotten_so_that_it_is_news_when_it_comes_again(engine, held, other):
    with writing(engine) as db:
        for org in (held, other):
            dismissals.dismiss(db, org.id, "gone", 9, "user:1", NOW)
        dismissals.forget_others(db, held.id, {TITLE.key})
        assert (dismissals.dismissals(db, held.id), set(dismissals.dismissals(db, other.id))) == ({}, {"gone"})
        assert dismissals.bring_back(db, other.id, ["gone"])
        assert not dismissals.bring_back(db, other.id, ["gone"])


def test_a_stopped_connection_is_never_folded_away(engine, held):
    with writing(engine) as db:
        db.execute(sa.update(t.connection).values(problem=problem_as_json(SIGN_IN)))
        dismissals.dismiss(db, held.id, SIGN_IN.key, 99, "user:1", NOW)
        assert problem_list(db, held.id).cards[0].key == SIGN_IN.key


def test_records_of_a_problem_come_newest_first_each_once_however_they_are_paged(engine, held):
    with reading(engine) as db:
        whole, following = held_records(db, held.id, TITLE.key, before=None, limit=10)
        assert following is None
        assert [(one.subject, one.key) for one in whole] == [
            ("contact", 3), ("contact", 2), ("meeting", 1), ("event", 1), ("contact", 1),
        ]  # fmt: skip
        paged, before = [], None
        while True:
            part, before = held_records(db, held.id, TITLE.key, before=before, limit=2)
            paged += part
            if before is None:
                break
    assert paged == whole


def test_records_say_who_and_what_they_are(engine, held):
    with reading(engine) as db:
        whole, _ = held_records(db, held.id, TITLE.key, before=None, limit=10)
        retried, _ = held_records(db, held.id, LOCKED.key, before=None, limit=10)
    shown = {one.source_id: (one.name, one.email, one.about) for one in whole}
    assert shown == {
        "c-3": ("Ada Lovelace 3", "ada3@x.example", "Engines"),
        "c-2": ("Ada Lovelace 2", "ada2@x.example", "Engines"),
        "c-1": ("Ada Lovelace 1", "ada1@x.example", "Engines"),
        "m-1": ("Talk", "", ""),
        "e-1": ("Expo", "", ""),
    }
    assert retried[0].due_at == NOW + timedelta(minutes=5)


def test_another_org_sees_none_of_it(engine, held, other):
    with reading(engine) as db:
        assert problem_list(db, other.id).cards == ()
        assert problem_card(db, other.id, TITLE.key) is None
        assert held_records(db, other.id, TITLE.key, before=None, limit=9) == ([], None)


def test_a_page_of_many_causes_asks_as_often_as_one_of_few(engine, held):
    asked = []
    sa.event.listen(engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    few = cards(engine, held)
    asked_for_few = len(asked)
    with writing(engine) as db:
        for number in range(30):
            problem = replace(TITLE, fields=(f"Field{number}",))
            row = {"org_id": held.id, "created_at": NOW, "updated_at": NOW, "source_id": f"x-{number}", "change": 1}
            said = {"fields": {"versions": [], "fields": {}}, "status": SyncStatus.NEEDS_ATTENTION}
            more = {"problem": problem_as_json(problem), "problem_key": problem.key}
            db.execute(sa.insert(t.contact).values(**row, **said, **more))
    asked.clear()
    many = cards(engine, held)
    assert (len(few.cards), len(many.cards)) == (2, 32)
    assert len(asked) == asked_for_few
