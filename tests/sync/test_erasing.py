"""A person who is erased is nowhere any more, and does not come back; everybody else stays as they were."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from contactsync.domain.errors import RefusedInput
from contactsync.store import orgs
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.erasures import PROGRESS_PURPOSE
from contactsync.store.lease import org_lease
from contactsync.store.queue import OrgLease
from contactsync.store.rotation import check, rotate
from contactsync.store.tombstones import Tombstones
from contactsync.store.vault import Vault
from contactsync.sync.erasing import Erased, NotFinished, allow_person, erase_person
from tests.sync.conftest import World, ada

ADA = "Ada.Love@Engines.example"
WHOLE = {
    "id": "c-ada-1815", "first_name": "Adalina", "last_name": "Lovelacy", "email": ADA, "phone": "+44 1815 1210",
    "mobile_phone": "+44 1815 1852", "title": "Countess", "note": "likes tea at five", "company": "Engines",
    "sync_as": "lead", "social": {"linkedin": "https://linked.example/in/adalina"}, "custom": {"diet": "vegan-ada"},
    "address": {"street": "12 Ockham Park"},
}  # fmt: skip
TRACES = (
    "ada.love@", "ada.love%40", "adalina", "lovelacy", "1815 1210", "1815 1852", "c-ada-1815", "countess", "tea at five",
    "vegan-ada", "ockham",
)  # fmt: skip
"""All of it that is theirs alone, lower-case."""

NEIGHBOURS = (
    ada(id="c-2", email="nada.love@engines.example", last_name="Prefix"),
    ada(id="c-3", email="ada.love+expo@engines.example", last_name="Tag"),
    ada(id="c-4", email="ada.love@engines.example.org", last_name="Longer"),
    ada(id="c-ada-18150", email="adaXlove@engines.example", last_name="Dot"),
)


TIMES = {"starts_at": "2026-11-24T12:00:00Z", "ends_at": "2026-11-24T13:00:00Z"}


def meeting(**more: Any) -> dict[str, Any]:
    return {
        "id": "m-1", "title": "Talk with Adalina Lovelacy about Engines", "notes": f"Ring her at +44 1815 1210 ({ADA})",
        "starts_at": "2026-11-24T10:00:00Z", "ends_at": "2026-11-24T11:00:00Z",
        "attendees": [{"contact_id": "c-ada-1815"}, {"email": ADA.upper()}, {"contact_id": "c-2", "response": "accepted"}],
    } | more  # fmt: skip


@pytest.fixture
def full(connected: World) -> World:
    """An org in which a person has left traces everywhere, synced."""
    world = connected
    campaign = world.seed(Campaign=[{"Name": "Expo"}])["Campaign"][0]
    world.event(name="Expo", campaign_id=campaign)
    world.contact(WHOLE | {"events": [{"id": "e-1", "status": "registered"}]}, *NEIGHBOURS)
    world.contact(ada(id="c-5", email="bob@other.example", note=f"Friend of {ADA.lower()}", owner_email=ADA))
    entries = [{"email": ADA, "status": "attended"}, {"id": "c-2"}]
    world.deliver("events", "event.contacts_added", {"event_id": "e-1", "contacts": entries})
    world.meeting(**meeting())
    world.sync()
    world.contact(WHOLE | {"title": "Countess of Lovelacy"})
    world.deliver("events", "event.contacts_removed", {"event_id": "e-1", "contacts": [{"id": "c-ada-1815"}]})
    world.deliver("meetings", "meeting.updated", {"id": "m-1", "location": "Adalina Lovelacy's office"})
    world.meeting(id="m-2", title="With adalina lovelacy", **TIMES)
    world.meeting(id="m-2", attendees=[{"contact_id": "c-ada-1815"}])
    world.meeting(id="m-2", attendees=[{"contact_id": "c-3"}])
    world.meeting(id="m-3", title="The other Adalina Lovelacy", attendees=[{"contact_id": "c-4"}], **TIMES)
    world.sync()
    rejected = json.dumps({"type": "contact.nonsense", "data": [{"mail": ADA}, {"id": "c-ada-1815"}]})
    escaped = rejected.replace("@", "\\u0040").replace("Ada", "\\u0041da")
    broken = rejected[:-4]
    with writing(world.parts.engine) as db:
        for number, body in enumerate((rejected, escaped, broken)):
            row = {
                "org_id": world.org_id,
                "webhook_id": f"bad-{number}-{ADA}",
                "door": "contacts",
                "body": body.encode(),
            }
            errors = [{"path": f"data.0.custom.{ADA}", "message": "Unknown."}]
            db.execute(sa.insert(t.delivery).values(**row, status="rejected", received_at=world.clock(), errors=errors))
    return world


def rows_of(world: World, table: sa.Table) -> list[Any]:
    """All rows of a table that has no number."""
    with reading(world.parts.engine) as db:
        return list(db.execute(sa.select(table)))


def erase(world: World, email: str = ADA, **options: Any) -> Erased:
    return erase_person(world.parts, world.org_id, email, **options)


def dumped(world: World) -> Iterator[tuple[str, str]]:
    """Every column of every table, as readable as it gets, with its name."""
    with reading(world.parts.engine) as db:
        for table in t.metadata.sorted_tables:
            for row in db.execute(sa.select(table)):
                for name, value in row._mapping.items():
                    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
                    shown = text if isinstance(text, str) else json.dumps(text, ensure_ascii=False, default=str)
                    yield f"{table.name}.{name}", shown.encode().decode("unicode_escape", "replace") + shown


def traces(world: World, among: tuple[str, ...] = TRACES) -> list[tuple[str, str]]:
    others = ("ada.love@engines.example.org", "nada.love@", "c-ada-18150", "the other adalina lovelacy")
    found = []
    for place, text in dumped(world):
        lowered = text.lower()
        for other in others:
            lowered = lowered.replace(other, "")
        found += [(place, trace) for trace in among if trace in lowered]
    return found


def test_nothing_of_the_person_is_left_in_any_table(full: World) -> None:
    assert {place.split(".")[0] for place, _ in traces(full)} >= {
        "contact", "delivery", "sync_run", "meeting", "attendance", "meeting_attendee", "link"
    }, "they were everywhere"  # fmt: skip
    lead = next(lead["Id"] for lead in full.crm("Lead") if lead["LastName"] == "Lovelacy")
    done = erase(full)
    assert traces(full) == []
    assert traces(full, (lead.lower(),)) == []
    assert done.removed["contacts"] == 1
    told = {(record["object"], record["crm_id"], record["shared"]) for record in done.crm_records}
    talk, former, _ = full.rows(t.meeting)
    activities = {("Activity", talk.crm_id, True), ("Activity", former.crm_id, True)}
    assert told >= {("Lead", lead, False), *activities}, "in an Activity others took part, too"
    assert {kind for kind, *_ in told} == {"Lead", "Activity", "CampaignMember"}
    assert all(record["url"].endswith(record["crm_id"] + "/view") for record in done.crm_records if record["url"])
    (row,) = full.rows(t.erasure)
    assert (row.actor, row.removed, row.finished_at) == (full.parts.actor, done.removed, full.clock())


def test_everybody_else_stays_as_they_were(full: World) -> None:
    def others() -> dict[str, Any]:
        rows = {row.source_id: row for row in full.rows(t.contact) if row.source_id != "c-ada-1815"}
        return {name: (row.email, row.status, row.crm_id, row.company_key) for name, row in rows.items()}

    before, crm = others(), [full.crm(kind) for kind in ("Lead", "Event", "CampaignMember", "Account")]
    titles = {row.source_id: row.fields["fields"]["last_name"][0] for row in full.rows(t.contact)}
    erase(full)
    assert others() == before
    assert {row.source_id: row.fields["fields"]["last_name"][0] for row in full.rows(t.contact)} == {
        name: last for name, last in titles.items() if name != "c-ada-1815"
    }
    full.sync()
    assert [full.crm(kind) for kind in ("Lead", "Event", "CampaignMember", "Account")] == crm, "the CRM is not touched"
    talk, former, other = full.rows(t.meeting)
    assert former.fields["fields"]["title"][0] == "With ⟨erased⟩", "they took part once"
    assert other.fields["fields"]["title"][0] == "The other Adalina Lovelacy", "they never did"
    said = {path: value for path, (value, _) in talk.fields["fields"].items()}
    assert said["title"] == "Talk with ⟨erased⟩ about Engines"
    assert said["notes"] == "Ring her at ⟨erased⟩ (⟨erased⟩)"
    assert json.loads(said["attendees"]) == [{"contact_id": "c-2", "response": "accepted"}]
    assert sorted(row.who for row in rows_of(full, t.meeting_attendee)) == ["id:c-2", "id:c-3", "id:c-4"]
    bob = {path: value for path, (value, _) in full.row("c-5").fields["fields"].items()}
    assert (bob["note"], bob["owner_email"], bob["email"]) == ("Friend of ⟨erased⟩", "", "bob@other.example")
    assert [row.key for row in full.rows(t.company)] == ["name:engines"], "a company of several people stays"
    bodies = [json.loads(row.body) for row in full.rows(t.delivery) if row.body and row.status == "absorbed"]
    kept = next(body["data"] for body in bodies if body["type"] == "contact.updated" and len(body["data"]) > 1)
    assert kept == list(NEIGHBOURS), "bodies keep the others' items to the letter"


def test_one_address_is_not_another(full: World) -> None:
    """No prefix, no plus tag, no longer domain, no dot that means any letter, no id that begins alike."""
    erase(full)
    left = {row.source_id for row in full.rows(t.contact)}
    assert left == {"c-2", "c-3", "c-4", "c-5", "c-ada-18150"}


def test_replay_and_later_webhooks_do_not_bring_the_person_back_and_say_so(full: World) -> None:
    erase(full)
    people = len(full.rows(t.contact))
    with writing(full.parts.engine) as db:
        db.execute(
            sa.update(t.delivery)
            .where(t.delivery.c.body != b"", t.delivery.c.status != "rejected")
            .values(status="accepted")
        )
    full.sync()
    assert (traces(full), len(full.rows(t.contact))) == ([], people)
    number = full.deliver(
        "contacts", "contact.updated", [WHOLE, ada(id="c-2", email="nada.love@engines.example", title="CEO")]
    )
    full.deliver("contacts", "contact.updated", {"id": "c-ada-1815", "phone": "+44 1815 1210"})
    full.deliver("events", "event.contacts_added", {"event_id": "e-1", "contacts": [{"email": ADA}, {"id": "c-3"}]})
    activity = full.rows(t.meeting)[0].crm_id
    full.by_hand(
        "Event", activity, Subject="Talk", Description="", Location=""
    )  # else a run would show what the CRM held before
    full.meeting(**meeting(title="Again", notes=None))
    full.sync()
    assert (traces(full), len(full.rows(t.contact))) == ([], people)
    row = next(row for row in full.rows(t.delivery) if row.id == number)
    assert (row.status, row.log["erased"], row.body_removed_for) == ("absorbed", 1, "erasure")
    assert full.row("c-2").fields["fields"]["title"][0] == "CEO"
    assert sorted(row.who for row in rows_of(full, t.meeting_attendee)) == ["id:c-2", "id:c-3", "id:c-4"]


def test_what_waits_loses_the_person_and_keeps_the_others(connected: World) -> None:
    connected.contact(WHOLE, ada(id="c-2", email="b@c.example"))
    connected.contact(WHOLE)
    connected.contact({"id": "c-new", "email": ADA})
    connected.contact({"id": "c-new", "phone": "+44 1815 1210"})
    erase(connected)
    assert [row.status for row in connected.rows(t.delivery)] == ["accepted", "absorbed", "absorbed", "absorbed"]
    connected.sync()
    assert [row.source_id for row in connected.rows(t.contact)] == ["c-2"]
    assert traces(connected, (*TRACES, "c-new")) == []


def test_a_new_contact_with_an_erased_address_stays_out_also_when_it_comes_without_it(connected: World) -> None:
    erase(connected)
    connected.contact({"id": "c-new", "first_name": "Adalina", "phone": "+44 1815 1210"})
    connected.sync()
    assert connected.row("c-new").source_id == "c-new", "nobody can know yet"
    connected.contact({"id": "c-new", "email": ADA})
    connected.contact({"id": "c-new", "title": "Countess"})
    connected.sync()
    assert connected.rows(t.contact) == []


def test_a_contact_of_somebody_else_is_not_lost_over_one_delivery_with_the_erased_address(connected: World) -> None:
    connected.contact(ada(id="c-2", email="bob@other.example"))
    connected.sync()
    done = erase(connected)
    connected.contact(ada(id="c-2", email=ADA))
    connected.contact(ada(id="c-2", email="bob@other.example", title="CEO"))
    connected.sync()
    assert connected.row("c-2").fields["fields"]["title"][0] == "CEO"
    assert done.removed == {}
    assert {record["crm_id"] for record in done.crm_records} == set()


def test_the_answer_names_what_may_be_the_persons_too(connected: World) -> None:
    connected.contact(WHOLE | {"email": "maiden@old.example"}, ada(id="c-2", email=ADA))
    connected.contact(WHOLE, ada(id="c-2", email="bob@other.example"))
    connected.sync()
    done = erase(connected)
    assert done.other_addresses == ("maiden@old.example",)
    assert done.other_contacts == ("c-2",)
    assert connected.row("c-2").email == "bob@other.example"
    assert traces(connected) == []


def test_allowing_lets_the_person_in_again_from_the_next_webhook_on(full: World) -> None:
    first = erase(full)
    again = erase(full)
    assert allow_person(full.parts, full.org_id, ADA.upper()) == again.id != first.id
    assert rows_of(full, t.tombstone) == []
    full.contact(WHOLE)
    full.sync()
    assert full.row("c-ada-1815").status == "synced"
    assert allow_person(full.parts, full.org_id, ADA) is None
    actions = [(row.action, row.about) for row in full.rows(t.audit_entry) if row.action.startswith("person")]
    assert actions == [("person.erased", "ers_1"), ("person.erased", "ers_2"), ("person.allowed", "ers_2")]


def test_another_org_keeps_the_same_person(full: World) -> None:
    with writing(full.parts.engine) as db:
        other = orgs.add_org(db, "other", "Other", full.clock())
    theirs = World(full.parts, other.id, full.clock)
    theirs.contact(WHOLE)
    erase(full)
    theirs.sync()
    (row,) = [row for row in full.rows(t.contact) if row.org_id == other.id]
    assert row.email == ADA.lower()
    assert next(row for row in full.rows(t.delivery) if row.org_id == other.id).body_removed_at is None
    assert erase_person(full.parts, other.id, ADA).removed["contacts"] == 1


@pytest.mark.parametrize(
    "wrong", ["", "ada", "a@", "@b", "a b@c.d", "a@b\x00", "x" * 251 + "@b.c", "a@b,c@d", "\ud800@b.c"]
)
def test_what_is_no_address_is_refused(world: World, wrong: str) -> None:
    with pytest.raises(RefusedInput):
        erase(world, wrong)


def test_a_sqlite_file_holds_nothing_of_the_person_either(full: World) -> None:
    if full.parts.engine.dialect.name != "sqlite":
        pytest.skip("Postgres overwrites dead rows in its own time")
    path = Path(str(make_url(full.parts.settings.database_url).database))
    raw = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*")).lower()
    assert b"adalina" in raw
    erase(full)
    raw = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*")).lower()
    for trace in TRACES[2:]:
        assert trace.encode() not in raw.replace(b"c-ada-18150", b"").replace(b"the other adalina lovelacy", b""), trace


class Killed(Exception):
    """The process ends here."""


@contextmanager
def dying_after(world: World, statements: int) -> Iterator[None]:
    """A process that dies at its n-th statement from here on."""
    left = [statements]

    def count(*_said: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    sa.event.listen(world.parts.engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        sa.event.remove(world.parts.engine, "before_cursor_execute", count)


@pytest.mark.parametrize("every", [19, 33])
def test_an_erasure_that_is_killed_again_and_again_comes_to_the_same_end(full: World, every: int) -> None:
    """Each attempt dies a little later than the one before, wherever it then is."""
    attempts, done = 0, None
    while done is None:
        attempts += 1
        with suppress(Killed), dying_after(full, every + 2 * attempts):
            done = erase(full)
    assert attempts >= 3
    assert traces(full) == []
    first, *again = full.rows(t.erasure)
    lost = [row for row in full.rows(t.delivery) if row.body_removed_for == "erasure"]
    assert (first.removed["contacts"], first.removed["deliveries"], len(lost)) == (1, 12, 12), "each counted once"
    if again:  # the last attempt but one died when all was done, before it could say so
        assert [row.removed for row in again] == [{}]
    else:
        assert {record["object"] for record in done.crm_records} == {"Lead", "Activity", "CampaignMember"}
    actions = [row.action for row in full.rows(t.audit_entry) if row.action.startswith("person")]
    assert actions == ["person.erased"] * (1 + len(again))


def test_an_erasure_under_way_keeps_the_person_sealed_and_out_of_what_comes(full: World) -> None:
    with pytest.raises(NotFinished):
        erase(full, seconds=0)
    (row,) = full.rows(t.erasure)
    assert row.finished_at is None
    assert "adalina" not in json.dumps(row.removed).lower()  # three letters a seal may hold by chance
    full.contact(WHOLE)
    with pytest.raises(RefusedInput, match="has not come to its end"):
        allow_person(full.parts, full.org_id, ADA)
    full.sync()
    assert full.row("c-ada-1815").fields["fields"]["title"][0] == "Countess of Lovelacy", "what came is left out"
    assert erase(full).id == f"ers_{row.id}"
    assert traces(full) == []


def test_an_erasure_whose_progress_no_key_opens_any_more_begins_anew(full: World) -> None:
    with pytest.raises(NotFinished):
        erase(full, seconds=0)
    with writing(full.parts.engine) as db:
        db.execute(sa.update(t.erasure).values(removed={"sealed": "gone"}))
    assert erase(full).id == "ers_1"
    assert traces(full) == []


def test_a_worker_that_syncs_meanwhile_brings_nobody_back(full: World) -> None:
    """The erasure waits for the worker's lease, the worker for the erasure's; webhooks come all the time."""
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            full.contact(WHOLE | {"title": f"Countess {number}"}, ada(id="c-9", email="x@y.example", title=f"{number}"))
            full.sync()

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        done = erase(full)
        full.contact(WHOLE)
        stop.set()
        working.result(60)
    full.sync()
    assert done.removed["contacts"] == 1
    assert traces(full) == []
    assert full.row("c-9").email == "x@y.example"


def test_an_org_that_a_worker_holds_is_said_to_be_busy_and_nothing_is_begun(world: World) -> None:
    with org_lease(world.parts.engine, OrgLease(world.org_id, "a worker", 60), world.parts.now) as held:
        assert held is not None
        with pytest.raises(NotFinished) as refused:
            erase(world, patience=0.05)
        assert world.rows(t.org)[0].knocked is False, "a worker that hears knocking would never let go"
    assert refused.value.busy
    assert world.rows(t.erasure) == []


def test_nobody_erased_costs_an_absorbing_worker_one_read(world: World) -> None:
    seen: list[str] = []
    sa.event.listen(world.parts.engine, "before_cursor_execute", lambda *said: seen.append(said[2]))
    world.contact(ada())
    world.sync()
    assert sum("sealed_erasure_key" in statement for statement in seen) == 1
    assert not any("tombstone" in statement for statement in seen)


def test_the_key_of_the_marks_is_sealed_for_its_org_and_survives_a_rotation(full: World) -> None:
    erase(full)
    with reading(full.parts.engine) as db:
        sealed = db.execute(sa.select(t.org.c.sealed_erasure_key)).scalar_one()
    old = full.parts.settings.secret_keys[0]
    new = Vault(("another key that is long enough", old))
    assert not rotate(full.parts.engine, new, full.clock(), "tests").older_keys_needed
    with reading(full.parts.engine) as db:
        assert db.execute(sa.select(t.org.c.sealed_erasure_key)).scalar_one() != sealed
    full.parts = replace(full.parts, vault=Vault(("another key that is long enough",)))
    full.contact(WHOLE)
    with reading(full.parts.engine) as db:
        marks = Tombstones.of(db, full.parts.vault, full.org_id)
        assert marks is not None
        assert marks.among(db, [f"email:{ADA.lower()}", "email:b@c.d"]) == {f"email:{ADA.lower()}": 1}
    assert "key" not in repr(marks).replace("Tombstones(org_id=1)", "")


def test_an_erasure_that_was_broken_off_goes_on_with_the_new_key_alone(full: World) -> None:
    for _ in range(8):
        with pytest.raises(NotFinished):
            erase(full, seconds=0)
    old = full.parts.settings.secret_keys[0]
    new = "another key that is long enough"
    assert check(full.parts.engine, Vault((new, old)), full.clock()).older_keys_needed
    assert check(full.parts.engine, Vault((new,)), full.clock()).unopened[-1].purpose == PROGRESS_PURPOSE
    assert not rotate(full.parts.engine, Vault((new, old)), full.clock(), "tests").older_keys_needed
    before = full.rows(t.erasure)[0].removed
    assert before["deliveries"] > 0, "not the first step"
    full.parts = replace(full.parts, vault=Vault((new,)))
    assert erase(full).removed["deliveries"] == 12, "it has not begun anew"
    assert traces(full) == []
    assert not rotate(full.parts.engine, Vault((new, old)), full.clock(), "tests").resealed


def test_a_platform_whose_ids_are_addresses_loses_the_person_too(connected: World) -> None:
    connected.deliver("events", "event.contacts_added", {"event_id": "e-1", "contacts": [{"id": ADA}, {"id": "c-2"}]})
    connected.sync()
    connected.contact({"id": ADA, "first_name": "Adalina"})
    erase(connected)
    connected.contact({"id": ADA, "first_name": "Adalina"})
    connected.deliver("events", "event.contacts_added", {"event_id": "e-1", "contacts": [{"id": ADA}]})
    connected.sync()
    assert traces(connected) == []
    assert [row.who for row in connected.rows(t.attendance)] == ["id:c-2"]


def test_what_comes_later_and_cannot_be_brought_in_loses_the_person_all_the_same(connected: World) -> None:
    erase(connected)
    body = json.dumps({"type": "contact.updated", "timestamp": "nonsense", "data": [WHOLE, {"id": "c-2"}]}).encode()
    with writing(connected.parts.engine) as db:
        row = {"org_id": connected.org_id, "webhook_id": "odd", "door": "contacts", "body": body, "status": "accepted"}
        db.execute(sa.insert(t.delivery).values(**row, received_at=connected.clock()))
    connected.sync()
    (failed,) = connected.rows(t.delivery)
    assert (failed.status, failed.log, json.loads(failed.body)["data"]) == ("failed", {"erased": 1}, [{"id": "c-2"}])
