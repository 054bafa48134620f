"""An org's tie to its CRM: made, and used by the doors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contactsync.domain.crm import CrmTarget
from contactsync.domain.errors import RefusedInput
from contactsync.store import connections, problems, queue, releases
from contactsync.store.audit import Audited, note
from contactsync.store.engine import writing
from contactsync.sync.parts import Parts

TOLD = ("instance_url", "login_url", "flow")
"""Settings that the audit log shows."""


def target_of(parts: Parts, org_id: int) -> CrmTarget | None:
    """The org's CRM, None when it is not connected. Raises PluginBroken."""
    bound = parts.targets.of(org_id)
    return bound.target if bound else None


def connect(
    parts: Parts,
    org_id: int,
    target: str,
    settings: Mapping[str, str],
    credentials: Mapping[str, str],
    *,
    sign_in: int | None = None,
) -> None:
    """Connect an org to a CRM, and let go what waited for that. Raises RefusedInput naming each wrong setting.

    `sign_in`: the number of the sign-in with a browser that this finishes.

    In another CRM than before nothing is synced yet: everything goes again, and is matched there. Before an org was
    disconnected counts as well.
    """
    wrong = parts.plugins.target_type(target).check_settings(settings, credentials)
    if wrong:
        raise RefusedInput("the connection's settings are wrong", dict(wrong))
    now = parts.now()
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        before = connections.present(db, org_id)
        left = connections.latest(db, org_id)  # before it was disconnected, if it was
        connection_id = connections.connect(db, parts.vault, org_id, target, settings, credentials, now)
        shown = {
            "old": None if before is None else _told(before.target, before.settings),
            "new": _told(target, settings),
        }
        said = {**shown, "sign_in": sign_in}
        note(db, org_id, parts.actor, Audited.CONNECTED, now, about=target, details=said)
        if left is not None and left.id != connection_id:
            releases.release_all(db, org_id, now)
        else:
            stopped_by = left.problem["code"] if left is not None and left.problem else None
            problems.release_held(db, org_id, stopped_by, now)
    parts.bell.ring(org_id)


def disconnect(parts: Parts, org_id: int) -> bool:
    """Part an org from its CRM; False when it was connected to none.

    Nothing is sent from then on: what is due waits for a connection, and says so. The credentials are forgotten; records of
    the CRM stay as they are. After a later `connect` to the same CRM what waited goes on where it was, and unchanged records
    cost no call.
    """
    now = parts.now()
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        before = connections.disconnect(db, parts.vault, org_id, now)
        if before is None:
            return False
        said = {"old": _told(before.target, before.settings), "new": None}
        note(db, org_id, parts.actor, Audited.DISCONNECTED, now, about=before.target, details=said)
    parts.bell.ring(org_id)  # what is due is told that it waits
    return True


def _told(target: str, settings: Mapping[str, str]) -> dict[str, Any]:
    """A connection for the audit log: where it leads and how. Of a target's other settings the names: nobody knows what
    people put there.
    """
    named = {name: settings[name] for name in TOLD if name in settings}
    return {"target": target, **named, "also": sorted(settings.keys() - set(TOLD))}
