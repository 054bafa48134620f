"""Field mappings from TOML files: those that come with contactsync, and those of a directory that the operator names.

A file `acme.toml` is the mapping `acme`. config/mappings/salesforce.toml explains the form.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from contactsync.api import (
    MAPPED_KINDS,
    FieldMapping,
    FieldRule,
    Misconfigured,
    NamedMapping,
    Options,
    WriteMode,
    hookimpl,
)

CONTACTSYNC_OPTIONS: Options = {
    "directory": ""
}  # further *.toml files; a mapping here replaces the bundled one of its name


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
    """A mapping from one file. Raises Misconfigured with the file and the path of what is wrong."""
    document = tomllib.loads(file.read_text("utf-8"))
    return FieldMapping({kind: _rules(table) for kind, table in document.items() if kind in MAPPED_KINDS})


def _rules(table: Mapping[str, list[dict[str, object]]]) -> tuple[FieldRule, ...]:
    return tuple(FieldRule(**{**rule, "mode": WriteMode(rule.get("mode", "always"))}) for rule in table["rules"])  # type: ignore[arg-type]
