"""Sign a payload and post it, as an event platform would."""

from __future__ import annotations

import secrets
import sys
from datetime import UTC
from pathlib import Path

import click
import requests

from contactsync.cli.shell import Command, Shell, with_shell
from contactsync.domain.errors import RefusedInput
from contactsync.intake.signature import sign
from contactsync.store import orgs
from contactsync.store.engine import reading


@click.command(
    cls=Command,
    example="contactsync send payload.json --org acme --to contacts\n"
    '# payload.json: {"type": "contact.created", "timestamp": "2026-11-24T09:00:00Z",\n'
    '#   "data": {"id": "c-1", "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com",\n'
    '#            "company": "Analytical Engines", "sync_as": "lead"}}',
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--org", "slug", required=True, help="Whose webhook it is; it is signed with the org's newest secret.")
@click.option("--to", "door", default="contacts", show_default=True, help="The door: contacts, events or meetings.")
@click.option("--url", help="Where contactsync's web process is (default: http://127.0.0.1:$PORT).")
@click.option("--webhook-id", help="Send it under this id (default: a new one): the same id again is a duplicate.")
@with_shell
def send(shell: Shell, file: Path, slug: str, door: str, url: str | None, webhook_id: str | None) -> None:
    """Sign a payload and post it to a webhook door; prints the answer. FILE may be - for standard input.

    Ends with exit status 1 when it was not accepted.
    """
    org = shell.org(slug)
    body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    now = shell.parts.now()
    with reading(shell.parts.engine) as db:
        good = orgs.secrets(db, shell.parts.vault, org.id, now)
    if not good:
        raise RefusedInput(f"{slug} has no webhook secret that is good now: contactsync org secret add {slug}")
    base = (url or f"http://127.0.0.1:{shell.settings.port}").rstrip("/")
    answer = _post(f"{base}/webhooks/{slug}/{door}", body, good[0], webhook_id, int(now.astimezone(UTC).timestamp()))
    click.echo(f"{answer.status_code} {answer.reason}", err=True)
    click.echo(answer.text)
    if not answer.ok:
        raise SystemExit(1)


def _post(url: str, body: bytes, secret: str, webhook_id: str | None, timestamp: int) -> requests.Response:
    named = webhook_id or f"msg_{secrets.token_hex(12)}"
    headers = {
        "content-type": "application/json",
        "webhook-id": named,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, named, timestamp, body),
    }
    try:
        return requests.post(url, data=body, headers=headers, timeout=30, allow_redirects=False)
    except requests.RequestException as error:
        raise RefusedInput(
            f"Nothing answered at {url} ({type(error).__name__}): is `contactsync web` running there? See --url and PORT."
        ) from error
