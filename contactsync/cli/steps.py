"""Steps on the terminal: what becomes of each record, field by field, old → new, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_STYLES = {"create": "green", "update": "yellow", "remove": "red", "leave": "dim"}
_WORDS = {"create": "to create", "update": "to update", "remove": "to remove", "leave": "unchanged"}
MOST_CHARACTERS = 200


def print_step(console: Console, step: Mapping[str, Any], *, done: bool = False) -> None:
    """One step: its record, its reasons, a table of what changes (or changed: `done`), and what stays although a rule names
    it.
    """
    named = f" {step['crm_id']}" if step["crm_id"] else ""
    style = _STYLES.get(step["action"], "bold")
    console.print(f"[bold {style}]{step['action']}[/bold {style}] {escape(step['object'] + named)}", soft_wrap=True)
    for line in step["why"]:
        console.print(f"  {line}", style="dim", markup=False, soft_wrap=True)
    if step.get("problem"):
        console.print(f"  Failed: {step['problem']}", style="red", markup=False)
    if step["fields"] and step["action"] != "leave":
        console.print(_changes(step["fields"], ("Before", "After") if done else ("Now", "Then")))
    for name, why in step.get("left", {}).items():
        console.print(f"  {name} stays: {why}", style="dim", markup=False, soft_wrap=True)


def _changes(fields: Mapping[str, Mapping[str, Any]], times: tuple[str, str]) -> Table:
    reasons = any(change.get("why") for change in fields.values())
    table = Table("Field", *times, *(["Why"] if reasons else []))
    for name, change in fields.items():
        cells = [name, text(change["old"]), text(change["new"])]
        table.add_row(*(escape(cell) for cell in cells), *([escape(change.get("why", ""))] if reasons else []))
    return table


def text(value: object) -> str:
    """A CRM value in a cell."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    said = str(value)
    return said if len(said) <= MOST_CHARACTERS else said[:MOST_CHARACTERS] + "…"


def print_problem(console: Console, problem: Mapping[str, Any]) -> None:
    """What is wrong, what to do about it, and who can."""
    console.print(problem["cause"], style="red", markup=False, soft_wrap=True)
    console.print(f"  {problem['fix']} ({problem['who']})", markup=False, soft_wrap=True)


def totals_in_words(totals: Mapping[str, Mapping[str, int]]) -> Iterable[str]:
    """ "Lead: 3 to create, 1 to update, 40 unchanged", object by object."""
    for name, counts in totals.items():
        said = [f"{counts[action]:,} {words}" for action, words in _WORDS.items() if counts.get(action)]
        yield f"{name}: {', '.join(said)}"
