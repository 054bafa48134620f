"""`python -m tests.bench [--quick] [section …]`: measures, and prints a table. Over budget is printed, not failed."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from subprocess import SubprocessError

import click
import requests
import sqlalchemy.exc
from simple_salesforce.exceptions import SalesforceError

from tests.bench.accepting import measure_accepting
from tests.bench.burst import measure_burst, measure_calls
from tests.bench.delay import measure_delay, measure_neighbour
from tests.bench.footprint import measure_footprint
from tests.bench.growth import LARGE, SMALL, measure_growth
from tests.bench.growth_rows import Size
from tests.bench.lines import Line, table
from tests.bench.meetings import measure_meetings
from tests.bench.pages import measure_pages

Section = Callable[[], Iterator[Line]]
FAILURES = (
    AssertionError,
    OSError,
    SubprocessError,
    requests.RequestException,
    SalesforceError,
    sqlalchemy.exc.SQLAlchemyError,
)


def sections(*, quick: bool) -> Mapping[str, Section]:
    """All sections by name, in order."""
    contacts = 2_000 if quick else 10_000
    return {
        "calls": measure_calls,
        "burst": partial(measure_burst, contacts),
        "meetings": partial(measure_meetings, 200 if quick else 1_000),
        "accepting": partial(measure_accepting, pairs=2 if quick else 3, seconds=2 if quick else 3),
        "delay": partial(measure_delay, 5 if quick else 15),
        "neighbour": partial(measure_neighbour, contacts),
        "footprint": partial(measure_footprint, contacts // 4),
        "growth": partial(measure_growth, Size(6_000, 20_000), SMALL)
        if quick
        else partial(measure_growth, SMALL, LARGE),
        "pages": partial(measure_pages, SMALL if quick else LARGE),
    }


def main() -> int:
    """The exit status: 0 unless something could not be measured."""
    names = list(sections(quick=True))
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller bursts, shorter loads")
    parser.add_argument("section", nargs="*", help=f"some of: {', '.join(names)} (default: all)")
    given = parser.parse_args()
    unknown = sorted(set(given.section) - set(names))
    if unknown:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(names)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all that was started is ended
    lines, failed = [Line("what", "measured", "budget")], 0
    for name, measure in sections(quick=given.quick).items():
        if given.section and name not in given.section:
            continue
        started = time.monotonic()
        click.echo(f"measuring: {name} …", err=True)
        try:
            lines.extend(measure())
        except FAILURES as error:
            failed += 1
            lines.append(Line(name, "could not be measured", "", None))
            click.echo(f"{name} could not be measured: {type(error).__name__}: {error}", err=True)
        click.echo(f"measured: {name}, {time.monotonic() - started:.0f} s", err=True)
    click.echo(table(lines))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
