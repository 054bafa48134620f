"""The keys that seal credentials at rest: what each still opens, and sealing everything anew under the first."""

from __future__ import annotations

from dataclasses import asdict

import click

from contactsync.cli.shell import Command, Shell, as_json, harmless, print_json, with_shell
from contactsync.store.authorizations import AUTHORIZATION_PURPOSE
from contactsync.store.erasures import PROGRESS_PURPOSE
from contactsync.store.orgs import SECRET_PURPOSE
from contactsync.store.rotation import Rotated, Unopened, check, rotate
from contactsync.store.tokens import CREDENTIALS_PURPOSE, TOKEN_PURPOSE
from contactsync.store.tombstones import ERASURE_KEY_PURPOSE

LOST = {
    SECRET_PURPOSE: "make another with `contactsync org secret add {org}`, give it to the sender, and revoke this one",
    CREDENTIALS_PURPOSE: "connect anew with `contactsync connect {org}`",
    TOKEN_PURPOSE: "nothing: another is fetched by itself; after a sign-in in a browser, `contactsync connect {org} --web`",
    AUTHORIZATION_PURPOSE: "begin the sign-in again",
    PROGRESS_PURPOSE: "ask for the same erasure again: it begins anew (`contactsync person list {org}`)",
    ERASURE_KEY_PURPOSE: "look for the key by all means: without it, erased people are not known when they come in again",
}
"""What to do when the key is lost for good, by what it sealed."""


@click.group()
def keys() -> None:
    """The keys of CONTACTSYNC_SECRET_KEYS, which seal what is secret in the database.

    \b
    To replace a key:
      1. Put the new one first, a comma, the old one; restart all processes (web, worker, clock) with that.
      2. contactsync keys rotate       seals everything anew with the new one; everything may go on running.
      3. contactsync keys check        ends with exit status 0 when nothing needs the old one any more.
      4. Take the old one away; restart all processes. Keep it as long as you keep backups from before.
    """


@keys.command("rotate", cls=Command, example="contactsync keys rotate --dry-run\ncontactsync keys rotate --json")
@click.option("--dry-run", is_flag=True, help="Only say what would be done: the same as `keys check`.")
@as_json
@with_shell
def keys_rotate(shell: Shell, *, dry_run: bool, json_wanted: bool) -> None:
    """Seal everything anew with the first key. Safe while web and workers run, and to break off and do again.

    Ends with exit status 1 when an older key is still needed: because something is left under it, or opens with none.
    """
    parts = shell.parts
    done = (
        check(parts.engine, parts.vault, parts.now())
        if dry_run
        else rotate(parts.engine, parts.vault, parts.now(), parts.actor)
    )
    _show(done, json_wanted=json_wanted)


@keys.command("check", cls=Command, example="contactsync keys check --json")
@as_json
@with_shell
def keys_check(shell: Shell, *, json_wanted: bool) -> None:
    """Say what the first key opens, what only older ones do, and what none opens. Changes nothing.

    Ends with exit status 0 when the keys after the first can be taken away, with 1 when they are needed.
    """
    parts = shell.parts
    _show(check(parts.engine, parts.vault, parts.now()), json_wanted=json_wanted)


def _show(done: Rotated, *, json_wanted: bool) -> None:
    if json_wanted:
        told = [asdict(one) | {"if_lost": _if_lost(one)} for one in done.unopened]
        print_json(
            {
                "resealed": done.resealed,
                "current": done.current,
                "older": done.older,
                "unopened": told,
                "older_keys_needed": done.older_keys_needed,
            }
        )
    else:
        _tell(done)
    if done.older_keys_needed:
        raise SystemExit(1)


def _tell(done: Rotated) -> None:
    if done.resealed:
        click.echo(f"Sealed anew: {done.resealed:,}.")
    click.echo(f"Under the first key: {done.current:,}. Under older keys: {done.older:,}.")
    for one in done.unopened:
        line = f"  {one.org}: no key opens {one.count:,} × {one.purpose}"
        click.echo(
            harmless(f"{line}; if its key is lost: {_if_lost(one)}." if one.needed else f"{line}, no longer in use.")
        )
    if any(one.needed for one in done.unopened):
        click.echo(
            "If you have the key that sealed them, add it at the end of CONTACTSYNC_SECRET_KEYS, and rotate again."
        )
    if done.older:
        click.echo("The older keys are still needed: `contactsync keys rotate`.")
    if done.older and done.resealed:
        click.echo("A process still writes with an older key: restart web, worker and clock with the new one first.")
    if not done.older_keys_needed:
        click.echo("The keys after the first can be taken away from CONTACTSYNC_SECRET_KEYS.")


def _if_lost(one: Unopened) -> str:
    return LOST[one.purpose].format(org=one.org)
