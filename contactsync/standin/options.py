"""How a stand-in behaves: set at start, changed at `/_standin/options`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Options:
    """All settings of one stand-in.

    `client_id` and `client_secret`: what the token endpoint accepts; None accepts any that is not empty.
    `jwt_public_key`: the PEM the JWT bearer flow is checked against; None takes the assertion unverified.
    `redirect_uris`: the only addresses a browser is sent back to; none takes any.
    `require_pkce`: refuse a sign-in without a code challenge, as new apps do [SEEN]; `deny_authorization`: the user says no.
    `rotate_refresh_tokens`: every refresh brings a new refresh token and ends the old one.
    `token_lifetime_s`: after it a token answers 401 INVALID_SESSION_ID; None never ends.
    `daily_limit`: calls until 403 REQUEST_LIMIT_EXCEEDED.
    `latency_ms`, `latency_ms_per_row`: every call takes at least this long; waiting holds no lock.
    `assignment_owner_id`: the owner an active lead assignment rule gives; None is no rule.
    `converted_editable`: the org permission to edit converted leads.
    `read_only_objects`: objects the API user cannot write. A sync never makes users or queues; an org may add Campaign (a
    user without the Marketing User flag) or CampaignMemberStatus (newer references list only its reading calls, while a
    plain create was measured to work [SEEN]).
    `countries`: `{"Germany": [], "United States": ["Texas"]}` switches on the org's State and Country picklists with these
    values (a country without states takes any); empty leaves the address fields free text.
    `hidden_objects`: objects the API user cannot see.
    `permissions`: `{"Lead": {"create": false}}`, of read, create, edit and delete; `read_only_records`: ids that sharing
    lets the API user only read; `inactive_owners_editable`: may it write records whose owner is no longer active?
    `member_statuses_createable`: does this org let the API user make CampaignMemberStatus? `attendees`: and EventRelation?
    `shared_activities`: the org has Shared Activities: EventRelation shows the Who and the What of an event too, and flags.
    `duplicate_result_key`: the key of a duplicate rule's result; the wire's is misspelt, some code has met the other one.
    `governor_rows`: collections of more rows than these have every row refused: an org whose own triggers are slow.
    `multiday_events`: may an event last longer than a day? A switch in the org's Activity Settings.
    `page_size`: rows of a query page when the client names no batch size.
    `shuffle_unrelated`: run unrelated subrequests of a collated composite in an order of our own, as Salesforce may.
    `custom_fields`: `{"Lead": [{"name": "Score__c", "type": "double"}]}`; `seed`: `{"User": [{…}], "Campaign": [{…}]}`.
    """

    client_id: str | None = None
    client_secret: str | None = None
    jwt_public_key: str | None = None
    redirect_uris: Sequence[str] = ()
    require_pkce: bool = True
    deny_authorization: bool = False
    rotate_refresh_tokens: bool = False
    token_lifetime_s: float | None = None
    daily_limit: int = 100_000
    latency_ms: float = 0
    latency_ms_per_row: float = 0
    assignment_owner_id: str | None = None
    converted_editable: bool = False
    read_only_objects: Sequence[str] = ("User", "Group")
    hidden_objects: Sequence[str] = ()
    permissions: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    read_only_records: Sequence[str] = ()
    inactive_owners_editable: bool = True
    countries: Mapping[str, Sequence[str]] = field(default_factory=dict)
    member_statuses_createable: bool = True
    attendees: bool = True
    shared_activities: bool = False
    duplicate_result_key: str = "duplicateResut"
    governor_rows: int | None = None
    multiday_events: bool = True
    page_size: int = 2000
    shuffle_unrelated: bool = True
    username: str = "contactsync@standin.example"
    custom_fields: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    seed: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def change(self, changes: Mapping[str, Any]) -> None:
        """Set the named options; raises ValueError on a name that does not exist, with nothing changed."""
        known = {entry.name for entry in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            message = f"no option {', '.join(unknown)}; there are {', '.join(sorted(known))}"
            raise ValueError(message)
        wrong = sorted(name for name, value in changes.items() if not _fits(getattr(type(self), name, None), value))
        if wrong:
            message = f"the value of {', '.join(wrong)} has the wrong type"
            raise ValueError(message)
        for name, value in changes.items():
            setattr(self, name, value)

    def as_json(self) -> dict[str, Any]:
        """What `/_standin/options` shows: everything but the secrets and the seeds."""
        hidden = {"client_secret", "jwt_public_key", "seed", "custom_fields"}
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name not in hidden}


def _fits(default: object, value: object) -> bool:
    """Numbers stay numbers and switches stay switches; what is empty by default may be anything."""
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, int):
        return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return not isinstance(default, tuple) or isinstance(value, list | tuple)
