"""`POST /webhooks/<org>/contacts`, `/events` and `/meetings`: the flow of one webhook, and Flask around it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, Protocol

import flask
from flask.sansio.blueprints import BlueprintSetupState

from contactsync.config import IntakeConfig
from contactsync.domain.errors import CannotKeep, RefusedInput, SealBroken, SignatureRefused
from contactsync.intake import answers
from contactsync.intake.answers import Answer
from contactsync.intake.decode import decode, known_type
from contactsync.intake.keyring import Keyring, askable, asking
from contactsync.intake.ringing import Ringer, Ringing
from contactsync.intake.room import Rooms
from contactsync.intake.schemas import DOORS
from contactsync.intake.signature import Headers, verify
from contactsync.intake.strict_json import read_json
from contactsync.intake.throttle import Throttle
from contactsync.log import logger
from contactsync.settings import Settings
from contactsync.store.engine import Engine
from contactsync.store.inbox import Inbox, Kept, find_delivery, public_id
from contactsync.store.refusals import Refusals, Refused
from contactsync.store.vault import Vault

log = logger(__name__)

RETRY_SECONDS = 30  # when an operator must act first
FULL_SECONDS = 30  # the workers have something to bring in meanwhile
CHUNK = 65_536
MOST_DRAINED = 8 * 1024 * 1024  # bytes of a body over the limit


class Parts(Protocol):
    """What the doors work with (`contactsync.bootstrap` makes it)."""

    @property
    def settings(self) -> Settings:
        """Where [intake] is."""
        ...

    @property
    def engine(self) -> Engine:
        """The database."""
        ...

    @property
    def vault(self) -> Vault:
        """Opens webhook secrets."""
        ...

    @property
    def bell(self) -> Ringer:
        """Wakes workers."""
        ...

    @property
    def now(self) -> Callable[[], datetime]:
        """The clock."""
        ...


def webhooks(parts: Parts) -> flask.Blueprint:
    """The doors for webhooks. They connect to nothing before the first request."""
    blueprint = flask.Blueprint("webhooks", __name__, url_prefix="/webhooks")
    intake = Intake(parts)

    def receive(org: str, door: str) -> flask.Response:
        return _response(_received(intake, org, door, flask.request))

    blueprint.add_url_rule(f"/<org>/<any({','.join(DOORS)}):door>", view_func=receive, methods=["POST"])
    # A redirect is no answer of these doors: an address with a doubled slash is simply not theirs.
    blueprint.record(_take_slashes_as_they_are)
    return blueprint


def _take_slashes_as_they_are(state: BlueprintSetupState) -> None:
    state.app.url_map.merge_slashes = False


class Signed(NamedTuple):
    """A webhook that is proven to come from its org."""

    org_id: int
    door: str
    webhook_id: str
    body: bytes
    at: datetime


class Intake:
    """The doors of all orgs, apart from HTTP."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.config: IntakeConfig = parts.settings.config.intake
        self._keyring = Keyring(parts.engine, parts.vault)
        self._inbox = Inbox(parts.engine)
        self._ringing = Ringing(parts.bell)
        self._throttle = Throttle(self.config.max_per_second)
        self._rooms = Rooms(parts.engine, self.config)
        self._refusals = Refusals(parts.engine, parts.vault, read_json)

    def take(self, slug: str, door: str, headers: Headers, body: bytes, status_root: str) -> Answer:
        """One webhook, its size and kind checked already.

        find the org and its secrets (none: a secret that nobody has)
        verify the raw bytes                        → 401, the same whatever was wrong
        take a token of the org's bucket            → 429
        look whether its inbox has room             → 503
        decode                                      → 422, kept as rejected
        keep it, in one commit                      → 503; 200 when its id was kept before
        answer 202, and ring the org's bell (may fail: the clock rings)
        """
        now = self._parts.now()
        slug = askable(slug)
        try:
            keys = self._keyring.of(slug, now)
            webhook_id = verify(headers, body, keys.secrets, now, self.config.tolerance_seconds)
            if keys.org_id is None:
                raise SignatureRefused("unknown org")  # unreachable but for a guess of 256 bits
            seconds = self._throttle.wait(keys.org_id, now.timestamp())
            if seconds:
                return answers.too_fast(seconds)
            if self._rooms.full(keys.org_id, now):
                return answers.full(FULL_SECONDS)
            return self._kept(Signed(keys.org_id, door, webhook_id, body, now), slug, status_root)
        except SignatureRefused as refused:
            log.info("webhook refused", org=slug, door=door, reason=refused.reason)
            return answers.UNAUTHORIZED
        except SealBroken as broken:
            log.error("webhook secrets cannot be opened", org=slug, reason=str(broken))
            return answers.unavailable(RETRY_SECONDS)
        except CannotKeep as failed:
            log.warning("webhook not kept", org=slug, door=door, reason=str(failed))
            return answers.unavailable(failed.retry_after)

    def _kept(self, signed: Signed, slug: str, status_root: str) -> Answer:
        try:
            type_: str | None = decode(signed.door, signed.body).type
        except RefusedInput as refused:
            errors = [{"path": path, "message": str(message)} for path, message in refused.fields.items()]
            return self._rejected(signed, errors, slug, status_root)
        kept = self._keep(signed, "accepted", type_)
        name = public_id(kept.delivery_id)
        if kept.duplicate:
            return self._again(signed.org_id, kept.delivery_id, f"{status_root}{name}")
        self._rooms.kept(signed.org_id, len(signed.body))
        self._ringing.soon(signed.org_id)
        return answers.accepted(name, f"{status_root}{name}")

    def _rejected(self, signed: Signed, errors: list[dict[str, str]], slug: str, status_root: str) -> Answer:
        """Kept for people to see, without whoever was erased: no worker looks at it."""
        bare = self._refusals.without_erased(signed.org_id, signed.body, errors)
        kept = self._keep(signed, "rejected", known_type(signed.door, signed.body), bare)
        name = public_id(kept.delivery_id)
        if kept.duplicate:
            return self._again(signed.org_id, kept.delivery_id, f"{status_root}{name}")
        self._refusals.settle(signed.org_id, kept.delivery_id, bare, signed.at)
        log.warning("webhook rejected", org=slug, door=signed.door, delivery=name, errors=len(errors))
        return answers.rejected(errors)

    def _keep(self, signed: Signed, status: str, type_: str | None, bare: Refused | None = None) -> Kept:
        return self._inbox.keep(
            org_id=signed.org_id,
            webhook_id=signed.webhook_id,
            door=signed.door,
            body=signed.body if bare is None else bare.body,
            status=status,
            type=type_,
            errors=None if bare is None else bare.errors,
            now=signed.at,
        )

    def _again(self, org_id: int, delivery_id: int, status_url: str) -> Answer:
        """The same outcome as the first time, whatever this body holds: the first one stands."""
        with asking(self._parts.engine) as conn:
            first = find_delivery(conn, org_id, delivery_id)
        if first is not None and first.status == "rejected":
            return answers.rejected(first.errors or [])
        if first is not None and first.status == "accepted":
            self._ringing.soon(org_id)  # perhaps we died before we could, and that is why it comes again
        return answers.duplicate(public_id(delivery_id), status_url)


# ── HTTP ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _received(intake: Intake, org: str, door: str, request: flask.Request) -> Answer:
    most = intake.config.max_bytes
    body = _body(request, most)
    if body is None:
        return answers.too_large(most)
    if not _is_json(request):
        return answers.NOT_JSON
    # What request.url_root says too, at a tenth of its cost.
    root = f"{request.scheme}://{request.host}{request.root_path.rstrip('/')}"
    return intake.take(org, door, request.headers, body, f"{root}/api/v1/deliveries/")


def _response(answer: Answer) -> flask.Response:
    response = flask.Response(json.dumps(answer.body), answer.status, mimetype="application/json")
    if answer.retry_after is not None:
        response.headers["Retry-After"] = str(answer.retry_after)
    return response


def _is_json(request: flask.Request) -> bool:
    kind = request.mimetype
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    return (
        (kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")))
        and charset in ("utf-8", "utf8", "us-ascii")
        and request.headers.get("Content-Encoding", "identity").strip().lower() in ("", "identity")
    )


def _body(request: flask.Request, most: int) -> bytes | None:
    """The raw bytes; None when there are more than `most`, whatever Content-Length says or does not say.

    What a sender goes on sending is read and dropped, up to a limit: many read no answer before they have sent all.
    Read from the server itself: Flask's stream costs a webhook more than its signature does.
    """
    length = request.content_length
    stream = request.environ["wsgi.input"]
    left = most + 1 + MOST_DRAINED
    over = length is not None and length > most
    if "wsgi.input_terminated" not in request.environ:  # this server would wait for more than was announced
        left = min(left, length or 0)
    try:
        if not over:
            body: bytes = stream.read(min(left, most + 1))
            if len(body) <= most:
                return body
            left, over = left - len(body), True
        while left > 0 and (dropped := stream.read(min(left, CHUNK))):
            left -= len(dropped)
    except (OSError, ValueError):
        return None if over else b""  # gone, or broken off: no signature covers what came
    return None
