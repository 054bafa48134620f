"""`python -m contactsync.standin --port 9000`."""

from __future__ import annotations

import argparse
from pathlib import Path

from contactsync.standin.options import Options
from contactsync.standin.server import run_forever


def main(arguments: list[str] | None = None) -> None:
    """Read the options and serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m contactsync.standin",
        description="A stand-in for Salesforce's REST API on this machine: a development tool.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--client-id", help="accept only this client id (else any that is not empty)")
    parser.add_argument("--client-secret", help="accept only this client secret (else any that is not empty)")
    parser.add_argument(
        "--jwt-public-key", type=Path, help="a PEM file to check JWT assertions against (else unchecked)"
    )
    parser.add_argument("--latency-ms", type=float, default=0, help="every call takes at least this long")
    parser.add_argument("--latency-ms-per-row", type=float, default=0, help="and this much for every row")
    parser.add_argument("--daily-limit", type=int, default=100_000, help="API calls until REQUEST_LIMIT_EXCEEDED")
    parser.add_argument("--token-lifetime-s", type=float, help="seconds until a token expires (else never)")
    given = vars(parser.parse_args(arguments))
    port = given.pop("port")
    key = given.pop("jwt_public_key")
    run_forever(port, Options(**given, jwt_public_key=key.read_text() if key else None))


if __name__ == "__main__":
    main()
