"""Field mappings from TOML files: those that come with contactsync, and those of a directory that the operator names.

A file `acme.toml` is the mapping `acme`. config/mappings/salesforce.toml explains the form. A file that says nothing of
campaigns or meetings, as those from before there were any, has the rules for them that come with contactsync.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from contactsync.api import (
    MAPPED_KINDS,
    FieldMapping,
    Misconfigured,
    NamedMapping,
    Options,
    RefusedInput,
    hookimpl,
    rules_from_json,
)

CONTACTSYNC_OPTIONS: Options = {
    "directory": "",  # of further *.toml files; one of them replaces the mapping of its name that comes with contactsync
}

_LATER_KINDS = ("campaign", "meeting")


@hookimpl
def contactsync_mappings(options: Options) -> list[NamedMapping]:
    """One mapping for each file, by the file's name."""
    found = {file.name.removesuffix(".toml"): file for file in _files(files("contactsync_config.mappings"))}
    if options["directory"]:
        directory = Path(options["directory"]).expanduser()
        if not directory.is_dir():
            raise Misconfigured(f"plugins.options.toml_mappings.directory: there is no directory {directory}")
        found |= {file.name.removesuffix(".toml"): file for file in _files(directory)}
    return [NamedMapping(name, read_mapping(file)) for name, file in found.items()]


def _files(directory: Traversable) -> Iterator[Traversable]:
    yield from sorted((file for file in directory.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)


def read_mapping(file: Traversable) -> FieldMapping:
    """A mapping from one file. Raises Misconfigured with the file, and the path of each thing that is wrong in it."""
    document = _document(file)
    if not document.keys() >= set(_LATER_KINDS):
        bundled = _document(files("contactsync_config.mappings") / "salesforce.toml")
        document = {kind: bundled[kind] for kind in _LATER_KINDS} | document
    wrong = {kind: f"no such kind; a mapping has {', '.join(MAPPED_KINDS)}" for kind in document.keys() - MAPPED_KINDS}
    rules = {}
    for kind in MAPPED_KINDS:
        try:
            rules[kind] = rules_from_json(kind, document.get(kind, {}))
        except RefusedInput as error:
            wrong |= {f"{kind}.{path}": str(message) for path, message in error.fields.items()}
    if wrong:
        lines = "; ".join(f"{path}: {message}" for path, message in sorted(wrong.items()))
        raise Misconfigured(f"the mapping {file} is wrong: {lines}")
    return FieldMapping(rules)


def _document(file: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"the mapping {file} cannot be read: {type(error).__name__}") from error
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"the mapping {file} is not TOML: {error}") from error
