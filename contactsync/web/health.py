"""`/healthz`: this process is alive. `/readyz`: it can do its work; else which part cannot, and what to do."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

from contactsync.domain.errors import Misconfigured
from contactsync.log import described, logger
from contactsync.store.engine import migrations_pending, unavailable
from contactsync.sync.parts import Parts
from contactsync.web.auth import parts

log = logger(__name__)

blueprint = Blueprint("health", __name__)

Check = Callable[[Parts], str | None]
"""What to do about a part; None: it is well."""


@blueprint.get("/healthz")
def alive() -> Response:
    """Answers without looking at anything."""
    return jsonify({"status": "alive"})


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """200, or 503 with what to do about each part that fails; nothing of where it is or who may use it."""
    found = {name: check(parts()) for name, check in _CHECKS.items()}
    checks = {name: {"ok": fix is None} | ({"fix": fix} if fix else {}) for name, fix in found.items()}
    ok = not any(found.values())
    return jsonify({"status": "ready" if ok else "not ready", "checks": checks}), 200 if ok else 503


def _database(parts: Parts) -> str | None:
    try:
        if migrations_pending(parts.engine):
            return "The database lacks migrations: run `contactsync db upgrade`."
    except Misconfigured as error:
        return str(error)
    except Exception as error:
        if not unavailable(error):
            raise
        log.warning("database does not answer", **described(error))
        return "The database does not answer: see that it runs and that DATABASE_URL is right."
    return None


def _redis(parts: Parts) -> str | None:
    if parts.bell.answers():
        return None
    return "Redis does not answer: see that it runs and that REDIS_URL is right. Webhooks are kept meanwhile."


_CHECKS: dict[str, Check] = {"database": _database, "redis": _redis}
