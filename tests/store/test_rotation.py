"""The rotation of the keys that seal what is secret: everything comes under the first, whatever goes on meanwhile."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from contactsync.domain.connection import Token
from contactsync.store import authorizations, connections, orgs, rotation, tables
from contactsync.store.authorizations import SignInBegun
from contactsync.store.connections import open_connection, present
from contactsync.store.engine import open_engine, reading, writing
from contactsync.store.rotation import ERASURE_KEY_PURPOSE, Rotated, Unopened, check, rotate
from contactsync.store.tokens import DatabaseTokenKeeper
from contactsync.store.vault import Vault
from tests.fixtures.waiting import wait_until

OLD, NEW, LOST = "the key of last year", "the key of this year", "a key that nobody has"
SETTINGS = {"instance_url": "https://acme.my.salesforce.com"}


def plant(engine, vault, org, now) -> str:
    """One of everything that is sealed, kept by this vault; answers the webhook secret."""
    begun = SignInBegun(SETTINGS, {"client_secret": "hush"}, "https://us.example.com/callback", "verifier")
    with writing(engine) as db:
        number = connections.connect(db, vault, org.id, "salesforce", SETTINGS, {"client_secret": "hush"}, now)
        _, secret = orgs.add_secret(db, vault, org.id, now)
        authorizations.begin(db, vault, org.id, "salesforce", f"state of {org.slug}", begun, now)
        sealed = vault.seal(org.id, ERASURE_KEY_PURPOSE, "0a" * 32)
        db.execute(sa.update(tables.org).where(tables.org.c.id == org.id).values(sealed_erasure_key=sealed))
    DatabaseTokenKeeper(engine, vault, org.id, number, now=lambda: now).token(lambda: Token("kept", "", "grant"))
    return secret


def test_every_sealed_column_of_the_schema_is_rotated():
    planned = {(place.column.table.name, place.column.name) for place in rotation._PLACES}
    columns = [c for table in tables.metadata.sorted_tables for c in table.c if "sealed" in c.name]
    assert {(column.table.name, column.name) for column in columns} == planned


def test_everything_comes_under_the_first_key_and_opens_with_it_alone(engine, acme, now):
    secret = plant(engine, Vault([OLD]), acme, now)
    both = Vault([NEW, OLD])
    assert check(engine, both, now) == Rotated(resealed=0, current=0, older=5)

    assert rotate(engine, both, now, "ops") == Rotated(resealed=5, current=5, older=0)

    after = Vault([NEW])
    assert check(engine, after, now) == Rotated(resealed=0, current=5, older=0)
    with writing(engine) as db:
        opened = open_connection(engine, after, present(db, acme.id))
        assert opened.credentials == {"client_secret": "hush"}
        assert orgs.secrets(db, after, acme.id, now) == (secret,)
        assert authorizations.take(db, after, "salesforce", "state of acme", now).begun.verifier == "verifier"
        key = db.execute(sa.select(tables.org.c.sealed_erasure_key)).scalar()
        assert after.open(acme.id, ERASURE_KEY_PURPOSE, key) == "0a" * 32
    assert opened.tokens.token(lambda: Token("fetched")).value == "kept"


def test_it_is_written_down_who_did_it_and_a_second_time_nothing_is_left_to_do(engine, acme, now):
    plant(engine, Vault([OLD]), acme, now)
    rotate(engine, Vault([NEW, OLD]), now, "ops")
    assert rotate(engine, Vault([NEW, OLD]), now, "ops").resealed == 0
    with reading(engine) as db:
        entries = db.execute(sa.select(tables.audit_entry)).all()
    assert {(entry.actor, entry.action, entry.org_id) for entry in entries} == {("ops", "keys.rotated", None)}
    assert sum(entry.details["resealed"] for entry in entries) == len(entries) == 5
    assert OLD not in str(entries)


def test_looking_changes_nothing(engine, acme, now):
    plant(engine, Vault([OLD]), acme, now)
    with reading(engine) as db:
        before = [db.execute(sa.select(table)).all() for table in tables.metadata.sorted_tables]
    check(engine, Vault([NEW, OLD]), now)
    with reading(engine) as db:
        assert [db.execute(sa.select(table)).all() for table in tables.metadata.sorted_tables] == before


def test_what_no_key_opens_is_named_by_org_stands_as_it_was_and_holds_nothing_else_up(engine, acme, other, now):
    plant(engine, Vault([OLD]), acme, now)
    with writing(engine) as db:
        orgs.add_secret(db, Vault([LOST]), other.id, now)
        orgs.add_secret(db, Vault([LOST]), other.id, now)
        orgs.add_secret(db, Vault([LOST]), other.id, now, now - timedelta(days=1))  # has expired: nobody misses it
    rotated = rotate(engine, Vault([NEW, OLD]), now, "ops")
    assert (rotated.resealed, rotated.current, rotated.older) == (5, 5, 0)
    assert set(rotated.unopened) == {
        Unopened("other", "webhook secret", 2, needed=True),
        Unopened("other", "webhook secret", 1, needed=False),
    }
    assert rotated.older_keys_needed
    assert check(engine, Vault([NEW, LOST]), now).older == 3  # untouched


def test_what_was_sealed_for_something_else_is_not_sealed_anew(engine, acme, other, now):
    """A sealed text that somebody copied to another org's row must not become good there."""
    both = Vault([NEW, OLD])
    with writing(engine) as db:
        orgs.add_secret(db, Vault([OLD]), acme.id, now)
        db.execute(sa.update(tables.webhook_secret).values(org_id=other.id))
    rotated = rotate(engine, both, now, "ops")
    assert (rotated.resealed, rotated.unopened) == (0, (Unopened("other", "webhook secret", 1, needed=True),))


def test_more_than_a_batch_is_done_in_several_transactions(engine, acme, now):
    rows = [{"org_id": acme.id, "sealed": Vault([OLD]).seal(acme.id, "webhook secret", f"whsec_{i}"), "created_at": now}
            for i in range(2 * rotation.BATCH + 1)]  # fmt: skip
    with writing(engine) as db:
        db.execute(sa.insert(tables.webhook_secret), rows)
    assert rotate(engine, Vault([NEW, OLD]), now, "ops") == Rotated(resealed=len(rows), current=len(rows), older=0)
    with reading(engine) as db:
        done = db.execute(sa.select(tables.audit_entry.c.details).order_by(tables.audit_entry.c.id)).scalars().all()
    assert [each["resealed"] for each in done] == [rotation.BATCH, rotation.BATCH, 1]


def test_workers_that_refresh_their_tokens_meanwhile_lose_none(engine, acme, now):
    """Three workers refresh as fast as they can, two with the old key first, while the keys are rotated again and again.

    The CRM of this test takes a refresh token once, as Salesforce does with rotation: one lost, and the org is cut off.
    """
    plant(engine, Vault([OLD]), acme, now)
    with reading(engine) as db:
        row = present(db, acme.id)
    good, wrong, over = ["grant"], [], threading.Event()

    def work(vault: Vault) -> None:
        keeper = DatabaseTokenKeeper(engine, vault, acme.id, row.id, sealed_credentials=row.sealed_credentials)

        def refresh() -> Token:
            held = keeper.last()
            if held is None or held.refresh_token != good[-1]:
                wrong.append(held)
            good.append(f"grant-{len(good)}")
            return Token(f"token-{len(good)}", "", good[-1])

        for _ in range(15):
            last = keeper.last()
            keeper.token(refresh, stale=last.value if last else None)

    workers = [threading.Thread(target=work, args=(Vault(keys),)) for keys in ([OLD, NEW], [OLD, NEW], [NEW, OLD])]

    def rotating() -> None:
        while not over.is_set():
            rotate(engine, Vault([NEW, OLD]), now, "ops")

    rotator = threading.Thread(target=rotating)
    for thread in (rotator, *workers):
        thread.start()
    for thread in workers:
        thread.join(60)
    over.set()
    rotator.join(60)

    assert wrong == []
    assert len(good) > 15
    assert rotate(engine, Vault([NEW, OLD]), now, "ops").older == 0
    with reading(engine) as db:
        assert json.loads(Vault([NEW]).open(acme.id, "CRM token", present_token(db)))[2] == good[-1]


def present_token(db) -> str:
    return db.execute(sa.select(tables.connection.c.sealed_token)).scalar_one()


@pytest.mark.postgres  # SQLite lets one write at a time
def test_a_sign_in_that_comes_back_while_its_row_is_sealed_anew_is_still_taken(postgres_url, now):
    engine = open_engine(postgres_url)
    with writing(engine) as db:
        acme = orgs.add_org(db, "acme", "Acme Events", now)
    plant(engine, Vault([OLD]), acme, now)
    both, taken = Vault([NEW, OLD]), []
    with writing(engine) as db:
        sealed = db.execute(sa.select(tables.authorization.c.sealed)).scalar_one()
        anew = both.reseal(acme.id, authorizations.AUTHORIZATION_PURPOSE, sealed)
        db.execute(sa.update(tables.authorization).values(sealed=anew))

        def come_back() -> None:
            with writing(engine) as mine:
                taken.append(authorizations.take(mine, both, "salesforce", "state of acme", now))

        thread = threading.Thread(target=come_back)
        thread.start()
        wait_for_lock(engine)
    thread.join(10)
    engine.dispose()
    assert taken[0] is not None


def wait_for_lock(engine) -> None:
    def waiting() -> bool:
        with reading(engine) as db:
            return bool(
                db.execute(sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).scalar()
            )

    wait_until(waiting, what="the one that comes back waits for the row")
