"""A plugin that writes down what it is told, in the file that its options name."""

from __future__ import annotations

from pathlib import Path

from contactsync.api import FinishedRun, Options, hookimpl

CONTACTSYNC_OPTIONS: Options = {"file": ""}


@hookimpl
def contactsync_run_finished(run: FinishedRun, options: Options) -> None:
    """One line per run."""
    line = f"{run.subject} {run.source_id} {run.contact_id or '-'} {run.outcome.value} {len(run.results)}\n"
    with Path(str(options["file"])).open("a", encoding="utf-8") as file:
        file.write(line)
