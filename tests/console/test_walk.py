"""The walk of a browser through the console (tests/browser/walk.py) leaves no page out."""

from __future__ import annotations

from contactsync.web.console.rooms import MAIN, SETTINGS, doors
from tests.browser.walk import NO_PICTURE, WALK

SEEN = {endpoint for place in WALK for endpoint in place.covers}


def test_every_page_of_the_console_is_walked() -> None:
    shown = {door.endpoint for door in doors() if "GET" in door.methods}
    assert SEEN | set(NO_PICTURE) == shown
    assert not SEEN & set(NO_PICTURE)
    assert len({place.name for place in WALK}) == len(WALK)


def test_every_entry_of_the_settings_is_at_an_address_of_the_settings() -> None:
    rules = {door.endpoint: door.rule for door in doors()}
    assert {entry.name for entry in SETTINGS if not rules[entry.endpoint].startswith("/settings/")} == set()
    assert {entry.name for entry in MAIN if rules[entry.endpoint].startswith("/settings/")} == set()
