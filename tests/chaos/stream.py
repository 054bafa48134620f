"""What the event platforms send, from the seed alone: deliveries in the order in which they go out, not that of their versions.

Every item has a version of its own, a moment, so that nothing depends on how ties are broken.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

ORGS = ("acme", "bolt", "crux", "dyna")
OWNERS = 5
CAMPAIGNS = 3
EVENTS = 5
"""Events of an org; the last ones stay without a campaign."""

STATUSES = ("invited", "waitlisted", "registered", "no_show", "attended")
LABELS = ("Invited", "Waitlisted", "Registered", "No Show", "Attended")
"""The member statuses of each campaign, as the default status map calls them."""

BASE = datetime(2025, 3, 1, 8, 0, tzinfo=UTC)
"""The first version's moment: long ago, so that no clock that jumps takes one for the future."""

MIXED_UP = 40
"""How many deliveries later than its turn one may go out."""


@dataclass(frozen=True)
class Delivery:
    """One webhook. `copies`: how often it goes out besides, under the same webhook-id. `readable`: whether a door can."""

    index: int
    org: str
    webhook_id: str
    door: str
    type: str
    sent_at: str
    data: Any
    copies: int = 0
    together: bool = False
    readable: bool = True

    @property
    def body(self) -> bytes:
        """The bytes that are signed and sent."""
        return json.dumps({"type": self.type, "timestamp": self.sent_at, "data": self.data}).encode()


def moment(tick: int) -> str:
    """The version of the n-th item that an org's event platform made up."""
    return (BASE + timedelta(seconds=tick)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def campaign_name(number: int, org: str) -> str:
    """The name of a campaign that the org's CRM holds from the start."""
    return f"Campaign {number} of {org}"


def owner_address(number: int, org: str) -> str:
    """The address of a user of the org's CRM."""
    return f"owner-{number}@{org}.example"


def stream(seed: int, count: int, campaigns: Mapping[str, tuple[str, ...]]) -> tuple[Delivery, ...]:
    """`count` deliveries over all orgs. `campaigns`: by org, the ids of its CRM's campaigns."""
    chance = random.Random(f"stream {seed}")
    platforms = {org: _Platform(org, random.Random(f"{org} {seed}"), campaigns[org]) for org in ORGS}
    made: list[tuple[float, Delivery]] = []
    for index in range(count):
        platform = platforms[chance.choice(ORGS)]
        delivery = platform.next(index)
        late = chance.uniform(0, MIXED_UP) if chance.random() < 0.5 else 0
        made.append((index + late, delivery))
    made.sort(key=lambda one: one[0])
    return tuple(delivery for _, delivery in made)


@dataclass
class _Platform:
    """One org's event platform: what it holds, and what it does next."""

    org: str
    chance: random.Random
    campaigns: tuple[str, ...]
    ticks: int = 0
    contacts: list[str] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)
    meetings: list[str] = field(default_factory=list)
    connected: set[str] = field(default_factory=set)

    def next(self, index: int) -> Delivery:
        doing = self.chance.choices(*zip(*_DOINGS, strict=True))[0]
        if doing in (_Platform._update, _Platform._move, _Platform._delete, _Platform._roster) and not self.contacts:
            doing = _Platform._create
        if doing in (_Platform._reschedule, _Platform._cancel) and not self.meetings:
            doing = _Platform._meet if self.contacts else _Platform._create
        if doing is _Platform._meet and not self.contacts:
            doing = _Platform._create
        type_, data, readable = doing(self)
        door = {"contact": "contacts", "event": "events", "meeting": "meetings"}[type_.partition(".")[0]]
        copies = self.chance.choice((1, 1, 2)) if self.chance.random() < 0.08 else 0
        return Delivery(
            index=index,
            org=self.org,
            webhook_id=f"msg_{index}",
            door=door,
            type=type_,
            sent_at=moment(self._tick()),
            data=data,
            copies=copies,
            together=bool(copies) and self.chance.random() < 0.5,
            readable=readable,
        )

    # ── contacts ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _create(self) -> Made:
        return "contact.created", self._new(), True

    def _batch(self) -> Made:
        items = [self._new() for _ in range(self.chance.randint(2, 8))]
        if self.contacts:
            items += [self._partial(self._known()) for _ in range(self.chance.randint(0, 6))]
        self.chance.shuffle(items)
        return "contact.updated", items, True

    def _update(self) -> Made:
        return "contact.updated", self._partial(self._known()), True

    def _move(self) -> Made:
        name = self._known()
        self.moved.add(name)
        tick = self._tick()
        return "contact.updated", {"id": name, "email": self._address(name, tick), "updated_at": moment(tick)}, True

    def _delete(self) -> Made:
        return "contact.deleted", {"id": self._known(), "updated_at": moment(self._tick())}, True

    def _unreadable(self) -> Made:
        return "contact.created", {"id": "", "email": 7, "updated_at": "yesterday"}, False

    def _new(self) -> dict[str, Any]:
        tick = self._tick()
        name = f"c-{len(self.contacts)}"
        self.contacts.append(name)
        person: dict[str, Any] = {
            "id": name,
            "first_name": f"First {tick}",
            "last_name": f"Last {tick}",
            "email": self._address(name, tick),
            "company": f"Company {len(self.contacts) % 40} of {self.org}",
            "sync_as": "lead" if len(self.contacts) % 3 else "contact",
            "updated_at": moment(tick),
        }
        if self.chance.random() < 0.05:
            del person["company"], person["last_name"]  # and nobody ever says them: it stays incomplete
        person |= self._some_fields(tick, 3)
        if self.chance.random() < 0.4:
            person["events"] = [self._attendance()]
        return person

    def _partial(self, name: str) -> dict[str, Any]:
        tick = self._tick()
        said: dict[str, Any] = {"id": name, "updated_at": moment(tick), **self._some_fields(tick, 2)}
        if self.chance.random() < 0.3:
            said["first_name"] = f"First {tick}"
        if self.chance.random() < 0.1:
            said["events"] = [self._attendance()]
        return said

    def _some_fields(self, tick: int, most: int) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for name in self.chance.sample(_OPTIONAL, self.chance.randint(1, most)):
            if name == "owner_email":
                said[name] = owner_address(self.chance.randrange(OWNERS), self.org)
            elif name == "address":
                said[name] = {"city": f"City {tick}"} if self.chance.random() < 0.5 else {"street": f"Street {tick}"}
            elif name == "website":
                said[name] = f"https://www.site-{tick}.example"
            elif name in ("phone", "mobile_phone"):
                said[name] = f"+49 30 {tick:07d}"
            else:
                said[name] = None if self.chance.random() < 0.1 else f"{name.title()} {tick}"
        return said

    def _attendance(self) -> dict[str, Any]:
        said: dict[str, Any] = {"id": f"e-{self.chance.randrange(EVENTS)}"}
        if self.chance.random() < 0.8:
            said["status"] = self.chance.choice(STATUSES)
        return said

    def _known(self) -> str:
        """Some contact, the recent ones more often: what happens to one comes close together."""
        recent = self.contacts[-30:] if self.chance.random() < 0.7 else self.contacts
        return self.chance.choice(recent)

    def _address(self, name: str, tick: int) -> str:
        return f"{name}.{tick}@{self.org}.example"

    # ── events and meetings ────────────────────────────────────────────────────────────────────────────────────────

    def _event(self) -> Made:
        number = self.chance.randrange(EVENTS)
        name, tick = f"e-{number}", self._tick()
        said: dict[str, Any] = {"id": name, "name": f"Event {number} of {self.org}, {tick}", "updated_at": moment(tick)}
        if number < CAMPAIGNS and (name in self.connected or self.chance.random() < 0.5):
            self.connected.add(name)
            said["campaign_id"] = self.campaigns[number]
        return self.chance.choice(("event.created", "event.updated")), said, True

    def _roster(self) -> Made:
        removed = self.chance.random() < 0.25
        names = dict.fromkeys(self._known() for _ in range(self.chance.randint(1, 6)))
        people = [{"id": name} | ({} if removed else {"status": self.chance.choice(STATUSES)}) for name in names]
        said = {"event_id": f"e-{self.chance.randrange(EVENTS)}", "contacts": people}
        return ("event.contacts_removed" if removed else "event.contacts_added"), said, True

    def _meet(self) -> Made:
        tick = self._tick()
        name = f"m-{len(self.meetings)}"
        self.meetings.append(name)
        attendees = [
            {"contact_id": who} for who in dict.fromkeys(self._known() for _ in range(self.chance.randint(1, 3)))
        ]
        said = {
            "id": name,
            "title": f"Meeting {name} of {self.org}",
            "location": f"Room {tick}",
            "notes": f"About {tick}",
            "attendees": attendees,
            "status": "scheduled",
            "updated_at": moment(tick),
            **self._times(tick),
        }
        return "meeting.created", said, True

    def _reschedule(self) -> Made:
        tick = self._tick()
        said = {"id": self.chance.choice(self.meetings[-20:]), "updated_at": moment(tick), **self._times(tick)}
        return "meeting.updated", said, True

    def _cancel(self) -> Made:
        return (
            "meeting.cancelled",
            {"id": self.chance.choice(self.meetings[-20:]), "updated_at": moment(self._tick())},
            True,
        )

    def _times(self, tick: int) -> dict[str, Any]:
        begins = datetime(2027, 1, 1, 9, 0, tzinfo=UTC) + timedelta(minutes=tick)
        ends = begins + timedelta(minutes=30)
        return {"starts_at": begins.strftime("%Y-%m-%dT%H:%M:%SZ"), "ends_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def _tick(self) -> int:
        self.ticks += 1
        return self.ticks


Made = tuple[str, Any, bool]
"""A delivery's type and data, and whether a door can read it."""

_OPTIONAL = ("title", "phone", "mobile_phone", "website", "note", "owner_email", "address")

_DOINGS = (
    (_Platform._create, 30),
    (_Platform._batch, 6),
    (_Platform._update, 30),
    (_Platform._move, 6),
    (_Platform._delete, 2),
    (_Platform._unreadable, 1),
    (_Platform._event, 5),
    (_Platform._roster, 7),
    (_Platform._meet, 6),
    (_Platform._reschedule, 5),
    (_Platform._cancel, 2),
)


def all_sends(deliveries: tuple[Delivery, ...], seed: int) -> Iterator[tuple[Delivery, ...]]:
    """What goes out one after the other: mostly one delivery, now and then several copies at once, or one again much later."""
    chance = random.Random(f"copies {seed}")
    later: dict[int, list[Delivery]] = {}
    for position, delivery in enumerate(deliveries):
        yield (delivery,) * (1 + delivery.copies if delivery.together else 1)
        if delivery.copies and not delivery.together:
            later.setdefault(position + chance.randint(1, 60), []).append(delivery)
        for again in later.pop(position, ()):
            yield (again,) * again.copies
    for left in later.values():
        for again in left:
            yield (again,) * again.copies
