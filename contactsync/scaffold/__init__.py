"""A start for a plugin: a small package that works, with a test, made from the templates beside this file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

from contactsync.domain.errors import RefusedInput

KINDS: Mapping[str, str] = {
    "mapping": "Which field goes to which field of the CRM.",
    "owner": "Who owns a contact's record.",
    "target": "A CRM.",
}
"""What `contactsync plugins new` can make, and the first line of what it makes."""


def new_plugin(kind: str, name: str, into: Path) -> Path:
    """Write the package to `<into>/<name>` and answer that folder. Raises RefusedInput; never writes over anything.

    `name`: lower-case letters, digits and hyphens, such as `territory-owner`; the module has underscores instead.
    """
    if kind not in KINDS:
        raise RefusedInput(f"there is no kind {kind} of plugin: write one of {', '.join(KINDS)}")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or len(name) > 50:
        raise RefusedInput(
            "a plugin's name is made of lower-case letters, digits and hyphens, and begins with a letter: territory-owner"
        )
    folder = into / name
    module = name.replace("-", "_")
    if module.partition("_")[0] == "contactsync" or module == "tests":
        raise RefusedInput(f"the name {name} is taken: choose one that says whose plugin it is")
    words = {"name": name, "module": module, "title": name.replace("-", " ").capitalize(), "about": KINDS[kind]}
    written = {
        "pyproject.toml": "pyproject.txt",
        f"{module}.py": f"{kind}.txt",
        f"tests/test_{module}.py": f"test_{kind}.txt",
    }
    try:
        folder.mkdir(parents=True)
        (folder / "tests").mkdir()
        for path, template in written.items():
            text = files(__package__).joinpath(template).read_text("utf-8")
            (folder / path).write_text(Template(text).substitute(words), "utf-8")
    except FileExistsError as error:
        raise RefusedInput(f"{folder} is there already: choose another name or another folder") from error
    except OSError as error:
        raise RefusedInput(f"{folder} cannot be written ({type(error).__name__}): choose another folder") from error
    return folder
