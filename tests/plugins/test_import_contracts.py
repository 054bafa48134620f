"""The boundaries of .importlinter hold, and each of them would notice a violation."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
CONTRACTS = CHECKOUT / ".importlinter"

PLANTS = {
    "domain": ("contactsync.domain.names", "requests"),
    "layers": ("contactsync.store.tables", "contactsync.sync.parts"),
    "api": ("contactsync.sync.parts", "contactsync.api"),
    "core-without-plugins": ("contactsync.bootstrap", "contactsync_plugins.owner_by_email"),
    "plugins": ("contactsync_plugins.owner_by_email", "contactsync.store.tables"),
    "plugins-apart": ("contactsync_plugins.owner_by_email", "contactsync_plugins.toml_mappings"),
    "api-is-light": ("contactsync.domain.records", "redis"),
    "pluggy": ("contactsync.loading", "pluggy"),
    "sentry": ("contactsync.sync.turn", "sentry_sdk"),
    "rq": ("contactsync.sync.org", "rq"),
    "sqlalchemy": ("contactsync.sync.batch", "sqlalchemy"),
    "flask": ("contactsync.sync.actions", "flask"),
    "marshmallow": ("contactsync.store.orgs", "marshmallow"),
    "simple-salesforce": ("contactsync.sync.targets", "simple_salesforce"),
    "authlib": ("contactsync.sync.signing_in", "authlib"),
    "argon2": ("contactsync.store.users", "argon2"),
    "standin": ("contactsync.web.app", "contactsync.standin.server"),
}
"""A violation for each contract: who imports what it may not."""


def lint(directory: Path) -> tuple[int, str]:
    environ = {**os.environ, "PYTHONPATH": str(directory), "COLUMNS": "500"}
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(command, cwd=directory, env=environ, capture_output=True, text=True, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def names_of_contracts() -> dict[str, str]:
    reader = configparser.ConfigParser()
    reader.read_string(CONTRACTS.read_text("utf-8"))
    parts = (section.split(":") for section in reader.sections())
    return {part[2]: reader[":".join(part)]["name"] for part in parts if len(part) == 3}


def test_the_code_keeps_every_contract() -> None:
    status, said = lint(CHECKOUT)
    assert status == 0, said


def test_every_contract_notices_a_violation(tmp_path: Path) -> None:
    names = names_of_contracts()
    assert set(PLANTS) == set(names), "each contract needs a planted violation"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "contactsync", tmp_path / "contactsync", ignore=ignore)
    shutil.copytree(CHECKOUT / "plugins", tmp_path / "contactsync_plugins", ignore=ignore)
    shutil.copy(CONTRACTS, tmp_path)
    for importer, imported in PLANTS.values():
        module = tmp_path / Path(*importer.split(".")).with_suffix(".py")
        module.write_text(f"{module.read_text('utf-8')}\nimport {imported}\n", "utf-8")
    status, said = lint(tmp_path)
    assert status == 1
    for contract, (importer, imported) in PLANTS.items():
        assert f"{names[contract]} BROKEN" in said
        assert f"{importer} -> {imported}" in said, contract
