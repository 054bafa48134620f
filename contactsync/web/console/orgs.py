"""Which org: a user of one goes straight in."""

from __future__ import annotations

from flask import Response
from werkzeug.wrappers import Response as AnyResponse

from contactsync.store import users
from contactsync.store.engine import reading
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.doors import Pages
from contactsync.web.console.seat import user
from contactsync.web.console.showing import page, redirected

pages = Pages("orgs")


@pages.get("/start", whole=True)
def start() -> AnyResponse:
    """The only org of the user, else the list."""
    with reading(parts().engine) as db:
        theirs = users.orgs_of(db, user())
    if len(theirs) == 1:
        return redirected(url("overview.overview", org=theirs[0][0].slug))
    return redirected(url("orgs.org_list"))


@pages.get("/orgs", whole=True)
def org_list() -> Response:
    """The orgs of the user."""
    with reading(parts().engine) as db:
        theirs = users.orgs_of(db, user())
    return page("orgs.html", title="Your orgs", theirs=theirs)
