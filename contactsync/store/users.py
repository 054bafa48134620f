"""Who may sign in to the console, and what they may do in which org. Users belong to the installation.

What takes somebody's rights away never leaves an org without an admin or the installation without an operator: it raises
RefusedInput instead. `lock` holds off whoever changes the same at once, so that two admins cannot remove each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as insert_on_postgres
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite
from sqlalchemy.engine import Connection as Db

from contactsync.domain.errors import RefusedInput
from contactsync.domain.roles import Role
from contactsync.store import tables
from contactsync.store.orgs import Org
from contactsync.store.tables_console import console_user, invitation, membership

LONGEST_EMAIL, LONGEST_NAME = 320, 255
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


@dataclass(frozen=True)
class User:
    """One person who may sign in."""

    id: int
    email: str
    name: str
    operator: bool  # makes orgs, and acts as admin in all of them
    zone: str | None  # IANA; None: the browser's
    disabled: bool

    @property
    def actor(self) -> str:
        """As the audit log names them: no name and no address, which would outlive the person there."""
        return f"user:{self.id}"

    @property
    def shown(self) -> str:
        """What people call them."""
        return self.name or self.email


@dataclass(frozen=True)
class Member:
    """A user as an org's list of users shows them."""

    user: User
    role: Role
    seen_at: datetime | None
    ready: bool  # has a password, or has signed in by OIDC
    invited_until: datetime | None  # an unused link to choose a password is good until then


def normalised(email: str) -> str:
    """The address as it is kept and compared."""
    return email.strip().lower()


def is_address(email: str) -> bool:
    """Whether it looks like an e-mail address that can be kept."""
    return len(email) <= LONGEST_EMAIL and email.isprintable() and _EMAIL.fullmatch(email) is not None


# ── users ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_user(db: Db, email: str, now: datetime, name: str = "", *, operator: bool = False) -> User:
    """A new user, who has no password yet. Raises RefusedInput when the address is taken or malformed."""
    email, name = normalised(email), checked_name(name)
    if not is_address(email):
        hint = "write an address such as ana@example.com"
        raise RefusedInput(f"this is no e-mail address: {hint}", {"email": hint})
    insert = insert_on_sqlite if db.dialect.name == "sqlite" else insert_on_postgres
    user_id = db.execute(
        insert(console_user)
        .values(email=email, name=name, operator=operator, created_at=now)
        .on_conflict_do_nothing(index_elements=["email"])
        .returning(console_user.c.id)
    ).scalar()
    if user_id is None:
        hint = "go on with the user who has it"
        raise RefusedInput(f"there is a user with this e-mail address already: {hint}", {"email": hint})
    return User(user_id, email, name, operator, None, disabled=False)


def checked_name(name: str) -> str:
    """The name without what nobody sees. Raises RefusedInput for one that is too long or not one line."""
    name = name.strip()
    if len(name) > LONGEST_NAME or not (name.isprintable() or not name):
        hint = f"write one line of at most {LONGEST_NAME} characters"
        raise RefusedInput(f"this name cannot be kept: {hint}", {"name": hint})
    return name


def find_user(db: Db, email: str) -> User | None:
    """The user of an address, disabled ones too."""
    email = normalised(email)
    return _one(db, console_user.c.email == email) if is_address(email) else None


def user_by_id(db: Db, user_id: int) -> User | None:
    """The user of an id, disabled ones too."""
    return _one(db, console_user.c.id == user_id)


def user_of_subject(db: Db, subject: str) -> User | None:
    """The user who has signed in as `<issuer> <sub>` before, disabled ones too."""
    return _one(db, console_user.c.oidc_subject == subject)


def keep_subject(db: Db, user_id: int, subject: str) -> bool:
    """Tie a user to their OIDC subject, for good. False: they are tied to another one already."""
    kept = sa.update(console_user).where(console_user.c.id == user_id, console_user.c.oidc_subject.is_(None))
    if db.execute(kept.values(oidc_subject=subject)).rowcount:
        return True
    present = sa.select(console_user.c.oidc_subject).where(console_user.c.id == user_id)
    return db.execute(present).scalar() == subject


def users(db: Db) -> tuple[User, ...]:
    """All users of the installation, by address."""
    return tuple(_user(row) for row in db.execute(_USERS.order_by(console_user.c.email)))


def operators(db: Db) -> tuple[User, ...]:
    """Those who may enter every org, by address."""
    able = _USERS.where(console_user.c.operator, console_user.c.disabled_at.is_(None))
    return tuple(_user(row) for row in db.execute(able.order_by(console_user.c.email)))


def any_user(db: Db) -> bool:
    """Whether there is anybody who could sign in, ever."""
    return db.execute(sa.select(console_user.c.id).limit(1)).first() is not None


def change_user(db: Db, user_id: int, *, name: str, zone: str | None) -> None:
    """Keep what the user chose. `zone`: checked by the caller."""
    changed = sa.update(console_user).where(console_user.c.id == user_id)
    db.execute(changed.values(name=checked_name(name), zone=zone))


def password_hash_of(db: Db, user_id: int) -> str | None:
    """None: has not chosen one."""
    return db.execute(sa.select(console_user.c.password_hash).where(console_user.c.id == user_id)).scalar_one_or_none()


def still_has(db: Db, user_id: int, hashed: str) -> bool:
    """Whether this is the hash of their password yet, and they are not disabled; locked until the end of the transaction."""
    c = console_user.c
    asked = sa.select(c.id).where(c.id == user_id, c.password_hash == hashed, c.disabled_at.is_(None))
    return db.execute(asked.with_for_update()).first() is not None


def set_password(db: Db, user_id: int, hashed: str | None) -> None:
    """Keep the hash of a password. The caller ends the user's other sessions."""
    db.execute(sa.update(console_user).where(console_user.c.id == user_id).values(password_hash=hashed))


def is_ready(db: Db, user_id: int) -> bool:
    """Whether the user has a way to sign in: a password, or an identity elsewhere."""
    asked = sa.select(console_user.c.password_hash, console_user.c.oidc_subject)
    row = db.execute(asked.where(console_user.c.id == user_id)).one_or_none()
    return row is not None and any(way is not None for way in row)


def forget_credentials(db: Db, user_id: int) -> None:
    """Neither the password nor the identity elsewhere is the user's any more."""
    forgotten = sa.update(console_user).where(console_user.c.id == user_id)
    db.execute(forgotten.values(password_hash=None, oidc_subject=None))


def set_disabled(db: Db, user_id: int, now: datetime | None) -> None:
    """Let a user sign in no more (`now`), or again (None). Raises RefusedInput for who is the last to do what they do."""
    lock(db)
    if now is not None:
        _keep_an_operator(db, user_id)
        for org_id in _admin_of(db, user_id):
            _keep_an_admin(db, org_id, user_id)
    db.execute(sa.update(console_user).where(console_user.c.id == user_id).values(disabled_at=now))


def set_operator(db: Db, user_id: int, *, operator: bool) -> None:
    """Make a user an operator, or one no more. Raises RefusedInput for the last one."""
    lock(db)
    if not operator:
        _keep_an_operator(db, user_id)
    db.execute(sa.update(console_user).where(console_user.c.id == user_id).values(operator=operator))


def seen(db: Db, user_id: int, now: datetime) -> None:
    """Write down that the user was here."""
    db.execute(sa.update(console_user).where(console_user.c.id == user_id).values(seen_at=now))


# ── what they may do ───────────────────────────────────────────────────────────────────────────────────────────────


def role_in(db: Db, user: User, org_id: int) -> Role | None:
    """What the user may do in the org: an operator everything; None: nothing, as for who is disabled."""
    if user.disabled:
        return None
    return Role.ADMIN if user.operator else kept_role(db, user.id, org_id)


def kept_role(db: Db, user_id: int, org_id: int) -> Role | None:
    """The role that the org gave the user, whoever they are otherwise."""
    role = sa.select(membership.c.role).where(membership.c.user_id == user_id, membership.c.org_id == org_id)
    kept = db.execute(role).scalar()
    return None if kept is None else Role(kept)


def memberships(db: Db, user_id: int) -> Mapping[int, Role]:
    """Org id → the role that the org gave the user."""
    mine = sa.select(membership.c.org_id, membership.c.role).where(membership.c.user_id == user_id)
    return {org_id: Role(role) for org_id, role in db.execute(mine)}


def ready_ids(db: Db) -> frozenset[int]:
    """The ids of all users who have a way to sign in."""
    ways = sa.or_(console_user.c.password_hash.is_not(None), console_user.c.oidc_subject.is_not(None))
    return frozenset(db.execute(sa.select(console_user.c.id).where(ways)).scalars())


def roles_by_user(db: Db) -> Mapping[int, Mapping[str, Role]]:
    """User id → org slug → role, of all."""
    m, org = membership.c, tables.org.c
    rows = db.execute(sa.select(m.user_id, org.slug, m.role).join(tables.org, org.id == m.org_id).order_by(org.slug))
    found: dict[int, dict[str, Role]] = {}
    for user_id, slug, role in rows:
        found.setdefault(user_id, {})[slug] = Role(role)
    return found


def members_elsewhere(db: Db, org_id: int, but: set[int]) -> frozenset[int]:
    """The ids of the org's users who belong to an org that is not among `but`, too."""
    here = sa.select(membership.c.user_id).where(membership.c.org_id == org_id)
    there = sa.select(membership.c.user_id).where(membership.c.user_id.in_(here), membership.c.org_id.not_in(but))
    return frozenset(db.execute(there).scalars())


def orgs_of(db: Db, user: User) -> tuple[tuple[Org, Role], ...]:
    """The orgs that the user may enter and as what, by name: all of them for an operator, none for who is disabled."""
    if user.disabled:
        return ()
    org = tables.org.c
    asked = sa.select(org.id, org.slug, org.name)
    if user.operator:
        asked = asked.add_columns(sa.literal(Role.ADMIN.value))
    else:
        asked = asked.add_columns(membership.c.role).join(membership, membership.c.org_id == org.id)
        asked = asked.where(membership.c.user_id == user.id)
    rows: Sequence[Any] = db.execute(asked.order_by(sa.func.lower(org.name), org.id)).all()
    return tuple((Org(*row[:3]), Role(row[3])) for row in rows)


def set_role(db: Db, user_id: int, org_id: int, role: Role | None) -> None:
    """Give the user a role in the org; None: out of it. Raises RefusedInput when that would leave it without an admin."""
    lock(db)
    if role is not Role.ADMIN and org_id in _admin_of(db, user_id):
        _keep_an_admin(db, org_id, user_id)
    if role is None:
        db.execute(sa.delete(membership).where(membership.c.user_id == user_id, membership.c.org_id == org_id))
        return
    insert = insert_on_sqlite if db.dialect.name == "sqlite" else insert_on_postgres
    row = {"user_id": user_id, "org_id": org_id, "role": role.value}
    kept = insert(membership).values(**row)
    db.execute(kept.on_conflict_do_update(index_elements=["user_id", "org_id"], set_={"role": role.value}))


def members(db: Db, org_id: int) -> tuple[Member, ...]:
    """The users of an org, by address; operators are among them only where the org gave them a role."""
    open_link = sa.select(sa.func.max(invitation.c.expires_at))
    open_link = open_link.where(invitation.c.user_id == console_user.c.id, invitation.c.used_at.is_(None))
    asked = (
        _USERS.add_columns(membership.c.role, console_user.c.seen_at, console_user.c.password_hash)
        .add_columns(console_user.c.oidc_subject, open_link.scalar_subquery().label("invited_until"))
        .join(membership, membership.c.user_id == console_user.c.id)
        .where(membership.c.org_id == org_id)
        .order_by(console_user.c.email)
    )
    return tuple(_member(row) for row in db.execute(asked))


def names_of(db: Db, user_ids: set[int]) -> Mapping[int, str]:
    """What to call the users of these ids, for the audit log; who is no more is not in it."""
    rows = db.execute(_USERS.where(console_user.c.id.in_(user_ids)))
    return {user.id: user.shown for user in map(_user, rows)}


def lock(db: Db) -> None:
    """Hold other changes of who may do what off until the end of the transaction (SQLite has one writer anyway)."""
    db.execute(sa.select(console_user.c.id).order_by(console_user.c.id).with_for_update()).all()


def _admin_of(db: Db, user_id: int) -> tuple[int, ...]:
    mine = sa.select(membership.c.org_id).where(membership.c.user_id == user_id, membership.c.role == Role.ADMIN.value)
    return tuple(db.execute(mine).scalars())


def _keep_an_admin(db: Db, org_id: int, but: int) -> None:
    others = (
        sa.select(membership.c.user_id)
        .join(console_user, console_user.c.id == membership.c.user_id)
        .where(membership.c.org_id == org_id, membership.c.role == Role.ADMIN.value)
        .where(membership.c.user_id != but, console_user.c.disabled_at.is_(None))
    )
    if db.execute(others.limit(1)).first() is None:
        hint = "make somebody else admin first"
        raise RefusedInput(f"this is the org's last admin: {hint}", {"role": hint})


def _keep_an_operator(db: Db, but: int) -> None:
    able = sa.select(console_user.c.id).where(console_user.c.operator, console_user.c.disabled_at.is_(None))
    operators = set(db.execute(able).scalars())
    if operators == {but}:
        hint = "make somebody else operator first"
        raise RefusedInput(f"this is the last operator: {hint}", {"operator": hint})


_USERS = sa.select(
    console_user.c.id,
    console_user.c.email,
    console_user.c.name,
    console_user.c.operator,
    console_user.c.zone,
    console_user.c.disabled_at,
)


def _one(db: Db, which: sa.ColumnElement[bool]) -> User | None:
    row = db.execute(_USERS.where(which)).one_or_none()
    return None if row is None else _user(row)


def _user(row: Any) -> User:
    return User(row.id, row.email, row.name, row.operator, row.zone, disabled=row.disabled_at is not None)


def _member(row: Any) -> Member:
    ready = row.password_hash is not None or row.oidc_subject is not None
    # an aggregate keeps the column's type, so this is an aware time on both databases
    return Member(_user(row), Role(row.role), row.seen_at, ready, row.invited_until)
