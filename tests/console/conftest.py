"""The console as a browser without JavaScript sees it: a signed-in client on a real app with real parts, on SQLite.

`console`        an admin of the org acme; `console.as_role(Role.VIEWER)` another user of it
`acme`, `parts`  the org's platform (deliver, sync, connect_file) and the process's parts, as in tests/web
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from contactsync.domain.roles import Role
from contactsync.store import sessions, users
from contactsync.store.engine import writing
from tests.web.conftest import (
    Caller,
    acme,
    app,
    apps,
    at_salesforce,
    bell,
    clock,
    other,
    parts,
    person,
    salesforce,
    settings,
    statements,
)

__all__ = ["Console", "Shown", "acme", "app", "apps", "at_salesforce", "bell", "clock", "other", "parts", "person",
           "salesforce", "settings", "statements"]  # fmt: skip

VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})
SPACES = re.compile(r"\s+")


@dataclass
class Tag:
    """An element of a page, with all that is in it."""

    name: str
    attributes: Mapping[str, str]
    children: list[Tag | str] = field(default_factory=list)

    def all(self, name: str = "", /, **wanted: str) -> list[Tag]:
        """The elements below with this name and these attributes (`class_`, `for_`: Python's words; one class of several)."""
        return [each for each in self.below() if each.is_a(name, wanted)]

    def one(self, name: str = "", /, **wanted: str) -> Tag:
        """The only such element."""
        (found,) = self.all(name, **wanted)
        return found

    def is_a(self, name: str, wanted: Mapping[str, str]) -> bool:
        said = {key.rstrip("_").replace("_", "-"): value for key, value in wanted.items()}
        for key, value in said.items():
            held = self.attributes.get(key)
            if held is None or (value not in held.split() if key == "class" else value != held):
                return False
        return not name or self.name == name

    def below(self) -> Iterator[Tag]:
        for child in self.children:
            if isinstance(child, Tag):
                yield child
                yield from child.below()

    @property
    def text(self) -> str:
        """What can be read, with single blanks."""
        return SPACES.sub(" ", "".join(self._texts())).strip()

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.name not in ("script", "style"):
                yield from child._texts()
                yield "" if child.name == "wbr" else " "

    def __getitem__(self, attribute: str) -> str:
        return self.attributes[attribute]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Tag("page", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Tag(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Tag(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open[-1].name == tag, f"</{tag}> closes <{self.open[-1].name}>"
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


@dataclass(frozen=True)
class Shown:
    """An answer, read as a page."""

    answer: TestResponse

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def html(self) -> str:
        return self.answer.get_data(as_text=True)

    @cached_property
    def page(self) -> Tag:
        reader = _Reader()
        reader.feed(self.html)
        assert len(reader.open) == 1, f"<{reader.open[-1].name}> is never closed"
        return reader.root

    @property
    def main(self) -> Tag:
        return self.page.one("main")

    @property
    def text(self) -> str:
        """What can be read in the main part."""
        return self.main.text

    @property
    def goes_to(self) -> str:
        """Where a redirect leads."""
        assert self.status == 303, f"{self.status}: {self.text}"
        return self.answer.headers["Location"]


@dataclass
class Console:
    """A browser in which somebody is signed in. Paths are below the org, `/contacts`; with `whole=True` the whole ones."""

    acme: Caller
    client: FlaskClient
    csrf: str
    user: users.User

    def get(self, path: str, *, whole: bool = False, **more: Any) -> Shown:
        return Shown(self.client.get(self._at(path, whole=whole), **more))

    def post(self, path: str, fields: Mapping[str, Any] | None = None, *, whole: bool = False, **more: Any) -> Shown:
        """Send a form, with the token that every form has."""
        data = {"csrf": self.csrf, **(fields or {})}
        return Shown(self.client.post(self._at(path, whole=whole), data=data, **more))

    def follow(self, shown: Shown) -> Shown:
        """The page that a redirect leads to."""
        return self.get(shown.goes_to, whole=True)

    def as_role(self, role: Role) -> Console:
        """Another user of the org in another browser."""
        return sign_in(self.acme, role)

    def _at(self, path: str, *, whole: bool) -> str:
        return path if whole else f"/o/{self.acme.org.slug}{path}"


def sign_in(acme: Caller, role: Role, email: str = "") -> Console:
    """A new user with this role, signed in."""
    now = acme.parts.now()
    with writing(acme.parts.engine) as db:
        address = email or f"{role.value}@{acme.org.slug}.example"
        user = users.find_user(db, address) or users.add_user(db, address, now, f"{role.value.title()} Person")
        users.set_role(db, user.id, acme.org.id, role)
        token = sessions.begin(db, user.id, now)
        found = sessions.find(db, token, now)
    assert found is not None
    client = acme.app.test_client()
    client.set_cookie("contactsync", token)
    return Console(acme, client, found.csrf, user)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Pages are tested on SQLite; what the databases do differently is tested with the queries, in tests/store."""
    return sqlite_url


@pytest.fixture
def console(acme: Caller) -> Console:
    return sign_in(acme, Role.ADMIN)


@contextmanager
def counted_queries(console: Console) -> Iterator[list[str]]:
    """Every SQL statement meanwhile: `with counted_queries(console) as seen: console.get("/contacts")`, then `len(seen)`."""
    with statements(console.acme.parts.engine) as seen:
        yield seen
