"""What the demo's event platform knows: five events, who comes to them, and who meets whom. Always the same people.

Each contact says where it must end (`Person.ends`), so that the demo can tell whether everything came true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any

HOSTS = ("grace@demo-events.example", "mary@demo-events.example", "omar@demo-events.example")
"""Who sells, at the CRM as at the event platform."""

STUCK_CITY = "Lisbon"
"""Where the CRM is busy with every Lead: they are tried again and again."""

TWICE = "taken-twice@northwind.example"
"""An address that two Leads have in the CRM already."""


TO_COME = "evt-dinner"
"""The event that is still to come: it has no campaign yet."""


@dataclass(frozen=True)
class Gathering:
    """An event. `days`: how long ago it was, or (below 0) when it will be; `campaign`: the CRM's, "" for none."""

    id: str
    name: str
    kind: str
    city: str
    country: str
    days: float
    campaign: str = ""


GATHERINGS = (
    Gathering(
        "evt-product-day", "Product Day Berlin", "conference", "Berlin", "Germany", 11.2, "Product Day Berlin 2026"
    ),
    Gathering(
        "evt-breakfast", "Fintech Breakfast Zürich", "breakfast", "Zürich", "Switzerland", 6.1, "Fintech Breakfast 2026"
    ),
    Gathering("evt-webinar", "Webinar: Follow-up that works", "webinar", "", "", 3.3, "Webinar Follow-up"),
    Gathering("evt-dach-summit", "DACH Summit 2026", "conference", "Munich", "Germany", 0.2, "DACH Summit 2026"),
    Gathering(TO_COME, "Partner Dinner London", "dinner", "London", "United Kingdom", -9.0),
)

_COMPANIES = (
    ("Analytical Engines Ltd", "analytical-engines.example"), ("Difference Works", "difference-works.example"),
    ("Northwind Traders", "northwind.example"), ("Alpine Robotics", "alpine-robotics.example"),
    ("Baltic Freight", "baltic-freight.example"), ("Cobalt Insurance", "cobalt-insurance.example"),
    ("Donau Energie", "donau-energie.example"), ("Eiger Capital", "eiger-capital.example"),
    ("Fjord Foods", "fjord-foods.example"), ("Galileo Optics", "galileo-optics.example"),
    ("Hanse Logistik", "hanse-logistik.example"), ("Isar Health", "isar-health.example"),
    ("Jupiter Payments", "jupiter-payments.example"), ("Kepler Mobility", "kepler-mobility.example"),
    ("Lumen Schools", "lumen-schools.example"), ("Meridian Travel", "meridian-travel.example"),
)  # fmt: skip

_LEADS_ONLY = ("hanse-logistik.example", "jupiter-payments.example", "fjord-foods.example", "isar-health.example")
"""Companies that no Contact ties to an Account: the console suggests one."""

_FIRST = (
    "Anouk", "Noor", "Curtis", "Sofia", "Jonas", "Priya", "Mateo", "Élise", "Kofi", "Hanna", "Lukas", "Zoë", "Tariq",
    "Ingrid", "Marco", "Aylin", "Pavel", "Chiara", "Samuel", "Leila", "Oskar", "Mei", "Tomás", "Freya",
)  # fmt: skip

_LAST = (
    "Laurent", "Haddad", "Baker", "Rossi", "Weber", "Sharma", "García", "de Graaf", "Mensah", "Lindqvist", "Keller",
    "O’Brien", "Aziz", "Bergström", "Bianchi", "Yıldız", "Novák", "Moretti", "Okafor", "Rahimi", "Nyman", "Chen", "Silva",
    "Johansen", "Fischer", "Dubois", "Kowalska",
)  # fmt: skip

_TITLES = (
    "Head of Marketing", "CTO", "Sales Director", "Event Manager", "Founder", "VP Partnerships", "Operations Lead",
    "Product Manager", "CFO", "IT Architect", "Buyer",
)  # fmt: skip

_CITIES = (
    ("Berlin", "Germany"), ("Zürich", "Switzerland"), ("Vienna", "Austria"), ("Munich", "Germany"), ("Hamburg", "Germany"),
    ("London", "United Kingdom"),
)  # fmt: skip

_NOTES = (
    "Asked for a quote at the booth.", "Wants a demo for the whole team.", "Compares us with two others.",
    "Met at the coffee bar, follow up in January.", "Speaks at their own event in spring.",
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """A contact as the platform sends it. `came`: days ago; `at`: the event it came by, with the first and the last status.

    `ends`: the sync status in which it must end.
    """

    id: str
    fields: Mapping[str, Any] = field(repr=False)
    came: float
    at: str
    ends: str = "synced"
    attended: bool = False
    invited: bool = False

    def payload(self) -> dict[str, Any]:
        """The contact with its attendances."""
        events = [{"id": self.at, "status": "registered"}]
        events += [{"id": TO_COME, "status": "invited"}] if self.invited else []
        return {"id": self.id, **self.fields, "events": events}


def people() -> tuple[Person, ...]:
    """Everybody whom the demo knows from before it starts, oldest first: 72 who go through, and 22 who do not."""
    return tuple(sorted((*_plain(72), *_odd()), key=lambda one: -one.came))


def _plain(many: int) -> list[Person]:
    """Contacts with nothing wrong."""
    past = [one for one in GATHERINGS if one.days > 0]
    made = []
    rings = zip(
        cycle(_FIRST), cycle(_LAST), cycle(_COMPANIES), cycle(_TITLES), cycle(_CITIES), cycle(_NOTES), strict=False
    )
    for index, (first, last, company, title, place, note) in zip(range(many), rings, strict=False):
        event = past[(index * len(past)) // many]
        said: dict[str, Any] = _named(first, last, company[1], index) | {
            "company": {"name": company[0], "domain": company[1]},
            "sync_as": "contact" if index % 3 == 0 and company[1] not in _LEADS_ONLY else "lead",
            "title": title,
            "phone": f"+49 30 5550 {1000 + index * 37}",
            "address": {"city": place[0], "country": place[1]},
            "owner_email": HOSTS[index % 3] if index % 7 else "somebody.gone@demo-events.example",
        }
        if index % 4 == 1:
            said["note"] = note
        if index % 9 == 4:
            said["source"] = "leads_inbox"
        # They come in from two days before their event until it is over.
        came = event.days + 2.0 * ((index * 7) % 10) / 10 - (0.15 if index % 5 == 0 else 0)
        made.append(
            Person(f"p-{index + 1}", said, max(0.03, came), event.id, attended=index % 3 != 1, invited=index % 6 == 2)
        )
    return made


ACCOUNTS = (
    ("Analytical Engines", "https://www.analytical-engines.example"),
    ("Hanse Logistik GmbH", "https://hanse-logistik.example"),
    ("Jupiter Payments Inc.", "https://www.jupiter-payments.example"),
    ("Fjord Foods AS", ""),
    ("Isar Health AG", "https://isar-health.example/en"),
)
"""What the CRM calls some of the companies: the name is another, or there is no website."""


def known_leads() -> list[dict[str, Any]]:
    """Some whom the CRM knows already, with less: they are found by their address, and brought up to date."""
    known = [one for one in people() if one.ends == "synced" and one.fields["sync_as"] == "lead"][4::9]
    return [
        {
            "FirstName": one.fields["first_name"], "LastName": one.fields["last_name"], "Email": one.fields["email"],
            "Company": one.fields["company"]["name"], "Title": "Assistant", "Description": "From the newsletter.",
        }
        for one in known
    ]  # fmt: skip


def _odd() -> list[Person]:
    """Contacts that need somebody, each for a reason of its own."""
    summit = "evt-dach-summit"
    made: list[Person] = []

    def add(ends: str, came: float, event: str, **fields: Any) -> None:
        index = len(made)
        first, last = _FIRST[(index * 5 + 3) % len(_FIRST)], _LAST[(index * 7 + 5) % len(_LAST)]
        name, domain = _COMPANIES[(index * 3 + 1) % len(_COMPANIES)]
        whole = _named(first, last, domain, 100 + index) | {
            "company": name,
            "sync_as": "lead",
            "title": _TITLES[index % 11],
        }
        said = {key: value for key, value in (whole | fields).items() if value is not None}
        made.append(Person(f"x-{index + 1}", said, came, event, ends))

    for hours in (21, 9, 5, 3, 2):  # a validation rule of the CRM wants phone numbers with their country
        add("needs_attention", hours / 24, summit, phone=f"030 55{hours:02d} 12")
    for days in (6.4, 0.3, 0.1):  # longer than the CRM's field
        long = (
            "Chief Officer for Everything that has to do with Partnerships, Alliances, Events, Communities and Ecosystems in "
            * 2
        )
        add("needs_attention", days, summit if days < 1 else "evt-breakfast", title=long.strip())
    add("needs_attention", 3.0, "evt-webinar", email=TWICE, company="Northwind Traders")  # two Leads have this address
    for days in (3.2, 0.2, 0.12, 0.05):  # captured on a phone, from free mail: nobody knows the company
        first, last = _FIRST[int(days * 100) % 24], _LAST[int(days * 100) % 27]
        mail = f"{_plainly(first)}.{_plainly(last)}.demo@gmail.com"
        where = summit if days < 1 else "evt-webinar"
        mine = {"first_name": first, "last_name": last, "email": mail, "company": None, "title": None}
        add("incomplete", days, where, source="leads_inbox", **mine)
    for days in (0.25, 0.08):  # a badge without a last name
        add("incomplete", days, summit, last_name=None, source="leads_inbox")
    add("incomplete", 0.06, summit, email=None, source="leads_inbox", note="Prefers to be called.")
    add("incomplete", 6.0, "evt-breakfast", sync_as=None)  # the platform did not say what it becomes
    for hours in (7, 4, 3, 1):  # the CRM is busy with these
        add("retrying", hours / 24, summit, address={"city": STUCK_CITY, "country": "Portugal"})
    add("excluded", 6.2, "evt-breakfast")  # deleted at the platform since
    return made


def _named(first: str, last: str, domain: str, index: int) -> dict[str, Any]:
    return {"first_name": first, "last_name": last, "email": f"{_plainly(first)}.{_plainly(last)}{index}@{domain}"}


def _plainly(name: str) -> str:
    """A name as addresses write it."""
    kept = "".join(letter for letter in name.lower().replace("ı", "i").replace("ø", "o") if letter.isalpha())
    return kept.translate(str.maketrans("àáâãäåçèéêëìíîïñòóôõöùúûüýšł", "aaaaaaceeeeiiiinooooouuuuysl"))


def gathering(one: Gathering, now: datetime) -> dict[str, Any]:
    """An event as the platform sends it."""
    begins = (now - timedelta(days=one.days)).replace(minute=0, second=0, microsecond=0)
    said: dict[str, Any] = {"id": one.id, "name": one.name, "type": one.kind, "timezone": "Europe/Berlin"}
    said |= {"starts_at": _text(begins), "ends_at": _text(begins + timedelta(hours=7)), "status": "published"}
    return said | ({"city": one.city, "country": one.country} if one.city else {})


_TALKS = (
    ("Quote for two hundred looms", "evt-dach-summit", 0.1, "scheduled"),
    ("Booth talk: payments in three countries", "evt-dach-summit", 0.15, "completed"),
    ("Coffee with the robotics team", "evt-dach-summit", -0.9, "scheduled"),
    ("Renewal 2027", "evt-product-day", 11.1, "completed"),
    ("Introduction to the CFO", "evt-product-day", 11.0, "no_show"),
    ("Pilot for the schools", "evt-product-day", 10.9, "completed"),
    ("Data room questions", "evt-breakfast", 6.0, "completed"),
    ("Second breakfast", "evt-breakfast", 5.9, "cancelled"),
    ("Webinar follow-up call", "evt-webinar", 2.1, "completed"),
)  # fmt: skip


def meetings(now: datetime) -> list[dict[str, Any]]:
    """Who meets whom, as the platform sends it: each with somebody who is in the CRM."""
    there: dict[str, list[Person]] = {}
    for person in people():
        if person.ends == "synced":
            there.setdefault(person.at, []).append(person)
    made = []
    for index, (title, event, days, status) in enumerate(_TALKS):
        begins = (now - timedelta(days=days)).replace(minute=30, second=0, microsecond=0)
        guests = there[event][index * 2 : index * 2 + 1 + index % 2 + 1]
        made.append(
            {
                "id": f"m-{index + 1}", "title": title, "event_id": event, "location": f"Booth {12 + index}",
                "starts_at": _text(begins), "ends_at": _text(begins + timedelta(minutes=30)), "timezone": "Europe/Berlin",
                "host_email": HOSTS[index % 3], "status": status, "notes": _NOTES[index % len(_NOTES)],
                "attendees": [{"contact_id": one.id, "response": "accepted"} for one in guests],
            }
        )  # fmt: skip
    return made


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
