"""A password that is changed, or a user who is disabled, while somebody signs in with what held a moment ago."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from contactsync.domain.errors import RefusedInput
from contactsync.store import users
from contactsync.store.engine import reading
from contactsync.store.tables_console import console_session
from contactsync.sync import access, entering
from tests.console.test_sign_in import ANA, PASSWORD, ana, link
from tests.web.conftest import Caller

__all__ = ["ana", "link"]

NEW = "eight horses in a field"
PROVEN = 4
"""The transaction of a sign-in that begins after the password was found right: counted, looked up and taken back before."""


@contextmanager
def before_the_last_step(acme: Caller, happens: Callable[[], None]) -> Iterator[None]:
    left = PROVEN

    def begins(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            happens()

    sa.event.listen(acme.parts.engine, "checkout", begins)
    try:
        yield
    finally:
        sa.event.remove(acme.parts.engine, "checkout", begins)
    assert left <= 0


def sessions_of(acme: Caller, user: users.User) -> int:
    with reading(acme.parts.engine) as db:
        asked = sa.select(sa.func.count()).select_from(console_session).where(console_session.c.user_id == user.id)
        return db.execute(asked).scalar_one()


def test_a_password_that_is_changed_meanwhile_lets_nobody_in_and_is_not_put_back(acme: Caller, ana: users.User) -> None:
    with (
        before_the_last_step(acme, lambda: entering.set_password(acme.parts, ana.id, NEW)),
        pytest.raises(entering.NotLetIn),
    ):
        entering.enter(acme.parts, ANA, PASSWORD, "192.0.2.1")
    assert sessions_of(acme, ana) == 0
    assert entering.enter(acme.parts, ANA, NEW, "192.0.2.1").user.id == ana.id


def test_who_is_disabled_meanwhile_is_not_let_in(acme: Caller, ana: users.User) -> None:
    with (
        before_the_last_step(acme, lambda: access.disable(acme.parts, ana.id)),
        pytest.raises(entering.NotLetIn),
    ):
        entering.enter(acme.parts, ANA, PASSWORD, "192.0.2.1")
    assert sessions_of(acme, ana) == 0


def test_of_two_who_change_a_password_at_once_the_second_must_know_the_first_ones(
    acme: Caller, ana: users.User
) -> None:
    with (
        before_the_last_step(acme, lambda: entering.set_password(acme.parts, ana.id, NEW)),
        pytest.raises((RefusedInput, entering.NotLetIn)),
    ):
        entering.change_password(acme.parts, ana, PASSWORD, "nine horses at sea", "nine horses at sea", "192.0.2.1")
    assert entering.enter(acme.parts, ANA, NEW, "192.0.2.1").user.id == ana.id
