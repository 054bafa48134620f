"""The configuration file, checked: what is wrong is refused at start with its path and a hint.

Every key is a field of one of the section classes below; type, default and range stand there once. A number of [sync]
or [intake] may also come from the environment, as `CONTACTSYNC_<SECTION>_<KEY>`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from contactsync.domain.errors import Misconfigured

BUNDLED_PLUGINS = (
    "contactsync_plugins.salesforce",
    "contactsync_plugins.toml_mappings",
    "contactsync_plugins.owner_by_email",
    "contactsync_plugins.company_from_domain",
)


def _number(default: float, least: float, most: float) -> Any:
    """A number with its range; an int as default means that only whole numbers will do."""
    return field(default=default, metadata={"least": least, "most": most})


@dataclass(frozen=True)
class PluginsConfig:
    """[plugins]: which plugins are loaded, in which order, with which options."""

    load: tuple[str, ...] = BUNDLED_PLUGINS  # dotted module names, or names of installed entry points
    discover: bool = True  # also load installed entry points that `load` does not name, after those it names
    disable: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # by the plugin's name


@dataclass(frozen=True)
class SyncConfig:
    """[sync]: how work is cut and how often it is tried. Seconds unless the name says otherwise."""

    batch_size: int = _number(5000, 1, 10_000)
    lease_seconds: float = _number(60.0, 1, 3600)
    slice_seconds: float = _number(10.0, 0.1, 600)
    retry_first_seconds: float = _number(2.0, 0.1, 3600)
    retry_most_seconds: float = _number(3600.0, 1, 86_400)
    clock_seconds: float = _number(5.0, 0.1, 300)
    mappings: Mapping[str, str] = field(default_factory=lambda: {"salesforce": "salesforce"})  # target → mapping's name

    def mapping_for(self, target: str) -> str:
        """The name of the mapping that a target uses; its own name where [sync.mappings] says nothing."""
        return self.mappings.get(target, target)


@dataclass(frozen=True)
class IntakeConfig:
    """[intake]: what the webhook doors let in."""

    max_per_second: float = _number(0.0, 0, 100_000)  # per org and web process; 0 = no limit
    tolerance_seconds: int = _number(300, 1, 3600)
    max_bytes: int = _number(1_048_576, 1024, 16_777_216)
    most_waiting: int = _number(100_000, 1, 1_000_000)  # deliveries of an org that no worker has brought in yet
    most_waiting_megabytes: int = _number(1024, 1, 1_000_000)  # and their bodies together
    request_seconds: float = _number(10.0, 0.1, 300)  # from its connection until a request is there whole


@dataclass(frozen=True)
class Config:
    """The whole file. Each section is a value: a test builds the ones it needs."""

    plugins: PluginsConfig = PluginsConfig()
    sync: SyncConfig = SyncConfig()
    intake: IntakeConfig = IntakeConfig()

    @classmethod
    def read(cls, path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
        """From a file, else from the one that comes with contactsync. Raises Misconfigured."""
        if path is None:
            bundled = files("contactsync_config").joinpath("contactsync.toml")
            return cls.parse(bundled.read_text("utf-8"), environ=environ)
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(
                f"the configuration file {path} cannot be read ({error.__class__.__name__}): "
                "name an existing TOML file in CONTACTSYNC_CONFIG, or leave the variable out"
            ) from error
        return cls.parse(text, str(path), environ)

    @classmethod
    def parse(cls, text: str, where: str = "contactsync.toml", environ: Mapping[str, str] | None = None) -> Config:
        """From TOML text; `where` names it in errors."""
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise Misconfigured(f"{where} is not TOML: {error}") from error
        _refuse_secrets(document, where)
        reader = _Reader(where, environ or {})
        reader.known(document, [each.name for each in fields(cls)], "")
        config = cls(
            plugins=reader.section(PluginsConfig, document, "plugins"),
            sync=reader.section(SyncConfig, document, "sync"),
            intake=reader.section(IntakeConfig, document, "intake"),
        )
        if config.sync.retry_most_seconds < config.sync.retry_first_seconds:
            raise Misconfigured(
                f"{where}: sync.retry_most_seconds is less than sync.retry_first_seconds: the longest pause between "
                "attempts cannot be shorter than the first"
            )
        return config


Section = TypeVar("Section")


@dataclass(frozen=True)
class _Reader:
    """Reads tables into section classes; every refusal names the file (or the variable) and the path of the key."""

    where: str
    environ: Mapping[str, str]

    def section(self, kind: type[Section], document: Mapping[str, object], name: str) -> Section:
        keys = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]
        table = self.table(document.get(name, {}), name)
        self.known(table, list(keys), name)
        values = {key: self.value(value, keys[key], f"{name}.{key}") for key, value in table.items()}
        return kind(**{**values, **self.overrides(keys, name)})

    def overrides(self, keys: Mapping[str, Field[Any]], name: str) -> Mapping[str, object]:
        """The numbers of a section that the environment sets."""
        prefix = f"CONTACTSYNC_{name.upper()}_"
        numbers = {key.upper(): each for key, each in keys.items() if "least" in each.metadata}
        values = {}
        for variable, text in self.environ.items():
            if not variable.startswith(prefix):
                continue
            key = variable.removeprefix(prefix)
            if key not in numbers:
                raise Misconfigured(
                    f"{variable} names no number of [{name}]{_hint(key, list(numbers))}; known are {', '.join(numbers)}"
                )
            values[key.lower()] = _number_in_range(_as_number(text.strip()), numbers[key], variable)
        return values

    def value(self, value: object, field: Field[Any], path: str) -> object:
        """One key's value, by the type of its default."""
        default = field.default if field.default is not MISSING else {}
        if "least" in field.metadata:
            return _number_in_range(value, field, f"{self.where}: {path}")
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise Misconfigured(f"{self.where}: {path} is {_kind(value)}: write true or false")
            return value
        if isinstance(default, tuple):
            return self.names(value, path)
        return self.tables(value, path) if field.name == "options" else self.texts(value, path)

    def names(self, value: object, path: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(each, str) and each.strip() for each in value):
            raise Misconfigured(f'{self.where}: {path} is {_kind(value)}: write a list of names, as ["one", "two"]')
        twice = sorted({each for each in value if value.count(each) > 1})
        if twice:
            raise Misconfigured(f"{self.where}: {path} names {', '.join(twice)} twice: keep the first")
        return tuple(value)

    def texts(self, value: object, path: str) -> Mapping[str, str]:
        table = self.table(value, path)
        for key, each in table.items():
            if not isinstance(each, str) or not each.strip():
                raise Misconfigured(f"{self.where}: {path}.{key} is {_kind(each)}: write a name in quotes")
        return {key: str(each) for key, each in table.items()}

    def tables(self, value: object, path: str) -> Mapping[str, Mapping[str, object]]:
        return {key: self.table(each, f"{path}.{key}") for key, each in self.table(value, path).items()}

    def table(self, value: object, path: str) -> Mapping[str, object]:
        if not isinstance(value, dict):
            raise Misconfigured(f"{self.where}: {path} is {_kind(value)}: write it as a table, [{path}]")
        return value

    def known(self, table: Mapping[str, object], names: list[str], path: str) -> None:
        for key in table:
            if key not in names:
                what = f"{path}.{key}" if path else f"[{key}]"
                known = ", ".join(names)
                raise Misconfigured(f"{self.where}: {what} is not known{_hint(key, names)}; known are {known}")


def _number_in_range(value: object, field: Field[Any], path: str) -> float:
    whole = isinstance(field.default, int)
    least, most = field.metadata["least"], field.metadata["most"]
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(value, int if whole else (int, float)) and number and least <= value <= most:
        return value if whole else float(value)
    wanted = "a whole number" if whole else "a number"
    raise Misconfigured(f"{path} is {value if number else _kind(value)}: write {wanted} from {least} to {most}")


def _as_number(text: str) -> object:
    """The text as a number, else the text itself."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _hint(word: str, words: list[str]) -> str:
    near = get_close_matches(word, words, n=1)
    return f": did you mean {near[0]}?" if near else ""


def _kind(value: object) -> str:
    """The type of a value in TOML's words; the value itself stays out of messages."""
    names = {bool: "true or false", str: "text", list: "a list", dict: "a table", int: "a number", float: "a number"}
    return names.get(type(value), f"a {type(value).__name__}")


# ── secrets never stand in configuration files ─────────────────────────────────────────────────────────────────────

_SECRET_KEY = re.compile(
    r"(^|_)(secrets?|passwords?|passwd|pwd|passphrase|tokens?|credentials?|dsn|(api|private|access|signing|encryption)_?keys?)(_|$)"
)
_SECRET_VALUE = re.compile(r"whsec_|whsk_|cst_|-----BEGIN|^[a-z+]+://[^/\s]*:[^/\s]*@", re.IGNORECASE)


def _refuse_secrets(document: Mapping[str, object], where: str) -> None:
    for path, key, value in _leaves(document, ""):
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").lower()
        if _SECRET_KEY.search(words) or (isinstance(value, str) and _SECRET_VALUE.search(value)):
            raise Misconfigured(
                f"{where}: {path} looks like a secret: configuration files are shared and kept in version control. "
                "Take it out and change it; contactsync's own keys belong in CONTACTSYNC_SECRET_KEYS, an org's "
                "credentials in `contactsync connect`"
            )


def _leaves(value: object, path: str) -> Iterator[tuple[str, str, object]]:
    """Every key with its path and value, tables and lists opened."""
    if isinstance(value, dict):
        for key, each in value.items():
            inner = f"{path}.{key}" if path else key
            yield inner, key, each
            yield from _leaves(each, inner)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield f"{path}.{number}", "", each
            yield from _leaves(each, f"{path}.{number}")
