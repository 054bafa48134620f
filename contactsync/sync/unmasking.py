"""Somebody looks at a webhook's body as it came, with whatever it says of people: that is written down."""

from __future__ import annotations

from contactsync.store.audit import Audited, note
from contactsync.store.engine import writing
from contactsync.store.inbox import public_id
from contactsync.store.replays import body_of
from contactsync.sync.parts import Parts


def show_body(parts: Parts, org_id: int, number: int) -> bytes | None:
    """The body of a delivery; None: the org has none of that number, or its body was removed. It is written down first."""
    with writing(parts.engine) as db:
        body = body_of(db, org_id, number)
        if not body:
            return None
        note(db, org_id, parts.actor, Audited.BODY_SHOWN, parts.now(), about=public_id(number))
    return body
