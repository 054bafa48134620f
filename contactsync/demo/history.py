"""The two weeks before: the same doors and the same sync as ever, in this process, under a clock that is set back.

Webhooks are signed, verified, kept, absorbed and synced to the stand-in over HTTP; only the clock that everything is given
says another time. So the console has something to look back on, and nothing in it is made up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from contactsync import log
from contactsync.demo.running import CLIENT, ORG, Demo, DemoFailed, signed
from contactsync.demo.sample import (
    ACCOUNTS,
    GATHERINGS,
    HOSTS,
    STUCK_CITY,
    TWICE,
    Gathering,
    Person,
    gathering,
    known_leads,
    meetings,
    people,
)
from contactsync.domain.policy import SeveralMatches
from contactsync.domain.roles import Role
from contactsync.hooks import Plugins
from contactsync.passwords import hash_password
from contactsync.settings import Settings
from contactsync.store import orgs, users
from contactsync.store.engine import open_engine, upgrade, writing
from contactsync.store.vault import Vault
from contactsync.sync import actions
from contactsync.sync.org import sync_org
from contactsync.sync.parts import Parts
from contactsync.sync.targets import Targets
from contactsync.web.app import create_app

USERS: Mapping[str, Role] = {
    "admin@demo.example": Role.ADMIN,
    "editor@demo.example": Role.EDITOR,
    "viewer@demo.example": Role.VIEWER,
}
"""Who may sign in to the demo's console, all with one password."""

NEAR = timedelta(hours=26)
"""Before this, who comes within some hours comes at once; since then, by the hour."""

MOST_TURNS = 50


@dataclass
class SetBack:
    """A clock that goes as fast as any, so long ago."""

    ago: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        """What it shows."""
        return datetime.now(UTC) - self.ago


class NoBell:
    """Nobody listens yet: who posts sees to the sync too."""

    def ring(self, _org_id: int) -> bool:
        """Heard by nobody."""
        return True

    def answers(self) -> bool:
        """As if somebody did."""
        return True


@dataclass(frozen=True)
class Past:
    """What the history is lived through with."""

    parts: Parts
    clock: SetBack
    org_id: int


@dataclass(frozen=True)
class Moment:
    """What the platform posts at one time: door, type and data of each webhook."""

    ago: timedelta
    posts: tuple[tuple[str, str, Any], ...] = field(repr=False)


def make_ready(demo: Demo) -> Past:
    """The database, the org with its secret and token, and the console's users; the demo is told the secrets."""
    settings = Settings.from_environment(demo.environment)  # ours would name the database of somebody's installation
    engine = open_engine(settings.database_url)
    upgrade(engine)
    vault, plugins, clock = Vault(settings.secret_keys), Plugins.load(settings.config), SetBack()
    parts = Parts(
        settings, engine, vault, plugins, NoBell(), Targets(engine, vault, plugins, clock), clock, actor="demo"
    )
    clock.ago = timedelta(days=15)
    hashed = hash_password(demo.password)
    with writing(engine) as db:
        org = orgs.add_org(db, ORG, "Demo Events", clock())
        _, demo.secret = orgs.add_secret(db, vault, org.id, clock())
        _, demo.token = orgs.add_token(db, org.id, "made with the demo", clock())
        orgs.set_policies(db, org.id, {"several_matches": SeveralMatches.STOP.value})
        for email, role in USERS.items():
            user = users.add_user(db, email, clock(), email.partition("@")[0].capitalize(), operator=role is Role.ADMIN)
            users.set_password(db, user.id, hashed)
            users.set_role(db, user.id, org.id, role)
    return Past(parts, clock, org.id)


def relive(demo: Demo, past: Past) -> None:
    """Arrange the stand-in, connect the org to it, and live through the two weeks."""
    campaigns = _arrange(demo)
    settings = {"instance_url": demo.standin, "client_id": CLIENT["client_id"], "flow": "client_credentials"}
    with _logging_to(demo):
        actions.connect(past.parts, past.org_id, "salesforce", settings, {"client_secret": CLIENT["client_secret"]})
        for one in GATHERINGS:
            if one.campaign:
                actions.connect_event(past.parts, past.org_id, one.id, campaigns[one.campaign])
        post = create_app(past.parts).test_client().post
        for moment in moments(datetime.now(UTC)):
            past.clock.ago = moment.ago
            _live(demo, past, post, moment)
        past.clock.ago = timedelta(0)
    past.parts.engine.dispose()


def _arrange(demo: Demo) -> Mapping[str, str]:
    """Sales people, campaigns, Accounts and Leads that are there already, and what makes trouble; the campaigns' ids."""
    sellers = {"Grace": "Hopper", "Mary": "Jackson", "Omar": "Farouk"}
    records = {
        "User": [
            {"FirstName": first, "LastName": last, "Email": email, "Username": email}
            for (first, last), email in zip(sellers.items(), HOSTS, strict=True)
        ],
        "Campaign": [{"Name": one.campaign, "IsActive": True} for one in GATHERINGS if one.campaign],
        "Account": [{"Name": name, **({"Website": site} if site else {})} for name, site in ACCOUNTS],
        "Lead": [
            {"LastName": "Twice", "Company": company, "Email": TWICE} for company in ("Northwind", "Northwind Traders")
        ]
        + known_leads(),
    }
    demo.arrange("records", records)
    rule = {"object": "Lead", "field": "Phone", "wrong_when": "not_matches", "value": r"\+.*",
            "message": "Phone numbers begin with + and the country code."}  # fmt: skip
    demo.arrange("validation_rules", rule)
    busy = {"do": "row", "times": 1_000_000, "where": {"object": "Lead", "field": "City", "value": STUCK_CITY}}
    demo.arrange("faults", busy)
    return {str(record["Name"]): str(record["Id"]) for record in demo.salesforce("Campaign")}


def _live(demo: Demo, past: Past, post: Callable[..., Any], moment: Moment) -> None:
    for door, kind, items in moment.posts:
        body, headers = signed(demo.secret, kind, items, past.clock().timestamp())
        answer = post(f"/webhooks/{ORG}/{door}", data=body, headers=headers)
        if answer.status_code not in {202, 422}:
            raise DemoFailed(f"the webhook was not accepted: {answer.get_data(as_text=True)}")
    for _ in range(MOST_TURNS):
        if not sync_org(past.parts, past.org_id):
            return
    raise DemoFailed(f"the sync found no end; the logs are in {demo.folder}")


@contextmanager
def _logging_to(demo: Demo) -> Iterator[None]:
    """What the sync says goes to a file, as it does for every process."""
    with (demo.folder / "history.log").open("w", encoding="utf-8") as said:
        log.set_up_logging(said)
        try:
            yield
        finally:
            log.set_up_logging()


# ── when what was posted ───────────────────────────────────────────────────────────────────────────────────────────


def moments(now: datetime) -> Sequence[Moment]:
    """Everything that the platform posted before now, oldest first."""
    made = [Moment(timedelta(days=14), (("events", "event.created", [gathering(one, now) for one in GATHERINGS]),))]
    together: dict[int, list[Person]] = {}
    for person in people():
        ago = timedelta(days=person.came)
        step = timedelta(hours=1) if ago < NEAR else timedelta(hours=11)
        together.setdefault(int(ago / step) * int(step.total_seconds()), []).append(person)
    for seconds, some in together.items():
        posts = ("contacts", "contact.created", [one.payload() for one in some])
        made.append(Moment(timedelta(seconds=seconds + 600), (posts,)))
    for one in GATHERINGS:
        made += _during(one, now)
    gone = [person.id for person in people() if person.ends == "excluded"]
    made.append(Moment(timedelta(days=5.5), (("contacts", "contact.deleted", [{"id": name} for name in gone]),)))
    wrong = ("contacts", "contact.created", [{"id": "p-1", "email": "not an address"}])
    made += [Moment(timedelta(hours=hours), (wrong,)) for hours in (80, 4.3)]
    return sorted(made, key=lambda moment: -moment.ago)


def _during(one: Gathering, now: datetime) -> list[Moment]:
    """Who was checked in, and who met whom, on the day."""
    if one.days < 0:
        return []
    there = [{"id": person.id, "status": "attended"} for person in people() if person.at == one.id and person.attended]
    met = [meeting for meeting in meetings(now) if meeting["event_id"] == one.id]
    checked_in = ("events", "event.contacts_added", {"event_id": one.id, "contacts": there})
    ago = timedelta(days=max(0.02, one.days - 0.18))
    return [
        Moment(ago + timedelta(minutes=30), (("meetings", "meeting.created", met),)),
        Moment(ago, (checked_in,)),
    ]
