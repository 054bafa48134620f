"""Sign a payload and post it, as an event platform would."""

from __future__ import annotations

import secrets
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from datetime import UTC
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import requests
import urllib3

from contactsync.cli.shell import Command, Shell, with_shell
from contactsync.domain.errors import RefusedInput
from contactsync.intake.signature import sign
from contactsync.store import orgs
from contactsync.store.engine import reading

MOST_SECONDS = 30.0
MOST_ANSWER_BYTES = 1024 * 1024


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


def _post(
    url: str, body: bytes, secret: str, webhook_id: str | None, timestamp: int, seconds: float = MOST_SECONDS
) -> requests.Response:
    named = webhook_id or f"msg_{secrets.token_hex(12)}"
    headers = {
        "content-type": "application/json",
        "webhook-id": named,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, named, timestamp, body),
    }
    asked: Future[requests.Response] = Future()

    def ask() -> None:
        try:
            asked.set_result(_answer(url, body, headers))
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
            asked.set_exception(error)

    # A socket's own time-out begins anew with every byte, and would wait for ever on an answer that drips.
    threading.Thread(target=ask, daemon=True).start()
    try:
        return asked.result(seconds)
    except TimeoutError:
        raise RefusedInput(f"No whole answer came from {url} within {seconds:.0f} seconds.") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise RefusedInput(
            f"Nothing answered at {url} ({type(error).__name__}): is `contactsync web` running there? See --url and PORT."
        ) from error


def _answer(url: str, body: bytes, headers: Mapping[str, str]) -> requests.Response:
    """The answer with the beginning of its body.

    No redirect is followed, for the signature is meant for this address; no proxy and no .netrc of the environment has a say.
    """
    options: dict[str, Any] = {"timeout": MOST_SECONDS, "allow_redirects": False, "stream": True}
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(url, data=body, headers={**headers, "accept-encoding": "identity"}, **options)
        raw, answer.raw = answer.raw, BytesIO()
        answer.raw = BytesIO(raw.read(MOST_ANSWER_BYTES, decode_content=False))
        answer.encoding = "utf-8"
        raw.close()
        return answer
