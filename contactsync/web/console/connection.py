"""Settings › Salesforce connection: how it stands, signing in with a browser or with the app's own credentials, a test, and
parting from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Response
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.crm import Problem, TargetHealth
from contactsync.domain.errors import Misconfigured, RefusedInput, TargetRefused, TargetUnavailable
from contactsync.domain.known_problems import problem_from_json
from contactsync.domain.records import SyncStatus
from contactsync.domain.roles import Role
from contactsync.settings import is_loopback
from contactsync.store import connections, orgs
from contactsync.store.connections import ConnectionRow
from contactsync.store.counts import counted
from contactsync.store.engine import Connection as Db
from contactsync.store.engine import reading
from contactsync.sync import actions
from contactsync.sync.signing_in import begin_sign_in
from contactsync.sync.targets import Bound, asking
from contactsync.web.api.connection import base_url
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.doors import Pages
from contactsync.web.console.problem_words import Said, plain, said_of
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, form, page
from contactsync.web.errors import Refusal

pages = Pages("connection")

TARGET = "salesforce"
LONGEST = 2_048
"""No address, key or secret of an app is longer."""

PRODUCTION, SANDBOX, OWN = "https://login.salesforce.com", "https://test.salesforce.com", "own"
WHERE: tuple[tuple[str, str], ...] = (
    (PRODUCTION, "Production"),
    (SANDBOX, "A sandbox"),
    (OWN, "Its My Domain (say which)"),
)

FLOWS: Mapping[str, str] = {
    "web_server": "Somebody signed in with a browser",
    "client_credentials": "With the app’s own credentials",
    "jwt_bearer": "With a certificate",
}


@dataclass(frozen=True)
class Standing:
    """How the connection stands. `state`: none | ready | paused | stopped. `kind`: Production, Sandbox or a practice one.

    `waiting`: records that wait to be brought to the CRM. `reserve`: the share of the day's calls that is kept for others.
    """

    state: str
    row: ConnectionRow | None
    left: ConnectionRow | None
    kind: str = ""
    said: Said | None = None
    waiting: int = 0
    reserve: int = 0

    @property
    def flow(self) -> str:
        """How contactsync signs in, in words."""
        return FLOWS.get(self.row.settings.get("flow", ""), "") if self.row is not None else ""

    @property
    def place(self) -> str:
        """Where it is; "" when there is none."""
        return self.row.settings.get("instance_url", "") if self.row is not None else ""


@pages.get("/settings/connection")
def connection() -> Response:
    """How the connection stands, as contactsync last saw it; asks the CRM nothing."""
    return _page()


@pages.post("/settings/connection/test", role=Role.ADMIN)
def test() -> Response:
    """Ask the CRM now whether all is right."""
    bound = _bound()
    if bound is None:
        raise Refusal(409, "not_connected", "Your org is not connected to Salesforce yet: there is nothing to test.")
    return _page(test=_tested(bound))


@pages.post("/settings/connection/retry")
def retry() -> AnyResponse:
    """Somebody mended what stopped the connection: ask the CRM, and go on if it is well."""
    with reading(parts().engine) as db:
        row = connections.present(db, seat().org.id)
    if row is None or row.problem is None:
        return done("Nothing is wrong with the connection now.", to=_here())
    checked = actions.check_problem(parts(), seat().org.id, problem_from_json(row.problem).key)
    if checked is None or checked.ok:
        return done("Salesforce answers again. All that waited goes by itself now.", to=_here())
    said = said_of(checked.problem) if checked.problem is not None else None
    words = f"It is not well yet: {said.cause} {said.fix}" if said else "It is not well yet."
    return done(words, to=_here(), tone="bad")


@pages.post("/settings/connection/sign-in", role=Role.ADMIN)
def sign_in() -> Response:
    """Begin a sign-in with a browser: a page with the link to Salesforce, because no form of ours may lead there."""
    said = _with_scheme(form())
    settings: dict[str, str] = {}
    credentials: dict[str, str] = {}
    if said.get("again") != "1":
        key, secret = said.get("app_key", ""), said.get("app_secret", "")
        errors = _unreadable(said)
        if not key:
            errors["app_key"] = "Copy the Consumer Key of your External Client App."
        settings = {"client_id": key, **_where(said, errors)}
        credentials = {"client_secret": secret} if secret else {}
        if errors:
            return _page(typed=said, errors=errors, way="browser", status=422)
    try:
        begun = begin_sign_in(parts(), seat().org.id, TARGET, settings, credentials, base_url())
    except RefusedInput as refused:
        return _page(typed=said, errors=_named(refused, _SIGN_IN_NAMES), way="browser", status=422)
    return page(
        "connection_sign_in.html", title="Sign in to Salesforce", nav="connection", begun=begun, **_standing_now()
    )


@pages.post("/settings/connection/credentials", role=Role.ADMIN)
def credentials() -> Response | AnyResponse:
    """Connect with the app's own credentials, and say whether Salesforce takes them."""
    said = _with_scheme(form())
    if errors := _unreadable(said):
        return _page(typed=said, errors=errors, way="credentials", status=422)
    settings = {name: said.get(name, "") for name in ("instance_url", "client_id")} | {"flow": "client_credentials"}
    try:
        actions.connect(parts(), seat().org.id, TARGET, settings, {"client_secret": said.get("client_secret", "")})
    except RefusedInput as refused:
        return _page(typed=said, errors=_named(refused, _CREDENTIALS_NAMES), way="credentials", status=422)
    bound = _bound()
    tested = _tested(bound) if bound is not None else None
    if tested is None or tested.ok:
        return done("Salesforce is connected. All that waited goes by itself now.", to=_here())
    return done(f"The settings are kept, but Salesforce does not take them yet. {tested.words}", to=_here(), tone="bad")


@pages.post("/settings/connection/end", role=Role.ADMIN)
def disconnect() -> AnyResponse:
    """Part from the CRM."""
    if not actions.disconnect(parts(), seat().org.id):
        return done("Your org was not connected: nothing was changed.", to=_here(), tone="warn")
    return done("Disconnected. What comes in waits until Salesforce is connected again.", to=_here())


# ── what the CRM says ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Tested:
    """What a test found. `words`: all that is wrong, in one line."""

    ok: bool
    said: tuple[Said, ...] = ()
    trouble: str = ""
    used: int | None = None
    limit: int | None = None

    @property
    def words(self) -> str:
        """All that is wrong."""
        return " ".join([self.trouble, *(f"{one.cause} {one.fix}" for one in self.said)]).strip()


def _bound() -> Bound | None:
    return parts().targets.of(seat().org.id)


def _tested(bound: Bound) -> Tested:
    try:
        with asking(bound):
            return _found(bound.target.check())
    except TargetRefused as refused:
        return Tested(ok=False, said=(said_of(refused.problem),))
    except TargetUnavailable as away:
        problem: Problem | None = away.problem
        if problem is not None:
            return Tested(ok=False, said=(said_of(problem),))
        return Tested(
            ok=False, trouble="Salesforce does not answer now. Try again in a minute; contactsync does so by itself."
        )
    finally:
        bound.connection.flush()


def _found(health: TargetHealth) -> Tested:
    said = tuple(said_of(problem) for problem in health.problems)
    return Tested(health.ok, said, used=health.calls_used, limit=health.calls_limit)


# ── the page ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _page(
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    way: str = "",
    test: Tested | None = None,
    status: int = 200,
) -> Response:
    return page(
        "connection.html",
        title="Salesforce connection",
        nav="connection",
        status=status,
        typed=typed or {},
        errors=errors or {},
        way=way,
        test=test,
        where=WHERE,
        production=PRODUCTION,
        callback=_callback(),
        **_standing_now(),
    )


def _standing_now() -> dict[str, Any]:
    with reading(parts().engine) as db:
        return {"standing": _standing(db, seat().org.id, parts().now())}


def _standing(db: Db, org_id: int, now: datetime) -> Standing:
    row = connections.present(db, org_id)
    left = connections.latest(db, org_id) if row is None else None
    waiting = sum(one.records for one in counted(db, org_id) if one.status in (SyncStatus.QUEUED, SyncStatus.RETRYING))
    if row is None:
        return Standing("none", None, left, waiting=waiting)
    state = row.state(now)
    said = said_of(problem_from_json(row.problem)) if state != "ready" and row.problem else None
    reserve = orgs.policies(db, org_id).reserve_percent
    return Standing(state, row, left, _kind(row), said, waiting, reserve)


def _kind(row: ConnectionRow) -> str:
    place = row.settings.get("instance_url", "")
    if is_loopback(urlsplit(place).hostname or ""):
        return "Practice"
    test_login = SANDBOX in (row.settings.get("login_url"), row.settings.get("audience"))
    return "Sandbox" if ".sandbox." in place or test_login else "Production"


def _with_scheme(said: MultiDict[str, str]) -> dict[str, str]:
    """The form, with My Domain as an address: people copy it from Setup, where it stands without https://."""
    typed = said.to_dict()
    bare = [name for name in ("my_domain", "instance_url") if typed.get(name) and "://" not in typed[name]]
    return typed | {name: f"https://{typed[name]}" for name in bare}


def _where(said: Mapping[str, str], errors: dict[str, str]) -> dict[str, str]:
    """Where to sign in, out of the form."""
    chosen = said.get("where", "")
    if chosen in (PRODUCTION, SANDBOX):
        return {"login_url": chosen}
    if not said.get("my_domain"):
        errors["my_domain"] = "Write your My Domain, as in https://acme.my.salesforce.com."
    return {"instance_url": said.get("my_domain", "")}


def _unreadable(said: Mapping[str, str]) -> dict[str, str]:
    """What can be nothing that anybody copied, by its field."""
    words = "Copy it again: it is too long, or holds signs that cannot be seen."
    return {name: words for name, value in said.items() if len(value) > LONGEST or not value.isprintable()}


_SIGN_IN_NAMES: Mapping[str, str] = {
    "client_id": "app_key",
    "client_secret": "app_secret",
    "login_url": "where",
    "instance_url": "my_domain",
}
_CREDENTIALS_NAMES: Mapping[str, str] = {name: name for name in ("instance_url", "client_id", "client_secret")}
"""The settings of a connection → the fields of a form."""


def _named(refused: RefusedInput, fields: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, by the fields of the form; what has none stands above it, under ""."""
    said = {name: _sentence(plain(str(what))) for name, what in refused.fields.items()}
    errors = {fields[name]: what for name, what in said.items() if name in fields}
    rest = [what for name, what in said.items() if name not in fields]
    if rest or not errors:
        errors[""] = " ".join(rest) or _sentence(plain(str(refused)))
    return errors


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _callback() -> str:
    """The address that the app at Salesforce has to allow; "" while nobody knows where browsers find us."""
    try:
        return f"{base_url()}/connect/{TARGET}/callback"
    except (Refusal, Misconfigured):
        return ""


def _here() -> str:
    return url("connection.connection")
