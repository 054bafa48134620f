"""A plugin whose CRM misbehaves as the connection's settings say."""

from __future__ import annotations

from collections.abc import Sequence

from contactsync.api import (
    Connection,
    Found,
    RecordRef,
    Step,
    StepResult,
    TargetType,
    Wanted,
    hookimpl,
)


class Odd:
    """Answers look ups with nothing; what goes wrong is in `oddity`."""

    def __init__(self, oddity: str) -> None:
        self.oddity = oddity

    def look_up(self, wanted: Wanted) -> Found:
        if self.oddity == "look_up":
            raise KeyError("ada@engines.example")
        return Found()

    def apply(self, steps: Sequence[Step]) -> Sequence[StepResult]:
        if self.oddity == "apply":
            raise ZeroDivisionError("ada@engines.example")
        done = [StepResult(step.id, ref=RecordRef(step.kind, f"r-{step.id}")) for step in steps]
        return done[1:] if self.oddity == "fewer" else done

    def url(self, ref: RecordRef) -> str:
        return f"https://crm.example/{ref.id}"


def connect(connection: Connection) -> Odd:
    return Odd(connection.settings.get("oddity", ""))


@hookimpl
def contactsync_targets() -> list[TargetType]:
    return [TargetType(name="odd", label="Odd CRM", connect=connect)]
