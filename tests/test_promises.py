"""What docs/security.md promises is held by the tests that it names, and by these."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import click

from contactsync.cli import main
from tests.fixtures.commands import subcommands

CHECKOUT = Path(__file__).parents[1]
SECURITY = (CHECKOUT / "docs" / "security.md").read_text("utf-8")


def test_every_test_that_the_security_page_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", SECURITY))
    there = {
        name
        for path in (CHECKOUT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    assert len(named) > 20
    assert named - there == set()


def test_every_promise_names_a_test() -> None:
    table = SECURITY.partition("## What is promised")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 12
    assert [row for row in rows[1:] if "`test_" not in row] == []


# ── secrets on a command line ──────────────────────────────────────────────────────────────────────────────────────

FOR_DEVELOPMENT = {"standin"}
"""Its secrets are its own, made up, and open nothing."""


def options(group: click.Group, *above: str) -> list[tuple[str, click.Parameter]]:
    found: list[tuple[str, click.Parameter]] = []
    for name, command in subcommands(group).items():
        if isinstance(command, click.Group):
            found += options(command, *above, name)
        else:
            found += [(" ".join((*above, name)), one) for one in command.params]
    return found


def test_no_command_wants_a_secret_on_its_command_line() -> None:
    """Whatever is a secret may be typed, or read from a file: `ps` and the shell's history show the rest to everybody."""
    secret = re.compile(r"secret|password|token|private|credential|api_key|email")
    wanted = [(command, one) for command, one in options(main) if secret.search(one.name or "")]
    visible = [
        f"{command} {one.opts[0]}"
        for command, one in wanted
        if command not in FOR_DEVELOPMENT
        and not (command.startswith("user ") and one.name == "email")  # whoever runs contactsync, not whom it is about
        and one.type.name != "filename"
        and not (isinstance(one, click.Option) and (one.metavar == "-" or re.search(r"(^| )-( |$)", one.help or "")))
    ]
    assert {command for command, _ in wanted} >= {"connect", "person export", "person erase"}
    assert visible == []


# ── comparing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def compared(source: str) -> list[str]:
    """The comparisons of what is secret that end with the first difference, in a module's source."""
    secret = re.compile(r"secret|signature|candidate|expected|\btoken\b|\.token\b|digest")
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Compare)]
    quick = [node for node in nodes if any(isinstance(op, ast.Eq | ast.NotEq | ast.In) for op in node.ops)]
    return [text for node in quick if secret.search(text := ast.unparse(node))]


def test_secrets_are_compared_in_constant_time() -> None:
    for name in ("intake/signature.py", "intake/door.py", "intake/keyring.py", "web/auth.py", "web/metrics.py"):
        source = (CHECKOUT / "contactsync" / name).read_text("utf-8")
        assert compared(source) == [], name
    assert "compare_digest" in (CHECKOUT / "contactsync" / "intake" / "signature.py").read_text("utf-8")
    assert compared("if sent.token == token: pass") == ["sent.token == token"]
