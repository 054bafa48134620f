"""Deliveries: what became of each webhook, and having old ones absorbed once more."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from contactsync.intake.schemas import DOORS
from contactsync.store import views
from contactsync.store.engine import reading
from contactsync.store.inbox import delivery_number
from contactsync.store.replays import MOST_IDS, ReplayFilter, shown_numbers
from contactsync.store.retention import SETTLED
from contactsync.store.views_paging import Record
from contactsync.sync import actions
from contactsync.web.api.requests import PageQuery, page_shown, slice_of
from contactsync.web.api.routes import Routes
from contactsync.web.api.schemas import Delivery, DeliveryList, noted, text, word
from contactsync.web.api.schemas_sync import COUNT, Since
from contactsync.web.auth import org, parts
from contactsync.web.errors import Refusal, missing

routes = Routes("Deliveries", "Webhooks as they arrived, and having them absorbed once more.")


class DeliveryQuery(PageQuery):
    """Which deliveries."""

    status = ma.fields.String(
        validate=ma.validate.OneOf(views.DELIVERY_STATUSES, error="Send one of: {choices}."),
        metadata={"description": "Only with this status."},
    )


class ReplayBody(ma.Schema):
    """Which deliveries: all that is sent must hold, and something must be sent."""

    status = word(SETTLED, "Those with this status; left out: absorbed, failed and rejected ones.")
    door = word(DOORS, "Those that arrived here.")
    since = Since(metadata=noted("Those that arrived at this time or later."))
    until = Since(metadata=noted("Those that arrived before this time."))
    ids = ma.fields.List(
        ma.fields.String(),
        validate=ma.validate.Length(1, MOST_IDS, error=f"Send 1 to {MOST_IDS:,} ids."),
        metadata=noted("These, whatever their status."),
    )
    after = ma.fields.String(metadata=noted("`next` of the answer before, to go on with the same filter."))


class ReplayedCounts(ma.Schema):
    """What became of the deliveries that were gone through, at most 1,000."""

    replayed = COUNT(metadata=noted("They wait to be absorbed once more."))
    waiting = COUNT(metadata=noted("They waited already: nothing was done."))
    gone = COUNT(metadata=noted("Their bodies were removed by retention or an erasure: they cannot be replayed."))
    unreadable = COUNT(metadata=noted("They were rejected, and cannot be read now either; `errors` says why."))
    missing = ma.fields.List(ma.fields.String(), metadata=noted("Ids that your org has no delivery of."))
    next = text("There is more: send it as `after`, with the same filter. Null: these were all.")


@routes.operation("GET", "/deliveries", DeliveryList, query=DeliveryQuery, refuses=(422,))
def list_deliveries(query: dict[str, Any]) -> Record:
    """Webhooks as they arrived, newest first, without their bodies."""
    part = slice_of(query)
    with reading(parts().engine) as db:
        return page_shown(views.deliveries(db, org().id, query.get("status"), part), query)


@routes.operation("GET", "/deliveries/<delivery_id>", Delivery, refuses=(404,))
def get_delivery(delivery_id: str) -> Record:
    """One webhook: what became of it, and what was wrong with it."""
    return _delivery(delivery_id)


@routes.operation("POST", "/deliveries/<delivery_id>/replay", Delivery, status=202, refuses=(404, 409, 503))
def replay_delivery(delivery_id: str) -> Record:
    """Have one webhook absorbed once more, and the records that it names looked at again.

    Nothing newer is overwritten, and what has not changed costs no call to the CRM. One that waits already stays as it is.
    409 when its body was removed, or when it was rejected and cannot be read now either (`fields` says why).
    """
    before = _delivery(delivery_id)
    done = _replay(ReplayFilter(ids=(before["id"],)))
    if done.missing:  # retention was quicker
        raise missing("delivery")
    found = _delivery(delivery_id)
    if done.gone:
        words = "The body of this delivery was removed ({}): have the event platform send it again."
        raise Refusal(409, "body_removed", words.format(found["body_removed_for"]))
    if done.unreadable:
        words = "This delivery cannot be read now either: have the event platform send what is right under a new webhook-id."
        raise Refusal(409, "unreadable", words, {one["path"]: one["message"] for one in found["errors"]})
    return found


@routes.operation(
    "POST", "/deliveries/replay", ReplayedCounts, status=202, body=ReplayBody, example={"status": "failed"},
    refuses=(413, 415, 422, 503),
)  # fmt: skip
def replay_deliveries(body: dict[str, Any]) -> Record:
    """Have many webhooks absorbed once more: the oldest 1,000 that the filter takes, then those after `next`.

    They go behind what has just arrived. Asking twice does what asking once does. 503 `inbox_full` while 10,000 wait.
    """
    said = dict(body)
    after = said.pop("after", None)
    done = _replay(_filter(said), _number(after) if after else 0)
    following = None if done.next is None else shown_numbers([done.next])[0]
    counts = {name: getattr(done, name) for name in ("replayed", "waiting", "gone", "unreadable")}
    return {**counts, "missing": list(done.missing), "next": following}


def _replay(which: ReplayFilter, after: int = 0) -> actions.Replayed:
    try:
        return actions.replay(parts(), org().id, which, after)
    except actions.NoRoom as error:
        words = f"{str(error)[:1].upper()}{str(error)[1:]}."
        raise Refusal(503, "inbox_full", words, headers={"Retry-After": str(error.retry_after)}) from error


def _filter(said: dict[str, Any]) -> ReplayFilter:
    named = {name: value for name, value in said.items() if value is not None}
    return ReplayFilter(**{**named, "ids": tuple(dict.fromkeys(named.get("ids") or ()))})


def _number(said: str) -> int:
    number = delivery_number(said)
    if number is None:
        raise Refusal(422, "invalid", "This is no delivery.", {"after": "Send what `next` of the answer before said."})
    return number


def _delivery(delivery_id: str) -> Record:
    with reading(parts().engine) as db:
        found = views.delivery(db, org().id, delivery_id)
    if found is None:
        raise missing("delivery")
    return found
