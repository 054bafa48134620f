"""Settings › Endpoints and secrets: where the event platform posts to, what it signs with, and a test of both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.errors import RefusedInput
from contactsync.domain.roles import Role
from contactsync.store import connections, orgs
from contactsync.store.engine import reading
from contactsync.store.pages_setup import followed_contact, followed_delivery
from contactsync.sync import actions
from contactsync.sync.issuing import Given
from contactsync.web.auth import parts
from contactsync.web.console import sample
from contactsync.web.console.addresses import url
from contactsync.web.console.crm_links import crm_links
from contactsync.web.console.doors import Pages
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, form, page, short, viewers_zone
from contactsync.web.errors import missing

pages = Pages("endpoints")

DOORS: Mapping[str, str] = {
    "contacts": "Contacts: new, changed, deleted",
    "events": "Events, and who takes part in them",
    "meetings": "Meetings: new, moved, cancelled, deleted",
}
"""The endpoints, and what a platform posts there."""

OVERLAPS: Mapping[str, str] = {"0": "at once", "1": "in an hour", "24": "in a day", "168": "in a week"}
"""For how long a secret may still be good after somebody ends it."""

USUAL = timedelta(seconds=30)
"""Who waits longer than this for a test to be taken in is told whom to ask."""

_MOST_ID = 2**62


@pages.get("/settings/endpoints")
def endpoints() -> Response:
    """Addresses, secrets, and what became of the last test."""
    return _page()


@pages.post("/settings/endpoints/secrets", role=Role.ADMIN)
def add_secret() -> Response:
    """Make a secret, and show it this once: the answer to this very request holds it, and nothing keeps it."""
    return _page(given=actions.add_secret(parts(), seat().org.id), back=_back())


@pages.post("/settings/endpoints/secrets/<int:key>/end", role=Role.ADMIN)
def end_secret(key: int) -> AnyResponse:
    """Take a secret no more, now or after an overlap."""
    said = form().get("in_hours", "0")
    if said not in OVERLAPS:
        raise RefusedInput("Choose one of the times that the page offers.")
    with reading(parts().engine) as db:
        there = next((one for one in orgs.list_secrets(db, seat().org.id) if one.id == key), None)
    if there is None:
        raise missing("webhook secret")
    actions.revoke_secret(parts(), seat().org.id, key, in_hours=float(said))
    words = "is ended: webhooks signed with it alone are refused." if said == "0" else f"ends {OVERLAPS[said]}."
    made = short(there.created_at, parts().now(), viewers_zone())
    return done(f"The secret made {made} {words}", to=url("endpoints.endpoints"))


@pages.post("/settings/endpoints/test")
def send_test() -> AnyResponse:
    """Post the test contact to this installation's own endpoint, and follow it."""
    back = _back()
    try:
        sent = sample.send_sample(seat().org, base_url(), complete=form().get("kind") != "incomplete")
    except sample.NoSecret:
        words = "There is no webhook secret to sign a test with: make one first."
        return done(words, to=url(back), tone="warn")
    tone = "good" if sent.accepted else "bad"
    return done(sample.in_words(sent), to=url(back, sent=sent.delivery), tone=tone)


def _back() -> str:
    """The page that the form was on."""
    return "first_run.first_run" if form().get("back") == "first_run" else "endpoints.endpoints"


def base_url() -> str:
    """Where the event platform finds us, without a slash at the end."""
    return parts().settings.base_url or request.host_url.rstrip("/")


def addresses() -> Mapping[str, str]:
    """Each endpoint's whole address."""
    return {door: f"{base_url()}/webhooks/{seat().org.slug}/{door}" for door in DOORS}


def followed() -> Mapping[str, Any]:
    """What became of the test: for `_sample.html`."""
    said = request.args.get("sent", "")
    number = int(said) if said.isascii() and said.isdigit() and int(said[:20]) < _MOST_ID else None
    org_id = seat().org.id
    with reading(parts().engine) as db:
        contact = followed_contact(db, org_id, sample.CONTACT_ID)
        delivery = followed_delivery(db, org_id, number) if number else None
        bound = connections.present(db, org_id)
    goes = bound is not None and not bound.paused(parts().now())
    slow = delivery is not None and parts().now() - delivery.received_at > USUAL
    shown = {"contact": contact, "delivery": delivery, "link": crm_links(), "test_id": sample.CONTACT_ID}
    return shown | {"slow": slow, "goes": goes}


def _page(given: Given | None = None, back: str = "endpoints.endpoints") -> Response:
    now = parts().now()
    with reading(parts().engine) as db:
        secrets = orgs.list_secrets(db, seat().org.id)
    good = [one for one in secrets if one.active(now)]
    return page(
        "endpoints.html",
        title="Endpoints and secrets",
        nav="endpoints",
        addresses=addresses(),
        doors=DOORS,
        secrets=list(reversed(good)),
        ended=list(reversed([one for one in secrets if not one.active(now)]))[:20],
        given=given,
        back=back,
        overlaps=list(OVERLAPS.items()),
        scripts=sample.scripts(addresses(), given.secret if given else "", now),
        followed=followed(),
    )
