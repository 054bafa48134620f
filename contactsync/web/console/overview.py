"""Is everything all right?"""

from __future__ import annotations

from flask import Response

from contactsync.store.engine import reading
from contactsync.store.views_status import org_status
from contactsync.web.auth import parts
from contactsync.web.console.doors import Pages
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import page

pages = Pages("overview")


@pages.get("")
def overview() -> Response:
    """One look."""
    with reading(parts().engine) as db:
        stands = org_status(db, seat().org.id, parts().now())
    return page("overview.html", title="Overview", nav="overview", stands=stands)
