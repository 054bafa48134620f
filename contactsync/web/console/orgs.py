"""Which org: a user of one goes straight in. Operators make new ones."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.errors import RefusedInput
from contactsync.store import users
from contactsync.store.engine import reading
from contactsync.sync import access
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.doors import Pages
from contactsync.web.console.seat import user
from contactsync.web.console.showing import done, form, page, redirected

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
    return _list({}, {})


@pages.post("/orgs", whole=True, operator=True)
def make_org() -> Response | AnyResponse:
    """A new org, and on to its first steps."""
    said = form()
    try:
        made = access.make_org(parts(), said.get("slug", ""), said.get("name", ""))
    except RefusedInput as error:
        return _list(error.fields, said)
    return done(
        f"{made.name} is there. A few steps, and its first contact is in Salesforce.", to=_first_steps(made.slug)
    )


def _first_steps(slug: str) -> str:
    return url("first_run.first_run", org=slug)


def _list(errors: Mapping[str, object], said: Mapping[str, str]) -> Response:
    with reading(parts().engine) as db:
        theirs = users.orgs_of(db, user())
    status = 422 if errors else 200
    return page("orgs.html", title="Your orgs", theirs=theirs, errors=errors, typed=said, status=status)
