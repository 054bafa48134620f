"""Settings › Export and import: mapping and policies as a file, and what a file would change before it changes it.

choose a file → what it would change, nothing done yet → apply → what that released
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.errors import RefusedInput, TargetError, TargetRefused
from contactsync.domain.roles import Role
from contactsync.intake.strict_json import read_json
from contactsync.sync import actions
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.differences import DifferencesOf, differences_shown, place_words
from contactsync.web.console.doors import Pages
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, page, protected

pages = Pages("carrying")

MOST_BYTES = 400_000
"""A form may hold 500 kB: the file travels in one while its changes are shown. The command line takes larger ones."""

MOST_ERRORS = 50


@pages.get("/settings/export-import")
def carrying() -> Response:
    """Take a file out, bring one in."""
    return _shown()


@pages.get("/settings/export")
def export() -> Response:
    """The file."""
    text = json.dumps(actions.export_org(parts(), seat().org.id), indent=2, ensure_ascii=False) + "\n"
    response = Response(text, mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="contactsync-{seat().org.slug}.json"'
    return protected(response)


@pages.post("/settings/import", role=Role.ADMIN)
def compare() -> Response:
    """What a file would change; nothing is changed."""
    file = request.files.get("file")
    content = file.read(MOST_BYTES + 1) if file is not None else b""
    try:
        document = _document(content)
        seen = actions.mark_of_choices(parts(), seat().org.id)
        changes = differences_shown(actions.import_diff(parts(), seat().org.id, document))
    except RefusedInput as refused:
        return _refused(refused)
    except TargetError as error:
        return _away(error)
    return _shown(changes=changes, document=json.dumps(document, ensure_ascii=False), seen=seen, looked=True)


@pages.post("/settings/import/apply", role=Role.ADMIN)
def apply() -> AnyResponse:
    """Take the file over, as it was shown."""
    text, seen = request.form.get("document", ""), request.form.get("seen", "")
    try:
        document = _document(text.encode("utf-8", "surrogatepass"))
        saved = actions.import_org(parts(), seat().org.id, document, seen=seen)
    except actions.ChangedMeanwhile:
        now = actions.mark_of_choices(parts(), seat().org.id)
        changes = differences_shown(actions.import_diff(parts(), seat().org.id, document))
        return _shown(changes=changes, document=text, seen=now, looked=True, conflict=True, status=409)
    except RefusedInput as refused:
        return _refused(refused)
    except TargetError as error:
        return _away(error)
    words = "The file is applied. "
    if saved.released == 1:
        words += "1 record that waited for it goes now. "
    elif saved.released:
        words += f"{saved.released:,} records that waited for it go now. "
    return done(f"{words}Everything else follows it from its next sync on.", to=url("carrying.carrying"))


def _document(content: bytes) -> Any:
    """What the file says. Raises RefusedInput, saying what to choose instead."""
    if len(content) > MOST_BYTES:
        words = "The file is larger than 400 kB. Bring it in with the command line: contactsync org import."
        raise RefusedInput(words)
    if not content.strip():
        raise RefusedInput("Choose a file first: one that was exported from an org here.")
    try:
        return read_json(content)
    except RefusedInput:
        raise RefusedInput("This is no file that was exported here: choose one that ends in .json.") from None


def _shown(
    *,
    changes: Sequence[DifferencesOf] = (),
    document: str = "",
    seen: str = "",
    looked: bool = False,
    conflict: bool = False,
    refused: str = "",
    errors: Sequence[tuple[str, str]] = (),
    status: int = 200,
) -> Response:
    return page(
        "carrying.html",
        title="Export and import",
        nav="carrying",
        status=status,
        changes=changes,
        document=document,
        seen=seen,
        looked=looked,
        conflict=conflict,
        refused=refused,
        errors=errors[:MOST_ERRORS],
        more_errors=max(0, len(errors) - MOST_ERRORS),
    )


def _refused(refused: RefusedInput) -> Response:
    errors = [(place_words(path), str(message)) for path, message in refused.fields.items()]
    return _shown(refused=str(refused).replace("The document", "The file"), errors=errors, status=422)


def _away(error: TargetError) -> Response:
    words = "Salesforce does not answer now, so the file cannot be held against its fields. Try again in a minute."
    if isinstance(error, TargetRefused):
        words = f"{error.problem.cause} {error.problem.fix}"
    return _shown(refused=words, status=503)
