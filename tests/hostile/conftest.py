"""Doors for whatever comes, and hypothesis without chance: CI tries the same every time."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from tests.hostile.doors import Doors


@pytest.fixture
def doors(engine: Engine, tmp_path: Path) -> Doors:
    """Doors once per kind of database."""
    return Doors.open(engine, tmp_path)
