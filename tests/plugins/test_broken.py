"""One broken plugin is named, with what to do, and stops nothing that does not need it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import structlog.testing

from contactsync.api import Contact, FinishedRun, Misconfigured, PluginBroken, SyncStatus
from contactsync.config import Config, SyncConfig
from contactsync.hooks import HOOKS, Plugins, PluginState
from tests.plugins.conftest import Shelf, owner_plugin

ADA = Contact("1", {"email": "ada@acme.example", "first_name": "Ada"})
Load = Callable[..., Plugins]

TARGET = """
    from contactsync.api import TargetType, hookimpl

    @hookimpl
    def contactsync_targets():
        return [TargetType("{name}", "A CRM", lambda connection: None)]
"""

BROKEN = {
    "import": ("import not_installed_anywhere\ndef contactsync_owner(contact): ...", "No module named 'not_installed"),
    "syntax": ("def contactsync_owner(contact)\n", "SyntaxError"),
    "exit": ("import sys\nsys.exit('bye')", "SystemExit: bye"),
    "misspelt": (
        "from contactsync.api import hookimpl\n@hookimpl\ndef contactsync_ownr(contact): ...",
        "unknown hook 'contactsync_ownr'",
    ),
    "argument": (
        "from contactsync.api import hookimpl\n@hookimpl\ndef contactsync_owner(contact, weather): ...",
        "Argument(s) {'weather'} are declared in the hookimpl but can not be found in the hookspec",
    ),
    "unmarked": ("def contactsync_owner(contact): ...", "contactsync_owner is not marked as a hook"),
    "empty": ("x = 1", "it has no hook"),
    "pushing": (
        "from contactsync.api import hookimpl\n@hookimpl(tryfirst=True)\ndef contactsync_owner(contact): ...",
        "contactsync_owner asks for a place of its own",
    ),
    "wrapping": (
        "from contactsync.api import hookimpl\n@hookimpl(wrapper=True)\ndef contactsync_owner(contact):\n    yield",
        "contactsync_owner asks for a place of its own",
    ),
    "raising": (
        "from contactsync.api import hookimpl\n@hookimpl\ndef contactsync_targets():\n    return [{}['acme']]",
        "contactsync_targets failed: KeyError: 'acme' (at broken_one.py:4)",
    ),
    "single": (
        "from contactsync.api import hookimpl\n@hookimpl\ndef contactsync_targets():\n    return 5",
        "contactsync_targets answered an int",
    ),
    "text": (
        "from contactsync.api import hookimpl\n@hookimpl\ndef contactsync_mappings():\n    return ['acme']",
        "contactsync_mappings answered a str",
    ),
    "name": (TARGET.format(name="Acme CRM"), "contactsync_targets provides a bad name"),
    "newer": (owner_plugin("x@x.example") + "\n    CONTACTSYNC_API = 2", "it needs API 2, and this is API 1"),
}


def owner(plugins: Plugins) -> str | None:
    choice = plugins.choices(ADA).owner
    return choice.email if choice else None


def state_of(plugins: Plugins, name: str) -> PluginState:
    return next(state for state in plugins.listing() if state.name == name)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_named_with_what_is_wrong_and_the_others_go_on(kind: str, shelf: Shelf, load: Load) -> None:
    source, says = BROKEN[kind]
    shelf.write("broken_one", source)
    shelf.write("good", owner_plugin("good@x.example"))
    with structlog.testing.capture_logs() as logs:
        plugins = load("good", "broken_one")
    state = state_of(plugins, "broken_one")
    assert state.status == "broken"
    assert says in (state.problem or "")
    assert state.fix
    assert [(log["event"], log["plugin"]) for log in logs] == [("plugin broken", "broken_one")]
    assert owner(plugins) == "good@x.example"


@pytest.mark.parametrize("kind", ["import", "misspelt", "argument", "pushing"])
def test_the_plugin_after_a_broken_one_is_not_blamed(kind: str, shelf: Shelf, load: Load) -> None:
    shelf.write("broken_one", BROKEN[kind][0])
    shelf.write("good", TARGET.format(name="acme"))
    plugins = load("broken_one", "good")
    assert state_of(plugins, "good").status == "loaded"
    assert plugins.target_type("acme").name == "acme"


def test_a_broken_plugin_is_named_with_its_distribution(shelf: Shelf, load: Load) -> None:
    shelf.write("acme_module", BROKEN["misspelt"][0])
    shelf.install("acme-plugins", "1.2.0", {"acme": "acme_module"})
    assert state_of(load(discover=True), "acme").distribution == "acme-plugins 1.2.0"


def test_a_name_that_is_no_module_is_broken_not_fatal(load: Load) -> None:
    state = state_of(load("no_such_package.plugin"), "plugin")
    assert "No module named 'no_such_package'" in (state.problem or "")
    assert state.fix == "install what it needs, or take it out of plugins.load"


@pytest.mark.parametrize("kind", ["import", "argument", "unmarked", "syntax", "pushing"])
def test_a_contact_that_needs_a_broken_plugins_decision_is_refused_with_its_name(
    kind: str, shelf: Shelf, load: Load
) -> None:
    shelf.write("acme_module", BROKEN[kind][0])
    shelf.install("acme-plugins", "1.2.0", {"acme": "acme_module"})
    plugins = load("acme")
    assert state_of(plugins, "acme").hooks == ("contactsync_owner",)
    with pytest.raises(PluginBroken, match=r"the plugin acme \(acme-plugins 1\.2\.0\) is broken: "):
        plugins.choices(ADA)


def test_a_broken_target_is_refused_where_it_is_used(shelf: Shelf, load: Load) -> None:
    shelf.write("acme_crm", "import not_installed_anywhere\n" + TARGET.format(name="acme").replace("\n    ", "\n"))
    shelf.write("good", TARGET.format(name="good"))
    plugins = load("acme_crm", "good")
    assert owner(plugins) is None
    assert plugins.target_type("good").name == "good"
    with pytest.raises(PluginBroken, match=r"there is no target acme, and the plugin acme_crm \(acme_crm\) is broken"):
        plugins.target_type("acme")


def test_a_name_that_nothing_provides_is_refused_with_what_there_is(shelf: Shelf, load: Load) -> None:
    shelf.write("good", TARGET.format(name="salesforce"))
    with pytest.raises(Misconfigured, match=r"no target salesforse: did you mean salesforce\?; plugins provide salesf"):
        load("good").target_type("salesforse")
    with pytest.raises(Misconfigured, match=r"no mapping acme; plugins provide none; \[sync\.mappings\] says which"):
        load("good").mapping("acme")


def test_of_two_plugins_with_one_name_the_second_stays_out_until_one_is_disabled(shelf: Shelf, load: Load) -> None:
    shelf.write("here.acme", owner_plugin("first@x.example"))
    shelf.write("there.acme", owner_plugin("second@x.example"))
    plugins = load("here.acme", "there.acme")
    second = plugins.listing()[1]
    assert second.problem == "its name acme is taken by the plugin acme (here.acme)"
    assert "there.acme or here.acme" in (second.fix or "")
    assert owner(plugins) == "first@x.example"
    assert owner(load("here.acme", "there.acme", disable=("here.acme",))) == "second@x.example"


def test_a_target_that_two_plugins_provide_is_refused_with_both_names(shelf: Shelf, load: Load) -> None:
    shelf.write("one", TARGET.format(name="acme"))
    shelf.write("two", TARGET.format(name="acme"))
    plugins = load("one", "two")
    with pytest.raises(
        PluginBroken, match=r"acme is provided twice, by the plugin one .* and the plugin two .*: disable"
    ):
        plugins.target_type("acme")


def test_one_module_is_one_plugin(shelf: Shelf, load: Load) -> None:
    shelf.write("acme_module", owner_plugin("x@x.example"))
    shelf.install("acme-plugins", "1.2.0", {"first": "acme_module", "second": "acme_module"})
    states = load("first", "second", discover=True).listing()
    assert [state.status for state in states] == ["loaded", "broken"]
    assert states[1].problem == "its module is a plugin already, under another name"


def test_a_misspelt_name_in_disable_is_shown_with_a_hint(shelf: Shelf, load: Load) -> None:
    shelf.write("territories", owner_plugin("x@x.example"))
    states = load("territories", disable=("teritories",)).listing()
    assert [state.status for state in states] == ["loaded", "disabled"]
    assert states[1].problem == "plugins.disable names teritories, which is not there: did you mean territories?"


def failing(raised: str) -> str:
    return f"""
    from contactsync.api import hookimpl

    @hookimpl
    def contactsync_owner(contact):
        {raised}
    """


def test_a_plugin_that_fails_to_decide_is_named_and_what_it_said_is_not_repeated(shelf: Shelf, load: Load) -> None:
    shelf.write("acme", failing("raise ValueError(f'cannot place {contact.email}')"))
    with pytest.raises(PluginBroken) as caught:
        load("acme").choices(ADA)
    assert str(caught.value) == (
        "the plugin acme (acme) failed in contactsync_owner: ValueError at acme.py:6; mend the plugin, or disable it"
    )
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_a_decision_of_a_wrong_kind_is_refused_by_its_plugins_name(shelf: Shelf, load: Load) -> None:
    shelf.write("acme", failing("return 'ada@acme.example'"))
    with pytest.raises(PluginBroken, match=r"acme \(acme\) answered a str in contactsync_owner: it takes OwnerChoice"):
        load("acme").choices(ADA)


def test_an_observer_that_fails_is_logged_by_name_without_what_it_said_and_the_next_is_told(
    shelf: Shelf, load: Load
) -> None:
    shelf.write(
        "bad",
        """
        from contactsync.api import hookimpl

        @hookimpl
        def contactsync_run_finished(run):
            raise ValueError(f"ada@acme.example of {run.org}")
        """,
    )
    shelf.write(
        "good",
        """
        from contactsync.api import hookimpl

        runs = []

        @hookimpl
        def contactsync_run_finished(run):
            runs.append(run)
        """,
    )
    plugins = load("bad", "good")
    run = FinishedRun("acme", "c-1", SyncStatus.SYNCED)
    with structlog.testing.capture_logs() as logs:
        plugins.run_finished(run)
    assert shelf.module("good").runs == [run]
    assert logs == [
        {
            "event": "plugin failed",
            "log_level": "error",
            "plugin": "bad",
            "hook": "contactsync_run_finished",
            "error": "ValueError",
            "at": "bad.py:6",
            "org": "acme",
        }
    ]


def test_a_broken_observer_undoes_nothing(shelf: Shelf, load: Load) -> None:
    shelf.write("bad", "import not_installed_anywhere\ndef contactsync_run_finished(run): ...")
    load("bad").run_finished(FinishedRun("acme", "c-1", SyncStatus.SYNCED))


def test_a_target_without_a_mapping_is_a_complaint(shelf: Shelf, load: Load) -> None:
    shelf.write("good", TARGET.format(name="acme"))
    plugins = load("good", "contactsync_plugins.toml_mappings")
    (complaint,) = plugins.complaints(Config())
    assert complaint.startswith("the target acme cannot be used: there is no mapping acme; plugins provide salesforce")
    assert plugins.complaints(Config(sync=SyncConfig(mappings={"acme": "salesforce"}))) == ()


def test_every_way_to_break_is_about_a_real_hook() -> None:
    assert "contactsync_owner" in HOOKS and "contactsync_ownr" not in HOOKS
