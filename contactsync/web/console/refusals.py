"""What went wrong, as a page: what it means, and what to do. Nothing that was typed is lost by going back."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, g, request

from contactsync.web.console.addresses import PREFIX
from contactsync.web.console.showing import page
from contactsync.web.errors import Refusal

_OTHERS = ("/api/", "/webhooks/", "/metrics", "/healthz", "/readyz", "/connect/", "/assets/")

_TITLES: Mapping[int, str] = {
    400: "This cannot be done so",
    403: "You may not do that here",
    404: "There is nothing here",
    405: "This page cannot be opened like that",
    409: "Not now",
    413: "That is too much at once",
    422: "Something is not right yet",
    429: "Too many tries",
    500: "Something went wrong here",
    502: "Salesforce says no",
    503: "Not now",
}

_WORDS: Mapping[str, str] = {
    "not_found": "This page does not exist, or it is gone. Check the address, or use the button below.",
    "method_not_allowed": "This address belongs to a button on another page. Go back and press it there.",
    "bad_request": "The browser sent something that cannot be read. Reload the page and try again.",
    "too_large": "What you sent is too large. Send a smaller file, or fewer at once.",
    "crm_unavailable": "Salesforce does not answer now. Nothing is lost: try again in a minute.",
    "database_unavailable": "contactsync cannot reach its database now. Nothing is lost: try again in a minute.",
    "misconfigured": "contactsync is not set up right. Its operator finds the reason in the log.",
    "internal_error": "It was written down for the operator. Try again, and tell them if it stays.",
}
"""What a person reads instead of the words meant for programs, by the code of the refusal."""


def page_of(refusal: Refusal) -> Response | None:
    """The page for what was refused in the console; None: somebody else's."""
    if not _ours():
        return None
    if refusal.status in {404, 405} and refusal.code in _WORDS and refusal.message.startswith("Your org has no"):
        words = f"{refusal.message.removesuffix(' with this id.')} at this address. It may have been deleted."
    else:
        words = _WORDS.get(refusal.code, refusal.message)
    title = _TITLES.get(refusal.status, "This did not work")
    fields = {str(name): str(what) for name, what in refusal.fields.items()}
    if refusal.status in {500, 503}:  # asking the database for what stands around the page could fail again
        g.session = None
        g.pop("seat", None)
    answer = page("refusal.html", title=title, status=refusal.status, words=words, fields=fields)
    answer.headers.update(refusal.headers)
    return answer


def _ours() -> bool:
    if request.blueprint is not None:
        return request.blueprint.startswith(PREFIX)
    reads_pages = request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
    return reads_pages and not request.path.startswith(_OTHERS)
