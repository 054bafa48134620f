"""The web process: webhook doors, REST API, console, health, metrics. Only the console knows cookies and sessions."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask, Response, redirect, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as AnyResponse

from contactsync import __version__
from contactsync.intake.door import webhooks
from contactsync.sync.parts import Parts
from contactsync.web import connect, errors, health, metrics
from contactsync.web.api import (
    audit,
    companies,
    connection,
    contacts,
    crm,
    deliveries,
    docs,
    events,
    meetings,
    people,
    problems,
    resyncs,
    runs,
    settings,
)
from contactsync.web.api.routes import make_api
from contactsync.web.console import rooms
from contactsync.web.console.addresses import url
from contactsync.web.paths import SourceId, keep_escapes

SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""On every answer that does not say otherwise: most hold personal data, none is a page of its own."""

RESOURCES = (
    contacts.routes,
    events.routes,
    meetings.routes,
    companies.routes,
    deliveries.routes,
    runs.routes,
    problems.routes,
    resyncs.routes,
    settings.mapping,
    settings.policies,
    settings.status,
    crm.routes,
    connection.routes,
    people.routes,
    audit.routes,
)


def create_app(parts: Parts) -> Flask:
    """The app with these parts. Connects to nothing."""
    app = Flask("contactsync", static_folder=None, template_folder=None)
    app.extensions["contactsync"] = parts
    app.config["MAX_CONTENT_LENGTH"] = parts.settings.config.intake.max_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined] # of Flask's own provider
    app.url_map.merge_slashes = False  # an id may hold two
    app.url_map.converters["source_id"] = SourceId
    errors.register(app)
    app.register_blueprint(webhooks(parts))
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics.blueprint)
    app.register_blueprint(connect.pages())
    api = make_api(app, "contactsync", __version__)
    for resource in RESOURCES:
        resource.register(api)
    app.register_blueprint(docs.pages(api))
    rooms.register(app)
    app.add_url_rule("/", "start", _start)
    app.after_request(_add_security_headers)
    served = keep_escapes(app.wsgi_app)
    proxies = parts.settings.proxies
    if proxies:
        # Heroku's router says from where and over what the request came; the Host header it leaves as it was sent.
        served = ProxyFix(served, x_for=proxies, x_proto=proxies, x_host=0)
    app.wsgi_app = served  # type: ignore[method-assign,assignment] # as Flask's own docs wrap it
    return app


def _start() -> AnyResponse:
    return redirect(url("orgs.start"))


def _add_security_headers(response: Response) -> Response:
    if request.blueprint == "webhooks":
        return response  # programs read it, and the five headers would cost a tenth of what the door may take
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:  # by the router's word, where settings say that there is one
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response
