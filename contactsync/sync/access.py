"""Who may sign in to the console, and as what: letting in, changing a role, putting out, links to choose a password.

An admin steers those who belong to their own orgs alone. A link lets whoever has it be that user, and a user may belong to
other orgs too: so for anybody else, and for operators, only an operator makes one. `by` is who does it; None is the command
line, which may everything.

Nobody comes further by a link than it led when it was made: whose rights grow beyond the org of whoever made theirs loses it,
and who is an admin no more leaves none behind that they may have kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from contactsync.domain.errors import RefusedInput
from contactsync.domain.roles import Role
from contactsync.store import invitations, orgs, sessions, users
from contactsync.store.audit import Audited, note
from contactsync.store.engine import Connection as Db
from contactsync.store.engine import reading, writing
from contactsync.store.orgs import Org
from contactsync.store.users import User
from contactsync.sync.parts import Parts

_ASK = "ask an operator of this installation"


@dataclass(frozen=True)
class LetIn:
    """A user who may come in now. `link`: the token of the link to choose a password with, shown this once; None: they have
    signed in before, and go on as they did.
    """

    user: User
    link: str | None = field(repr=False)
    until: datetime | None = None


def link_url(base_url: str, link: str) -> str:
    """Where the holder of a link chooses a password."""
    return f"{base_url}/welcome/{link}"


def add_user(parts: Parts, email: str, name: str = "", *, operator: bool = False) -> LetIn:
    """A new user of the installation, in no org yet. Raises RefusedInput."""
    now = parts.now()
    with writing(parts.engine) as db:
        user = users.add_user(db, email, now, name, operator=operator)
        link = invitations.invite(db, user.id, now)
        note(db, None, parts.actor, Audited.USER_ADDED, now, about=user.actor, details={"operator": operator})
    return LetIn(user, link, now + invitations.LIFETIME)


def let_in(parts: Parts, org_id: int, email: str, role: Role, *, name: str = "", by: User | None = None) -> LetIn:
    """Give whoever has the address a role in the org; a user is made when there is none.

    Raises RefusedInput: the address is none, they are in the org already, are disabled, or are not the admin's to let in.
    """
    now = parts.now()
    with writing(parts.engine) as db:
        users.lock(db)
        user, new = users.find_user(db, email), False
        if user is None:
            user, new = users.add_user(db, email, now, name), True
        else:
            _check_can_come_in(db, user, org_id, by)
        fresh = new or _begins_anew(db, user, by)
        users.set_role(db, user.id, org_id, role)
        invitations.revoke(db, user.id)  # an admin of another org may hold one
        link = invitations.invite(db, user.id, now) if fresh else None
        said = {"role": {"old": None, "new": role.value}, "link": link is not None}
        action = Audited.USER_ADDED if new else Audited.ROLE_CHANGED
        note(db, org_id, parts.actor, action, now, about=user.actor, details=said)
    return LetIn(user, link, now + invitations.LIFETIME if link else None)


def change_role(parts: Parts, org_id: int, user_id: int, role: Role | None) -> Role | None:
    """Give a user another role in the org, or none: out of it. Answers the role before.

    Their open pages are renewed; who belongs to no org any more is signed out. Links to choose a password are over: the user's
    own where they are new to the org, those of all its users where an admin is one no more. Raises RefusedInput for the org's
    last admin.
    """
    now = parts.now()
    with writing(parts.engine) as db:
        users.lock(db)
        before = users.kept_role(db, user_id, org_id)
        if before == role:
            return before
        users.set_role(db, user_id, org_id, role)
        sessions.renew_all_of(db, user_id, now)
        if before is None:
            invitations.revoke(db, user_id)
        if before is Role.ADMIN:
            invitations.revoke_in(db, [org_id])
        user = users.user_by_id(db, user_id)
        if role is None and user is not None and not users.orgs_of(db, user):
            sessions.end_all_of(db, user_id)
            invitations.revoke(db, user_id)
        said = {"role": {"old": before and before.value, "new": role and role.value}}
        note(db, org_id, parts.actor, Audited.ROLE_CHANGED, now, about=f"user:{user_id}", details=said)
    return before


def new_link(parts: Parts, user_id: int, *, org_id: int | None = None, by: User | None = None) -> LetIn:
    """Another link to choose a password with; the ones before are good no more. Raises RefusedInput."""
    now = parts.now()
    with writing(parts.engine) as db:
        user = _steered(db, user_id, by)
        if user.disabled:
            raise RefusedInput("this user is disabled: enable them first")
        link = invitations.invite(db, user.id, now)
        note(db, org_id, parts.actor, Audited.USER_INVITED, now, about=user.actor)
    return LetIn(user, link, now + invitations.LIFETIME)


def disable(parts: Parts, user_id: int, *, org_id: int | None = None, by: User | None = None) -> None:
    """Let a user sign in no more, anywhere, from now on. Raises RefusedInput for a last admin or operator."""
    now = parts.now()
    with writing(parts.engine) as db:
        user = _steered(db, user_id, by)
        if by is not None and by.id == user.id:
            raise RefusedInput("this is you: another admin can disable your user")
        users.set_disabled(db, user.id, now)
        sessions.end_all_of(db, user.id)
        invitations.revoke(db, user.id)
        if user.operator:
            invitations.revoke_all(db)
        invitations.revoke_in(db, [org for org, role in users.memberships(db, user.id).items() if role is Role.ADMIN])
        note(db, org_id, parts.actor, Audited.USER_DISABLED, now, about=user.actor)


def enable(parts: Parts, user_id: int, *, org_id: int | None = None, by: User | None = None) -> None:
    """Let a disabled user sign in again. Raises RefusedInput."""
    now = parts.now()
    with writing(parts.engine) as db:
        user = _steered(db, user_id, by)
        users.set_disabled(db, user.id, None)
        note(db, org_id, parts.actor, Audited.USER_ENABLED, now, about=user.actor)


def set_operator(parts: Parts, user_id: int, *, operator: bool) -> None:
    """Make a user an operator, or one no more. Links are over: theirs, or all that they may have kept as an operator.

    Raises RefusedInput for the last one.
    """
    now = parts.now()
    with writing(parts.engine) as db:
        users.set_operator(db, user_id, operator=operator)
        if operator:
            invitations.revoke(db, user_id)
        else:
            invitations.revoke_all(db)
        sessions.renew_all_of(db, user_id, now)
        said = {"operator": operator}
        note(db, None, parts.actor, Audited.OPERATOR_CHANGED, now, about=f"user:{user_id}", details=said)


def make_org(parts: Parts, slug: str, name: str) -> Org:
    """A new org, without secrets and tokens. Raises RefusedInput with a hint per field."""
    now = parts.now()
    with writing(parts.engine) as db:
        made = orgs.add_org(db, slug, name, now)
        note(db, made.id, parts.actor, Audited.ORG_ADDED, now, about=made.slug, details={"name": made.name})
    return made


def may_steer(db: Db, by: User | None, user: User) -> bool:
    """Whether `by` may make links for the user, disable and enable them."""
    if by is None or by.operator:
        return True
    if user.operator:
        return False
    theirs = users.memberships(db, user.id)
    mine = users.memberships(db, by.id)
    return bool(theirs) and all(mine.get(org_id) is Role.ADMIN for org_id in theirs)


def steered_in(parts: Parts, org_id: int, by: User) -> frozenset[int]:
    """The ids of the org's users that `by` may make links for, disable and enable; in a fixed number of questions."""
    with reading(parts.engine) as db:
        everybody = users.members(db, org_id)
        if by.operator:
            return frozenset(one.user.id for one in everybody)
        mine = {org for org, role in users.memberships(db, by.id).items() if role is Role.ADMIN}
        elsewhere = users.members_elsewhere(db, org_id, mine)
    return frozenset(one.user.id for one in everybody if not one.user.operator and one.user.id not in elsewhere)


def _steered(db: Db, user_id: int, by: User | None) -> User:
    users.lock(db)
    user = users.user_by_id(db, user_id)
    if user is None:
        raise RefusedInput("there is no such user: look at the list again")
    if not may_steer(db, by, user):
        raise RefusedInput(f"this user belongs to other orgs too, or is an operator: {_ASK}")
    return user


def _check_can_come_in(db: Db, user: User, org_id: int, by: User | None) -> None:
    if users.kept_role(db, user.id, org_id) is not None:
        hint = "change their role in the list"
        raise RefusedInput(f"they are in this org already: {hint}", {"email": f"is in this org already: {hint}"})
    if user.disabled:
        hint = f"is disabled: {_ASK}"
        raise RefusedInput(f"the user with this address {hint}", {"email": hint})
    if by is None or by.operator:
        return
    if user.operator:
        raise RefusedInput(
            "they are an operator already", {"email": "is an operator, who may do everything here already"}
        )
    if users.memberships(db, user.id) and not may_steer(db, by, user):
        # Whoever let them in elsewhere made their link: whether it reached the person nobody here can know.
        hint = f"has a user in another org already: {_ASK} to let them in here too"
        raise RefusedInput(f"this address {hint}", {"email": hint})


def _begins_anew(db: Db, user: User, by: User | None) -> bool:
    """Whether the user needs a link. One that is in no org any more may have been made, and be held, by anybody: for an
    admin it begins anew, with nothing left by which the one before could come in.
    """
    if by is not None and not by.operator and not users.memberships(db, user.id):
        users.forget_credentials(db, user.id)
        sessions.end_all_of(db, user.id)
        return True
    return not users.is_ready(db, user.id)
