"""Every page of the console by name, and how a browser comes to it. Pictures and the search for barriers both walk it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from playwright.sync_api import Page


@dataclass(frozen=True)
class Place:
    """A page. `path`: below the org, or from the root with `whole`. `link`: it is the first such link on the page at `path`.
    `beyond`: it is the first such link on one of the pages that `link` finds: not each of them has one.
    `covers`: the endpoints of the routes that it shows. `signed_out`: it is for people who are not signed in.
    """

    name: str
    path: str
    covers: tuple[str, ...]
    link: str = ""
    beyond: str = ""
    whole: bool = False
    status: int = 200
    suffix: str = ""
    signed_out: bool = False


WALK: tuple[Place, ...] = (
    Place("sign-in", "/sign-in", ("sign_in.sign_in",), whole=True, signed_out=True),
    Place("orgs", "/orgs", ("orgs.org_list",), whole=True),
    Place("account", "/account", ("account.account",), whole=True),
    Place("overview", "", ("overview.overview",)),
    Place("inbox", "/inbox", ("inbox.inbox",)),
    Place("inbox-one", "/inbox/next", ("inbox.following", "inbox.one")),
    Place("inbox-through", "/inbox/through", ("inbox.through",)),
    Place("contacts", "/contacts", ("contacts.contact_list",)),
    Place("contact-synced", "/contacts?status=synced", ("profile.profile",), link=r"/contacts/\d+$"),
    Place("contact-incomplete", "/contacts?status=incomplete", ("profile.profile",), link=r"/contacts/\d+$"),
    Place("contact-problem", "/contacts?status=needs_attention", ("profile.profile",), link=r"/contacts/\d+$"),
    Place(
        "contact-preview", "/contacts?status=synced", ("profile.preview",), link=r"/contacts/\d+$", suffix="/preview"
    ),
    Place("contact-edit", "/contacts?status=synced", ("profile.edit",), link=r"/contacts/\d+$", suffix="/edit"),
    Place(
        "contact-company",
        "/contacts?status=synced",
        ("company_choice.choose",),
        link=r"/contacts/\d+$",
        suffix="/company",
    ),
    Place("contact-undo", "/contacts?status=synced", ("profile.ask_undo",), link=r"/contacts/\d+$", beyond=r"/undo$"),
    Place("events", "/events", ("events.event_list",)),
    Place("event-crm", "/events", ("events.event",), link=r"/events/\d+$"),
    Place(
        "event-campaigns",
        "/events",
        ("events.campaigns",),
        link=r"/events/\d+$",
        suffix="/campaigns",
    ),
    Place("event-contacts", "/events", ("events.event_contacts",), link=r"/events/\d+$", suffix="/contacts"),
    Place("event-meetings", "/events", ("events.event_meetings",), link=r"/events/\d+$", suffix="/meetings"),
    Place("meetings", "/meetings", ("meetings.meeting_list",)),
    Place("meeting", "/meetings", ("meetings.meeting",), link=r"/meetings/\d+$"),
    Place("meeting-preview", "/meetings", ("meetings.preview",), link=r"/meetings/\d+$", suffix="/preview"),
    Place("meeting-undo", "/meetings", ("meetings.ask_undo",), link=r"/meetings/\d+$", beyond=r"/undo$"),
    Place("companies", "/companies", ("companies.company_list",)),
    Place("companies-open", "/companies?show=open", ("companies.company_list",)),
    Place("company", "/companies", ("companies.company",), link=r"/companies/\d+$"),
    Place("company-linked", "/companies?show=linked", ("companies.company",), link=r"/companies/\d+$"),
    Place("company-accounts", "/companies", ("companies.accounts",), link=r"/companies/\d+$", suffix="/accounts"),
    Place("company-merge", "/companies", ("companies.merging",), link=r"/companies/\d+$", suffix="/merge"),
    Place("problems", "/problems", ("problems.problem_list",)),
    Place("problem", "/problems", ("problems.problem",), link=r"/problems/[0-9a-f]+$"),
    Place("deliveries", "/deliveries", ("deliveries.delivery_list",)),
    Place("delivery", "/deliveries", ("deliveries.delivery",), link=r"/deliveries/\d+$"),
    Place("replay", "/deliveries/replay", ("deliveries.replay_form",)),
    Place("connection", "/settings/connection", ("connection.connection",)),
    Place("mapping", "/settings/mapping", ("mapping.mapping_page",)),
    Place("policies", "/settings/policies", ("policies.policies_page",)),
    Place("endpoints", "/settings/endpoints", ("endpoints.endpoints",)),
    Place("tokens", "/settings/tokens", ("tokens.token_list",)),
    Place("users", "/settings/users", ("users.user_list",)),
    Place("plugins", "/settings/plugins", ("plugins.plugin_list",)),
    Place("carrying", "/settings/export-import", ("carrying.carrying",)),
    Place("audit", "/settings/audit", ("audit.audit_log",)),
    Place("first-run", "/first-run", ("first_run.first_run",)),
    Place("welcome-too-late", "/welcome/x", ("sign_in.welcome",), whole=True, status=410, signed_out=True),
    Place("unsent-too-late", "/unsent/x", ("unsent.unsent_form",), whole=True, status=404),
    Place("nothing-here", "/nothing/here", (), status=404),
)

NO_PICTURE = {
    "account.own": "leads to the account at an org",
    "orgs.start": "leads to where somebody begins",
    "events.share": "a part of an event's page, fetched by it",
    "carrying.export": "a file",
    "oidc.begin": "leads to the company's own sign-in",
    "oidc.callback": "leads on from there",
}
"""The routes that nobody looks at, and why."""


def addresses(page: Page, console: str) -> dict[str, str]:
    """The address of each place in the org at `console`, as far as it has one."""
    origin = re.sub(r"(https?://[^/]+).*", r"\1", console)
    found: dict[str, str] = {}
    links: dict[tuple[str, str, str], str | None] = {}
    for place in WALK:
        base = origin if place.whole else console.rstrip("/")
        if not place.link:
            found[place.name] = f"{base}{place.path}{place.suffix}"
            continue
        asked = (place.path, place.link, place.beyond)
        if asked not in links:
            links[asked] = _first_link(page, f"{base}{place.path}", place.link, place.beyond)
        link = links[asked]
        if link is not None:
            found[place.name] = f"{link}{place.suffix}"
    return found


def _first_link(page: Page, address: str, pattern: str, beyond: str) -> str | None:
    found = _links(page, address, pattern)
    if beyond:
        found = (further for link in found for further in _links(page, link, beyond))
    return next(iter(found), None)


def _links(page: Page, address: str, pattern: str) -> Iterable[str]:
    page.goto(address)
    every: list[str] = page.eval_on_selector_all("main a[href]", "links => links.map(link => link.href)")
    return dict.fromkeys(link for link in every if re.search(pattern, link))
