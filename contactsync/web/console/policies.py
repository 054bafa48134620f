"""Settings › Policies: what an org may choose about its sync, each as a question in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.errors import RefusedInput
from contactsync.domain.policy import Policies
from contactsync.domain.policy_json import mark_of_policies, policies_as_json, policies_from_json
from contactsync.domain.roles import Role
from contactsync.store import orgs
from contactsync.store.audit import Audited
from contactsync.store.engine import reading
from contactsync.store.pages_audit import AuditLine, last_change
from contactsync.sync import actions
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.doors import Pages
from contactsync.web.console.policy_form import PolicyForm, form_of, read_form, said_by
from contactsync.web.console.policy_words import ATTENDANCES, GROUPS, POLICIES, STATUS_MAP, policy_title, policy_value
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, page
from contactsync.web.console.showing import form as filled_in

pages = Pages("policies")


@pages.get("/settings/policies")
def policies_page() -> Response:
    """What holds now."""
    holding = _holding()
    return _shown(form_of(holding, mark_of_policies(holding)), holding)


@pages.post("/settings/policies", role=Role.ADMIN)
def save_policies() -> AnyResponse:
    """Keep them, and say what that releases."""
    form, holding = read_form(filled_in()), _holding()
    said, errors = said_by(form, holding)
    if errors:
        return _shown(form, holding, {**_also_wrong(form, said), **errors}, status=422)
    try:
        saved = actions.set_policies(parts(), seat().org.id, said, seen=form.seen)
    except actions.ChangedMeanwhile:
        present = _holding()
        return _shown(_seen(form, present), present, status=409, conflict=True)
    except RefusedInput as refused:
        return _shown(form, holding, _by_field(form, refused), status=422)
    return done(_saved_words(saved), to=url("policies.policies_page"))


def _holding() -> Policies:
    with reading(parts().engine) as db:
        return orgs.policies(db, seat().org.id)


def _seen(form: PolicyForm, present: Policies) -> PolicyForm:
    return PolicyForm(form.texts, form.statuses, mark_of_policies(present))


def _shown(
    form: PolicyForm,
    holding: Policies,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
    conflict: bool = False,
) -> Response:
    whole = form_of(holding, form.seen)
    form = PolicyForm({**whole.texts, **form.texts}, form.statuses or whole.statuses, form.seen)
    now = policies_as_json(holding)
    others = {name: policy_value(name, now[name]) for name, text in form.texts.items() if text != whole.texts[name]}
    return page(
        "policies.html",
        title="Policies",
        nav="policies",
        status=status,
        form=form,
        errors=errors or {},
        groups={title: [name for name in names if name in form.texts] for title, names in GROUPS.items()},
        policies=POLICIES,
        holding=others if conflict else {},
        status_map=STATUS_MAP,
        attendances=ATTENDANCES,
        conflict=conflict,
        by=_changed_by() if conflict else None,
        may_save=seat().may("admin"),
    )


def _changed_by() -> AuditLine | None:
    with reading(parts().engine) as db:
        return last_change(db, seat().org.id, Audited.POLICIES_CHANGED)


def _also_wrong(form: PolicyForm, said: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong besides, so that all of it is told at once."""
    try:
        policies_from_json(said)
    except RefusedInput as refused:
        return _by_field(form, refused)
    return {}


def _by_field(form: PolicyForm, refused: RefusedInput) -> dict[str, str]:
    """Errors by the field they stand beside: `status_map.x` is the row of x."""
    numbers = {row.status.strip().lower(): row.number for row in form.statuses}
    errors = {}
    for path, message in refused.fields.items():
        name, _, status = path.partition(".")
        number = numbers.get(status.strip().lower())
        errors[f"status-{number}" if name == "status_map" and number is not None else name] = _words(str(message))
    return errors


def _words(message: str) -> str:
    return message.replace("Write true or false.", "Choose yes or no.").replace("the CRM", "Salesforce")


def _saved_words(saved: actions.SavedPolicies) -> str:
    if not saved.changed:
        return "Nothing changed: the policies are as they were."
    names = [policy_title(name) for name in sorted(saved.changed)]
    words = f"Saved: {'; '.join(names)}. "
    if saved.resumed:
        words += "The sync had stopped for want of calls, and goes on. "
    if saved.released == 1:
        return words + "1 record that waited for it is looked at again now."
    if saved.released:
        return words + f"{saved.released:,} records that waited for it are looked at again now."
    return words + "It holds from each record’s next sync on."
