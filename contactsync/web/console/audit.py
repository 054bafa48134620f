"""The console's audit log: who changed what by hand, and when."""

from __future__ import annotations

import re

from flask import Response, request

from contactsync.store.engine import reading
from contactsync.store.inbox import delivery_number
from contactsync.store.pages_audit import AuditLine, audit_page
from contactsync.web.auth import parts
from contactsync.web.console import audit_words as words
from contactsync.web.console.addresses import url
from contactsync.web.console.doors import Pages
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import page

pages = Pages("audit")

SHOWN = 50

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_PROBLEM = re.compile(r"[0-9a-f]{16}")


@pages.get("/settings/audit")
def audit_log() -> Response:
    """What people did, newest first."""
    group = request.args.get("about", "")
    group = group if group in words.GROUPS else ""
    said = request.args.get("before", "")
    before = int(said) if _NUMBER.fullmatch(said) else None
    with reading(parts().engine) as db:
        found = audit_page(db, seat().org.id, words.actions_of(group), before=before, limit=SHOWN)
    filters = [("Everything", url("audit.audit_log"), not group)]
    filters += [(label, url("audit.audit_log", about=key), key == group) for key, label in words.GROUPS.items()]
    return page(
        "audit.html",
        title="Audit log",
        nav="audit",
        found=found,
        lines=[(line, _about(line), words.detail_lines(line.details, line.action, line.about)) for line in found.lines],
        filters=filters,
        narrowed=bool(group),
        first=before is None,
        more=url("audit.audit_log", about=group, before=found.next) if found.next else None,
        words=words,
    )


_PAGES = {"contact": "profile.profile", "company": "companies.company", "event": "events.event"}


def _about(line: AuditLine) -> tuple[str, str]:
    """What it was done to, in words, and its page; "": there is none."""
    if line.subject is not None:
        to = url(_PAGES[line.subject.kind], key=line.subject.key) if line.subject.kind in _PAGES else ""
        return line.subject.name or words.about_words(line.action, line.about) or line.about, to
    number = delivery_number(line.about)
    if number is not None:
        return f"delivery {number}", url("deliveries.delivery", key=number)
    if line.action.startswith("problem.") and _PROBLEM.fullmatch(line.about):
        return "the problem", url("problems.problem", key=line.about)
    return words.about_words(line.action, line.about), ""
