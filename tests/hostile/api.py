"""Schemathesis over every operation of the OpenAPI document, with the token of an org that has something of everything."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as trying
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from contactsync.config import Config, PluginsConfig
from contactsync.hooks import Plugins
from contactsync.settings import Settings
from contactsync.standin import Options, serve
from contactsync.store.engine import Engine
from contactsync.store.inbox import public_id
from contactsync.store.vault import Vault
from contactsync.sync.parts import Parts
from contactsync.sync.targets import Targets
from contactsync.web.app import create_app
from tests.fixtures.salesforce import Salesforce
from tests.hostile.doors import SECONDS, Figures
from tests.web.conftest import BUNDLED, Caller, Clock, HandBell, make_caller, person
from tests.web.test_every_operation import ODD


@dataclass(frozen=True)
class Target:
    """An app, the token of an org that has something of everything, and the ids of it."""

    app: Flask
    token: str
    ids: Mapping[str, str]


@contextmanager
def target(engine: Engine, folder: Path) -> Iterator[Target]:
    """An org connected to a stand-in for Salesforce, with contacts, an event, a meeting, runs, problems and a resync."""
    config = Config(plugins=PluginsConfig(load=BUNDLED, discover=False))
    settings = Settings(str(engine.url), None, ("a key for the tests only",), folder, config=config)
    vault, plugins, clock = Vault(settings.secret_keys), Plugins.load(config), Clock()
    parts = Parts(settings, engine, vault, plugins, HandBell(), Targets(engine, vault, plugins, clock), clock)
    app = create_app(parts)
    acme = make_caller(app, parts, "acme")
    with serve(
        options=Options(client_id="id", client_secret="secret", seed={"Campaign": [{"Name": "Expo"}]})
    ) as running:
        salesforce = Salesforce(running)
        salesforce.connect(parts, acme.org.id)
        yield Target(app, acme.token, filled(acme, salesforce.holds("Campaign")[0]["Id"]))


def filled(acme: Caller, campaign: str) -> Mapping[str, str]:
    """Something of everything; the ids."""
    acme.deliver("events", "event.created", {"id": ODD, "name": "Expo", "campaign_id": campaign})
    nowhere = {"name": "Nowhere", "account_id": "gone"}
    people = [person(1, id=ODD, events=[{"id": ODD}]), person(2, sync_as="contact", company=nowhere), person(3)]
    delivery = acme.deliver("contacts", "contact.created", people)
    acme.deliver(
        "contacts", "contact.created", {}, status="rejected", errors=[{"path": "data.id", "message": "Required."}]
    )
    meeting = {"id": ODD, "title": "Talk", "starts_at": "2026-11-24T09:00:00Z", "attendees": [{"contact_id": ODD}]}
    acme.deliver("meetings", "meeting.created", meeting)
    acme.sync()
    return {
        **dict.fromkeys(("contact_id", "event_id", "meeting_id"), ODD),
        "delivery_id": public_id(delivery),
        "run_id": acme.get("/runs")["items"][0]["id"],
        "resync_id": acme.ask("POST", "/resync", {"contacts": [ODD]}).json["id"],
        "problem_id": acme.get("/problems")["items"][0]["id"],
        "kind": "lead",
    }


CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
    ignored_auth,
)

ASKS_THE_CRM = {502, 503}
"""What the document promises when the CRM refuses, or cannot be asked: no fault of ours."""


def document(app: Flask) -> Any:
    """The API as it describes itself."""
    config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app, config=config)


def operations(app: Flask) -> Iterator[Any]:
    """All operations; those that end the connection come last."""
    every = [result.ok() for result in document(app).get_all_operations()]
    return iter(sorted(every, key=lambda one: (one.path.endswith("/connection") and one.method == "delete", one.label)))


def attack(operation: Any, there: Target, examples: int, number: int, figures: Figures) -> None:
    """Ask one operation `examples` times each with what it takes and with what it does not, known ids and others; all
    checks must hold.
    """
    headers = {"Authorization": f"Bearer {there.token}"}
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body):
            continue  # it takes nothing that could be wrong: an id is any text
        cases = operation.as_strategy(generation_mode=mode)

        @seed(number)
        @trying(
            max_examples=examples,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        )
        @given(case=cases, known=st.booleans())
        def ask(case: Any, known: bool) -> None:
            if known and case.path_parameters:
                case.path_parameters = {
                    name: quote(there.ids.get(name, value), safe="") for name, value in case.path_parameters.items()
                }
            started = time.monotonic()
            response = case.call(headers=headers)
            seconds = time.monotonic() - started
            figures.note(operation.label, response.status_code, seconds)
            assert seconds < SECONDS, (operation.label, seconds)
            promised = (
                response.status_code in ASKS_THE_CRM
                and str(response.status_code) in operation.definition.raw["responses"]
            )
            checks = [check for check in CHECKS if not (promised and check is not_a_server_error)]
            case.validate_response(response, checks=checks, headers=headers)

        ask()
