"""Where a record of the CRM opens in the browser of whoever is looking."""

from __future__ import annotations

from collections.abc import Callable

from contactsync.domain.crm import RecordKind, RecordRef
from contactsync.domain.errors import Misconfigured
from contactsync.web.auth import parts
from contactsync.web.console.seat import seat

Link = Callable[[str | None, str | None], str | None]
"""From a record's kind ("Lead") and id to its address; None while nothing can tell."""


def crm_links() -> Link:
    """The addresses of records in the CRM that the org is connected to."""
    try:
        bound = parts().targets.of(seat().org.id)
    except Misconfigured:  # a page must not go down with a plugin or a key; /readyz and the log tell the operator
        bound = None

    def link(kind: str | None, record_id: str | None) -> str | None:
        if bound is None or not kind or not record_id or kind not in list(RecordKind):
            return None
        return bound.target.url(RecordRef(RecordKind(kind), record_id))

    return link
