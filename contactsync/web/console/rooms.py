"""The parts of the console, and how they are found."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

from contactsync.domain.roles import Role
from contactsync.web.console import (
    account,
    audit,
    carrying,
    companies,
    company_choice,
    connection,
    contacts,
    deliveries,
    endpoints,
    events,
    first_run,
    inbox,
    mapping,
    meetings,
    oidc,
    orgs,
    overview,
    plugins,
    policies,
    problems,
    profile,
    sign_in,
    tokens,
    unsent,
    users,
)
from contactsync.web.console.assets import asset_pages, digests_of, read_assets
from contactsync.web.console.doors import Door
from contactsync.web.console.refusals import page_of

ROOMS = (
    overview.pages,
    inbox.pages,
    contacts.pages,
    profile.pages,
    company_choice.pages,
    events.pages,
    meetings.pages,
    companies.pages,
    problems.pages,
    deliveries.pages,
    connection.pages,
    mapping.pages,
    policies.pages,
    endpoints.pages,
    tokens.pages,
    users.pages,
    plugins.pages,
    carrying.pages,
    audit.pages,
    first_run.pages,
    account.pages,
    orgs.pages,
    sign_in.pages,
    oidc.pages,
    unsent.pages,
)

STYLES = (
    "console.css",
    "overview.css",
    "events.css",
    "profile.css",
    "contacts.css",
    "problems.css",
    "users.css",
    "mapping.css",
    "inbox.css",
    "companies.css",
)
"""Loaded on every page, in this order."""


@dataclass(frozen=True)
class Entry:
    """One line of the navigation. `badge`: which of the page's counts it shows."""

    name: str
    label: str
    endpoint: str
    icon: str = ""
    badge: str = ""
    role: Role = Role.VIEWER


MAIN = (
    Entry("overview", "Overview", "overview.overview", "home"),
    Entry("inbox", "Leads Inbox", "inbox.inbox", "inbox", "inbox"),
    Entry("contacts", "Contacts", "contacts.contact_list", "people"),
    Entry("events", "Events", "events.event_list", "calendar"),
    Entry("meetings", "Meetings", "meetings.meeting_list", "handshake"),
    Entry("companies", "Companies", "companies.company_list", "building"),
    Entry("problems", "Problems", "problems.problem_list", "alert", "problems"),
    Entry("deliveries", "Deliveries", "deliveries.delivery_list", "arrow-in"),
)

SETTINGS = (
    Entry("connection", "Salesforce connection", "connection.connection"),
    Entry("mapping", "Field mapping", "mapping.mapping_page"),
    Entry("policies", "Policies", "policies.policies_page"),
    Entry("endpoints", "Endpoints and secrets", "endpoints.endpoints"),
    Entry("tokens", "API tokens", "tokens.token_list"),
    Entry("users", "Users and roles", "users.user_list"),
    Entry("plugins", "Plugins", "plugins.plugin_list"),
    Entry("carrying", "Export and import", "carrying.carrying"),
    Entry("audit", "Audit log", "audit.audit_log"),
)


def doors() -> tuple[Door, ...]:
    """Every route of the console, for what walks them all."""
    return tuple(door for room in ROOMS for door in room.doors)


def register(app: Flask) -> None:
    """Give the app its console."""
    assets = read_assets()
    known = {door.endpoint for door in doors()}
    app.extensions["contactsync.console"] = {
        "assets": digests_of(assets),
        "styles": STYLES,
        "navigation": {
            "main": [entry for entry in MAIN if entry.endpoint in known],
            "settings": [entry for entry in SETTINGS if entry.endpoint in known],
        },
    }
    app.extensions["contactsync.error_page"] = page_of
    app.register_blueprint(asset_pages(assets))
    for room in ROOMS:
        app.register_blueprint(room.blueprint())
