"""To try and to develop: the stand-in for Salesforce, and the demo that runs everything against it."""

from __future__ import annotations

from pathlib import Path

import click

from contactsync.cli.shell import Command
from contactsync.demo import run_demo
from contactsync.domain.errors import RefusedInput
from contactsync.standin import Options, run_forever


@click.command(
    cls=Command, example="contactsync standin --port 9000 --client-id ID --client-secret SECRET --latency-ms 100"
)
@click.option("--port", type=click.IntRange(0, 65535), default=9000, show_default=True, help="0 takes a free port.")
@click.option("--client-id", help="Accept only this client id (default: any that is not empty).")
@click.option("--client-secret", help="Accept only this client secret (default: any that is not empty).")
@click.option(
    "--jwt-public-key", type=click.Path(exists=True, path_type=Path), help="Check JWT assertions with it (PEM)."
)
@click.option("--latency-ms", type=float, default=0.0, help="Every call takes at least this long.")
@click.option("--latency-ms-per-row", type=float, default=0.0, help="And this much for every row.")
@click.option("--daily-limit", type=int, default=100_000, show_default=True, help="Calls until the daily limit.")
@click.option("--token-lifetime-s", type=float, help="Seconds until a token expires (default: never).")
def standin(port: int, jwt_public_key: Path | None, **options: object) -> None:
    """A stand-in for Salesforce on this machine, for development and tests. It forgets everything when it ends.

    http://127.0.0.1:<port>/_standin/ shows what it holds and every call it got.
    """
    key = jwt_public_key.read_text() if jwt_public_key else None
    try:
        run_forever(port, Options(**options, jwt_public_key=key))  # type: ignore[arg-type]
    except OSError as error:
        raise RefusedInput(
            f"Port {port} cannot be used ({error.strerror}): --port 0 takes one that is free."
        ) from error


@click.command(cls=Command, example="contactsync demo --once")
@click.option("--once", is_flag=True, help="End by itself; exit status 0 only if everything reached the stand-in.")
def demo(once: bool) -> None:
    """Run everything on this machine against the stand-in, post a signed sample event, and show what became of it."""
    raise SystemExit(run_demo(once=once))
