"""The REST resources below `/services/data/vXX.X/`, for a caller who is already let in."""

from __future__ import annotations

import re
from typing import Any

from contactsync.standin import composite, sobject_collections, sobject_rows, soql_run
from contactsync.standin.errors import CallRefusedError, RefusedError, UnsupportedError, not_found
from contactsync.standin.ids import make_id
from contactsync.standin.org import Org
from contactsync.standin.wire import Answer, Request

LONG_TEXT_PAGE = 1000  # recorded: pages that carry Description hold 1,000 rows
SMALLEST_PAGE, LARGEST_PAGE = 200, 2000
OPEN_CURSORS = 10
NOT_SPOKEN = frozenset(
    {"search", "parameterizedSearch", "jobs", "tooling", "wave", "analytics", "actions", "chatter", "ui-api"}
)


class Api:
    """Routes requests to resources and keeps the open query cursors."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.calls_used = 0
        self._cursors: dict[str, soql_run.Rows] = {}
        self._cursor_number = 0

    def answer(self, request: Request) -> Answer:
        """The answer to a call or subrequest; a refused one leaves nothing behind."""
        mark = self.org.store.mark()
        try:
            return self._route(request)
        except RefusedError as refusal:
            self.org.store.rollback(mark)
            return Answer(refusal.status, refusal.as_body())
        except UnsupportedError as gap:
            self.org.store.rollback(mark)
            return Answer(gap.status, gap.as_body())

    def _route(self, request: Request) -> Answer:
        match request.path:
            case ():
                request.allow("GET", "HEAD")
                base = f"/services/data/{request.version}"
                return Answer(200, {name: f"{base}/{name}" for name in ("sobjects", "query", "composite", "limits")})
            case ("limits",):
                request.allow("GET", "HEAD")
                return Answer(200, self._limits())
            case ("sobjects", *_):
                return sobject_rows.answer(self.org, request)
            case ("query" | "queryAll",):
                request.allow("GET", "HEAD")
                return self._query(request)
            case ("query" | "queryAll", locator):
                request.allow("GET", "HEAD")
                return self._more(request, locator)
            case ("composite", *rest):
                return self._composite(request, rest)
            case (name, *_) if name in NOT_SPOKEN:
                raise UnsupportedError(f"/{name}")
            case _:
                raise not_found()

    def _composite(self, request: Request, rest: list[str]) -> Answer:
        match rest:
            case []:
                return composite.composite(self.org, request, self.answer)
            case ["batch"]:
                return composite.batch(request, self.answer)
            case ["sobjects", *_]:
                return sobject_collections.answer(self.org, request)
            case [("tree" | "graph") as name, *_]:
                raise UnsupportedError(f"/composite/{name}")
            case _:
                raise not_found()

    def _limits(self) -> dict[str, dict[str, int]]:
        most = self.org.options.daily_limit
        return {
            "DailyApiRequests": {"Max": most, "Remaining": max(0, most - self.calls_used)},
            "DailyBulkApiBatches": {"Max": 15000, "Remaining": 15000},
            "DailyStreamingApiEvents": {"Max": 10000, "Remaining": 10000},
            "DataStorageMB": {"Max": 5, "Remaining": 5},
            "FileStorageMB": {"Max": 20, "Remaining": 20},
        }

    def _query(self, request: Request) -> Answer:
        text = request.params.get("q", "")
        if not text.strip():
            raise CallRefusedError("MALFORMED_QUERY", "A query string has to be specified")
        found = soql_run.run(self.org, text, request.version, deleted=request.path[0] == "queryAll")
        if found.count_only is not None:
            return Answer(200, {"totalSize": found.count_only, "done": True, "records": []})
        size = self._page_size(request, long_text=found.long_text)
        if len(found.records) <= size:
            return self._page(request, found, "", 0, size)
        self._cursor_number += 1
        locator = make_id("0r8", self._cursor_number)
        self._cursors[locator] = found
        while len(self._cursors) > OPEN_CURSORS:
            del self._cursors[next(iter(self._cursors))]
        return self._page(request, found, locator, 0, size)

    def _more(self, request: Request, locator: str) -> Answer:
        match = re.fullmatch(r"(0r8\w{12,15})-(\d+)", locator, re.ASCII)
        if match is None or match[1] not in self._cursors:
            raise CallRefusedError("INVALID_QUERY_LOCATOR", "invalid query locator")  # [SEEN]
        found = self._cursors[match[1]]
        size = self._page_size(request, long_text=found.long_text)
        return self._page(request, found, match[1], int(match[2]), size)

    def _page(self, request: Request, found: soql_run.Rows, locator: str, start: int, size: int) -> Answer:
        total = len(found.records)
        page: dict[str, Any] = {"totalSize": total, "done": start + size >= total}
        if not page["done"]:
            page["nextRecordsUrl"] = f"/services/data/{request.version}/query/{locator}-{start + size}"
        page["records"] = found.page(start, size)
        self.org.rows += len(page["records"])
        return Answer(200, page)

    def _page_size(self, request: Request, *, long_text: bool) -> int:
        match = re.search(r"batchSize=(\d+)", request.headers.get("sforce-query-options", ""), re.IGNORECASE)
        size = min(max(int(match[1]), SMALLEST_PAGE), LARGEST_PAGE) if match else self.org.options.page_size
        return min(size, LONG_TEXT_PAGE) if long_text else size
