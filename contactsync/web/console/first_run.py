"""The short way from nothing to the first synced contact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.errors import RefusedInput, TargetError
from contactsync.domain.records import SyncStatus
from contactsync.domain.roles import Role
from contactsync.settings import is_loopback
from contactsync.store import orgs
from contactsync.store.engine import reading
from contactsync.store.pages_setup import platform_was_heard
from contactsync.store.views_status import status_of
from contactsync.sync import actions
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.doors import Pages
from contactsync.web.console.endpoints import DOORS, addresses, base_url, followed
from contactsync.web.console.sample import WEBHOOK_PREFIX
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, form, page

pages = Pages("first_run")

PRACTICE: Mapping[str, str] = {
    "instance_url": "http://127.0.0.1:9000",
    "client_id": "practice",
    "client_secret": "practice-secret",
}
"""What the form says first, and the command beside it."""


@dataclass(frozen=True)
class Steps:
    """What is done of the way. The first that is not is the one to take."""

    connected: bool
    secret: bool
    sent: bool
    arrived: bool

    @property
    def current(self) -> str:
        """connect | endpoint | test | arrive | done"""
        names = {"connect": self.connected, "endpoint": self.secret, "test": self.sent, "arrive": self.arrived}
        return next((name for name, is_done in names.items() if not is_done), "done")


@pages.get("/first-run")
def first_run() -> Response:
    """The steps, with what is done of them."""
    return _page({}, {})


@pages.post("/first-run/practice", role=Role.ADMIN)
def practise() -> Response | AnyResponse:
    """Connect to a practice Salesforce on this machine, and say whether it answers."""
    said = {name: form().get(name, "") for name in PRACTICE}
    if not may_practise():
        raise RefusedInput(
            "A practice Salesforce runs on the machine of contactsync itself: use one there, or a sandbox."
        )
    errors = {name: "Say it, as the command beside this says it." for name, value in said.items() if not value}
    if not errors and not _is_here(said["instance_url"]):
        errors["instance_url"] = "A practice Salesforce runs on this machine: http://127.0.0.1 with a port."
    if errors:
        return _page(said, errors)
    with reading(parts().engine) as db:
        connected = status_of(db, seat().org.id, parts().now()).crm.state != "none"
    if connected:
        words = "This org is connected already: part it from its Salesforce first, in the settings of the connection."
        return done(words, to=url("first_run.first_run"), tone="warn")
    settings = {"instance_url": said["instance_url"], "client_id": said["client_id"], "flow": "client_credentials"}
    org_id = seat().org.id
    try:
        actions.connect(parts(), org_id, "salesforce", settings, {"client_secret": said["client_secret"]})
        target = actions.target_of(parts(), org_id)
        health = target.check() if target else None
    except RefusedInput as refused:
        return _page(
            said, {name: str(words) for name, words in refused.fields.items()} or {"instance_url": str(refused)}
        )
    except TargetError:
        health = None
    if health is None or not health.ok:
        cause = health.problems[0].cause if health is not None and health.problems else "Nothing answers there."
        actions.disconnect(parts(), org_id)
        return _page(said, {"instance_url": f"{cause} Is the command beside this running, with the same port?"})
    return done("Connected to the practice Salesforce.", to=url("first_run.first_run"))


def may_practise() -> bool:
    """Whether somebody who is here may run a practice Salesforce beside contactsync: its browser is on the same machine."""
    here = is_loopback(urlsplit(base_url()).hostname or "")
    # Who writes the Host header chooses what it says: without a setting it is believed on this machine alone.
    return here and (parts().settings.base_url is not None or is_loopback(request.remote_addr or ""))


def _is_here(address: str) -> bool:
    try:
        parsed = urlsplit(address)
        return parsed.scheme == "http" and is_loopback(parsed.hostname or "")
    except ValueError:
        return False


def _page(said: Mapping[str, str], errors: Mapping[str, str]) -> Response:
    now, org_id = parts().now(), seat().org.id
    with reading(parts().engine) as db:
        stands = status_of(db, org_id, now)
        secrets = any(one.active(now) for one in orgs.list_secrets(db, org_id))
        heard = platform_was_heard(db, org_id, WEBHOOK_PREFIX)
    follows: Mapping[str, Any] = followed()
    contact = follows["contact"]
    steps = Steps(
        connected=stands.crm.state != "none",
        secret=secrets,
        sent=contact is not None or heard,
        arrived=stands.contacts[SyncStatus.SYNCED] > 0,
    )
    return page(
        "first_run.html",
        title="Get started",
        nav="overview",
        status=422 if errors else 200,
        steps=steps,
        crm=stands.crm,
        synced=stands.contacts[SyncStatus.SYNCED],
        heard=heard,
        addresses=addresses(),
        doors=DOORS,
        followed=follows,
        practice={**PRACTICE, **said} if said else PRACTICE,
        may_practise=may_practise(),
        errors=errors,
    )
