"""Each door has credentials of its own: what opens one opens no other."""

from __future__ import annotations

import json
from dataclasses import replace

from flask import Flask

from contactsync.intake.signature import sign
from contactsync.store import orgs
from contactsync.store.engine import writing
from contactsync.web.app import create_app
from tests.web.conftest import Caller

METRICS = "a token for the metrics alone"
BODY = json.dumps({"type": "contact.created", "timestamp": "2026-11-24T09:00:00Z", "data": {"id": "c-1"}}).encode()


def app_with_metrics_token(acme: Caller) -> Flask:
    return create_app(replace(acme.parts, settings=replace(acme.parts.settings, metrics_token=METRICS)))


def test_no_doors_credential_opens_another_door(acme: Caller) -> None:
    """A webhook secret is no token, in any form; a token signs no webhook; the metrics token is neither."""
    parts = acme.parts
    with writing(parts.engine) as db:
        _, secret = orgs.add_secret(db, parts.vault, acme.org.id, parts.now())
    client = app_with_metrics_token(acme).test_client()
    plain, token = secret.removeprefix("whsec_"), acme.token

    def api(credential: str) -> int:
        return client.get("/api/v1/contacts", headers={"Authorization": f"Bearer {credential}"}).status_code

    def metrics(credential: str) -> int:
        return client.get("/metrics", headers={"Authorization": f"Bearer {credential}"}).status_code

    def webhook(signed_with: str) -> int:
        now = int(parts.now().timestamp())
        signed = {"webhook-id": "msg_1", "webhook-timestamp": str(now), "content-type": "application/json"}
        signed |= {"webhook-signature": sign(signed_with, "msg_1", now, BODY), "Authorization": f"Bearer {token}"}
        return client.post("/webhooks/acme/contacts", data=BODY, headers=signed).status_code

    assert (api(token), metrics(METRICS), webhook(secret)) == (200, 200, 202)
    assert {api(tried) for tried in (secret, plain, f"cst_{plain}", METRICS)} == {401}
    assert {metrics(tried) for tried in (secret, plain, token)} == {401}
    assert {
        webhook(f"whsec_{tried}") for tried in (token.removeprefix("cst_").replace("-", "+").replace("_", "/"),)
    } == {401}


def test_over_https_the_answers_tell_browsers_to_stay_there(acme: Caller) -> None:
    client = acme.app.test_client()
    for path in ("/api/v1/docs", "/api/v1/contacts", "/healthz"):
        secure = client.get(path, base_url="https://contactsync.example.com")
        assert secure.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert "Strict-Transport-Security" not in client.get(path).headers, "plain http cannot promise it"
