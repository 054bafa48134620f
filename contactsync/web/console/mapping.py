"""Settings › Field mapping: which field of the event platform lands where in the org's real Salesforce.

Nothing typed is ever lost: every answer to a form shows the form as it was sent. Whatever is wrong stands beside its rule, as
soon as it is typed where there is JavaScript. What is saved was made from what held: else somebody else's work is shown first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.batch import Plan, RecordsPlan
from contactsync.domain.crm import FieldCatalog
from contactsync.domain.errors import RefusedInput, TargetError, TargetRefused
from contactsync.domain.mapping import MAPPED_KINDS, FieldRule
from contactsync.domain.mapping_json import mark_of_rules, rules_from_json
from contactsync.domain.roles import Role
from contactsync.domain.shown import shown
from contactsync.store import pages_mapping
from contactsync.store.audit import Audited
from contactsync.store.engine import reading
from contactsync.store.pages_audit import AuditLine, last_change
from contactsync.store.pages_mapping import Example
from contactsync.store.resyncs import ResyncFilter
from contactsync.sync import actions
from contactsync.sync.carrying import rule_differences
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.differences import DifferencesOf, differences_shown
from contactsync.web.console.doors import Pages
from contactsync.web.console.mapping_form import MappingForm, Row, form_of, read_form, said_by
from contactsync.web.console.mapping_view import choosable, errors_shown, offered, rows_shown, source_choices
from contactsync.web.console.mapping_words import KINDS, MODE_MEANS, MODES, SEPARATORS, TOO_LONG, source_label
from contactsync.web.console.problem_words import in_short
from contactsync.web.console.reason_words import reason, reasons
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, page
from contactsync.web.console.showing import form as filled_in
from contactsync.web.console.steps_shown import OBJECTS
from contactsync.web.errors import Refusal

pages = Pages("mapping")


@dataclass(frozen=True)
class Tried:
    """What a preview came to: the steps as people see them, or why there are none."""

    name: str = field(default="", repr=False)
    steps: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    why: Sequence[str] = ()
    refused: str = ""
    reasons: Sequence[str] = ()


@dataclass
class Work:
    """The page while it is being put together. `away`: why the CRM's fields are not known, though the org is connected."""

    kind: str
    form: MappingForm
    catalog: FieldCatalog | None = None
    connected: bool = True
    away: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    tried: Tried | None = None
    meanwhile: Sequence[DifferencesOf] = ()
    conflict: bool = False
    by: AuditLine | None = None
    seen: Sequence[Example] = field(default=(), repr=False)
    chosen: Example | None = field(default=None, repr=False)
    email: str = field(default="", repr=False)
    find: str = ""
    added: int | None = None


@pages.get("/settings/mapping")
def mapping_page() -> Response:
    """One kind's rules as they hold now."""
    kind = _kind(request.args.get("kind") or next(iter(MAPPED_KINDS)))
    rules = actions.present_rules(parts(), seat().org.id)[kind]
    work = _begun(kind, form_of(rules, mark_of_rules(rules)))
    if work.catalog is not None:  # what no longer fits is told before anybody asks
        work.errors = actions.check_mapping(parts(), seat().org.id, kind, said_by(work.form, work.catalog)[0])
    return _shown(work)


@pages.post("/settings/mapping/<kind>/check", role=Role.ADMIN)
def check(kind: str) -> Response:
    """The form with what is wrong beside each rule, and with a row more or less where that was asked for. Keeps nothing."""
    work = _begun(_kind(kind), read_form(request.form))
    work = _with_row_changed(work)
    work.errors = _wrong(work)
    told = request.form.get("told", "")
    if request.headers.get("HX-Request") and told:
        return _told(work, told)
    return _shown(work)


@pages.post("/settings/mapping/<kind>/preview", role=Role.ADMIN)
def try_rules(kind: str) -> Response:
    """What a sync of one real record would do by the rules as they stand in the form. Keeps nothing, writes nothing."""
    work = _begun(_kind(kind), read_form(request.form))
    written, _ = said_by(work.form, work.catalog)
    work.errors = _wrong(work)
    work.tried = _tried(work, written)
    return _shown(work)


@pages.post("/settings/mapping/<kind>", role=Role.ADMIN)
def save(kind: str) -> AnyResponse:
    """Keep the rules, and say what that releases."""
    work = _begun(_kind(kind), read_form(request.form))
    if work.away:
        return _shown(work, 503)
    written, wrong = said_by(work.form, work.catalog)
    work.errors = _wrong(work)
    if wrong or work.errors:
        return _shown(work, 422)
    try:
        saved = actions.set_mapping(parts(), seat().org.id, work.kind, written, seen=work.form.seen)
    except actions.ChangedMeanwhile:
        return _shown(_with_meanwhile(work), 409)
    except RefusedInput as refused:
        work.errors = {path: str(message) for path, message in refused.fields.items()} or {"": str(refused)}
        return _shown(work, 422)
    except TargetError as error:
        work.away = _away(error)
        return _shown(work, 503)
    return done(_saved_words(work.kind, saved), to=url("mapping.mapping_page", kind=kind), tone=_saved_tone(saved))


@pages.post("/settings/mapping/<kind>/fields", role=Role.ADMIN)
def read_fields_again(kind: str) -> Response:
    """Somebody has just added a field in Salesforce: look again, and keep what stands in the form."""
    actions.forget_fields(parts(), seat().org.id)
    work = _begun(_kind(kind), read_form(request.form))
    work.errors = _wrong(work)
    return _shown(work)


@pages.post("/settings/mapping/<kind>/send", role=Role.EDITOR)
def send_all(kind: str) -> AnyResponse:
    """Have everything that the mapping changes synced now, not only with its next change."""
    actions.start_resync(parts(), seat().org.id, ResyncFilter(all=True), forced=False)
    words = "Everything is looked at again, and what the mapping changes is sent to Salesforce. It may take a while."
    return done(words, to=url("mapping.mapping_page", kind=_kind(kind)))


# ── the page ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _kind(kind: str) -> str:
    if kind not in MAPPED_KINDS:
        raise Refusal(404, "not_found", f"There is no such mapping; there are {', '.join(MAPPED_KINDS)}.")
    return kind


def _begun(kind: str, form: MappingForm) -> Work:
    """The page with the CRM's fields and real records, as far as they are to be had."""
    work = Work(kind, form, find=request.form.get("find", ""))
    try:
        work.catalog = actions.fields_of(parts(), seat().org.id, kind)
        work.connected = work.catalog is not None
    except TargetError as error:
        work.away = _away(error)
    key, work.email = filled_in().get("example", ""), filled_in().get("example_email", "")
    with reading(parts().engine) as db:
        work.seen = pages_mapping.examples(db, seat().org.id, kind)
        if work.email and kind not in ("campaign", "meeting"):
            work.chosen = pages_mapping.example_by_email(db, seat().org.id, work.email)
        elif key.isascii() and key.isdigit() and len(key) < 19:
            work.chosen = next((one for one in work.seen if one.key == int(key)), None) or pages_mapping.example(
                db, seat().org.id, kind, int(key)
            )
    if work.chosen is None and not work.email:
        work.chosen = _fitting(kind, work.seen)
    return work


def _fitting(kind: str, seen: Sequence[Example]) -> Example | None:
    """The newest record that these rules are for."""
    wanted = "contact" if kind == "account" else kind
    return next((one for one in seen if one.goes_as == wanted), None) or next(iter(seen), None)


def _away(error: TargetError) -> str:
    if isinstance(error, TargetRefused):
        return f"{error.problem.cause} {error.problem.fix}"
    return "Salesforce does not answer now. Try again in a minute."


def _wrong(work: Work) -> dict[str, str]:
    """Everything that is wrong with the form, by path."""
    written, wrong = said_by(work.form, work.catalog)
    if work.away:
        return wrong
    return {**actions.check_mapping(parts(), seat().org.id, work.kind, written), **wrong}


def _with_row_changed(work: Work) -> Work:
    """A row was to be added or taken out."""
    form = work.form
    removed = request.form.get("remove", "")
    if removed:
        work.form = replace(form, rows=tuple(row for row in form.rows if str(row.number) != removed))
    elif "add" in request.form:
        source = (request.form.get("add") or request.form.get("new_source") or "").strip()
        if source:
            number = form.free_number()
            work.form = replace(form, rows=(*form.rows, Row(number, source)))
            work.added = number
    return work


def _records(work: Work) -> Sequence[Example]:
    """Real records, the chosen one first, then those that the rules are for."""
    wanted = "contact" if work.kind == "account" else work.kind
    others = sorted((one for one in work.seen if one != work.chosen), key=lambda one: one.goes_as != wanted)
    return [*([work.chosen] if work.chosen else []), *others]


def _shown(work: Work, status: int = 200) -> Response:
    records = _records(work)
    rows = rows_shown(work.kind, work.form, work.catalog, work.errors, records)
    return page(
        "mapping.html",
        title="Field mapping",
        nav="mapping",
        status=status,
        work=work,
        rows=rows,
        **_verdict(work, rows),
        kinds=KINDS,
        modes=MODES,
        mode_means=MODE_MEANS,
        too_long=TOO_LONG,
        separators=SEPARATORS,
        choosable=choosable(work.catalog),
        sources=source_choices(work.kind),
        offered=offered(work.kind, work.form, records),
        may_save=seat().may("admin"),
    )


def _told(work: Work, told: str) -> Response:
    """What stands beside one rule, and the verdict on all."""
    rows = rows_shown(work.kind, work.form, work.catalog, work.errors, _records(work))
    row = next((one for one in rows if str(one.row.number) == told), None)
    return page(
        "_mapping_told.html", title="Field mapping", work=work, shown=row, modes=MODES, mode_means=MODE_MEANS,
        **_verdict(work, rows),
    )  # fmt: skip


def _verdict(work: Work, rows: Sequence[Any]) -> dict[str, Any]:
    _, others = errors_shown(work.kind, work.form, work.errors)
    return {"wrong": [one for one in rows if one.errors], "others": others, "on": sum(not one.row.off for one in rows)}


# ── saving and trying ──────────────────────────────────────────────────────────────────────────────────────────────


def _tried(work: Work, written: Mapping[str, Any]) -> Tried:
    if work.chosen is None:
        return Tried(
            refused="There is nothing to try the rules on." if not work.email else "No contact has this address."
        )
    if work.away:
        return Tried(refused=work.away)
    if work.errors:
        return Tried(refused="Put right what is marked above first; then this shows what the rules would do.")
    try:
        plan = actions.preview_with_rules(parts(), seat().org.id, work.kind, written, work.chosen.id)
    except RefusedInput as refused:
        reasons = [_reason(path, str(message)) for path, message in refused.fields.items()]
        return Tried(work.chosen.name, refused=str(refused), reasons=reasons)
    except TargetError as error:
        return Tried(work.chosen.name, refused=_away(error))
    if plan is None:
        return Tried(refused="It is not there any more.")
    return _plan_shown(work, plan)


def _reason(path: str, message: str) -> str:
    name = source_label("lead", path)
    said = f"{name} {message}" if message.startswith("is ") else f"{name}: {message}"
    return said if said.endswith(".") else f"{said}."


def _plan_shown(work: Work, plan: Plan | RecordsPlan) -> Tried:
    ours = MAPPED_KINDS[work.kind]
    sources = {row.target: source_label(work.kind, row.source) for row in work.form.rows if not row.off}
    labels = {one.name: one.label for one in work.catalog.fields.values()} if work.catalog is not None else {}
    steps = []
    for step in plan.steps:
        of_ours = step.kind is ours
        said = shown(step)
        steps.append({
            **said,
            "object": OBJECTS[step.kind],
            "why": reasons(said["why"]),
            "left": {name: reason(why) for name, why in said.get("left", {}).items()},
            "ours": of_ours,
            "labels": labels if of_ours else {},
            "sources": sources if of_ours else {},
            "url": _link(step.ref),
        })  # fmt: skip
    if isinstance(plan, Plan):
        problems = [one.problem for one in plan.contacts.values() if one.problem]
        why = [line for one in plan.contacts.values() for line in one.why]
    else:
        problems = [one.problem for one in plan.plans.values() if one.problem]
        why = [line for one in plan.plans.values() for line in one.why]
    refused = in_short(problems[0]) if problems else ""
    told = {line for step in plan.steps for line in step.why}
    why = list(reasons(line for line in dict.fromkeys(why) if line not in told))
    assert work.chosen is not None
    return Tried(work.chosen.name, sorted(steps, key=lambda step: not step["ours"]), why, refused)


def _link(ref: Any) -> str:
    bound = parts().targets.of(seat().org.id)
    return bound.target.url(ref) if bound is not None and ref is not None else ""


def _with_meanwhile(work: Work) -> Work:
    """What somebody else changed since the form was made; the form is now taken to know of it."""
    present = actions.present_rules(parts(), seat().org.id)[work.kind]
    before = _rules_or_none(work.kind, work.form.made_from)
    changes = rule_differences(f"mapping.{work.kind}", before, present)
    work.meanwhile = differences_shown(changes)
    work.form = replace(work.form, seen=mark_of_rules(present))
    work.conflict = True
    with reading(parts().engine) as db:
        work.by = last_change(db, seat().org.id, Audited.MAPPING_CHANGED, about=work.kind)
    return work


def _rules_or_none(kind: str, written: Sequence[Mapping[str, Any]]) -> tuple[FieldRule, ...]:
    try:
        return rules_from_json(kind, {"rules": list(written)})
    except RefusedInput:
        return ()


def _saved_words(kind: str, saved: actions.SavedRules) -> str:
    about = KINDS[kind][0]
    if not saved.changed:
        return f"Nothing changed: the mapping of {about} is as it was."
    words = f"The mapping of {about} is saved. "
    if saved.released == 1:
        words += "1 record that waited for it goes to Salesforce now. "
    elif saved.released:
        words += f"{saved.released:,} records that waited for it go to Salesforce now. "
    else:
        words += "No record was waiting for it. "
    words += "Everything else follows it from its next sync on."
    if not saved.checked:
        words += " You are not connected to Salesforce yet, so it was not held against its fields."
    return words


def _saved_tone(saved: actions.SavedRules) -> str:
    return "good" if saved.checked else "warn"
