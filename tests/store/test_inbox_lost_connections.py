"""A webhook that was answered 202 is committed, however often the connection under the inbox is lost (I1)."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from contactsync.domain.errors import CannotKeep
from contactsync.store import orgs
from contactsync.store import tables as t
from contactsync.store.engine import open_engine, reading, writing
from contactsync.store.inbox import Inbox
from contactsync.store.tokens import utc_now


def test_what_is_kept_after_two_connections_were_lost_in_a_row_is_committed(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no connection to lose")
    others = open_engine(engine.url.render_as_string(hide_password=False))
    with writing(others) as db:
        org_id = orgs.add_org(db, "acme", "Acme", utc_now()).id
    inbox = Inbox(engine)

    def keep(webhook_id: str) -> Any:
        said = {"org_id": org_id, "webhook_id": webhook_id, "door": "contacts", "body": b"{}", "status": "accepted"}
        return inbox.keep(**said, type="contact.updated", errors=None, now=utc_now())  # type: ignore[arg-type]

    def die(connection: Any, *_: object) -> None:
        with others.connect() as db:
            db.execute(sa.select(sa.func.pg_terminate_backend(connection.info.backend_pid)))

    keep("first")
    with engine.connect() as at_hand:
        mine = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
        at_hand.exec_driver_sql(mine + "pg_backend_pid()")
    sa.event.listen(engine, "checkout", die)
    with pytest.raises(CannotKeep):
        keep("second")
    sa.event.remove(engine, "checkout", die)
    assert not keep("third").duplicate
    with reading(others) as db:
        kept = db.execute(sa.select(t.delivery.c.webhook_id).order_by(t.delivery.c.id)).scalars().all()
    others.dispose()
    assert kept == ["first", "third"]
