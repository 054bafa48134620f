"""What the environment says: where things are, how they are reached, the keys."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from contactsync.config import Config
from contactsync.domain.errors import Misconfigured
from contactsync.reporting import Reporting

LEAST_KEY_LENGTH = 16

VARIABLES = (
    "CONTACTSYNC_BASE_URL",
    "CONTACTSYNC_CONFIG",
    "CONTACTSYNC_METRICS_TOKEN",
    "CONTACTSYNC_OIDC_CLIENT_ID",
    "CONTACTSYNC_OIDC_CLIENT_SECRET",
    "CONTACTSYNC_OIDC_ISSUER",
    "CONTACTSYNC_PROXIES",
    "CONTACTSYNC_SECRET_KEYS",
    "CONTACTSYNC_VAR",
)
"""Our own variables, beside the numbers of the configuration (CONTACTSYNC_SYNC_…, CONTACTSYNC_INTAKE_…)."""


@dataclass(frozen=True)
class Oidc:
    """Where users may sign in instead of with a password: an OpenID Connect provider. `issuer`: exactly as it calls itself."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """Everything that differs between machines. `repr` shows no secret."""

    database_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    secret_keys: tuple[str, ...] = field(repr=False)
    var: Path
    port: int = 8000
    web_concurrency: int | None = None
    config: Config = field(default_factory=Config)
    proxies: int = 0  # how many in front of us may be believed about who asks
    metrics_token: str | None = field(default=None, repr=False)  # None: /metrics answers private addresses only
    base_url: str | None = None  # where browsers find the web process, without a slash at the end
    reporting: Reporting | None = None  # None: errors are in the log, and nowhere else
    oidc: Oidc | None = None  # None: the console is entered with passwords alone

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read once at start. Raises Misconfigured with the variable's name and what to write there.

        With SQLite and no CONTACTSYNC_SECRET_KEYS, the key is kept in `<var>/secret.key`, made on first use.
        """
        said = {name: value.strip() for name, value in environ.items() if value.strip()}
        _refuse_misspelt(said)
        var = Path(said.get("CONTACTSYNC_VAR") or default_var()).expanduser().absolute()
        database_url = _database_url(said.get("DATABASE_URL"), var)
        path = said.get("CONTACTSYNC_CONFIG")
        return cls(
            database_url=database_url,
            redis_url=_redis_url(said.get("REDIS_URL")),
            secret_keys=_secret_keys(said.get("CONTACTSYNC_SECRET_KEYS"), database_url, var),
            var=var,
            port=_whole_number(said, "PORT", 1, 65535) or 8000,
            web_concurrency=_whole_number(said, "WEB_CONCURRENCY", 1, 1000),
            config=Config.read(Path(path).expanduser() if path else None, said),
            proxies=_proxies(said),
            metrics_token=_metrics_token(said.get("CONTACTSYNC_METRICS_TOKEN")),
            base_url=_base_url(said.get("CONTACTSYNC_BASE_URL")),
            reporting=_reporting(said),
            oidc=_oidc(said),
        )


def _refuse_misspelt(said: Mapping[str, str]) -> None:
    """A key under CONTACTSYNC_SECRET_KEY would be ignored, and another one made in its place."""
    for name in said:
        if name.startswith("CONTACTSYNC_") and name not in VARIABLES:
            near = get_close_matches(name, VARIABLES, n=1, cutoff=0.85)
            if near:
                raise Misconfigured(f"{name} is not known: did you mean {near[0]}?")


def default_var() -> Path:
    """`var` of the checkout when we run from one, else of the present directory."""
    checkout = Path(__file__).parent.parent
    return checkout / "var" if (checkout / "pyproject.toml").is_file() else Path("var")


def _database_url(url: str | None, var: Path) -> str:
    """The URL as SQLAlchemy wants it. Heroku says postgres://, which SQLAlchemy does not know."""
    if url is None:
        return f"sqlite:///{var / 'contactsync.db'}"
    for scheme in ("postgres://", "postgresql://", "postgresql+psycopg://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    if url.startswith("sqlite:///"):
        return url
    raise Misconfigured(
        "DATABASE_URL is not one that contactsync can use: write postgresql://user:password@host/name, "
        "sqlite:////absolute/path.db, or leave it out for a SQLite file under var"
    )


def _redis_url(url: str | None) -> str | None:
    """The URL as it is; None means the embedded Redis."""
    if url is None or re.match(r"(rediss?|unix)://", url):
        return url
    raise Misconfigured(
        "REDIS_URL is not one that contactsync can use: write redis://host:6379/0, rediss://… or "
        "unix:///path/redis.sock, or leave it out for the embedded Redis"
    )


def _whole_number(said: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    text = said.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not least <= int(text) <= most:
        raise Misconfigured(f"{name} must be a whole number from {least} to {most}")
    return int(text)


def _proxies(said: Mapping[str, str]) -> int:
    """On Heroku (which sets DYNO) there is one: its router. Elsewhere none is believed unless it is said."""
    proxies = _whole_number(said, "CONTACTSYNC_PROXIES", 0, 10)
    return proxies if proxies is not None else int("DYNO" in said)


def _metrics_token(token: str | None) -> str | None:
    if token is not None and len(token) < LEAST_KEY_LENGTH:
        raise Misconfigured(f"CONTACTSYNC_METRICS_TOKEN needs at least {LEAST_KEY_LENGTH} characters")
    return token


def _reporting(said: Mapping[str, str]) -> Reporting | None:
    """Where Sentry is. Its key is written to only, but it is no business of a log."""
    dsn = said.get("SENTRY_DSN")
    if dsn is None:
        return None
    try:
        parts = urlsplit(dsn)
        whole = parts.hostname and parts.username and (parts.port or 1)
    except ValueError:
        whole = None
    number = parts.path.rpartition("/")[2] if whole else ""
    plain = whole and parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not whole or not (plain or parts.scheme == "https") or not re.fullmatch(r"\d{1,20}", number, re.ASCII):
        raise Misconfigured(
            "SENTRY_DSN is not one: copy it from Sentry's project settings (Client Keys), as in "
            "https://<key>@<host>/<project number>, or leave it out"
        )
    named = {"environment": said.get("SENTRY_ENVIRONMENT"), "release": said.get("SENTRY_RELEASE")}
    return Reporting(dsn, **{name: value for name, value in named.items() if value})


def _oidc(said: Mapping[str, str]) -> Oidc | None:
    """All three, or none."""
    given = {
        "CONTACTSYNC_OIDC_ISSUER": said.get("CONTACTSYNC_OIDC_ISSUER"),
        "CONTACTSYNC_OIDC_CLIENT_ID": said.get("CONTACTSYNC_OIDC_CLIENT_ID"),
        "CONTACTSYNC_OIDC_CLIENT_SECRET": said.get("CONTACTSYNC_OIDC_CLIENT_SECRET"),
    }
    issuer, client_id, client_secret = given.values()
    if issuer is None or client_id is None or client_secret is None:
        missing = [name for name, value in given.items() if value is None]
        if len(missing) == len(given):
            return None
        raise Misconfigured(f"{missing[0]} is missing: signing in with OpenID Connect takes {', '.join(given)}")
    if not is_safe_url(issuer):
        raise Misconfigured(
            "CONTACTSYNC_OIDC_ISSUER must be the provider's https address as its own documents call it, as in "
            "https://login.example.com/realms/acme (http:// for this machine itself only)"
        )
    return Oidc(issuer, client_id, client_secret)


def is_safe_url(url: str) -> bool:
    """Whether a secret may be sent there: https, or this machine itself."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    plain = host and url.isascii() and url.isprintable() and not re.search(r"[\\\s@#]", url)
    return bool(plain) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def is_loopback(host: str) -> bool:
    """Whether a host name, without its port, is this machine itself."""
    if host in {"localhost", "::1"}:
        return True
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


def _base_url(url: str | None) -> str | None:
    """Where a CRM sends browsers back to, with what proves their sign-in: https, but for this machine itself."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    plain = host and url.isascii() and url.isprintable() and not re.search(r"[\\\s@?#]", url)
    if not plain or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        raise Misconfigured(
            "CONTACTSYNC_BASE_URL must be the address at which browsers find contactsync, as in "
            "https://contactsync.example.com (http:// for this machine itself only)"
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _secret_keys(text: str | None, database_url: str, var: Path) -> tuple[str, ...]:
    """The keys that encrypt credentials; the first one writes, all read."""
    if text is not None:
        keys = tuple(key.strip() for key in text.split(","))
        if any(len(key) < LEAST_KEY_LENGTH for key in keys):
            raise Misconfigured(
                f"CONTACTSYNC_SECRET_KEYS: every key needs at least {LEAST_KEY_LENGTH} characters, with a comma "
                "between two keys; `openssl rand -base64 32` makes a good one"
            )
        if len(set(keys)) < len(keys):
            raise Misconfigured("CONTACTSYNC_SECRET_KEYS names one key twice: keep the first")
        return keys
    if not database_url.startswith("sqlite:"):
        raise Misconfigured(
            "CONTACTSYNC_SECRET_KEYS is missing: with Postgres every process needs the same key, and it must outlive "
            "the machine. Write what `openssl rand -base64 32` prints, and keep a copy: without it no credentials can "
            "be read"
        )
    return (_kept_key(var / "secret.key"),)


def _kept_key(path: Path) -> str:
    """The key of a machine that keeps its own; processes that start at once agree on one."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_once(path, secrets.token_urlsafe(32))
        key = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"the key file {path} cannot be read or made ({error.__class__.__name__}): let this user write there, "
            "or set CONTACTSYNC_SECRET_KEYS"
        ) from error
    if len(key) < LEAST_KEY_LENGTH:
        raise Misconfigured(f"the key file {path} is damaged: put back its copy, or set CONTACTSYNC_SECRET_KEYS")
    return key


def _write_once(path: Path, key: str) -> None:
    """Written whole under another name, then linked: who comes second keeps the first one's key."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key + "\n")
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
