"""What the API answers about syncing: steps, runs, previews, problems, resyncs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import marshmallow as ma

from contactsync.domain.crm import Action, RecordKind
from contactsync.domain.records import SyncStatus
from contactsync.web.api.schemas import Instant, Problem, listing, moment, noted, text, word

COUNT = ma.fields.Integer

# ── steps and runs ─────────────────────────────────────────────────────────────────────────────────────────────────


class FieldChange(ma.Schema):
    """A CRM field's value before and after."""

    old = ma.fields.Raw(allow_none=True)
    new = ma.fields.Raw(allow_none=True, metadata=noted("Null as well for a record that the same run creates."))
    why = ma.fields.String(metadata=noted("Why it is written, where its rule says more than `always`."))


class Step(ma.Schema):
    """One record of the CRM: created, updated, left or, for a membership, removed."""

    action = word(Action)
    object = word(RecordKind)
    crm_id = text("Null for one that is to be created.")
    why = ma.fields.List(ma.fields.String(), metadata=noted("In plain words, most important first."))
    fields = ma.fields.Dict(  # type: ignore[assignment] # the wire's name
        keys=ma.fields.String(), values=ma.fields.Nested(FieldChange), metadata=noted("By the CRM's field name.")
    )
    left = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        metadata=noted("Fields that stay as they are, by the CRM's field name, and why."),
    )


class DoneStep(Step):
    """A step that was tried."""

    problem = text("The code of what went wrong with it.")


class Run(ma.Schema):
    """One attempt to bring a contact, an event or a meeting to the CRM, or to put such an attempt back."""

    id = ma.fields.String()
    subject = word(["contact", "event", "meeting"], "What it brought.")
    source_id = ma.fields.String(metadata=noted("The event platform's own id of that."))
    contact_id = text("The same, for a contact.")
    started_at = moment("")
    finished_at = moment("")
    attempt = ma.fields.Integer()
    outcome = word(SyncStatus)
    steps = ma.fields.List(ma.fields.Nested(DoneStep))
    why = ma.fields.List(ma.fields.String())
    problem = ma.fields.Nested(Problem, allow_none=True)
    undoes = text("The run that this one put back.")


RunList = listing(Run)


class Truth(ma.fields.Boolean):
    """True or false as JSON has them: a "no" that counts as a yes, or is one, writes what nobody wanted."""

    def __init__(self, **options: Any) -> None:
        super().__init__(error_messages=dict.fromkeys(("invalid", "null"), "Send true or false."), **options)

    def _deserialize(self, value: Any, *_arguments: Any, **_options: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


class UndoBody(ma.Schema):
    """How to undo."""

    optional = True
    dry_run = Truth(load_default=False, metadata=noted("True: only show what would be put back, and write nothing."))


class Undone(ma.Schema):
    """What was put back, record by record."""

    dry_run = ma.fields.Boolean(metadata=noted("Whether nothing was written."))
    steps = ma.fields.List(
        ma.fields.Nested(DoneStep),
        metadata=noted(
            "update: put back to what it was. leave: `why` says why not; created records are never deleted."
        ),
    )


# ── previews ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Preview(ma.Schema):
    """What a sync would do now. Nothing was written."""

    steps = ma.fields.List(ma.fields.Nested(Step))
    why = ma.fields.List(ma.fields.String(), metadata=noted("What was decided about it as a whole."))
    problem = ma.fields.Nested(Problem, allow_none=True, metadata=noted("What would stop it."))


class ContactPreview(Preview):
    """What a sync of one of several contacts would do now."""

    id = ma.fields.String(metadata=noted("The event platform's own id of the contact."))


_A_TIME = "Send a time with its zone, such as 2026-11-24T09:00:00Z."


class Since(Instant, ma.fields.AwareDateTime):
    """A time that is sent with its zone, and shown in UTC."""

    def __init__(self, **options: Any) -> None:
        names = ("invalid", "invalid_awareness", "format", "null")
        said: dict[str, str | list[Any] | dict[Any, Any]] = dict.fromkeys(names, _A_TIME)
        super().__init__(error_messages=said, **options)

    def _deserialize(self, value: Any, *arguments: Any, **options: Any) -> datetime:
        read: datetime = super()._deserialize(value, *arguments, **options)
        try:
            return read.astimezone(UTC)
        except OverflowError:  # within a day of the first or the last time there is
            raise self.make_error("invalid") from None


class SyncFilter(ma.Schema):
    """Which contacts: all that fit every part that is sent. `all` alone stands for every contact of the org."""

    event = ma.fields.String(metadata=noted("Those who take part in this event (the event platform's id)."))
    status = word(SyncStatus, "Those with this sync status.")
    problem = ma.fields.String(metadata=noted("Those that this problem holds (`id` in GET problems)."))
    since = Since(metadata=noted("Those changed at this time or later."))
    until = Since(metadata=noted("Those changed before this time."))
    contacts = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(1, 255)),
        validate=ma.validate.Length(1, 10_000, error="Send 1 to 10,000 ids."),
        metadata=noted("These, by the event platform's ids."),
    )
    all = Truth(metadata=noted("True: every contact."))


class PreviewBody(SyncFilter):
    """Which contacts to preview."""

    limit = ma.fields.Integer(
        strict=True,
        load_default=50,
        validate=ma.validate.Range(1, 200, error="Send a number from 1 to 200."),
        metadata=noted("How many contacts at most, the oldest first; 50 when it is left out."),
    )


class PreviewOfMany(ma.Schema):
    """What a sync of these contacts would do now. Nothing was written."""

    contacts = ma.fields.List(ma.fields.Nested(ContactPreview))
    totals = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer()),
        metadata=noted("CRM object → action → how many; contacts that share a record count it once."),
    )


# ── resyncs ────────────────────────────────────────────────────────────────────────────────────────────────────────


class ResyncBody(SyncFilter):
    """Which contacts go again."""

    forced = Truth(
        load_default=True,
        metadata=noted("True (when left out): also those that have not changed since their last sync. False: only "
                       "those for which something, also the mapping or a policy, has changed."),
    )  # fmt: skip


class Resync(ma.Schema):
    """A set of contacts that goes again, fed into the queue as the CRM's budget allows."""

    id = ma.fields.String()
    state = word(["running", "finished", "cancelled"])
    filter = ma.fields.Nested(SyncFilter)
    forced = ma.fields.Boolean()
    total = COUNT(metadata=noted("Contacts that fitted when it was asked for."))
    fed = COUNT(metadata=noted("Of these, how many have had their turn in the queue."))
    waiting = COUNT(metadata=noted("Of those that were fed, how many still wait in the queue."))
    done = COUNT(metadata=noted("How many are through it, synced or not; `GET problems` shows what held any up."))
    percent = COUNT(metadata=noted("done of total, 0 to 100."))
    created_at = moment("When it was asked for.")
    ended_at = moment("When the last was fed, or it was cancelled.")


class StartedResync(Resync):
    """A resync that was begun."""

    progress_url = ma.fields.String(metadata=noted("Ask here how far it is."))


ResyncList = listing(Resync)


# ── problems ───────────────────────────────────────────────────────────────────────────────────────────────────────


class ProblemGroup(Problem):
    """One cause, and how many it holds up."""

    counts = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        metadata=noted("How many records it holds: contact, event, meeting."),
    )
    stops_org = ma.fields.Boolean(metadata=noted("Whether it stops or pauses the org's whole sync."))
    comes_back = ma.fields.Boolean(metadata=noted("Whether it is tried again by itself."))


class ProblemGroups(ma.Schema):
    """Everything that is wrong now: what stops the whole org first, then what holds the most."""

    items = ma.fields.List(ma.fields.Nested(ProblemGroup))


class HeldRecord(ma.Schema):
    """A contact, event or meeting that a problem holds."""

    subject = word(["contact", "event", "meeting"])
    id = ma.fields.String(metadata=noted("The event platform's own id."))
    status = text("Its sync status.")
    problem = ma.fields.Nested(Problem, allow_none=True)
    updated_at = moment("When something was last said about it.")


HeldRecordList = listing(HeldRecord)


class Checked(ma.Schema):
    """What a check came to."""

    ok = ma.fields.Boolean(metadata=noted("Whether the CRM can be used now, as far as a look at it tells."))
    released = COUNT(
        metadata=noted(
            "How many records go again now; more than 2,000 go bit by bit, and stand as they stood until then. "
            "Those it still holds come back with it."
        )
    )
    problem = ma.fields.Nested(Problem, allow_none=True, metadata=noted("While not ok: what is still wrong."))
