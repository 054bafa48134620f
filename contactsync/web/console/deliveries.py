"""The console's pages of deliveries: what arrived, from whom, what became of it, and having it go through once more."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask import Response, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.errors import RefusedInput
from contactsync.domain.masking import ShownBody, masked_body, whole_body
from contactsync.domain.roles import Role
from contactsync.domain.spoken_of import spoken_of
from contactsync.store import pages_deliveries
from contactsync.store.engine import reading
from contactsync.store.inbox import public_id
from contactsync.store.pages_deliveries import DeliveryFilter, SpokenRecord, WholeDelivery
from contactsync.store.replays import ReplayFilter
from contactsync.store.retention import SETTLED
from contactsync.sync import actions
from contactsync.web.auth import parts
from contactsync.web.console import delivery_words as words
from contactsync.web.console.addresses import url
from contactsync.web.console.doors import Pages
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, form, page, viewers_zone
from contactsync.web.errors import missing

pages = Pages("deliveries")

SHOWN = 50
LARGEST_KEY = 2**63 - 1

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_DOOR = re.compile(r"[a-z0-9:_.-]{1,63}")
_MOMENT = "%Y-%m-%dT%H:%M"


@pages.get("/deliveries")
def delivery_list() -> Response:
    """Webhooks as they arrived, newest first."""
    said = request.args
    status = said.get("status") if said.get("status") in words.STATUSES else None
    door = said.get("from") if _DOOR.fullmatch(said.get("from", "")) else None
    which = DeliveryFilter(status, door, repeated=said.get("again") == "1")
    before = _number(said.get("before", ""))
    with reading(parts().engine) as db:
        found = pages_deliveries.delivery_list(db, seat().org.id, which, before=before, limit=SHOWN)
        counts = pages_deliveries.delivery_counts(db, seat().org.id)
    kept = {"status": status, "from": door, "again": "1" if which.repeated else None}
    return page(
        "deliveries.html",
        title="Deliveries",
        nav="deliveries",
        found=found,
        which=which,
        tabs=_tabs(which, counts),
        doors=[words.ANYWHERE, *words.DOORS.items()],
        more=url("deliveries.delivery_list", **kept, before=found.next) if found.next else None,
        first=before is None,
        words=words,
    )


def _tabs(which: DeliveryFilter, counts: dict[str, int]) -> list[tuple[str, str, bool, int | None]]:
    kept = {"from": which.door, "again": "1" if which.repeated else None}
    every = [("All", None, None), *((label, key, counts.get(key)) for key, (label, _) in words.STATUSES.items())]
    return [
        (label, url("deliveries.delivery_list", status=key, **kept), which.status == key, count or None)
        for label, key, count in every
    ]


@pages.get("/deliveries/<int:key>")
def delivery(key: int) -> Response:
    """One webhook; its body masked."""
    found = _found(key)
    return _page_of(found, masked_body(found.body), masked=True)


@pages.post("/deliveries/<int:key>/body", role=Role.EDITOR)
def show_body(key: int) -> AnyResponse:
    """Its body as it came. That somebody looked is written down before it is shown."""
    found = _found(key)
    body = actions.show_body(parts(), seat().org.id, key)
    if body is None:
        return done(
            words.removed_words(found.row) or "It has no body.", to=url("deliveries.delivery", key=key), tone="warn"
        )
    return _page_of(found, whole_body(body), masked=False)


@pages.post("/deliveries/<int:key>/replay", role=Role.EDITOR)
def replay(key: int) -> AnyResponse:
    """Have it go through once more."""
    found = _found(key)
    here = url("deliveries.delivery", key=key)
    try:
        replayed = actions.replay(parts(), seat().org.id, ReplayFilter(ids=(public_id(found.row.key),)))
    except actions.NoRoom:
        return done(_NO_ROOM, to=here, tone="warn")
    sentence, tone = words.one_replayed(replayed)
    return done(sentence, to=here, tone=tone)


_NO_ROOM = "So many deliveries wait already that none is added. Try again in half a minute."


def _found(key: int) -> WholeDelivery:
    found = None
    if key <= LARGEST_KEY:
        with reading(parts().engine) as db:
            found = pages_deliveries.whole_delivery(db, seat().org.id, key)
    if found is None:
        raise missing("delivery")
    return found


def _page_of(found: WholeDelivery, body: ShownBody, *, masked: bool) -> Response:
    with reading(parts().engine) as db:
        named = spoken_of(found.body)
        spoken = pages_deliveries.spoken_records(db, seat().org.id, named)
    return page(
        "delivery.html",
        title=f"Delivery {found.row.key}",
        nav="deliveries",
        row=found.row,
        public=public_id(found.row.key),
        body=body,
        masked=masked,
        spoken=[(one, _link(one)) for one in spoken],
        more_spoken=named.more,
        faults=words.faults(found.row),
        unknown=words.unknown_keys(found.row),
        words=words,
    )


def _link(one: SpokenRecord) -> str:
    endpoint = {"contact": "profile.profile", "event": "events.event", "meeting": "meetings.meeting"}[one.subject]
    return url(endpoint, key=one.key)


def _number(said: str) -> int | None:
    return int(said) if _NUMBER.fullmatch(said) else None


# ── many at once ───────────────────────────────────────────────────────────────────────────────────────────────────


@pages.get("/deliveries/replay", role=Role.EDITOR)
def replay_form() -> Response:
    """Say which ones are to go through once more."""
    status = request.args.get("status", "")
    return _form({"status": status if status in SETTLED else "failed"})


@pages.post("/deliveries/replay", role=Role.EDITOR)
def replay_many() -> Response:
    """Count them first; then have them go through, a thousand with each step."""
    typed = form()
    try:
        which = _filter(typed, viewers_zone())
        after = _number(typed.get("after", "")) or 0
        counting = typed.get("step") != "go"
        step = actions.replay(parts(), seat().org.id, which, after, dry_run=counting)
    except RefusedInput as error:
        return _form(
            typed.to_dict(), errors={name: _sentence(str(what)) for name, what in error.fields.items()}, status=422
        )
    except actions.NoRoom:
        return _form(typed.to_dict(), no_room=_NO_ROOM, going=typed.get("step") == "go", after=typed.get("after", ""))
    so_far = 0 if counting else (_number(typed.get("so_far", "")) or 0) + step.replayed
    return _form(typed.to_dict(), counted=step if counting else None, step=None if counting else step, so_far=so_far)


def _form(
    typed: dict[str, str], *, status: int = 200, errors: dict[str, str] | None = None, **more: object
) -> Response:
    return page(
        "replay.html",
        title="Replay deliveries",
        nav="deliveries",
        status=status,
        typed=typed,
        errors=errors or {},
        statuses=[("", "Whatever became of them"), *((key, words.STATUSES[key][0]) for key in SETTLED)],
        doors=[words.ANYWHERE, *words.DOORS.items()],
        words=words,
        more=more,
    )


def _filter(typed: MultiDict[str, str], zone: ZoneInfo) -> ReplayFilter:
    """What the form says. Raises RefusedInput."""
    since, until = (_moment(typed, name, zone) for name in ("since", "until"))
    return ReplayFilter(typed.get("status") or None, typed.get("door") or None, since, until)


def _moment(typed: MultiDict[str, str], name: str, zone: ZoneInfo) -> datetime | None:
    said = typed.get(name, "")
    if not said:
        return None
    try:
        return datetime.strptime(said[:16], _MOMENT).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RefusedInput("the time cannot be read", {name: "write a day and a time, as 2026-11-24T09:00"}) from None


def _sentence(text: str) -> str:
    text = text.replace("later than since", "later than “Arrived since”")
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
