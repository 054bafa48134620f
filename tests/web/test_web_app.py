"""The app around the API: headers, proxies, the page for people, the webhook doors beside it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask, request
from sqlalchemy.engine import Engine

from contactsync.domain.errors import Misconfigured
from contactsync.intake.signature import sign
from contactsync.settings import Settings
from contactsync.store import orgs
from contactsync.store.engine import writing
from contactsync.web.api.docs import Shape, marked, shape
from contactsync.web.app import SECURITY_HEADERS, create_app
from tests.web.conftest import Caller, person, statements


def test_every_answer_carries_the_security_headers_and_sets_no_cookie(acme: Caller, app: Flask) -> None:
    for path in ("/", "/nope", "/healthz", "/api/v1/contacts", "/api/v1/docs", "/api/v1/openapi.json", "/metrics"):
        answer = app.test_client().get(path)
        for name in SECURITY_HEADERS:
            assert name in answer.headers, (path, name)
        assert "Set-Cookie" not in answer.headers
        assert "Server" not in answer.headers
    assert acme.ask("GET", "/contacts").headers["Cache-Control"] == "no-store"


def test_the_start_leads_to_the_console(app: Flask) -> None:
    client = app.test_client()
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/start")
    assert client.get("/start").headers["Location"].startswith("/sign-in")


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value or "")
            elif tag == "a" and name == "href":
                self.links.append(value or "")
            elif name in ("src", "href", "srcset", "action"):
                self.sources.append(value or "")


def test_the_docs_page_shows_every_operation_and_schema_and_every_link_in_it_leads_somewhere(app: Flask) -> None:
    page = Page(html := app.test_client().get("/api/v1/docs").get_data(as_text=True))
    document = app.test_client().get("/api/v1/openapi.json").json
    for path, item in document["paths"].items():
        assert path in html
        assert all(operation["operationId"] in page.ids for operation in item.values() if isinstance(operation, dict))
    assert {f"schema-{name}" for name in document["components"]["schemas"]} <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)
    inner = {link.removeprefix("#") for link in page.links if link.startswith("#")}
    assert inner <= set(page.ids), inner - set(page.ids)
    assert {link for link in page.links if not link.startswith("#")} == {"/api/v1/openapi.json"}


def test_the_docs_page_needs_nothing_from_elsewhere_and_its_policy_lets_nothing_else_in(app: Flask) -> None:
    answer = app.test_client().get("/api/v1/docs")
    html = answer.get_data(as_text=True)
    page = Page(html)
    assert not page.tags & {"script", "iframe", "img", "link", "object", "form", "input"}
    assert page.sources == []
    assert " style=" not in html
    [style] = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "url(" not in style
    assert "@import" not in style


def test_types_are_said_in_words() -> None:
    assert shape({"type": ["string", "null"]}) == Shape("string or null")
    assert shape({"type": "string", "format": "date-time"}) == Shape("string (date-time)")
    assert shape({"type": "array", "items": {"$ref": "#/components/schemas/Step"}}) == Shape("list of", "Step")
    assert shape({"type": ["string", "null"], "enum": ["lead", None]}) == Shape("lead | null")
    assert shape({"anyOf": [{"$ref": "#/components/schemas/Problem"}, {"type": "null"}]}) == Shape("null or", "Problem")
    assert shape({"type": "object", "additionalProperties": {"type": "integer"}}) == Shape("object: name → integer")
    assert shape({}) == Shape("anything")


def test_webhooks_come_in_beside_the_api_and_their_status_url_leads_to_it(acme: Caller, app: Flask) -> None:
    with writing(acme.parts.engine) as db:
        _, secret = orgs.add_secret(db, acme.parts.vault, acme.org.id, acme.parts.now())
    body = b'{"type": "contact.created", "timestamp": "2026-11-24T09:00:00Z", "data": {"id": "c-1"}}'
    timestamp = int(acme.parts.now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": "msg_1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, "msg_1", timestamp, body),
    }
    answer = app.test_client().post("/webhooks/acme/contacts", data=body, headers=headers)
    assert answer.status_code == 202
    path = answer.json["status_url"].removeprefix("http://localhost/api/v1")
    assert acme.get(path)["status"] == "accepted"


def test_the_app_adds_no_query_to_a_webhook(acme: Caller, app: Flask, engine: Engine) -> None:
    with statements(engine) as seen:
        app.test_client().post("/webhooks/acme/contacts", data=b"{}", headers={"Content-Type": "application/json"})
    assert not any("api_token" in statement for statement in seen)


def test_a_proxy_is_believed_only_where_settings_say_that_there_is_one(acme: Caller) -> None:
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "8.8.8.8"}
    for proxies, scheme in ((0, "http"), (1, "https")):
        settings = replace(acme.parts.settings, proxies=proxies)
        app = create_app(replace(acme.parts, settings=settings))
        seen: list[str] = []
        app.before_request(lambda seen=seen: seen.append(request.url_root))
        app.test_client().get("/healthz", headers=said)
        assert seen == [f"{scheme}://localhost/"]


def test_a_contact_called_as_a_word_of_ours_is_a_contact(acme: Caller) -> None:
    """`search` is an address of ours for POST; for GET it is an id like any other."""
    acme.deliver("contacts", "contact.created", person(1, id="search"))
    acme.sync()
    assert acme.get("/contacts/search")["id"] == "search"
    assert acme.ask("POST", "/contacts/search/sync").status_code == 202


def test_a_description_is_escaped_and_what_stands_in_backticks_is_code() -> None:
    assert marked("`a` <b> `<c>`") == "<code>a</code> &lt;b&gt; <code>&lt;c&gt;</code>"


def test_every_address_in_the_api_page_of_the_docs_is_one_of_the_app(app: Flask) -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
    named = re.findall(r"`(GET|PUT|POST|DELETE) (/[^`?\s]+)", page)
    assert len(named) >= 12
    routes = app.url_map.bind("localhost")
    for method, path in named:
        routes.match(path, method)  # raises when there is none
    for path in ("/healthz", "/readyz", "/metrics"):
        assert f"`{path}`" in page
        routes.match(path)


def test_a_proxy_and_a_metrics_token_come_from_the_environment(tmp_path: Path) -> None:
    def made(**environ: str) -> Settings:
        return Settings.from_environment({"CONTACTSYNC_VAR": str(tmp_path), **environ})

    assert (made().proxies, made(DYNO="web.1").proxies) == (0, 1)  # Heroku's router is always there
    assert made(DYNO="web.1", CONTACTSYNC_PROXIES="2").proxies == 2
    assert made(DYNO="web.1", CONTACTSYNC_PROXIES="0").proxies == 0
    with pytest.raises(Misconfigured, match="CONTACTSYNC_PROXIES"):
        made(CONTACTSYNC_PROXIES="yes")
    assert made().metrics_token is None
    assert made(CONTACTSYNC_METRICS_TOKEN="long enough for one").metrics_token == "long enough for one"
    assert "long enough" not in repr(made(CONTACTSYNC_METRICS_TOKEN="long enough for one"))
    with pytest.raises(Misconfigured, match="CONTACTSYNC_METRICS_TOKEN"):
        made(CONTACTSYNC_METRICS_TOKEN="short")
