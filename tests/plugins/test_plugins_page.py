"""docs/plugins.md and the hooks' docstrings: every example on them runs."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from contactsync import hooks
from contactsync.api import (
    Action,
    Company,
    Connection,
    Contact,
    CrmTarget,
    FinishedRun,
    Problem,
    RecordKind,
    Step,
    SyncAs,
    SyncStatus,
    Wanted,
    WriteMode,
    rules_as_json,
    rules_from_json,
)
from contactsync.config import Config
from contactsync.hooks import HOOKS, SPECS, Plugins
from tests.plugins.conftest import Shelf

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "plugins.md").read_text("utf-8")
FILES = dict(re.findall(r"```python\n# file: (\w+)\.py\n(.*?)```", PAGE, re.DOTALL))
CONFIGURATIONS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
Load = Callable[..., Plugins]


def example_of(spec: Callable[..., object]) -> str:
    _, _, example = (inspect.getdoc(spec) or "").partition("Example::\n")
    return dedent(example)


def keeper() -> object:
    raise AssertionError("no token is needed")


# ── the hooks ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("spec", SPECS, ids=HOOKS)
def test_every_hook_is_on_the_page_with_its_signature(spec: Callable[..., object]) -> None:
    arguments = ", ".join(inspect.signature(spec).parameters)
    assert f"`{spec.__name__}({arguments})`" in PAGE


@pytest.mark.parametrize("spec", SPECS, ids=HOOKS)
def test_every_hook_is_typed_and_says_what_it_is_for(spec: Callable[..., object]) -> None:
    signature = inspect.signature(spec)
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(each.annotation is not inspect.Parameter.empty for each in signature.parameters.values())
    assert len((inspect.getdoc(spec) or "").splitlines()[0]) > 20


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_implemented_by_some_plugin_in_these_tests(hook: str) -> None:
    sources = [file.read_text("utf-8") for file in Path(__file__).parent.glob("*.py")]
    assert any(f"def {hook}(" in source for source in sources)


def test_every_hook_of_the_module_is_listed() -> None:
    marked = {name for name in dir(hooks) if name.startswith("contactsync_")}
    assert marked == set(HOOKS)


@pytest.mark.parametrize("spec", SPECS, ids=HOOKS)
def test_the_example_of_every_hook_is_a_plugin_that_loads(
    spec: Callable[..., object], shelf: Shelf, load: Load
) -> None:
    shelf.write("example", example_of(spec))
    (state,) = load("example").listing()
    assert (state.status, state.hooks, state.problem) == ("loaded", (spec.__name__,), None)


def test_the_examples_answer_what_they_promise(shelf: Shelf, load: Load, tmp_path: Path) -> None:
    for spec in SPECS:
        shelf.write(f"example_{spec.__name__}", example_of(spec))
    plugins = load(*(f"example_{hook}" for hook in HOOKS))
    target = plugins.target_type("acme").connect(Connection({"directory": str(tmp_path)}, {}, tokens=keeper))  # type: ignore[arg-type]
    assert isinstance(target, CrmTarget)
    assert plugins.mapping("acme").rules["lead"][2].mode is WriteMode.IF_EMPTY
    choices = plugins.choices(
        Contact("1", {"email": "ada@acme.example", "address.country": "DE", "custom.customer_number": 7})
    )
    assert choices.owner is not None and choices.owner.email == "dach-sales@example.com"
    assert choices.sync_as is not None and choices.sync_as.sync_as is SyncAs.CONTACT
    assert choices.company is not None and choices.company.company == Company("name:acme", "Acme", "acme.example")
    nothing = plugins.choices(Contact("2", {"email": "ada@engines.example"}))
    assert (nothing.owner, nothing.sync_as, nothing.company) == (None, None, None)
    problem = Problem("x", "The field is too long.", "Shorten it.")
    plugins.run_finished(FinishedRun("acme", "1", SyncStatus.NEEDS_ATTENTION, problem=problem))
    plugins.run_finished(FinishedRun("acme", "1", SyncStatus.SYNCED))
    assert shelf.module("example_contactsync_run_finished").held == ["acme: The field is too long."]


# ── the page ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_shows_three_whole_plugins() -> None:
    assert set(FILES) == {"mapping_plugin", "territories", "jsonl_target"}


def plugins_of_page(number: int, shelf: Shelf) -> Plugins:
    """The plugins under the configuration that the page shows with them."""
    for name, source in FILES.items():
        shelf.write(name, source)
    return Plugins.load(Config.parse(CONFIGURATIONS[number]))


def test_the_mapping_plugin_of_the_page_replaces_the_mapping(shelf: Shelf) -> None:
    plugins = plugins_of_page(0, shelf)
    config = Config.parse(CONFIGURATIONS[0])
    mapping = plugins.mapping(config.sync.mapping_for("salesforce"))
    targets = {rule.source: rule.target for rule in mapping.of(RecordKind.LEAD)}
    assert targets["custom.shoe_size"] == "Shoe_Size__c"
    assert targets["custom.badge_color"] == "Badge_Color__c"
    for kind, rules in mapping.rules.items():
        assert rules_from_json(kind, rules_as_json(rules)) == rules
    assert plugins.complaints(config) == ()


def test_the_owner_plugin_of_the_page_goes_before_the_bundled_one(shelf: Shelf) -> None:
    plugins = plugins_of_page(1, shelf)
    owner = {"owner_email": "olga@x.example"}
    german = plugins.choices(Contact("1", {**owner, "address.country": "DE"})).owner
    french = plugins.choices(Contact("1", {**owner, "address.country": "FR"})).owner
    assert german is not None and german.email == "dach-sales@example.com"
    assert french is not None and french.email == "olga@x.example"


def test_the_target_of_the_page_is_the_one_that_comes_along() -> None:
    assert FILES["jsonl_target"] == (CHECKOUT / "plugins" / "jsonl_target.py").read_text("utf-8")


def test_the_target_of_the_page_writes_and_finds(shelf: Shelf, load: Load, tmp_path: Path) -> None:
    shelf.write("jsonl_target", FILES["jsonl_target"])
    kind = load("jsonl_target").target_type("jsonl")
    target = kind.connect(Connection({"directory": str(tmp_path)}, {}, tokens=keeper))  # type: ignore[arg-type]
    (made,) = target.apply([Step("a", Action.CREATE, RecordKind.LEAD, fields={"Email": "Ada@x.example"})])
    (person,) = target.look_up(Wanted(emails={RecordKind.LEAD: frozenset({"ada@x.example"})})).people
    assert person.ref == made.ref


def test_every_configuration_of_the_page_can_be_used(shelf: Shelf) -> None:
    for number, text in enumerate(CONFIGURATIONS):
        assert tomllib.loads(text)
        plugins = plugins_of_page(number, shelf)
        assert [state.problem for state in plugins.listing()] == [None] * len(plugins.listing())
        assert plugins.complaints(Config.parse(text)) == ()


def test_the_page_explains_every_way_of_being_broken() -> None:
    explained = re.findall(r"^\| ([a-z][a-z A-Z]+) \|", PAGE.partition("## When a plugin is broken")[2], re.MULTILINE)
    texts = " ".join(inspect.getsource(module) for module in (hooks, inspect.getmodule(hooks.PluginState)))
    pluggys = {"unknown hook", "can not be found in the hookspec"}
    for words in set(explained) - pluggys - {"it says"}:
        assert words in texts or words.replace("its name is taken", "is taken by") in texts, words
