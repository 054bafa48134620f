"""The tables of docs/matching.md and docs/problems.md are those of the code, and what they promise is what the plan does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from contactsync.cli.docs import BY_ITSELF, HEADINGS, MODES, heading_of, made_anew, main
from contactsync.config import Config
from contactsync.domain.crm import Mend, Problem
from contactsync.domain.known_problems import CORE_PROBLEMS, MENDED_BY, problem_shown
from contactsync.domain.mapping import WriteMode
from contactsync.domain.plan import plan
from contactsync.domain.policy import Policies
from contactsync.domain.policy_json import policies_as_json
from contactsync.domain.values import mark_of
from contactsync.hooks import Plugins
from tests.domain.made import found, lead, mapping_with, person_step, ready, ref, rule

CHECKOUT = Path(__file__).parents[1]
PAGES = [CHECKOUT / "docs" / name for name in ("matching.md", "problems.md")]
MATCHING, PROBLEMS = (page.read_text("utf-8") for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_are_those_of_the_code(page: Path) -> None:
    text = page.read_text("utf-8")
    assert made_anew(text) == text, "run: python -m contactsync.cli.docs docs/matching.md docs/problems.md"


def test_a_table_that_was_changed_by_hand_is_noticed_and_written_anew(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(MATCHING.replace("| `if_ours` |", "| `if_mine` |"), "utf-8")
    assert main(["--check", str(page)]) == 1
    assert main([str(page)]) == 0
    assert page.read_text("utf-8") == MATCHING
    assert main(["--check", str(page)]) == 0


def test_every_policy_and_every_write_mode_is_on_the_page() -> None:
    for name in policies_as_json(Policies()):
        assert f"| `{name}` |" in MATCHING
    assert set(MODES) == set(WriteMode)
    for mode in WriteMode:
        assert f"| `{mode}` |" in MATCHING


@pytest.mark.parametrize("mode", WriteMode)
@pytest.mark.parametrize("ours", [False, True], ids=["a person wrote it", "contactsync wrote it"])
def test_the_example_of_each_write_mode_is_what_the_plan_does(mode: WriteMode, ours: bool) -> None:
    _, held, said, then = MODES[mode]
    if mode is WriteMode.IF_OURS:
        by_person, _, by_us = then.partition(", if a person wrote it; ")
        then = by_us.removesuffix(", if contactsync did") if ours else by_person
    written = {ref(lead().ref.kind, 1): {"Title": mark_of(held)}} if ours else {}
    rules = mapping_with("lead", rule("title", "Title", mode.value))
    made = plan([ready(title=said)], found(lead(Title=held)), rules, Policies(), written=written)
    assert person_step(made).fields.get("Title", held) == then


READ_PROBLEMS = ("known_problems.py", "problems.py", "queue.py")
"""They make no problem of their own: they read kept ones."""


def problems_in_the_code() -> Iterator[str]:
    """The codes of all problems that the core makes, also by a function `_problem(code, …)`."""
    for file in (CHECKOUT / "contactsync").rglob("*.py"):
        if file.name in READ_PROBLEMS or "standin" in file.parts:
            continue
        tree = ast.parse(file.read_text("utf-8"))
        constants = {
            each.targets[0].id: each.value
            for each in tree.body
            if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Problem", "_problem"):
                code = next((named.value for named in node.keywords if named.arg == "code"), None)
                code = code or (node.args[0] if node.args else None)
                code = constants.get(code.id, code) if isinstance(code, ast.Name) else code
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    yield code.value


def test_every_problem_that_the_core_makes_is_in_its_catalogue_and_on_the_page() -> None:
    made = set(problems_in_the_code())
    assert made == {problem.code for problem in CORE_PROBLEMS}
    for code in made:
        assert f"| `{code}`" in PROBLEMS


def test_every_problem_of_salesforce_is_on_the_page_with_who_can_fix_it() -> None:
    known = Plugins.load(Config()).target_type("salesforce").problems
    assert len(known) >= 30
    for problem in known:
        _, _, below = PROBLEMS.partition(f"### {heading_of(problem)}\n")
        assert f"| `{problem.code}`" in below
        assert heading_of(problem) == BY_ITSELF or problem.who in HEADINGS
        assert problem.cause
        assert problem.fix
    assert "{" not in PROBLEMS


def test_a_problem_says_what_makes_it_go_in_plain_words() -> None:
    assert set(MENDED_BY) == set(Mend)
    problem = Problem("c", "Cause.", "Fix.", "developer", ("Title",), "Lead", (Mend.MAPPING, Mend.CRM))
    shown = problem_shown(problem)
    assert shown["mended_by"] == [MENDED_BY[Mend.MAPPING], MENDED_BY[Mend.CRM]]
    assert (shown["id"], shown["object"], shown["fields"]) == (problem.key, "Lead", ["Title"])
    kept = {
        "code": "c",
        "cause": "Cause.",
        "fix": "Fix.",
        "who": "developer",
        "fields": ["Title"],
    }  # of an older version
    assert problem_shown(kept)["mended_by"] == []
    assert problem_shown(kept)["object"] is None
