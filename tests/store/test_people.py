"""All that is one person's: however many contacts they are, the links are gone through once."""

from __future__ import annotations

import sqlalchemy as sa

from contactsync.domain.crm import RecordKind
from contactsync.store import connections, people
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing


def test_memberships_of_many_contacts_are_found_in_one_go_by_the_whole_id(engine, acme, vault, now):
    with writing(engine) as db:
        number = connections.connect(db, vault, acme.id, "salesforce", {}, {}, now)
        row = {"connection_id": number, "kind": RecordKind.MEMBER, "created_by_us": True, "updated_at": now}
        sources = [f"701A:{name}" for name in (*(f"c-{n}" for n in range(200)), "x:c-1", "a%b", "c-1x", "ä:ö")]
        db.execute(sa.insert(t.link), [{**row, "source": source, "crm_id": source} for source in sources])
    asked: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    with reading(engine) as db:
        few = people.records_of(db, acme.id, {"c-1", "a%b", "ä:ö"})
        of_few, asked[:] = len(asked), []
        many = people.records_of(db, acme.id, {f"c-{n}" for n in range(200)})
    assert sorted(one.id for one in few) == ["701A:a%b", "701A:c-1", "701A:ä:ö"]
    assert len(many) == 200
    assert len(asked) == of_few
