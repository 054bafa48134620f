"""The inbox keeps what it says it kept, once, and says so when it cannot."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from contactsync.domain.errors import CannotKeep, RefusedInput
from contactsync.store import inbox, orgs, tables
from contactsync.store.engine import committing, open_engine, reading, upgrade, writing

NOW = datetime(2026, 11, 24, 9, 0, 0, 123456, tzinfo=UTC)
BODY = b'{"type":  "contact.created", "data": {"email": "canary@example.com"}}'


def keep(conn, org_id, webhook_id="msg_1", body=BODY, **other):
    said = {"door": "contacts", "status": "accepted", "type": "contact.created", "errors": None, "now": NOW} | other
    return inbox.keep(conn, org_id=org_id, webhook_id=webhook_id, body=body, **said)


def keep_now(engine, org_id, *args, **other):
    with inbox.keeping(engine) as conn:
        return keep(conn, org_id, *args, **other)


def found(engine, org_id, delivery_id):
    with reading(engine) as conn:
        return inbox.find_delivery(conn, org_id, delivery_id)


# ── kept ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_delivery_is_kept_as_it_arrived(engine, acme):
    body = b'{"type":  "contact.created"}\xff\x00'
    kept = keep_now(engine, acme.id, "msg_1", body)
    assert not kept.duplicate
    assert found(engine, acme.id, kept.delivery_id) == inbox.Delivery(
        id=kept.delivery_id,
        org_id=acme.id,
        webhook_id="msg_1",
        door="contacts",
        received_at=NOW,
        body=body,
        status="accepted",
        type="contact.created",
        errors=None,
        log=None,
        absorbed_at=None,
    )


def test_a_rejected_delivery_keeps_what_is_wrong_with_it(engine, acme):
    errors = [{"path": "data.3.email", "message": "Is no “e-mail” address."}]
    kept = keep_now(engine, acme.id, status="rejected", type=None, errors=errors)
    delivery = found(engine, acme.id, kept.delivery_id)
    assert delivery is not None
    assert (delivery.status, delivery.type, delivery.errors) == ("rejected", None, errors)


def test_what_was_kept_is_committed_before_keep_returns(engine, acme):
    with inbox.keeping(engine) as conn:
        kept = keep(conn, acme.id)
        assert found(engine, acme.id, kept.delivery_id) is not None


def test_within_a_transaction_a_delivery_is_kept_with_it_or_not_at_all(engine, acme):
    with pytest.raises(ZeroDivisionError), writing(engine) as conn:
        lost = keep(conn, acme.id, "lost")
        raise ZeroDivisionError
    with writing(engine) as conn:
        kept = keep(conn, acme.id, "kept")
    assert found(engine, acme.id, kept.delivery_id).webhook_id == "kept"
    assert lost.delivery_id == kept.delivery_id or found(engine, acme.id, lost.delivery_id) is None


def test_times_sort_as_the_rest_of_the_code_writes_them(engine, acme):
    kept = keep_now(engine, acme.id, now=NOW.replace(microsecond=0))
    with reading(engine) as conn:
        at = tables.delivery.c.received_at
        matching = sa.select(tables.delivery.c.id).where(at == NOW.replace(microsecond=0), at < NOW)
        assert conn.execute(matching).scalar() == kept.delivery_id


def test_a_delivery_survives_the_kill_of_the_process_that_kept_it(engine, acme, database_url):
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_keep_and_be_killed, args=(database_url, acme.id, theirs))
    process.start()
    delivery_id = ours.recv() if ours.poll(60) else None
    process.join(60)
    ours.close()
    theirs.close()
    assert process.exitcode == -signal.SIGKILL
    assert found(engine, acme.id, delivery_id).body == BODY


def _keep_and_be_killed(url, org_id, pipe):
    with inbox.keeping(open_engine(url)) as conn:
        pipe.send(keep(conn, org_id).delivery_id)
        os.kill(os.getpid(), signal.SIGKILL)


# ── duplicates ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_webhook_again_answers_the_first_delivery(engine, acme):
    first = keep_now(engine, acme.id)
    assert keep_now(engine, acme.id) == inbox.Kept(first.delivery_id, duplicate=True)
    assert found(engine, acme.id, first.delivery_id).log == {"duplicates": 1, "different_bodies": 0}


def test_the_same_webhook_id_with_another_body_is_a_duplicate_that_is_noted(engine, acme):
    first = keep_now(engine, acme.id, "msg_1", b"first")
    again = [keep_now(engine, acme.id, "msg_1", body) for body in (b"first", b"second")]
    delivery = found(engine, acme.id, first.delivery_id)
    assert {kept.delivery_id for kept in again} == {first.delivery_id}
    assert (delivery.body, delivery.log) == (b"first", {"duplicates": 2, "different_bodies": 1})


def test_counting_duplicates_leaves_the_rest_of_the_log_alone(engine, acme):
    first = keep_now(engine, acme.id)
    with writing(engine) as conn:
        conn.execute(sa.update(tables.delivery).values(log={"unknown_keys": {"data.shoe": 2}}))
    keep_now(engine, acme.id)
    assert found(engine, acme.id, first.delivery_id).log == {
        "unknown_keys": {"data.shoe": 2},
        "duplicates": 1,
        "different_bodies": 0,
    }


def test_two_orgs_may_use_one_webhook_id(engine, acme, other):
    ours, theirs = (keep_now(engine, org.id) for org in (acme, other))
    assert not theirs.duplicate
    assert ours.delivery_id != theirs.delivery_id
    assert found(engine, acme.id, theirs.delivery_id) is None


def test_of_fifty_at_once_one_is_kept_and_all_others_are_counted(engine, acme):
    together = threading.Barrier(10)
    kept = []

    def send() -> None:
        together.wait(30)
        kept.extend([keep_now(engine, acme.id) for _ in range(5)])

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.duplicate for one in kept) == [False] + 49 * [True]
    assert len({one.delivery_id for one in kept}) == 1
    assert found(engine, acme.id, kept[0].delivery_id).log["duplicates"] == 49


# ── not kept ───────────────────────────────────────────────────────────────────────────────────────────────────────


def cannot_keep(engine, org_id) -> CannotKeep:
    with pytest.raises(CannotKeep, match="the inbox cannot be written now") as refused:
        keep_now(engine, org_id)
    assert refused.value.retry_after > 0
    assert "canary" not in "".join(traceback.format_exception(refused.value))
    return refused.value


def test_a_locked_database_cannot_keep_now_and_can_later(sqlite_url):
    holder, waiter = open_engine(sqlite_url), open_engine(f"{sqlite_url}?timeout=0.1")
    with writing(holder) as conn:
        org_id = conn.execute(
            sa.insert(tables.org).values(slug="acme", name="Acme", created_at=NOW, policies={}, mappings={})
        ).inserted_primary_key[0]
    with writing(holder):
        cannot_keep(waiter, org_id)
    assert not keep_now(waiter, org_id).duplicate
    holder.dispose()
    waiter.dispose()


def test_a_full_disk_cannot_keep(sqlite_url):
    engine = open_engine(sqlite_url)

    @sa.event.listens_for(engine, "connect")
    def _no_room(connection, _) -> None:
        connection.execute("PRAGMA max_page_count=1")  # SQLite takes as many as there are now

    with writing(engine) as conn:
        conn.execute(sa.insert(tables.org).values(slug="acme", name="A", created_at=NOW, policies={}, mappings={}))
    with pytest.raises(CannotKeep) as refused:
        keep_now(engine, 1, "msg_1", b"x" * 1_000_000)
    assert "full" in str(refused.value.__cause__)
    engine.dispose()


def test_a_database_without_tables_cannot_keep_and_can_once_it_is_migrated(empty_database_url):
    engine = open_engine(empty_database_url)
    cannot_keep(engine, 1)
    upgrade(engine)
    with writing(engine) as conn:
        conn.execute(
            sa.insert(tables.org).values(id=1, slug="acme", name="A", created_at=NOW, policies={}, mappings={})
        )
    assert not keep_now(engine, 1).duplicate
    engine.dispose()


def test_an_org_that_is_gone_cannot_keep(engine):
    cannot_keep(engine, 404)


def test_a_database_that_is_away_cannot_keep():
    cannot_keep(open_engine("postgresql://somebody@127.0.0.1:1/nothing"), 1)


@pytest.mark.postgres
def test_a_connection_that_breaks_between_two_deliveries_is_not_used_again(postgres_url):
    engine, other = open_engine(postgres_url), open_engine(postgres_url)
    with writing(engine) as conn:
        conn.execute(
            sa.insert(tables.org).values(id=1, slug="acme", name="A", created_at=NOW, policies={}, mappings={})
        )
    with pytest.raises(CannotKeep), inbox.keeping(engine) as conn:
        ours = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        with committing(other) as killing:
            killing.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": ours})
        keep(conn, 1)
    assert not keep_now(engine, 1).duplicate
    engine.dispose()
    other.dispose()


# ── one connection that stays open ─────────────────────────────────────────────────────────────────────────────────


def keep_through(line, org_id, webhook_id):
    return line.keep(
        org_id=org_id,
        webhook_id=webhook_id,
        door="contacts",
        body=BODY,
        status="accepted",
        type="contact.created",
        errors=None,
        now=NOW,
    )


def test_an_inbox_keeps_all_deliveries_over_one_connection_and_commits_each(engine, acme):
    checkouts = []
    line = inbox.Inbox(engine)
    sa.event.listen(engine, "checkout", lambda *_: checkouts.append(1))
    kept = [keep_through(line, acme.id, f"msg_{number}") for number in range(5)]
    assert len(checkouts) == 1
    assert [found(engine, acme.id, each.delivery_id).webhook_id for each in kept] == [f"msg_{n}" for n in range(5)]
    assert keep_through(line, acme.id, "msg_0") == inbox.Kept(kept[0].delivery_id, duplicate=True)


def test_an_inbox_holds_up_no_writer_between_deliveries(engine, acme):
    line = inbox.Inbox(engine)
    keep_through(line, acme.id, "msg_1")
    with writing(engine) as conn:
        conn.execute(sa.update(tables.delivery).values(status="absorbed"))
    assert not keep_through(line, acme.id, "msg_2").duplicate


def test_an_inbox_has_a_connection_for_each_thread(engine, acme):
    line = inbox.Inbox(engine)
    with ThreadPoolExecutor(4) as threads:
        kept = list(threads.map(lambda number: keep_through(line, acme.id, f"msg_{number}"), range(40)))
    assert len({each.delivery_id for each in kept}) == 40


def test_an_inbox_lets_go_of_its_connection_with_the_engine_and_takes_another(engine, acme):
    line = inbox.Inbox(engine)
    keep_through(line, acme.id, "msg_1")
    assert engine.pool.checkedout() == 1
    engine.dispose()
    assert engine.pool.checkedout() == 0
    assert not keep_through(line, acme.id, "msg_2").duplicate


@pytest.mark.postgres
def test_an_inbox_whose_connection_was_cut_keeps_the_next_delivery_over_a_new_one(postgres_url):
    engine = open_engine(postgres_url)
    line = inbox.Inbox(engine)
    with writing(engine) as conn:
        org_id = orgs.add_org(conn, "acme", "Acme", NOW).id
    first = keep_through(line, org_id, "msg_1")
    with reading(engine) as conn:
        others = sa.text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                         "WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip
        assert conn.execute(others).scalars().all() == [True]
    assert keep_through(line, org_id, "msg_1") == inbox.Kept(first.delivery_id, duplicate=True)
    engine.dispose()


def test_an_inbox_that_cannot_keep_says_so_and_keeps_the_next_one(engine, acme):
    line = inbox.Inbox(engine)
    keep_through(line, acme.id, "msg_1")
    with writing(engine) as conn:
        conn.execute(sa.text("ALTER TABLE delivery RENAME TO elsewhere"))
    with pytest.raises(CannotKeep):
        keep_through(line, acme.id, "msg_2")
    with writing(engine) as conn:
        conn.execute(sa.text("ALTER TABLE elsewhere RENAME TO delivery"))
    assert not keep_through(line, acme.id, "msg_2").duplicate


def test_a_webhook_id_is_at_most_as_long_as_its_column(engine, acme):
    assert not keep_now(engine, acme.id, "x" * 255).duplicate
    with pytest.raises(RefusedInput, match="longer than 255 characters"):
        keep_now(engine, acme.id, "x" * 256)


# ── names ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(min_value=1, max_value=10**18 - 1))
def test_a_public_id_leads_back_to_its_number(number):
    assert inbox.delivery_number(inbox.public_id(number)) == number


@pytest.mark.parametrize(
    "text", ["", "dlv_", "dlv_0", "dlv_01", "dlv_-1", "dlv_1 ", "7", "DLV_1", "dlv_١", f"dlv_{10**18}", "dlv_1\n"]
)
def test_any_other_text_names_no_delivery(text):
    assert inbox.delivery_number(text) is None


def test_errors_that_hold_odd_characters_are_kept(engine, acme):
    errors = [{"path": "data.\\u0000", "message": json.loads('"\\u2028\\ud83d\\ude00"')}]
    kept = keep_now(engine, acme.id, status="rejected", errors=errors)
    assert found(engine, acme.id, kept.delivery_id).errors == errors
