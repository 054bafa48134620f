"""What people type is text and nothing else, all the way into the CRM and onto our pages."""

from __future__ import annotations

from html import unescape
from urllib.parse import unquote

import pytest
import requests
import sqlalchemy as sa

from contactsync.store import tables as t
from contactsync.store.engine import reading
from contactsync.web.app import create_app
from tests.sync.conftest import World, ada, connected, parts, world  # noqa: F401 - fixtures

VICTIM = {"FirstName": "Vic", "LastName": "Tim", "Company": "Victims", "Email": "victim@example.com"}

TYPED = (
    "' OR Name != '", "\\' OR Id != \\'", "x\\", "\\\\'", "'; DELETE FROM Lead --", "a\nb\r\nc", "\\n\\u0027 OR 1=1", "\\u0027",
    "%", "_", "%' AND Email LIKE '%", "victim@example.com' --", "@{ref.Id}", "@{lookup[0].id}", "${7*7}", "{{7*7}}", "%s%n{0}",
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"><b>",
    "javascript:alert(1)", "&lt;b&gt;&amp;", "]]>", "--", "/* */", "\u202egnp.exe", "e\u0301\u0327",
    "\U0001f468\u200d\U0001f469", "N/A", "null",
)  # fmt: skip

EMAILS = (
    "victim'@example.com", "%@example.com", "_ictim@example.com", "victim@example.co_", "v%m@example.com",
    "'OR'Email'!='@example.com", "victim@example.com'OR'a'='a.com", "victim\\'@example.com", "x'/**/OR/**/Name!='@x.de",
    "{a.b}@example.com", "\u0131victim@example.com", "v\u0131ctim@example.com", "victi\ufeffm@example.com",
    "\uff56ictim@example.com",
    "vi\u200bctim@example.com", "vict\u0130m@example.com", "victim@ex\u00e4mple.com",
)  # fmt: skip

IDS = (
    "../Lead/00Q000000000001",
    "..%2FLead",
    "a/b?x=1#y",
    "'; DROP TABLE contact; --",
    "%00",
    "@{ref.Id}",
    "00Q' OR Id != '",
    ".",
    '"',
)


def victim(there: World) -> dict[str, object]:
    """The record that is nobody's here."""
    return next(record for record in there.crm("Lead") if record["Email"] == VICTIM["Email"])


def test_whatever_is_typed_arrives_byte_for_byte_and_touches_nobody_elses_record(connected: World) -> None:  # noqa: F811
    connected.seed(Lead=[VICTIM])
    before = victim(connected)
    for number, text in enumerate(TYPED):
        said = {
            "first_name": text,
            "last_name": text,
            "company": {"id": f"f-{number}", "name": text},
            "title": text,
            "note": text,
            "website": text,
        }
        connected.contact(ada(id=f"c-{number}", email=f"c{number}@example.com", **said))
    connected.sync()
    arrived = {record["Email"]: record for record in connected.crm("Lead")}
    assert len(arrived) == len(TYPED) + 1
    for number, text in enumerate(TYPED):
        record = arrived[f"c{number}@example.com"]
        names = ("FirstName", "LastName", "Company", "Title", "Description", "Website")
        assert [record[name] for name in names] == [text] * len(names), connected.row(f"c-{number}").problem
        assert connected.row(f"c-{number}").status == "synced"
    assert victim(connected) == before


def test_an_address_that_would_match_another_finds_nobody_but_itself(connected: World) -> None:  # noqa: F811
    connected.seed(Lead=[VICTIM])
    before = victim(connected)
    for number, email in enumerate(EMAILS):
        connected.contact(ada(id=f"c-{number}", email=email))
    connected.sync()
    with reading(connected.parts.engine) as db:
        absorbed = db.execute(sa.select(t.delivery.c.status)).scalars().all()
    assert set(absorbed) <= {"absorbed"}, "the addresses are ones that the door takes"
    assert victim(connected) == before
    for number, email in enumerate(EMAILS):
        row = connected.row(f"c-{number}")
        assert row.crm_id != before["Id"], email
        assert row.status == "synced" or row.problem["code"] == "invalid_email_address", (
            email,
            row.status,
            row.problem,
        )


def test_ids_that_look_like_paths_and_references_stay_ids(connected: World) -> None:  # noqa: F811
    connected.seed(Lead=[VICTIM])
    before = victim(connected)
    for number, text in enumerate(IDS):
        picked = {"name": f"Firm {number}", "account_id": text, "id": text}
        connected.event(id=text, name=text, campaign_id=text)
        attending = [{"id": text, "status": "registered"}]
        connected.contact(
            ada(id=text, email=f"i{number}@example.com", sync_as="contact", company=picked, events=attending)
        )
        times = {"starts_at": "2026-11-24T09:00:00Z", "ends_at": "2026-11-24T10:00:00Z"}
        connected.meeting(id=text, title=text, event_id=text, attendees=[{"contact_id": text}], **times)
    connected.sync()
    for text in IDS:
        row = connected.row(text)
        assert row.status == "needs_attention", text
        assert row.problem["code"] not in {"plugin_broken", "cannot_be_planned", "malformed_query"}, row.problem
    assert victim(connected) == before
    assert connected.standin is not None
    called = requests.get(f"{connected.standin.url}/_standin/calls", timeout=10).json()["calls"]
    assert all(call["status"] < 500 for call in called)
    assert not [call["path"] for call in called if ".." in unquote(call["path"]) or "DROP" in call["path"]]


def test_the_pages_show_what_was_typed_and_never_obey_it(connected: World) -> None:  # noqa: F811
    script = "<script>alert('hostile')</script>"
    connected.contact(ada(first_name=script, company=script, email="s@example.com"))
    connected.sync()
    assert connected.standin is not None
    page = requests.get(f"{connected.standin.url}/_standin/", timeout=10).text
    assert script not in page
    assert script in unescape(page)


@pytest.mark.parametrize(
    "address",
    [
        "/%3Cscript%3Ealert(1)%3C/script%3E", "/connect?state=%3Cscript%3E&code=%3Cscript%3E",
        "/api/v1/docs?q=<script>alert(1)</script>",
        "/connect?error=<script>alert(1)</script>&error_description=<script>alert(1)</script>&state=x",
        "/webhooks/<script>alert(1)</script>/contacts", "/api/v1/contacts/<script>alert(1)</script>",
    ],
)  # fmt: skip
def test_no_page_and_no_error_answer_repeats_markup_of_its_address(connected: World, address: str) -> None:  # noqa: F811
    client = create_app(connected.parts).test_client()
    for method in ("GET", "POST"):
        answer = client.open(address, method=method)
        assert answer.status_code < 500
        assert "<script>alert" not in answer.get_data(as_text=True)
        assert answer.mimetype in {"application/json", "text/html"}
        assert "unsafe-inline" not in answer.headers.get("Content-Security-Policy", "")
