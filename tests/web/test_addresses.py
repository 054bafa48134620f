"""Ids of the event platform in addresses, through a WSGI server that decodes them first."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Request, Response

from contactsync.web.paths import SourceId, keep_escapes
from tests.web.conftest import Caller, person

RULES = Map(
    [
        Rule("/api/things/<source_id:thing>", endpoint="thing"),
        Rule("/api/things/<source_id:thing>/runs", endpoint="runs"),
    ],
    converters={"source_id": SourceId},
    merge_slashes=False,
)


@Request.application
def routed(request: Request) -> Response:
    """Says where a request was routed to."""
    try:
        endpoint, values = RULES.bind_to_environ(request.environ).match()
    except NotFound:
        return Response("null", 404)
    return Response(json.dumps([endpoint, values["thing"]]))


def ask(path: str, **environ: str) -> Any:
    """Where a raw path leads, with the environment as gunicorn makes it."""
    built = EnvironBuilder(path=path).get_environ()
    built.update({"RAW_URI": path}, **environ)
    body, _, _ = run_wsgi_app(keep_escapes(routed), built)
    return json.loads(b"".join(body))


ids = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=50)


@given(thing=ids)
@example("a/b")
@example("a/runs")
@example("%2F")
@example("%252F%25")
@example("/")
@example("runs")
@example("ü🎪 +?#")
def test_any_id_that_is_url_encoded_arrives_as_it_was(thing: str) -> None:
    encoded = quote(thing, safe="")
    if encoded in (".", ".."):  # clients take these out of addresses themselves
        return
    assert ask(f"/api/things/{encoded}") == ["thing", thing]
    assert ask(f"/api/things/{encoded}/runs") == ["runs", thing]


def test_an_id_that_cannot_be_one_is_not_found() -> None:
    assert ask("/api/things/a%00b") is None
    assert ask("/api/things/" + "x" * 256) is None
    assert ask("/api/things/" + "x" * 255) == ["thing", "x" * 255]
    assert ask("/api/things/") is None
    assert ask("/api/things/a/b") is None  # a slash that is not encoded ends the id


def test_ids_work_without_the_raw_path_but_for_those_with_a_slash() -> None:
    built = EnvironBuilder(path="/api/things/50%25").get_environ()
    del built["RAW_URI"], built["REQUEST_URI"]
    body, _, _ = run_wsgi_app(keep_escapes(routed), built)
    assert json.loads(b"".join(body)) == ["thing", "50%"]


def test_a_raw_path_that_does_not_belong_to_the_request_is_not_believed() -> None:
    assert ask("/api/things/mine", RAW_URI="/api/things/yours", REQUEST_URI="") == ["thing", "mine"]


def test_an_address_with_its_host_is_read_the_same() -> None:
    assert ask("/api/things/a%2Fb", RAW_URI="http://host.example/api/things/a%2Fb?x=1") == ["thing", "a/b"]


def test_paths_outside_the_api_are_left_alone() -> None:
    @Request.application
    def echo(request: Request) -> Response:
        return Response(request.environ["PATH_INFO"])

    assert Client(keep_escapes(echo)).get("/webhooks/acme/con%2Ftacts").text == "/webhooks/acme/con/tacts"


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Nothing."""

    def get_environ(self) -> dict[str, Any]:
        """What gunicorn says besides."""
        return super().get_environ() | {"RAW_URI": self.path}


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    """The app on a socket."""
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_an_odd_id_works_over_a_real_socket_on_every_address_below_it(acme: Caller, port: int) -> None:
    odd = "reg/2026 №%2F#7/runs"
    acme.deliver("contacts", "contact.created", person(1, id=odd))
    acme.sync()
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    for method, below in (("GET", ""), ("GET", "/runs"), ("POST", "/sync")):
        path = f"/api/v1/contacts/{quote(odd, safe='')}{below}"
        connection.request(method, path, headers={"Authorization": f"Bearer {acme.token}"})
        answer = connection.getresponse()
        shown = json.loads(answer.read())
        assert answer.status in (200, 202), (path, shown)
        assert shown.get("id", odd) == odd
    connection.close()
