"""What an org may choose, its mapping and its policies; and how its sync fares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from contactsync.domain.mapping import MAPPED_KINDS, TooLong, WriteMode
from contactsync.domain.policy import DuplicateRules, MoveAccounts, RemovedAttendance, SeveralMatches
from contactsync.domain.policy_json import LEAST_KEPT, MOST_KEPT, MOST_RESERVED, policies_as_json
from contactsync.domain.records import SyncAs
from contactsync.store import orgs
from contactsync.store.engine import reading
from contactsync.store.views_paging import Record
from contactsync.sync import actions
from contactsync.web.api.routes import Routes
from contactsync.web.api.schemas import Problem, text, word
from contactsync.web.api.shapes import status_shown
from contactsync.web.auth import org, parts
from contactsync.web.errors import Refusal

mapping = Routes("Mapping", "Which field goes where.")
policies = Routes("Policies", "What an org may choose about its sync, apart from the mapping.")
status = Routes("Status", "How the sync fares.")


class AsSent(ma.Schema):
    """Describes a body for the docs; what reads it further in checks it, and names each wrong path itself."""

    def load(self, data: Any, **_options: Any) -> Any:
        """The body unchanged."""
        if not isinstance(data, dict):
            raise ma.ValidationError("Send a JSON object.")
        return data


# ── mapping ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Rule(ma.Schema):
    """Which field of the event platform goes to which field of the CRM, and when it may overwrite."""

    source = ma.fields.String(
        required=True,
        metadata={
            "description": "A path (address.city, custom.x), or something worked out, such as company, account, owner, "
            "subject, who, what."
        },
    )
    target = ma.fields.String(metadata={"description": "The CRM's field name; empty only while the rule is off."})
    mode = word(WriteMode, "Left out: always.")
    clear = ma.fields.Boolean(metadata={"description": "Whether a value cleared at the source erases the CRM's."})
    values = ma.fields.Dict(keys=ma.fields.String(), metadata={"description": "Source value → CRM value."})
    default = ma.fields.Raw(
        allow_none=True, metadata={"description": "Written when the source is blank and the CRM holds nothing."}
    )
    too_long = word(
        TooLong,
        "What happens to a text that is longer than its field: a problem that names it, or a cut. Left out: stop.",
    )
    separator = ma.fields.String(
        allow_none=True,
        metadata={"description": "What `append` puts between the old and the new. Null: what fits the field's type."},
    )


class Rules(AsSent):
    """The rules of one kind of record."""

    rules = ma.fields.List(ma.fields.Nested(Rule), required=True)


class KeptRules(Rules):
    """The rules as they were kept."""

    checked = word(
        ["fields", "shape"],
        "fields: held against the CRM's fields. shape: the org is not connected to a CRM yet, so only their shape was "
        "checked.",
    )


WholeMapping = ma.Schema.from_dict({kind: ma.fields.Nested(Rules) for kind in MAPPED_KINDS}, name="WholeMapping")


@mapping.operation("GET", "/mapping", WholeMapping)
def get_mapping() -> Record:
    """Which field goes where, for each kind of record, as it holds now."""
    return actions.mapping(parts(), org().id)


@mapping.operation(
    "PUT", "/mapping/<kind>", KeptRules, body=Rules,
    example={"rules": [{"source": "title", "target": "Title"}, {"source": "custom.vip", "target": "VIP__c"}]},
    refuses=(404, 413, 415, 422, 502, 503),
)  # fmt: skip
def put_mapping(body: Mapping[str, Any], kind: str) -> Record:
    """Replace the rules of one kind of record.

    They are held against the CRM's fields first: 422 names each wrong rule by its path, such as `rules.3.target`. What
    they change goes out with each contact's next sync.
    """
    if kind not in MAPPED_KINDS:
        raise Refusal(404, "not_found", f"There is no such mapping; there are {', '.join(MAPPED_KINDS)}.")
    checked = actions.set_mapping(parts(), org().id, kind, body).checked
    kept = actions.mapping(parts(), org().id)[kind]
    return {**kept, "checked": "fields" if checked else "shape"}


# ── policies ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _choice(description: str) -> ma.fields.Boolean:
    return ma.fields.Boolean(metadata={"description": description})


class Policies(AsSent):
    """What an org may choose."""

    sync_as_default = word(SyncAs, "What contacts become that do not say so.", allow_none=True)
    several_matches = word(
        SeveralMatches,
        "Which record is taken when an e-mail address is on several: the oldest, the newest, or none before a person chose.",
    )
    prefer_existing = _choice("Whether an open record of the other object (Lead, Contact) with the same e-mail address is "
                              "used instead of creating one.")  # fmt: skip
    create_accounts = _choice("Whether a company without an Account gets one.")
    move_accounts = word(
        MoveAccounts,
        "Whether an existing Contact may be moved from another Account to its company's: never, only from one that "
        "contactsync gave it, always.",
    )
    duplicate_rules = word(
        DuplicateRules,
        "When a duplicate rule of the CRM warns about a record to be created: respect uses the record it resembles, allow "
        "saves it all the same. A rule that blocks always blocks.",
    )
    removed_attendance = word(
        RemovedAttendance,
        "What becomes of the campaign member of somebody who was removed from an event: kept as it is, given the status "
        "that status_map has for `removed`, or taken out of the campaign.",
    )
    create_member_statuses = _choice("Whether a campaign that has none of the labels in status_map for an attendance gets "
                                     "one, where the CRM allows it.")  # fmt: skip
    create_campaigns = _choice("Whether an event that is connected to no campaign gets one.")
    review_inbox = _choice(
        "Whether contacts that were captured in the Leads Inbox wait until somebody has approved them: nothing of them is sent "
        "before. Those that are in the CRM already do not wait."
    )
    reserve_percent = ma.fields.Integer(
        validate=ma.validate.Range(0, MOST_RESERVED),
        metadata={
            "description": "The share of the CRM's calls of a day, in percent, that is left to the org's other tools."
        },
    )
    keep_bodies_days = ma.fields.Integer(
        validate=ma.validate.Range(LEAST_KEPT, MOST_KEPT),
        metadata={
            "description": "For how many days the bodies of webhooks are kept; their ids and outcomes stay. What was deleted "
            "at the event platform loses its values after as long."
        },
    )
    keep_deliveries_days = ma.fields.Integer(
        validate=ma.validate.Range(LEAST_KEPT, MOST_KEPT),
        metadata={
            "description": "For how many days deliveries are kept at all; without them a webhook's id is forgotten."
        },
    )
    keep_runs_days = ma.fields.Integer(
        validate=ma.validate.Range(1, MOST_KEPT), metadata={"description": "For how many days runs are kept."}
    )
    status_map = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Raw(metadata={
            "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            "description": "A label, or a list of them.",
        }),
        metadata={"description": "Attendance status → labels of the campaign's member statuses; the first one that the "
                  "campaign has is taken. Answered as lists."},
    )  # fmt: skip


@policies.operation("GET", "/policies", Policies)
def get_policies() -> Record:
    """What holds now."""
    with reading(parts().engine) as db:
        return dict(policies_as_json(orgs.policies(db, org().id)))


@policies.operation("PUT", "/policies", Policies, body=Policies, example={"several_matches": "stop"},
                    refuses=(413, 415, 422))  # fmt: skip
def put_policies(body: Mapping[str, Any]) -> Record:
    """Change some policies; what is not sent stays as it is. Answers what holds now."""
    actions.set_policies(parts(), org().id, body)
    return get_policies()


# ── status ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Crm(ma.Schema):
    """The org's connection to its CRM."""

    state = word(
        ["none", "ready", "paused", "stopped"],
        "paused: goes on by itself at paused_until; stopped: somebody must act. In both, problem says why.",
    )
    target = ma.fields.String(allow_none=True, metadata={"description": "Which CRM."})
    calls = ma.fields.Integer(metadata={"description": "Calls to the CRM over this connection."})
    budget_used = ma.fields.Integer(allow_none=True, metadata={"description": "The CRM's own count for the day."})
    budget_limit = ma.fields.Integer(allow_none=True, metadata={"description": "How many it allows in 24 hours."})
    budget_at = text("When the CRM last said its count.")
    reserve_percent = ma.fields.Integer(metadata={"description": "How much of them is left to the org's other tools."})
    paused_until = text()
    problem = ma.fields.Nested(Problem, allow_none=True)


class InboxStatus(ma.Schema):
    """Deliveries that wait to be brought in, and how much may wait: more are answered 503 at the doors."""

    waiting = ma.fields.Integer(metadata={"description": "Deliveries."})
    most_waiting = ma.fields.Integer(metadata={"description": "So many may wait."})
    waiting_megabytes = ma.fields.Float(metadata={"description": "Their bodies together, in MiB."})
    most_waiting_megabytes = ma.fields.Integer(metadata={"description": "So much of them may wait."})
    full = ma.fields.Boolean(metadata={"description": "Whether the doors take nothing in now."})


class Status(ma.Schema):
    """How an org's sync fares."""

    org = ma.fields.String(metadata={"description": "Its slug."})
    name = ma.fields.String()
    contacts = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Integer(), metadata={"description": "How many by sync status."}
    )
    events = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        metadata={"description": "The same; events that the CRM has nothing to do with are not counted."},
    )
    meetings = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Integer(), metadata={"description": "The same."}
    )
    deliveries = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        metadata={"description": "How many wait, how many were rejected or failed."},
    )
    inbox = ma.fields.Nested(InboxStatus)
    oldest_due_seconds = ma.fields.Float(
        allow_none=True, metadata={"description": "For how long the longest due record has been due."}
    )
    oldest_waiting_seconds = ma.fields.Float(
        allow_none=True, metadata={"description": "For how long the oldest waiting delivery has waited."}
    )
    crm = ma.fields.Nested(Crm)


@status.operation("GET", "/status", Status)
def get_status() -> Record:
    """Counts, how long the oldest has waited, and how the connection fares."""
    return status_shown(parts().engine, parts().settings.config.intake, org().id, parts().now())
