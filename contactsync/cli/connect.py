"""`connect`: an org and its CRM, by credentials or with a browser."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import IO

import click

from contactsync.cli.shell import Command, Shell, with_shell
from contactsync.domain.errors import RefusedInput
from contactsync.store.authorizations import Progress
from contactsync.store.connections import present
from contactsync.store.engine import reading
from contactsync.sync import actions
from contactsync.sync.signing_in import Begun, begin_sign_in, callback_url, sign_in_progress

SANDBOX = "https://test.salesforce.com"
LOOK_SECONDS = 0.5
REDEEM_SECONDS = 60
"""How long a sign-in that came back may take to become a connection: longer than its calls' time-outs."""


@click.command(
    cls=Command,
    example="contactsync connect acme --web --client-id 3MVG9… --client-secret -      # a person signs in, in a browser\n"
    "contactsync connect acme --web                           # sign in again, with the settings that are there\n"
    "contactsync connect acme --target salesforce --instance-url https://acme.my.salesforce.com \\\n"
    "    --client-id 3MVG9… --client-secret -          # client credentials; the secret is read from the terminal\n"
    "contactsync connect acme --target salesforce --instance-url https://acme.my.salesforce.com \\\n"
    "    --client-id 3MVG9… --username sync@acme.com --private-key server.key          # JWT bearer",
)
@click.argument("slug")
@click.option("--target", default="salesforce", show_default=True, help="The CRM, as its plugin calls it.")
@click.option("--web", is_flag=True, help="Sign in with a browser: prints the address to open, and waits.")
@click.option("--sandbox", is_flag=True, help=f"Of Salesforce, a sandbox: sign in at {SANDBOX}.")
@click.option("--instance-url", help="The CRM's address: https://<My Domain>.my.salesforce.com")
@click.option("--login-url", help="Where tokens come from, if elsewhere (JWT: https://login.salesforce.com).")
@click.option("--client-id", help="The client id (consumer key) of the External Client App.")
@click.option(
    "--client-secret",
    help="Its secret; - asks for it, or reads it from standard input, so that it stays out of the shell's history.",
)
@click.option("--username", help="JWT: the integration user's name.")
@click.option(
    "--private-key",
    type=click.File("r", encoding="utf-8", errors="replace"),
    help="JWT: the PEM file of the private key.",
)
@click.option("--setting", multiple=True, metavar="NAME=VALUE", help="Anything else the target wants; may be repeated.")
@with_shell
def connect(
    shell: Shell,
    slug: str,
    target: str,
    *,
    web: bool,
    sandbox: bool,
    client_secret: str | None,
    private_key: IO[str] | None,
    setting: tuple[str, ...],
    **named: str | None,
) -> None:
    """Connect an org to its CRM. What has been waiting for that goes by itself.

    With --web a person signs in with a browser; with --client-secret it is by client credentials, with --username and
    --private-key by JWT bearer.
    """
    found = shell.org(slug)
    if client_secret == "-":  # noqa: S105 - a sign, no secret
        client_secret = _asked_for_secret()
    settings = {name: value for name, value in named.items() if value} | dict(_pair(text) for text in setting)
    if sandbox:
        _take_sandbox(settings, web=web)
    credentials: dict[str, str] = {}
    if client_secret:
        credentials["client_secret"] = client_secret
    if web:
        if private_key is not None or settings.get("username"):
            raise RefusedInput("--web signs a person in: leave out --username and --private-key")
        _with_browser(shell, found.id, slug, target, settings, credentials)
    else:
        if private_key is not None:
            credentials["private_key"] = private_key.read()
            settings.setdefault("flow", "jwt_bearer")
        elif client_secret:
            settings.setdefault("flow", "client_credentials")
        actions.connect(shell.parts, found.id, target, settings, credentials)
    click.echo(f"{slug} is connected to {target}.")
    _say_health(shell, found.id)


def _asked_for_secret() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Client secret", hide_input=True))
    if not (said := sys.stdin.readline().rstrip("\r\n")):
        raise RefusedInput("--client-secret - reads it from standard input, and nothing came.")
    return said


def _take_sandbox(settings: dict[str, str], *, web: bool) -> None:
    """A person signs in where sandboxes do, unless the sandbox's own address is said; an assertion is made for there."""
    name = "login_url" if web else "audience"
    if settings.get(name, SANDBOX) != SANDBOX:
        raise RefusedInput(f"--sandbox means {name}={SANDBOX}: leave one of them out")
    if not (web and settings.get("instance_url")):
        settings[name] = SANDBOX


def _with_browser(
    shell: Shell, org_id: int, slug: str, target: str, settings: Mapping[str, str], credentials: Mapping[str, str]
) -> None:
    """Print the address, and wait until a web process has connected the org. Raises RefusedInput when it did not."""
    parts = shell.parts
    base_url = parts.settings.base_url or f"http://localhost:{parts.settings.port}"
    before = _mark(shell, org_id)
    begun = begin_sign_in(parts, org_id, target, settings, credentials, base_url)
    click.echo("Open this address in the browser of the person who signs in, within ten minutes:\n")
    click.echo(f"  {begun.url}\n")
    click.echo(
        f"It leads back to {callback_url(base_url, target)}, where `contactsync web` must answer; the app at the CRM must "
        "allow that address as its callback URL.\nWaiting… Ctrl-C stops the waiting, not the sign-in."
    )
    try:
        _wait(shell, org_id, begun, before)
    except KeyboardInterrupt:
        raise RefusedInput(f"Not waiting any more: `contactsync org show {slug}` says what came of it.") from None


def _wait(shell: Shell, org_id: int, begun: Begun, before: tuple[int, str] | None) -> None:
    give_up: float | None = None
    while True:
        progress = sign_in_progress(shell.parts, begun.id)
        now = _mark(shell, org_id)
        if progress is Progress.TAKEN and now is not None and now != before:
            return
        if progress is Progress.GONE:
            raise RefusedInput("The sign-in was refused or ran out; the page in the browser says why. Begin again.")
        if progress is Progress.TAKEN:
            give_up = give_up or time.monotonic() + REDEEM_SECONDS
            if time.monotonic() > give_up:
                raise RefusedInput("The sign-in came back, but the org is not connected. Begin again.")
        time.sleep(LOOK_SECONDS)


def _mark(shell: Shell, org_id: int) -> tuple[int, str] | None:
    """Differs after every connecting."""
    with reading(shell.parts.engine) as db:
        row = present(db, org_id)
    return None if row is None else (row.id, row.sealed_credentials)


def _say_health(shell: Shell, org_id: int) -> None:
    crm = actions.target_of(shell.parts, org_id)
    health = crm.check() if crm else None
    if health is not None and not health.ok:
        for problem in health.problems:
            click.secho(f"  {problem.cause} {problem.fix}", fg="yellow", err=True)


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise RefusedInput(f"--setting wants NAME=VALUE, not {text!r}")
    return name, value
