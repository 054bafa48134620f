"""In which order plugins are asked, and where they come from."""

from __future__ import annotations

from collections.abc import Callable

from contactsync.api import Contact, FinishedRun, SyncAs, SyncStatus
from contactsync.hooks import Plugins
from tests.plugins.conftest import Shelf, owner_plugin

ADA = Contact("1", {"email": "ada@acme.example"})
Load = Callable[..., Plugins]


def owner(plugins: Plugins) -> str | None:
    choice = plugins.choices(ADA).owner
    return choice.email if choice else None


def test_the_first_plugin_in_the_configuration_decides(shelf: Shelf, load: Load) -> None:
    shelf.write("one", owner_plugin("one@x.example"))
    shelf.write("two", owner_plugin("two@x.example"))
    assert owner(load("one", "two")) == "one@x.example"
    assert owner(load("two", "one")) == "two@x.example"


def test_a_plugin_without_an_opinion_passes_the_question_on(shelf: Shelf, load: Load) -> None:
    shelf.write("one", owner_plugin("one@x.example", "contact.text('title') == 'CEO'"))
    shelf.write("two", owner_plugin("two@x.example"))
    assert owner(load("one", "two")) == "two@x.example"
    assert owner(load("one")) is None


def test_observers_are_told_in_the_order_of_the_configuration(shelf: Shelf, load: Load) -> None:
    shelf.write("told", "names = []")
    for name in ("one", "two", "three"):
        shelf.write(
            name,
            f"""
            import told
            from contactsync.api import hookimpl

            @hookimpl
            def contactsync_run_finished(run):
                told.names.append(("{name}", run.contact_id))
            """,
        )
    load("two", "three", "one").run_finished(FinishedRun("acme", "c-1", SyncStatus.SYNCED))
    assert shelf.module("told").names == [("two", "c-1"), ("three", "c-1"), ("one", "c-1")]


def test_entry_points_come_after_what_is_named_in_the_order_of_their_names(shelf: Shelf, load: Load) -> None:
    for name in ("zeta", "beta", "alpha"):
        shelf.write(f"{name}_module", owner_plugin(f"{name}@x.example"))
    shelf.install("acme-plugins", "1.2.0", {"zeta": "zeta_module", "beta": "beta_module", "alpha": "alpha_module"})
    shelf.write("mine", owner_plugin("mine@x.example"))
    plugins = load("mine", discover=True)
    assert [state.name for state in plugins.listing()] == ["mine", "alpha", "beta", "zeta"]
    assert plugins.listing()[1].distribution == "acme-plugins 1.2.0"
    assert owner(plugins) == "mine@x.example"


def test_an_entry_point_takes_the_place_where_the_configuration_names_it(shelf: Shelf, load: Load) -> None:
    shelf.write("acme_module", owner_plugin("acme@x.example"))
    shelf.install("acme-plugins", "1.2.0", {"acme": "acme_module"})
    shelf.write("mine", owner_plugin("mine@x.example"))
    by_name, by_module = load("acme", "mine", discover=True), load("acme_module", "mine", discover=True)
    for plugins in (by_name, by_module):
        assert [state.name for state in plugins.listing()] == ["acme", "mine"]
        assert owner(plugins) == "acme@x.example"


def test_without_discover_only_named_plugins_are_loaded(shelf: Shelf, load: Load) -> None:
    shelf.write("acme_module", owner_plugin("acme@x.example"))
    shelf.write("other_module", "raise RuntimeError('imported')")
    shelf.install("acme-plugins", "1.2.0", {"acme": "acme_module", "other": "other_module"})
    assert [state.name for state in load("acme").listing()] == ["acme"]


def test_an_entry_point_may_name_an_object_with_hooks(shelf: Shelf, load: Load) -> None:
    shelf.write(
        "acme_module",
        """
        from contactsync.api import OwnerChoice, hookimpl

        class Territories:
            @hookimpl
            def contactsync_owner(self, contact):
                return OwnerChoice("object@x.example", why="because")

        territories = Territories()
        """,
    )
    shelf.install("acme-plugins", "1.2.0", {"acme": "acme_module:territories"})
    assert owner(load("acme")) == "object@x.example"


def test_a_disabled_plugin_is_listed_and_not_imported(shelf: Shelf, load: Load) -> None:
    shelf.write("acme_module", "raise RuntimeError('imported')")
    shelf.install("acme-plugins", "1.2.0", {"acme": "acme_module"})
    shelf.write("mine", owner_plugin("mine@x.example"))
    plugins = load("mine", discover=True, disable=("acme", "mine"))
    assert [(state.name, state.status, state.problem) for state in plugins.listing()] == [
        ("mine", "disabled", None),
        ("acme", "disabled", None),
    ]
    assert owner(plugins) is None


def test_a_contact_that_says_it_itself_is_not_asked_about(shelf: Shelf, load: Load) -> None:
    shelf.write(
        "asked",
        """
        from contactsync.api import Company, CompanyChoice, SyncAs, SyncAsChoice, hookimpl

        @hookimpl
        def contactsync_sync_as(contact):
            return SyncAsChoice(SyncAs.LEAD, why="because")

        @hookimpl
        def contactsync_company(contact):
            return CompanyChoice(Company("name:acme", "Acme"), why="because")
        """,
    )
    plugins = load("asked")
    choices = plugins.choices(ADA)
    assert choices.company is not None and choices.company.company.name == "Acme"
    assert choices.sync_as is not None and choices.sync_as.sync_as is SyncAs.LEAD
    says_all = plugins.choices(Contact("1", {"sync_as": "contact"}, company=choices.company.company))
    assert (says_all.sync_as, says_all.company) == (None, None)
