"""What we run is what we locked, and nothing of it is made of texts that came from elsewhere."""

from __future__ import annotations

import ast
import os
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[1]
LOCKS = ("requirements.txt", "requirements-dev.txt")

# ── the locks ──────────────────────────────────────────────────────────────────────────────────────────────────────


def locked(name: str) -> dict[str, tuple[Requirement, list[str]]]:
    """The lines of a lock by project: what is pinned, and its hashes."""
    text = re.sub(r"\\\n\s*", " ", (CHECKOUT / name).read_text("utf-8"))
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            words = line.split(" --hash=")
            requirement = Requirement(words[0].strip())
            found[canonicalize_name(requirement.name)] = (requirement, [word.strip() for word in words[1:]])
    return found


def asked_for(name: str) -> list[Requirement]:
    document = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    lines = document["project"]["dependencies"]
    if name == "requirements-dev.txt":
        lines = lines + document["dependency-groups"]["dev"]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("name", LOCKS)
def test_every_dependency_is_pinned_with_hashes(name: str) -> None:
    lines = locked(name)
    assert len(lines) > 30
    for requirement, hashes in lines.values():
        assert re.fullmatch(r"==[\w.+!]+", str(requirement.specifier)), requirement
        assert requirement.url is None
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), requirement


@pytest.mark.parametrize("name", LOCKS)
def test_the_locks_hold_what_the_project_asks_for(name: str) -> None:
    lines = locked(name)
    for wanted in asked_for(name):
        pinned, _ = lines[canonicalize_name(wanted.name)]
        (version,) = (spec.version for spec in pinned.specifier)
        assert wanted.specifier.contains(version), f"{wanted} is locked as {version}: run `make lock`"


def test_both_locks_agree() -> None:
    plain, dev = (locked(name) for name in LOCKS)
    assert {
        name: str(pinned) for name, (pinned, _) in plain.items() if name in dev and str(dev[name][0]) != str(pinned)
    } == {}


def test_everything_is_installed_by_hash() -> None:
    makefile = (CHECKOUT / "Makefile").read_text("utf-8")
    for line in re.findall(r"pip install (.*)", makefile):
        assert "--require-hashes -r requirements" in line or "--no-deps --editable ." in line, line


def test_nothing_that_is_installed_contradicts_another() -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# ── no code is made of texts ───────────────────────────────────────────────────────────────────────────────────────

FORBIDDEN_MODULES = frozenset(
    ("pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle", "runpy", "code", "codeop")
)
FORBIDDEN_CALLS = frozenset(
    (
        *("eval", "exec", "compile", "__import__", "importlib.import_module", "import_module", "importlib.reload"),
        *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
        *("yaml.load", "yaml.unsafe_load", "yaml.full_load", "render_template_string"),
        *("types.FunctionType", "ctypes.CDLL"),
    )
)
ALLOWED = {("contactsync/discovery.py", "import_module"), ("contactsync/cli/commands.py", "import_module")}
"""What the operator names in the configuration, plugins, and our own commands out of a table beside: nothing else is ever
imported by name."""


def unsafe(source: str) -> Iterator[str]:
    """What could run a text, in a module's source."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name.partition(".")[0] in FORBIDDEN_MODULES)
            case ast.ImportFrom(module=str(module)):
                whole = {f"{module}.{alias.name}" for alias in node.names}
                if module.partition(".")[0] in FORBIDDEN_MODULES:
                    yield module
                yield from whole & FORBIDDEN_CALLS - {"importlib.import_module"}  # its calls are looked at
            case ast.Call(func=function):
                name = ast.unparse(function)
                if name in FORBIDDEN_CALLS or name.removeprefix("builtins.") in FORBIDDEN_CALLS:
                    yield name
                for keyword in node.keywords:
                    if keyword.arg == "shell" and not (
                        isinstance(keyword.value, ast.Constant) and not keyword.value.value
                    ):
                        yield f"{name}(shell=…)"


def modules() -> list[Path]:
    return [path for folder in ("contactsync", "plugins") for path in sorted((CHECKOUT / folder).rglob("*.py"))]


def test_no_code_is_made_of_texts() -> None:
    assert len(modules()) > 100
    found = {(str(path.relative_to(CHECKOUT)), name) for path in modules() for name in unsafe(path.read_text("utf-8"))}
    assert found == ALLOWED


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import marshal, json",
        "import shelve as kept",
        "def f():\n    import dill",
        "eval('1')",
        "exec(text)",
        "compile(text, '', 'exec')",
        "builtins.eval(text)",
        "__import__(name)",
        "os.system(command)",
        "from os import system",
        "subprocess.run(command, shell=True)",
        "subprocess.run(command, shell=wanted)",
        "yaml.load(text)",
        "importlib.import_module(name)",
        "from importlib import import_module\nimport_module(name)",
        "render_template_string(text)",
    ],
)
def test_a_way_to_run_a_text_would_be_noticed(source: str) -> None:
    assert list(unsafe(source))


@pytest.mark.parametrize(
    "source", ["re.compile('x')", "subprocess.run(words, shell=False)", "model.eval()", "import json"]
)
def test_what_only_looks_like_one_is_none(source: str) -> None:
    assert not list(unsafe(source))


# ── the audit ──────────────────────────────────────────────────────────────────────────────────────────────────────

AUDIT = CHECKOUT / "bin" / "audit.py"
verdict = runpy.run_path(str(AUDIT))["verdict"]


def audited(text: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    lock = tmp_path / "lock.txt"
    lock.write_text(text, "utf-8")
    command = [sys.executable, str(AUDIT), str(lock)]
    whole = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=whole, timeout=60)


def test_an_advisory_database_out_of_reach_is_said_with_a_status_of_its_own(tmp_path: Path) -> None:
    line = f"click==8.1.0 --hash=sha256:{'0' * 64}\n"
    nobody = "http://127.0.0.1:9"
    done = audited(line, tmp_path, HTTPS_PROXY=nobody, https_proxy=nobody, NO_PROXY="", no_proxy="")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "could not be asked" in done.stdout


def test_the_verdict_of_an_audit_is_good_only_when_everything_was_asked_about() -> None:
    good = {"name": "click", "version": "8.1.0", "vulns": []}
    skipped = {"name": "flask", "skip_reason": "not found"}
    bad = {"name": "redis", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
    assert verdict([good])[0] == 0
    assert verdict([good, skipped])[0] == 3
    assert verdict([])[0] == 3
    status, lines = verdict([good, skipped, bad])
    assert status == 1
    assert "redis 1.0: PYSEC-1 (mended in 1.1)" in lines


def test_the_audit_is_a_make_target_and_ci_goes_on_when_nobody_can_be_asked() -> None:
    assert "bin/audit.py" in (CHECKOUT / "Makefile").read_text("utf-8")
    assert "make audit" in (CHECKOUT / ".ci" / "run").read_text("utf-8")
