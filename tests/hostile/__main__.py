"""`make fuzz [SEED=] [N=]`: many more inputs than CI tries, from a seed that is told, and the figures of what came of them."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import structlog
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from contactsync.store.engine import open_engine, upgrade
from tests.fixtures.postgres_server import NoPostgresError, postgres_server
from tests.fixtures.processes import Processes
from tests.hostile.api import attack, operations, target
from tests.hostile.doors import Doors, Figures
from tests.hostile.heads import wrongs
from tests.hostile.payloads import all_bodies, worst_cases
from tests.hostile.wire import knock, web


def tried(count: int, number: int, strategy: st.SearchStrategy[Any], one: Callable[[Any], None]) -> None:
    """So many inputs from a seed."""

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )
    @given(strategy)
    def run(made: Any) -> None:
        one(made)

    run()


def fuzz_doors(url: str, folder: Path, count: int, number: int) -> Figures:
    """The three doors, and the sync's first half behind them."""
    engine = open_engine(url)
    upgrade(engine)
    doors = Doors.open(engine, folder)

    def one(case: tuple[str, bytes]) -> None:
        if doors.knock(*case) == 202:
            doors.absorbs()

    tried(count, number, all_bodies(), one)
    for case in worst_cases().values():
        one(case)
    engine.dispose()
    return doors.figures


def fuzz_wire(folder: Path, count: int, number: int) -> Figures:
    """A real web process, through sockets."""
    url = f"sqlite:///{folder}/wire.db"
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
    processes, figures = Processes(folder), Figures()
    try:
        with web(processes, url) as there:
            tried(count, number, wrongs(), lambda wrong: knock(there, wrong, figures))
            assert "Traceback" not in there.running.said(), there.running.said()
    finally:
        left = processes.end_all()
    assert not left, left
    return figures


def fuzz_api(folder: Path, count: int, number: int) -> Figures:
    """Every operation of the OpenAPI document."""
    engine, figures = open_engine(f"sqlite:///{folder}/api.db"), Figures()
    upgrade(engine)
    with target(engine, folder) as there:
        every = list(operations(there.app))
        for operation in every:
            attack(operation, there, max(1, count // len(every) // 2), number, figures)
    engine.dispose()
    return figures


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="contactsync-fuzz-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def show(what: str, figures: Figures, *, each: bool = True) -> None:
    """One part of the table. What must be 0 is: the first that is not ends the run."""
    answers = Counter(figures.answers)
    said = "  ".join(f"{status or 'closed'}: {times:,}" for status, times in sorted(answers.items()))
    fivexx = sum(times for status, times in answers.items() if status >= 500)
    click.echo(f"{what}: {sum(figures.tried.values()):,} inputs, slowest answer {figures.slowest:.2f} s")
    if each:
        width = max(len(where) for where in figures.tried)
        for where, times in sorted(figures.tried.items()):
            click.echo(f"    {where:{width}}  {times:,}")
    absorbed = f", brought in {figures.absorbed:,}, set aside as failed 0" if figures.absorbed else ""
    click.echo(f"    answers {said}\n    5xx {fivexx}, hangs 0, half-kept 0{absorbed}")


@click.command()
@click.option("--seed", "number", type=int, default=None, help="Without it, one is drawn and told.")
@click.option(
    "--n", "count", type=int, default=5_000, show_default=True, help="Inputs for the doors; the others get parts."
)
def main(number: int | None, count: int) -> None:
    """Try hostile inputs, and print what came of them."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    number = random.SystemRandom().randrange(10**6) if number is None else number
    click.echo(f"SEED={number} N={count}")
    with folder() as here, ExitStack() as stack:
        show("doors on SQLite", fuzz_doors(f"sqlite:///{here}/doors.db", here, count, number))
        try:
            server = stack.enter_context(postgres_server())
        except NoPostgresError as missing:
            click.echo(f"doors on Postgres: skipped: {missing}")
        else:
            show("doors on Postgres", fuzz_doors(server, here, count, number))
        show("web process, through sockets", fuzz_wire(here, count, number), each=False)
        show("API", fuzz_api(here, count, number))


if __name__ == "__main__":
    main()
