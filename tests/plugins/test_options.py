"""What the configuration can tell a plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contactsync.api import Contact, Misconfigured
from contactsync.hooks import Plugins
from tests.plugins.conftest import Shelf

ADA = Contact("1", {})
Load = Callable[..., Plugins]

SOURCE = """
    from contactsync.api import OwnerChoice, hookimpl

    CONTACTSYNC_OPTIONS = {"owner": "olga@x.example", "share": 0.5, "most": 3, "on": True, "teams": ["one"]}

    @hookimpl
    def contactsync_owner(contact, options):
        return OwnerChoice(options["owner"], why=repr(dict(options)))
"""


@pytest.fixture
def acme(shelf: Shelf) -> str:
    return shelf.write("acme", SOURCE)


def test_without_options_the_defaults_hold(acme: str, load: Load) -> None:
    owner = load(acme).choices(ADA).owner
    assert owner is not None and owner.email == "olga@x.example"


def test_an_option_changes_its_default_and_no_other(acme: str, load: Load) -> None:
    owner = load(acme, acme={"owner": "ivan@x.example", "share": 1}).choices(ADA).owner
    assert owner is not None
    assert owner.why == repr({"owner": "ivan@x.example", "share": 1, "most": 3, "on": True, "teams": ["one"]})


@pytest.mark.parametrize(
    ("options", "problem", "fix"),
    [
        ({"onwer": "x"}, "plugins.options.acme.onwer is not known: did you mean owner?", "it takes owner, share"),
        ({"owner": 5}, "plugins.options.acme.owner is an int", "write str, as its default 'olga@x.example' is"),
        ({"most": 2.5}, "plugins.options.acme.most is a float", "write int"),
        ({"most": True}, "plugins.options.acme.most is a bool", "write int"),
        ({"on": 1}, "plugins.options.acme.on is an int", "write bool"),
        ({"share": False}, "plugins.options.acme.share is a bool", "write float"),
        ({"teams": "one"}, "plugins.options.acme.teams is a str", "write list"),
        ({"teams": [1]}, "plugins.options.acme.teams is a list", "write list, as its default ['one'] is"),
    ],
)
def test_a_wrong_option_breaks_its_plugin_alone_with_its_path(
    acme: str, load: Load, options: dict[str, Any], problem: str, fix: str
) -> None:
    (state,) = load(acme, acme=options).listing()
    assert state.status == "broken"
    assert state.problem == problem
    assert (state.fix or "").startswith(fix)


def test_a_plugin_without_options_takes_none(shelf: Shelf, load: Load) -> None:
    shelf.write("plain", SOURCE.replace("CONTACTSYNC_OPTIONS", "UNUSED"))
    (state,) = load("plain", plain={"owner": "x"}).listing()
    assert (state.problem, state.fix) == ("plugins.options.plain.owner is not known", "it takes no options")


def test_options_for_no_plugin_are_refused_at_start_with_a_hint(acme: str, load: Load) -> None:
    with pytest.raises(Misconfigured, match=r"plugins\.options\.acne is for no plugin .*did you mean acme\?"):
        load(acme, acne={"owner": "x"})


def test_options_of_a_disabled_plugin_are_left_alone(acme: str, load: Load) -> None:
    assert load(acme, disable=("acme",), acme={"onwer": 1}).listing()[0].status == "disabled"
