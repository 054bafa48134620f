"""Coming into the console: by password, by an identity elsewhere (OpenID Connect), or by a link to choose a password.

    by password    the try is counted → the password is checked, as long as for nobody → taken back when it was right
    by identity    whoever signed in as this before, else the user of the address, if the provider has verified it
    by a link      it is used up → the password is kept → every session there was has ended

Each ends in a session of its own, whatever the browser had before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import available_timezones

from contactsync.domain.errors import RefusedInput
from contactsync.log import logger
from contactsync.passwords import LEAST_LENGTH, MOST_LENGTH, hash_password, is_password, needs_rehash
from contactsync.store import invitations, sessions, sign_ins, users
from contactsync.store.audit import Audited, note
from contactsync.store.engine import Connection as Db
from contactsync.store.engine import reading, writing
from contactsync.store.users import User
from contactsync.sync.parts import Parts

LEAST_DIFFERENT = 5
"""Characters that are not the same: "aaaaaaaaaaaa" is long enough, and guessed first."""

log = logger(__name__)


@dataclass(frozen=True)
class Entered:
    """Somebody who is signed in now; the token goes into their browser's cookie."""

    user: User
    token: str = field(repr=False)


class NotLetIn(RefusedInput):
    """Address and password do not belong together; which of them is wrong is not said."""


class TooOften(RefusedInput):
    """Too many tries: none is looked at before `until`."""

    def __init__(self, until: datetime, now: datetime) -> None:
        self.minutes = max(1, -int((now - until).total_seconds() // 60))
        super().__init__(f"too many tries: try again in {_minutes(self.minutes)}")
        self.until = until


class LinkOver(RefusedInput):
    """The link was used, replaced, or is older than a week."""

    def __init__(self) -> None:
        super().__init__("this link is no longer good: ask whoever sent it for a new one")


# ── by password ────────────────────────────────────────────────────────────────────────────────────────────────────


_WRONG = "E-mail address and password do not belong together. Check both and try again."


def enter(parts: Parts, email: str, password: str, place: str) -> Entered:
    """Sign in. `place`: the network address that it is tried from. Raises NotLetIn, TooOften."""
    email = users.normalised(email)[: users.LONGEST_EMAIL]
    user, hashed = _proven(parts, email, password, place)
    if user is None or hashed is None:
        log.warning("console sign-in refused", reason="wrong")
        raise NotLetIn(_WRONG)
    stronger = hash_password(password) if needs_rehash(hashed) else None
    with writing(parts.engine) as db:
        # Looking at a password takes long enough for somebody to change it, or to disable the user.
        if not users.still_has(db, user.id, hashed):
            log.warning("console sign-in refused", reason="overtaken")
            raise NotLetIn(_WRONG)
        if stronger is not None:
            users.set_password(db, user.id, stronger)
        return _let_in(parts, db, user, "password")


def _proven(parts: Parts, email: str, password: str, place: str) -> tuple[User | None, str | None]:
    """Whose password it is; (None, None) after as long when it is nobody's. Raises TooOften."""
    now, counts = parts.now(), sign_ins.counts_of(email, place)
    with writing(parts.engine) as db:
        until = sign_ins.count_try(db, counts, now)
    if until is not None:
        log.warning("console sign-in refused", reason="too often")
        raise TooOften(until, now)
    with reading(parts.engine) as db:
        user = users.find_user(db, email)
        hashed = users.password_hash_of(db, user.id) if user is not None and not user.disabled else None
    if not is_password(hashed, password[: MOST_LENGTH + 1]):
        return None, None
    with writing(parts.engine) as db:
        sign_ins.take_back(db, counts)
    return user, hashed


# ── by an identity elsewhere ───────────────────────────────────────────────────────────────────────────────────────


def enter_by_identity(parts: Parts, subject: str, email: str | None) -> Entered:
    """Sign in who the provider says it is: `subject` is "<issuer> <sub>", `email` one that it has verified.

    Only users that there are. Raises NotLetIn with what to do.
    """
    with writing(parts.engine) as db:
        user = users.user_of_subject(db, subject)
        if user is None and email is not None:
            user = users.find_user(db, email)
            if user is not None and not user.disabled and not users.keep_subject(db, user.id, subject):
                raise NotLetIn(
                    "This user signs in with another identity. Ask whoever let you in for a new link: "
                    "it makes room for this one."
                )
        if user is None and email is None:
            raise NotLetIn(
                "Your provider has not verified your e-mail address. Have it verified there, or use a password."
            )
        if user is None or user.disabled:
            raise NotLetIn("Nobody has let you in here yet. Ask an admin of your org to invite you.")
        return _let_in(parts, db, user, "oidc")


# ── by a link, and from within ─────────────────────────────────────────────────────────────────────────────────────


def whose_link(parts: Parts, link: str) -> User:
    """Who may choose a password with it. Raises LinkOver."""
    with reading(parts.engine) as db:
        user_id = invitations.invited(db, link, parts.now())
        user = None if user_id is None else users.user_by_id(db, user_id)
    if user is None:
        raise LinkOver
    return user


def choose_password(parts: Parts, link: str, password: str, again: str) -> Entered:
    """Use a link up: keep the password, end every session, begin one. Raises LinkOver, RefusedInput by field."""
    user = whose_link(parts, link)
    check_new_password(user, password, again)
    hashed = hash_password(password)
    with writing(parts.engine) as db:
        if invitations.take(db, link, parts.now()) is None:
            raise LinkOver
        users.forget_credentials(db, user.id)
        users.set_password(db, user.id, hashed)
        sessions.end_all_of(db, user.id)
        note(db, None, user.actor, Audited.PASSWORD_CHANGED, parts.now(), about=user.actor, details={"by": "link"})
        return _let_in(parts, db, user, "link")


def change_password(parts: Parts, user: User, present: str, password: str, again: str, place: str) -> str:
    """Another password for who is signed in: all their sessions end, and a new one begins. Answers its token.

    Raises RefusedInput by field, TooOften.
    """
    with reading(parts.engine) as db:
        has_one = users.password_hash_of(db, user.id) is not None
    check_new_password(user, password, again)
    proven = _proven(parts, user.email, present, place)[1] if has_one else None
    hint = "is not your present password"
    if has_one and proven is None:
        raise RefusedInput(f"this {hint}", {"present": hint})
    hashed, now = hash_password(password), parts.now()
    with writing(parts.engine) as db:
        if proven is not None and not users.still_has(db, user.id, proven):
            raise RefusedInput(f"this {hint}", {"present": hint})
        users.set_password(db, user.id, hashed)
        sessions.end_all_of(db, user.id)
        invitations.revoke(db, user.id)
        note(db, None, user.actor, Audited.PASSWORD_CHANGED, now, about=user.actor, details={"by": "user"})
        return sessions.begin(db, user.id, now)


def set_password(parts: Parts, user_id: int, password: str) -> None:
    """The operator's own way, from the command line: every session of the user ends. Raises RefusedInput by field."""
    with reading(parts.engine) as db:
        user = users.user_by_id(db, user_id)
    if user is None:
        raise RefusedInput("there is no such user")
    check_new_password(user, password, password)
    hashed, now = hash_password(password), parts.now()
    with writing(parts.engine) as db:
        users.set_password(db, user.id, hashed)
        sessions.end_all_of(db, user.id)
        invitations.revoke(db, user.id)
        note(db, None, parts.actor, Audited.PASSWORD_CHANGED, now, about=user.actor, details={"by": "operator"})


def change_profile(parts: Parts, user: User, name: str, zone: str) -> None:
    """What the user is called, and the zone that times are shown in ("": the browser's). Raises RefusedInput by field."""
    if zone and zone not in available_timezones():
        hint = "this is no time zone: choose one such as Europe/Berlin, or leave it empty"
        raise RefusedInput(hint, {"zone": hint})
    with writing(parts.engine) as db:
        users.change_user(db, user.id, name=name, zone=zone or None)


def leave(parts: Parts, token: str) -> None:
    """Sign out here."""
    with writing(parts.engine) as db:
        sessions.end(db, token)


def leave_everywhere_else(parts: Parts, user: User, session_id: int) -> int:
    """Sign out all other browsers; answers how many there were."""
    with writing(parts.engine) as db:
        return sessions.end_all_of(db, user.id, except_id=session_id)


def check_new_password(user: User, password: str, again: str) -> None:
    """Raises RefusedInput by field: too short, too long, too easy, or typed otherwise the second time."""
    wrong = {}
    if not password.isascii() and password.encode("utf-8", "replace").decode() != password:
        wrong["password"] = "holds what is no text: type another one"  # noqa: S105 - a hint
    elif len(password) < LEAST_LENGTH:
        wrong["password"] = f"needs at least {LEAST_LENGTH} characters: a few words in a row are good"
    elif len(password) > MOST_LENGTH:
        wrong["password"] = f"may have at most {MOST_LENGTH} characters"
    elif len(set(password)) < LEAST_DIFFERENT or user.email in password.lower() or password.lower() in user.email:
        wrong["password"] = "is too easy to guess: take a few words that do not belong together"  # noqa: S105 - a hint
    elif password != again:
        wrong["again"] = "is not the same: type the new password once more"
    if wrong:
        raise RefusedInput("this password cannot be taken", wrong)


def _let_in(parts: Parts, db: Db, user: User, way: str) -> Entered:
    now = parts.now()
    token = sessions.begin(db, user.id, now)
    users.seen(db, user.id, now)
    note(db, None, user.actor, Audited.SIGNED_IN, now, about=user.actor, details={"by": way})
    log.info("console sign-in", user_id=user.id, by=way)
    return Entered(user, token)


def _minutes(number: int) -> str:
    return "1 minute" if number == 1 else f"{number} minutes"
