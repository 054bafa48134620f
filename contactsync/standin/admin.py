"""`/_standin/…`: what a test or a person may see and do past Salesforce's own API. No token; JSON unless said.

| door | does |
| --- | --- |
| GET, DELETE `calls` | every call with its subrequests; the counts, of token calls by grant type too |
| GET, POST `records`, POST `reset` | look at records, write them past all permissions, begin anew |
| GET, POST `options` | options.py; `calls_used` sets the day's count |
| GET, POST, DELETE `faults` | planned misbehaviour: faults.py |
| GET `held`, POST `release` | calls that wait |
| POST `revoke` | end all access tokens |
| GET `grants`, POST `revoke_grants` | who is signed in through a browser; end it, as in Setup |
| POST `convert`, `merge`, `delete`, `archive` | what becomes of records behind a sync's back: lifecycle.py |
| `fields`, `picklists`, `duplicate_rules`, `validation_rules`, `permissions`, `users` | admin_changes.py |
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from contactsync.standin import lifecycle, page
from contactsync.standin.admin_changes import OrgChanges
from contactsync.standin.errors import RefusedError
from contactsync.standin.faults import read_fault
from contactsync.standin.site import HttpAnswer, HttpCall, Site, json_answer

Body = dict[str, Any]


class Admin:
    """The door behind `/_standin/`."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.org = site.org
        self._routes: dict[tuple[str, str], Callable[[Body], object]] = {
            ("GET", "calls"): self._calls,
            ("DELETE", "calls"): lambda _: site.log.reset(),
            ("GET", "records"): self._records,
            ("POST", "records"): self.org.seed,
            ("POST", "reset"): lambda _: site.reset(),
            ("GET", "options"): lambda _: self._options({}),
            ("POST", "options"): self._options,
            ("GET", "faults"): lambda _: [fault.as_json() for fault in site.faults.plans],
            ("POST", "faults"): self._plan,
            ("DELETE", "faults"): lambda _: site.faults.plans.clear(),
            ("GET", "held"): lambda _: {"held": len(site.held), "calls": list(site.held)},
            ("POST", "release"): lambda body: {"released": site.release(drop=bool(body.get("drop")))},
            ("POST", "revoke"): lambda _: {"revoked": site.gate.revoke_all()},
            ("GET", "grants"): lambda _: [grant.as_json() for grant in site.gate.grants.grants],
            ("POST", "revoke_grants"): self._revoke_grants,
            ("POST", "convert"): self._convert,
            ("POST", "merge"): self._merge,
            ("POST", "delete"): self._delete,
            ("POST", "archive"): lambda _: {"archived": lifecycle.archive(self.org)},
            **OrgChanges(site.org).routes(),
        }

    def handle(self, call: HttpCall) -> HttpAnswer:
        """Answer one call; a wrong one gets 400 with what is wrong."""
        name = call.path.removeprefix("/_standin").strip("/")
        if not name and call.method in {"GET", "HEAD"}:
            with self.org.lock:
                text = page.render(self.site)
            return HttpAnswer(200, text.encode(), {"Content-Type": "text/html;charset=UTF-8"})
        route = self._routes.get((call.method, name))
        if route is None:
            known = sorted(f"{method} /_standin/{path}" for method, path in self._routes)
            return json_answer(404, {"error": f"no {call.method} /_standin/{name}", "known": known})
        try:
            body = json.loads(call.raw) if call.raw else dict(parse_qsl(call.target.partition("?")[2]))
            with self.org.lock:
                made = self._whole(route, body)
        except RefusedError as refusal:
            return json_answer(400, {"error": str(refusal), "errors": refusal.as_body()})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return json_answer(400, {"error": f"{type(error).__name__}: {error}"})
        return json_answer(200, {"ok": True} if made is None else made)

    def _whole(self, route: Callable[[Body], object], body: Body) -> object:
        """Run a route to its end, or leave the records as they were."""
        mark = self.org.store.mark()
        try:
            return route(body)
        except RefusedError:
            self.org.store.rollback(mark)
            raise
        finally:
            self.org.store.commit()

    def _calls(self, body: Body) -> object:
        """`?bodies=true` shows the bodies too, `?since=7` only the calls after number 7."""
        return self.site.log.as_json(since=int(body.get("since", 0)), bodies=body.get("bodies") == "true")

    def _records(self, body: Body) -> object:
        """`?object=Lead` narrows, `?deleted=true` shows what was deleted or merged away."""
        table = self.org.store.deleted if body.get("deleted") == "true" else self.org.store.live
        names = [body["object"]] if "object" in body else sorted(self.org.schema.objects)
        return {name: list(table.get(name, {}).values()) for name in names}

    def _options(self, body: Body) -> object:
        """Change options; `calls_used` sets the daily counter."""
        changes = dict(body)
        used = changes.pop("calls_used", None)
        self.org.options.change(changes)
        self.org.apply_options()
        if used is not None:
            self.site.api.calls_used = int(used)
        return {**self.org.options.as_json(), "calls_used": self.site.api.calls_used}

    def _plan(self, body: object) -> object:
        """One plan, or a list of them."""
        plans = [read_fault(entry) for entry in (body if isinstance(body, list) else [body])]
        self.site.faults.plans += plans
        return {"planned": len(plans)}

    def _revoke_grants(self, body: Body) -> object:
        """`{"ids": ["grant1"]}`, or `{}` for all: refresh tokens and access tokens of these grants end."""
        ids = frozenset(body["ids"]) if "ids" in body else None
        return {"revoked": self.site.gate.grants.end_all(ids)}

    def _convert(self, body: Body) -> object:
        return lifecycle.convert(self.org, body["lead_id"], body.get("account_id"), body.get("contact_id"))

    def _merge(self, body: Body) -> object:
        lifecycle.merge(self.org, body["object"], body["master_id"], body["loser_ids"])
        return None

    def _delete(self, body: Body) -> object:
        sobject = self.org.schema.objects[body["object"]]
        for record_id in body["ids"]:
            self.org.delete(sobject, record_id, self.org.admin)
        return None
