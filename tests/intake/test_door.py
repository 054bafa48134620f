"""The webhook doors over HTTP: every answer, in which order they are looked at, and what is kept."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from urllib.parse import quote

import pytest
import sqlalchemy as sa
import structlog.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contactsync.intake.keyring import REMEMBERED
from contactsync.intake.signature import sign
from contactsync.store import orgs
from contactsync.store.engine import open_engine, writing
from contactsync.store.vault import Vault
from tests.intake.conftest import ADA, HandBell, Sender, kept, moved, new_org, written

UNAUTHORIZED = {"error": {"code": "unauthorized", "message": "The signature was not accepted."}}


# ── 202 and 200 ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_good_webhook_is_kept_unaltered_rung_and_accepted(sender, bell):
    body = b'{"type":"contact.created", "timestamp":"2026-11-24T09:00:00Z",\n"data":{"id":"c-1","title":"\\u00e9"} }'
    answer = sender.post(body, sender.headers(body))
    assert (answer.status_code, answer.json) == (
        202,
        {
            "delivery_id": "dlv_1",
            "status": "accepted",
            "status_url": "http://localhost/api/v1/deliveries/dlv_1",
        },
    )
    assert answer.content_type == "application/json"
    (row,) = kept(sender.parts.engine)
    assert (row.org_id, row.webhook_id, row.door, row.type, row.status) == (
        sender.org.id,
        "msg_1",
        "contacts",
        "contact.created",
        "accepted",
    )
    assert bytes(row.body) == body
    assert row.received_at == sender.parts.now()
    assert row.errors is None
    assert bell.heard(sender.org.id)


def test_the_status_address_is_the_one_that_the_sender_came_to(quick_sender):
    body = written(ADA)
    answer = quick_sender.client.post(
        "/webhooks/acme/contacts",
        base_url="https://sync.example.com:8443/behind",
        data=body,
        headers=quick_sender.headers(body),
    )
    assert answer.json["status_url"] == "https://sync.example.com:8443/behind/api/v1/deliveries/dlv_1"


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("contact.created", [ADA, {**ADA, "id": 2}]),
        ("contact.deleted", {"id": 1}),
        ("event.created", {"id": 1, "name": "Engines"}),
        ("event.updated", {"id": 1}),
        ("event.cancelled", {"id": 1}),
        ("event.deleted", {"id": 1}),
        ("event.contacts_added", {"event_id": 1, "contacts": [{"email": "a@b.example"}]}),
        ("event.contacts_removed", [{"event_id": 1, "contacts": [{"id": 1}]}]),
    ],
)
def test_every_type_goes_in_through_its_door(quick_sender, type_, data):
    assert quick_sender.send(data, type_).status_code == 202
    assert kept(quick_sender.parts.engine)[0].type == type_


def test_the_same_webhook_id_again_is_the_same_delivery_whatever_the_body(sender):
    first = sender.send(ADA, webhook_id="msg_a")
    again = sender.send({**ADA, "title": "Countess"}, webhook_id="msg_a")
    broken = sender.send({"id": ""}, webhook_id="msg_a")
    for answer in (again, broken):
        assert (answer.status_code, answer.json) == (200, {**first.json, "status": "duplicate"})
    (row,) = kept(sender.parts.engine)
    assert json.loads(row.body)["data"] == ADA


def test_a_duplicate_is_one_for_as_long_as_the_delivery_is_kept(sender, clock):
    sender.send(ADA, webhook_id="msg_a")
    clock.pass_by(days=8)
    assert sender.send(ADA, webhook_id="msg_a").status_code == 200


def test_another_orgs_webhook_id_is_no_duplicate(sender):
    other = Sender(sender.parts, sender.client, *new_org(sender.parts.engine, "other"))
    assert sender.send(ADA, webhook_id="msg_a").status_code == 202
    assert other.send(ADA, webhook_id="msg_a").status_code == 202
    assert [row.org_id for row in kept(sender.parts.engine)] == [sender.org.id, other.org.id]


class UnheardBell(HandBell):
    def ring(self, org_id: int) -> bool:
        return False


def test_a_process_that_dies_between_keeping_and_ringing_loses_nothing(sender, bell):
    assert moved(sender, bell=UnheardBell()).send(ADA, webhook_id="msg_a").status_code == 202
    assert [row.status for row in kept(sender.parts.engine)] == ["accepted"], "the clock finds it there"
    assert sender.send(ADA, webhook_id="msg_a").status_code == 200
    assert bell.heard(sender.org.id), "and the sender who comes again rings for it"
    assert len(kept(sender.parts.engine)) == 1


def test_a_bell_that_cannot_ring_changes_nothing(quick_sender, bell):
    bell.there = False
    assert quick_sender.send(ADA).status_code == 202


# ── 401 ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_refusals_of_a_signature_are_one_answer_to_the_byte(sender):
    body = written(ADA)
    good = sender.headers(body)
    _, others = new_org(sender.parts.engine, "other")
    with writing(sender.parts.engine) as conn:
        orgs.add_org(conn, "mute", "Without a secret", sender.parts.now())
    late = int(sender.parts.now().timestamp()) - 301
    tried = {
        "unknown org": sender.post(body, good, slug="nobody"),
        "no slug at all": sender.post(body, good, slug="A B%00ü"),
        "org without secret": sender.post(body, good, slug="mute"),
        "nothing signed": sender.post(body, {"Content-Type": "application/json"}),
        "another org's secret": sender.post(body, sender.headers(body, secret=others)),
        "altered body": sender.post(body + b" ", good),
        "malformed": sender.post(body, {**good, "webhook-timestamp": "soon"}),
        "stale": sender.post(
            body,
            {**good, "webhook-timestamp": str(late), "webhook-signature": sign(sender.secret, "msg_1", late, body)},
        ),
    }
    assert {why: (answer.status_code, answer.json) for why, answer in tried.items()} == dict.fromkeys(
        tried, (401, UNAUTHORIZED)
    )
    assert len({answer.data for answer in tried.values()}) == 1
    assert len({tuple(answer.headers.items()) for answer in tried.values()}) == 1
    assert kept(sender.parts.engine) == []


def test_svix_headers_are_taken_too(quick_sender):
    body = written(ADA)
    headers = {name.replace("webhook-", "svix-"): value for name, value in quick_sender.headers(body).items()}
    assert quick_sender.post(body, headers).status_code == 202


@pytest.mark.parametrize(("late", "status"), [(-300, 202), (300, 202), (-301, 401), (301, 401)])
def test_a_signature_holds_for_300_seconds_both_ways(quick_sender, clock, late, status):
    body = written(ADA)
    headers = quick_sender.headers(body)
    clock.pass_by(seconds=late)
    assert quick_sender.post(body, headers).status_code == status


def test_old_and_new_secret_both_hold_until_the_old_one_ends(sender, clock):
    engine, vault, now = sender.parts.engine, sender.parts.vault, sender.parts.now()
    with writing(engine) as conn:
        _, new = orgs.add_secret(conn, vault, sender.org.id, now)
        old = orgs.list_secrets(conn, sender.org.id)[0]
        orgs.revoke_secret(conn, sender.org.id, old.id, now, now + timedelta(minutes=5))
    both = written(ADA)
    signed = sender.headers(both, "msg_both")
    signed["webhook-signature"] = f"v1,wrong {sender.headers(both, 'msg_both', new)['webhook-signature']}"
    assert sender.post(both, signed).status_code == 202
    assert sender.send(ADA, webhook_id="msg_old").status_code == 202
    clock.pass_by(minutes=5)
    assert sender.send(ADA, webhook_id="msg_old_late").status_code == 401
    assert sender.post(both, sender.headers(both, "msg_new", new)).status_code == 202


def test_a_revoked_secret_bites_within_two_seconds(sender, clock):
    assert sender.send(ADA).status_code == 202
    with writing(sender.parts.engine) as conn:
        (only,) = orgs.list_secrets(conn, sender.org.id)
        orgs.revoke_secret(conn, sender.org.id, only.id, sender.parts.now())
    clock.at += REMEMBERED
    assert timedelta(seconds=2) >= REMEMBERED
    assert sender.send(ADA).status_code == 401


def test_secrets_are_not_read_anew_for_every_webhook(quick_sender):
    statements: list[str] = []
    sa.event.listen(quick_sender.parts.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for _ in range(5):
        assert quick_sender.send(ADA).status_code == 202
    assert len([text for text in statements if "webhook_secret" in text]) == 1


def test_an_unknown_org_costs_the_same_questions_as_a_known_one(quick_sender):
    engine, asked = quick_sender.parts.engine, []
    sa.event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    body = written(ADA)
    quick_sender.post(body, quick_sender.headers(body + b"!"))
    known = [*asked]
    asked.clear()
    quick_sender.post(body, quick_sender.headers(body + b"!"), slug="nobody")
    assert asked == known
    assert len(known) == 2


def test_secrets_that_do_not_open_are_503_and_loud_for_the_operator(quick_sender):
    other_key = moved(quick_sender, vault=Vault(("another key than it was sealed with",)))
    with structlog.testing.capture_logs() as logs:
        answer = other_key.send(ADA)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["webhook secrets cannot be opened"]
    assert kept(quick_sender.parts.engine) == []


# ── 413 and 415 ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_largest_body_is_taken_and_one_byte_more_is_413(make_sender, sqlite_engine):
    sender = make_sender(sqlite_engine, max_bytes=2_000)
    body = written(ADA)
    largest = body + b" " * (2_000 - len(body))
    assert sender.post(largest, sender.headers(largest)).status_code == 202
    answer = sender.post(largest + b" ", sender.headers(largest + b" "))
    assert (answer.status_code, answer.json["error"]["code"]) == (413, "too_large")
    assert "2000 bytes" in answer.json["error"]["message"]
    assert len(kept(sqlite_engine)) == 1


@pytest.mark.parametrize("announced", [None, "10", "999999999999", "-1", "x"])
@pytest.mark.parametrize("terminated", [True, False])
def test_an_announced_length_that_lies_is_no_way_in(make_sender, sqlite_engine, announced, terminated):
    sender = make_sender(sqlite_engine, max_bytes=2_000)
    body = b"x" * 2_001
    environ = {"wsgi.input": io.BytesIO(body), **({"wsgi.input_terminated": True} if terminated else {})}
    if announced is not None:
        environ["CONTENT_LENGTH"] = announced
    headers = {name: value for name, value in sender.headers(body).items() if name != "Content-Type"}
    answer = sender.client.post(
        "/webhooks/acme/contacts", headers=headers, content_type="application/json", environ_overrides=environ
    )
    assert answer.status_code == (413 if terminated or announced == "999999999999" else 401)


def test_size_comes_first_then_the_kind_of_body_then_the_signature(make_sender, sqlite_engine):
    sender = make_sender(sqlite_engine, max_bytes=1_024)
    wrong_kind = {"Content-Type": "text/plain"}
    assert sender.post(b"x" * 1_025, wrong_kind, slug="nobody").status_code == 413
    assert sender.post(b"x" * 1_024, wrong_kind, slug="nobody").status_code == 415
    assert sender.post(b"x" * 1_024, {"Content-Type": "application/json"}, slug="nobody").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "text/json+json"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "identity, br"},
    ],
)
def test_whatever_is_not_plain_json_is_415(quick_sender, headers):
    body = written(ADA)
    answer = quick_sender.post(body, {**quick_sender.headers(body), **headers})
    assert (answer.status_code, answer.json["error"]["code"]) == (415, "unsupported_media_type")
    assert kept(quick_sender.parts.engine) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=UTF-8"},
        {"Content-Type": "Application/JSON"},
        {"Content-Type": "application/cloudevents+json"},
        {"Content-Encoding": "identity"},
        {"Content-Encoding": ""},
    ],
)
def test_json_by_its_other_names_is_taken(quick_sender, headers):
    body = written(ADA)
    assert quick_sender.post(body, {**quick_sender.headers(body), **headers}).status_code == 202


# ── 422 ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_signed_webhook_that_cannot_be_read_is_kept_as_rejected_with_every_path(sender, bell):
    answer = sender.send([ADA, {"id": 2, "email": "nonsense"}, {}], "contact.created")
    errors = [
        {
            "path": "data.1.email",
            "message": "Not an e-mail address: one @, a dot in the domain, no spaces, nothing around it.",
        },
        {"path": "data.2.id", "message": "Required, and missing or empty."},
    ]
    assert (answer.status_code, answer.json) == (422, {"errors": errors})
    (row,) = kept(sender.parts.engine)
    assert (row.status, row.type, row.errors) == ("rejected", "contact.created", errors)
    other = Sender(sender.parts, sender.client, *new_org(sender.parts.engine, "other"))
    assert other.send(ADA).status_code == 202
    assert bell.heard(other.org.id), "and for nobody else"


def test_a_rejected_webhook_that_comes_again_gets_the_same_answer_and_no_second_row(sender):
    first = sender.send({"id": ""}, webhook_id="msg_a")
    again = sender.send({"id": ""}, webhook_id="msg_a")
    mended = sender.send(ADA, webhook_id="msg_a")
    assert {answer.data for answer in (first, again, mended)} == {first.data}
    assert (mended.status_code, len(kept(sender.parts.engine))) == (422, 1)
    assert sender.send(ADA, webhook_id="msg_b").status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"\xff\xfe\x00",
        b"\xef\xbb\xbf" + written(ADA),
        b"[" * 2_000,
        b'{"type": "contact.created", "type": "contact.created"}',
        written({"id": 1, "note": "\x00"}),
        written({"id": 1, "no\x00te": "x"}),
        written({"id": 1, "note": "\ud800"}),
        written({"id": 1, "custom": {"\udfff": 1}}),
        b'{"a": NaN}',
        b"9" * 5_000,
        written(ADA, "event.created"),
        written({"id": "\udcff" * 3}, "contact.\x00"),
    ],
)
def test_bodies_that_databases_or_parsers_choke_on_are_422_and_kept_as_they_came(sender, body):
    answer = sender.post(body, sender.headers(body))
    assert answer.status_code == 422, answer.data
    assert answer.json["errors"]
    (row,) = kept(sender.parts.engine)
    assert (bytes(row.body), row.status, row.errors) == (body, "rejected", answer.json["errors"])


def test_a_wrong_door_is_422_and_names_the_right_one(quick_sender):
    body = written({"id": 1}, "event.created")
    assert quick_sender.post(body, quick_sender.headers(body), "contacts").json == {
        "errors": [{"path": "type", "message": "Wrong door: send this type to /webhooks/<org>/events."}]
    }


def test_neither_answers_nor_logs_repeat_what_was_sent(quick_sender):
    canary = "canary@example.com extra"
    with structlog.testing.capture_logs() as logs:
        answer = quick_sender.send({"id": 1, "email": canary, "sync_as": canary, "company": [canary]})
        quick_sender.post(canary.encode(), {"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert [log["event"] for log in logs] == ["webhook rejected", "webhook refused"]
    assert logs[1]["reason"] == "missing"
    assert "canary" not in answer.get_data(as_text=True) + repr(logs)
    assert quick_sender.secret not in repr(logs)


# ── 429 and 503 ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_org_over_its_limit_is_told_when_to_come_again_and_others_are_not_slowed(make_sender, sqlite_engine, clock):
    sender = make_sender(sqlite_engine, max_per_second=2)
    other = Sender(sender.parts, sender.client, *new_org(sqlite_engine, "other"))
    answers = [sender.send(ADA) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[2].json["error"]["code"] == "too_many_requests"
    wait = int(answers[2].headers["Retry-After"])
    assert other.send(ADA).status_code == 202
    clock.pass_by(seconds=wait)
    assert sender.send(ADA).status_code == 202


def test_who_cannot_sign_uses_up_nobodys_limit(make_sender, sqlite_engine):
    sender = make_sender(sqlite_engine, max_per_second=1)
    for _ in range(5):
        assert sender.post(b"{}", {"Content-Type": "application/json"}).status_code == 401
    assert sender.send(ADA).status_code == 202


def test_a_database_that_cannot_write_is_503_with_a_time_to_come_again(quick_sender):
    assert quick_sender.send(ADA).status_code == 202
    with writing(quick_sender.parts.engine) as conn:
        conn.execute(sa.text("ALTER TABLE delivery RENAME TO elsewhere"))
    answer = quick_sender.send(ADA)
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_database_that_is_away_is_503_for_known_and_unknown_orgs_alike(make_sender, sqlite_engine):
    sender = make_sender(sqlite_engine)
    away = open_engine("postgresql://nobody@127.0.0.1:9/nothing?connect_timeout=1")
    lost = moved(sender, engine=away)
    answers = [lost.send(ADA), lost.post(b"{}", {"Content-Type": "application/json"}, slug="nobody")]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[0].data == answers[1].data
    away.dispose()


# ── whatever comes ─────────────────────────────────────────────────────────────────────────────────────────────────

header_text = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\x00"), max_size=60)
any_headers = st.dictionaries(
    st.sampled_from(
        [
            "webhook-id", "webhook-timestamp", "webhook-signature", "svix-id", "svix-timestamp", "svix-signature",
            "Content-Type", "Content-Encoding", "Content-Length", "Host", "X-Forwarded-Proto", "X-Forwarded-For",
        ]
    ),
    header_text | st.sampled_from(["1", "999999999", "application/json", "v1," * 2_000, "a" * 5_000]),
)  # fmt: skip
slow = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=200
)


@slow
@given(headers=any_headers, body=st.binary(max_size=50), slug=st.text(min_size=1, max_size=10))
def test_hostile_headers_bodies_and_slugs_get_a_documented_answer_and_nothing_is_kept(
    quick_sender, headers, body, slug
):
    sender = quick_sender
    for where in ("acme", quote(slug, safe="")):
        answer = sender.post(body, {"Content-Type": "application/json", **headers}, slug=where)
        expected = {401, 413, 415}
        expected |= {404} if where != "acme" else set()  # a slug with a slash in it is no slug
        expected |= {400} if "Host" in headers else set()  # Flask's own answer to a malformed Host
        assert answer.status_code in expected, answer.data
    assert kept(sender.parts.engine) == []


@pytest.mark.parametrize("path", ["/webhooks//0/contacts", "//webhooks/acme/contacts", "/webhooks/acme//contacts"])
def test_an_address_with_a_doubled_slash_is_not_found_and_sends_nobody_elsewhere(quick_sender, path):
    answer = quick_sender.client.post(path, data=b"{}", headers={"Content-Type": "application/json"})
    assert answer.status_code == 404


@slow
@given(
    data=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just("\x00"),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["id", "email", "company", "events", "custom", "\x00"]) | st.text(max_size=3), inner
            )
        ),
    ),
    type_=st.sampled_from(["contact.created", "contact.deleted", "event.updated", "event.contacts_added", "x", "\x00"]),
)
def test_whatever_is_signed_is_accepted_or_rejected_and_kept_either_way(sender, data, type_):
    before = len(kept(sender.parts.engine))
    body = written(data, type_)
    answer = sender.post(body, sender.headers(body, f"msg_{before}"), "contacts" if "contact." in type_ else "events")
    assert answer.status_code in {202, 422}, answer.data
    rows = kept(sender.parts.engine)
    assert len(rows) == before + 1
    assert (rows[-1].status == "accepted") == (answer.status_code == 202)
    assert bytes(rows[-1].body) == body
