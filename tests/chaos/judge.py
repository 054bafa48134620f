"""What is wrong at the end: the senders' own record against the CRMs' rows, what the API shows, what is left to be done.

Pure. Each finding says the org, whose it is and what is wrong; their kinds are the fields of `Verdict`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from tests.chaos.model import Person, Wanted, newest, wanted
from tests.chaos.stream import LABELS, STATUSES, Delivery

Row = Mapping[str, Any]

LEAD = {
    "first_name": "FirstName", "last_name": "LastName", "email": "Email", "company": "Company", "title": "Title",
    "phone": "Phone", "mobile_phone": "MobilePhone", "website": "Website", "note": "Description",
    "address.street": "Street", "address.city": "City",
}  # fmt: skip
CONTACT = {
    "first_name": "FirstName", "last_name": "LastName", "email": "Email", "title": "Title", "phone": "Phone",
    "mobile_phone": "MobilePhone", "note": "Description", "address.street": "MailingStreet", "address.city": "MailingCity",
}  # fmt: skip
SETTLED = frozenset({"synced", "excluded", "incomplete"})


@dataclass(frozen=True)
class Answer:
    """The last answer to one delivery; `status` 0: none ever came."""

    delivery: Delivery
    status: int


@dataclass(frozen=True)
class Shown:
    """How the sync of a record stands, as the API shows it."""

    status: str | None
    crm_id: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Seen:
    """One org at the end. `rows`: its CRM's, by object. `deliveries`: (webhook-id, status, number of errors), as kept.

    `left`: what is leased, due, paused or waiting still, in words.
    """

    rows: Mapping[str, Sequence[Row]]
    contacts: Mapping[str, Shown]
    meetings: Mapping[str, Shown]
    deliveries: Sequence[tuple[str, str, int]]
    left: Sequence[str] = ()


@dataclass
class Verdict:
    """What is wrong, by kind; nothing is as it should be."""

    lost: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    wrong_versions: list[str] = field(default_factory=list)
    untrue_statuses: list[str] = field(default_factory=list)
    cross_org: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    def counts(self) -> Mapping[str, int]:
        """How many of each kind."""
        return {each.name: len(getattr(self, each.name)) for each in fields(self)}

    def findings(self) -> Iterator[tuple[str, str]]:
        """Each finding with its kind."""
        for each in fields(self):
            for text in getattr(self, each.name):
                yield each.name, text


def judge(answers: Iterable[Answer], seen: Mapping[str, Seen]) -> Verdict:
    """What is wrong. `answers`: one for each delivery that was sent, however often; `seen`: by org."""
    verdict = Verdict()
    answered = list(answers)
    accepted = [one.delivery for one in answered if one.status in (200, 202)]
    for one in answered:
        if one.status not in (200, 202, 422):
            verdict.stuck.append(f"{_name(one.delivery)}: never taken, the last answer was {one.status}")
        elif one.delivery.readable != (one.status != 422):
            verdict.lost.append(f"{_name(one.delivery)}: answered {one.status}")
    comes_to = wanted(accepted)
    verdict.lost.extend(f"{org}: nobody looked at it" for org in comes_to if org not in seen)
    for org, stands in seen.items():
        _Org(org, comes_to.get(org, Wanted()), stands, verdict).judge(
            [one for one in answered if one.delivery.org == org]
        )
    return verdict


@dataclass
class _Org:
    """One org under judgement."""

    org: str
    wanted: Wanted
    seen: Seen
    verdict: Verdict
    attributed: set[str] = field(default_factory=set)  # ids of rows that are somebody's
    records: dict[str, str] = field(default_factory=dict)  # contact → id of its record

    def judge(self, answers: Sequence[Answer]) -> None:
        self._deliveries(answers)
        for name, person in self.wanted.people.items():
            self._person(name, person)
        self._companies()
        self._members()
        for name in self.wanted.meetings:
            self._meeting(name)
        self._nobodys()
        self._shown_of_nobody()
        self.verdict.stuck.extend(f"{self.org}: {what}" for what in self.seen.left)

    # ── deliveries ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _deliveries(self, answers: Sequence[Answer]) -> None:
        kept = {webhook_id: (status, errors) for webhook_id, status, errors in self.seen.deliveries}
        for webhook_id, times in Counter(one[0] for one in self.seen.deliveries).items():
            if times > 1:
                self.verdict.duplicates.append(f"{self.org} delivery {webhook_id}: kept {times} times")
        for one in answers:
            name, status, errors = one.delivery.webhook_id, *kept.pop(one.delivery.webhook_id, ("not kept", 0))
            if one.status in (200, 202) and status == "accepted":
                self.verdict.stuck.append(f"{self.org} delivery {name}: accepted, and waits")
            elif one.status in (200, 202) and status != "absorbed":
                self.verdict.lost.append(f"{self.org} delivery {name}: answered {one.status}, and is {status}")
            elif one.status == 422 and (status != "rejected" or not errors):
                self.verdict.lost.append(
                    f"{self.org} delivery {name}: answered 422, and is {status} with {errors} errors"
                )
        self.verdict.cross_org.extend(f"{self.org} delivery {name}: nobody sent it to this org" for name in kept)

    # ── people ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _person(self, name: str, person: Person) -> None:
        addresses = {str(address).lower() for address in person.said("email")}
        kinds = {"lead": ("Lead", LEAD), "contact": ("Contact", CONTACT)}
        kind, mapped = kinds.get(person.value("sync_as"), kinds["lead"])
        rows = [
            (each, row)
            for each in ("Lead", "Contact")
            for row in self._rows(each)
            if _lower(row.get("Email")) in addresses
        ]
        self.attributed |= {row["Id"] for _, row in rows}
        whose = f"{self.org} contact {name}"
        if len(rows) > 1:
            self.verdict.duplicates.append(f"{whose}: {len(rows)} records, {sorted(row['Id'] for _, row in rows)}")
        shown = self.seen.contacts.get(name, Shown(None))
        self._person_status(whose, person, shown, {row["Id"] for _, row in rows})
        if not rows:
            if person.complete and not person.gone:
                self.verdict.lost.append(f"{whose}: no record")
            return
        found, row = rows[0]
        self.records[name] = row["Id"]
        if not person.complete and not person.gone:
            self.verdict.wrong_versions.append(f"{whose}: is incomplete, and has a record")
        elif found != kind:
            self.verdict.wrong_versions.append(f"{whose}: is a {found}, not a {kind}")
        else:
            self._fields(whose, person, row, mapped)
            self._owner_and_account(whose, person, row)

    def _person_status(self, whose: str, person: Person, shown: Shown, ids: set[str]) -> None:
        should = "excluded" if person.gone else "synced" if person.complete else "incomplete"
        if shown.status not in SETTLED:
            self.verdict.stuck.append(f"{whose}: {shown.status}, {shown.problem}")
        elif shown.status != should:
            self.verdict.untrue_statuses.append(f"{whose}: shown as {shown.status}, and is {should}")
        elif shown.status == "synced" and shown.crm_id not in ids:
            self.verdict.untrue_statuses.append(f"{whose}: shown as synced to {shown.crm_id}, which is not its record")

    def _fields(self, whose: str, person: Person, row: Row, mapped: Mapping[str, str]) -> None:
        for path, target in mapped.items():
            held, value, ever = row.get(target), person.value(path), person.said(path)
            # Blank never erases; and what was deleted at the source is left as it was.
            right = {value} if value and not person.gone else ever | ({None} if not value or person.gone else set())
            if _plain(held) not in {_plain(one) for one in right or {None}}:
                self.verdict.wrong_versions.append(f"{whose}: {target} is {held!r}, and should be {value!r}")

    def _owner_and_account(self, whose: str, person: Person, row: Row) -> None:
        owner, ever = person.value("owner_email"), person.said("owner_email")
        users = {user["Id"]: user["Email"] for user in self._rows("User")}
        held = users.get(row.get("OwnerId"))
        if str(held).startswith("owner-") and held not in ever:
            self.verdict.wrong_versions.append(f"{whose}: its owner is {held}, which nobody said")
        if person.gone:
            return
        if owner and held != owner:
            self.verdict.wrong_versions.append(f"{whose}: its owner is not {owner}")
        if "AccountId" in row:
            accounts = {account["Id"]: account["Name"] for account in self._rows("Account")}
            held, said = accounts.get(row["AccountId"]), person.value("company")
            if held != said:
                self.verdict.wrong_versions.append(f"{whose}: its Account is {held!r}, and should be {said!r}")

    def _companies(self) -> None:
        for name, times in Counter(row["Name"] for row in self._rows("Account")).items():
            if times > 1:
                self.verdict.duplicates.append(f"{self.org} company {name}: {times} Accounts")
        for name, times in Counter(row["Name"] for row in self._rows("Campaign")).items():
            if times > 1:
                self.verdict.duplicates.append(f"{self.org} campaign {name}: {times} Campaigns")

    # ── members ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _members(self) -> None:
        held: dict[tuple[str, str | None], list[Row]] = {}
        for row in self._rows("CampaignMember"):
            held.setdefault((row["CampaignId"], row.get("LeadId") or row.get("ContactId")), []).append(row)
        for (in_campaign, member), rows in held.items():
            if len(rows) > 1:
                self.verdict.duplicates.append(
                    f"{self.org} campaign {in_campaign}: {member} is in it {len(rows)} times"
                )
        for (event, name), attendance in self.wanted.attendances.items():
            campaign = self.wanted.campaign(event)
            person_id = self.records.get(name)
            rows = held.pop((campaign, person_id), []) if campaign and person_id else []
            self.attributed |= {row["Id"] for row in rows}
            person = self.wanted.people.get(name)
            if campaign is None or person is None or not person.complete or person.gone:
                continue
            whose = f"{self.org} member {name} of {event}"
            if not rows and not attendance.removed:
                self.verdict.lost.append(f"{whose}: is none")
            elif rows and attendance.removed and not attendance.ever:
                self.verdict.wrong_versions.append(f"{whose}: is one, and was only ever taken out")
            elif rows and not attendance.removed:
                least = STATUSES.index(attendance.status)
                right = {LABELS[STATUSES.index(one)] for one in attendance.statuses if STATUSES.index(one) >= least}
                right.add(LABELS[least])
                if rows[0].get("Status") not in right:
                    text = f"{whose}: is {rows[0]['Status']!r}, and should be one of {sorted(right)}"
                    self.verdict.wrong_versions.append(text)

    # ── meetings ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _meeting(self, name: str) -> None:
        said = {path: newest(history) for path, history in self.wanted.meetings[name].items()}
        whose = f"{self.org} meeting {name}"
        title, cancelled = said.get("title"), said.get("status") == "cancelled"
        if title is None or "starts_at" not in said:
            return
        rows = [row for row in self._rows("Event") if str(row["Subject"]).removeprefix("Cancelled: ") == title]
        self.attributed |= {row["Id"] for row in rows}
        if len(rows) > 1:
            self.verdict.duplicates.append(f"{whose}: {len(rows)} Activities, {sorted(row['Id'] for row in rows)}")
        shown = self.seen.meetings.get(name, Shown(None))
        if shown.status not in SETTLED and not (cancelled and not rows and shown.status is None):
            self.verdict.stuck.append(f"{whose}: {shown.status}, {shown.problem}")
        elif shown.status == "synced" and (rows or not cancelled) and shown.crm_id not in {row["Id"] for row in rows}:
            self.verdict.untrue_statuses.append(
                f"{whose}: shown as synced to {shown.crm_id}, which is not its Activity"
            )
        if not rows:
            if not cancelled:
                self.verdict.lost.append(f"{whose}: no Activity")
            return
        if shown.status in SETTLED and shown.status != "synced":
            self.verdict.untrue_statuses.append(f"{whose}: shown as {shown.status}, and is an Activity")
        self._activity(whose, said, rows[0])

    def _activity(self, whose: str, said: Mapping[str, Any], row: Row) -> None:
        title = f"Cancelled: {said['title']}" if said.get("status") == "cancelled" else said["title"]
        right = {
            "Subject": title,
            "Location": said.get("location"),
            "StartDateTime": said["starts_at"][:19],
            "EndDateTime": said["ends_at"][:19],
        }
        for target, value in right.items():
            held = str(row.get(target) or "")[:19] if target.endswith("DateTime") else row.get(target)
            if held != value:
                self.verdict.wrong_versions.append(f"{whose}: {target} is {held!r}, and should be {value!r}")
        if said.get("notes") and said["notes"] not in str(row.get("Description")):
            self.verdict.wrong_versions.append(f"{whose}: Description does not hold {said['notes']!r}")
        names = [one["contact_id"] for one in said.get("attendees", ())]
        people = [(name, self.wanted.people.get(name)) for name in names]
        alive = [name for name, person in people if person and person.complete and not person.gone]
        records = {self.records[name] for name in names if name in self.records}
        if row.get("WhoId") is not None and row.get("WhoId") not in records:
            self.verdict.wrong_versions.append(f"{whose}: {row['WhoId']} does not take part")
        elif row.get("WhoId") is None and any(name in self.records for name in alive):
            self.verdict.wrong_versions.append(f"{whose}: nobody takes part")
        else:
            now = () if said.get("status") == "cancelled" else alive
            self._beside(whose, row, records, {self.records[name] for name in now if name in self.records})

    def _beside(self, whose: str, row: Row, may: set[str], must: set[str]) -> None:
        """Who else takes part. `may`: the records of all who ever could; `must`: of those who do now."""
        beside = [one["RelationId"] for one in self._rows("EventRelation") if one["EventId"] == row["Id"]]
        if len(set(beside)) < len(beside):
            self.verdict.duplicates.append(f"{whose}: somebody takes part twice")
        self.verdict.wrong_versions.extend(f"{whose}: {one} does not take part" for one in {*beside} - may)
        self.verdict.lost.extend(f"{whose}: {one} takes part" for one in must - {*beside, row.get("WhoId")})

    # ── rows that are nobody's ─────────────────────────────────────────────────────────────────────────────────────

    def _nobodys(self) -> None:
        for kind in ("Lead", "Contact", "Event"):
            for row in self._rows(kind):
                if row["Id"] in self.attributed:
                    continue
                named = str(row.get("Email") or row.get("Subject"))
                if self.org in named:
                    self.verdict.duplicates.append(f"{self.org} {kind} {row['Id']}: is nobody's")
                else:
                    self.verdict.cross_org.append(f"{self.org} {kind} {row['Id']}: is of another org")
        records = set(self.records.values())
        for row in self._rows("CampaignMember"):
            person = row.get("LeadId") or row.get("ContactId")
            if row["Id"] not in self.attributed and person not in records:
                self.verdict.duplicates.append(f"{self.org} CampaignMember {row['Id']}: is nobody's")
            elif row["Id"] not in self.attributed:
                self.verdict.wrong_versions.append(f"{self.org} CampaignMember {row['Id']}: nobody said so")
        for row in self._rows("Account"):
            if not str(row["Name"]).endswith(f" of {self.org}"):
                self.verdict.cross_org.append(f"{self.org} Account {row['Id']}: is of another org")

        for row in self._rows("Campaign"):
            if not str(row["Name"]).endswith(f" of {self.org}"):
                self.verdict.cross_org.append(f"{self.org} Campaign {row['Id']}: is of another org")

    def _shown_of_nobody(self) -> None:
        for name in self.seen.contacts.keys() - self.wanted.people.keys():
            self.verdict.cross_org.append(f"{self.org} contact {name}: nobody sent it to this org")
        for name in self.seen.meetings.keys() - self.wanted.meetings.keys():
            self.verdict.cross_org.append(f"{self.org} meeting {name}: nobody sent it to this org")
        for name in self.wanted.people.keys() - self.seen.contacts.keys():
            self.verdict.lost.append(f"{self.org} contact {name}: is not shown")

    def _rows(self, kind: str) -> Sequence[Row]:
        return self.seen.rows.get(kind, ())


def _name(delivery: Delivery) -> str:
    return f"{delivery.org} delivery {delivery.webhook_id}"


def _lower(value: Any) -> str:
    return str(value or "").lower()


def _plain(value: Any) -> Any:
    return value or None
