"""A Flask app that answers every POST with the same: what the same server can do at most. For gunicorn."""

from __future__ import annotations

import flask

app = flask.Flask("constant", static_folder=None)


@app.get("/")
def ready() -> str:
    """Says that it is up."""
    return "up"


@app.post("/webhooks/<org>/<door>")
def answer(org: str, door: str) -> tuple[dict[str, str], int]:
    """The same for all."""
    return {"status": "accepted"}, 202
