"""`python -m tests.chaos --seed 7 --deliveries 5000`: chaos on both databases, and a report; exit status 1 when it is bad."""

from __future__ import annotations

import argparse
import random
import signal
import sys
from pathlib import Path

import click

from tests.chaos.run import PACE, run


def main() -> int:
    """The exit status: 0 when every run was good."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="replays a run")
    parser.add_argument("--deliveries", type=int, default=5000)
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--pace", type=float, default=PACE, help="deliveries a second")
    parser.add_argument("--no-faults", action="store_true", help="nothing goes wrong: what the stream alone does")
    parser.add_argument("--only", default="", help="none but these kinds of mischief, with commas between")
    parser.add_argument("--keep", type=Path, help="a folder for logs and database, which stay")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all that was started is ended
    good = True
    for database in ("sqlite", "postgres") if given.database == "both" else (given.database,):
        folder = given.keep / database if given.keep else None
        if folder:
            folder.mkdir(parents=True)
        report = run(
            given.seed,
            given.deliveries,
            database,
            faults=not given.no_faults,
            only=[kind for kind in given.only.split(",") if kind],
            pace=given.pace,
            folder=folder,
        )
        click.echo("\n".join(report.lines()))
        good = good and report.good
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
