"""The API does what its OpenAPI document says, whatever is sent to it: status, type, shape, and what is wrong is refused."""

from __future__ import annotations

from pathlib import Path

from contactsync.store.engine import open_engine
from tests.hostile.api import attack, operations, target
from tests.hostile.doors import Figures

EACH = 3
"""Inputs of each kind for each operation; `make fuzz` tries more."""


def test_every_operation_keeps_its_word_and_refuses_what_it_does_not_take(sqlite_url: str, tmp_path: Path) -> None:
    engine, figures = open_engine(sqlite_url), Figures()
    with target(engine, tmp_path) as there:
        every = list(operations(there.app))
        for operation in every:
            attack(operation, there, EACH, 1, figures)
    engine.dispose()
    assert len(figures.tried) == len(every)
    assert figures.answers[500] == 0
    assert figures.answers[200] > len(every) // 2
