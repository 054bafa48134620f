"""Options that say which contacts are meant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from contactsync.domain.errors import RefusedInput
from contactsync.domain.records import SyncStatus
from contactsync.store.resyncs import ResyncFilter
from contactsync.web.api.shapes import filter_from

Given = TypeVar("Given")


class MomentType(click.ParamType[datetime]):
    """A day or a time: 2026-11-24, 2026-11-24T09:00:00Z; without a zone it is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The time in UTC, or a usage error."""
        if isinstance(value, datetime):
            return value
        try:
            read = datetime.fromisoformat(value)
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time: write 2026-11-24 or 2026-11-24T09:00:00Z.", param, ctx)


MOMENT = MomentType()

_OPTIONS = (
    click.option("--event", help="Those who take part in this event (the event platform's id)."),
    click.option("--status", type=click.Choice([s.value for s in SyncStatus]), help="Those with this sync status."),
    click.option("--problem", help="Those that this problem holds (`contactsync problems` shows the ids)."),
    click.option("--since", type=MOMENT, metavar="TIME", help="Those changed at this time or later (2026-11-24)."),
    click.option("--until", type=MOMENT, metavar="TIME", help="Those changed before this time."),
    click.option("--all", "everyone", is_flag=True, help="Every contact of the org."),
)


def filter_options(function: Callable[..., Given]) -> Callable[..., Given]:
    """The options of a filter; the command gets them as `event`, `status`, …, `everyone`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def filter_of(contacts: tuple[str, ...], chosen: dict[str, Any]) -> ResyncFilter:
    """The filter that was asked for. Raises RefusedInput when none was, so that nobody means all by accident."""
    said = {"all" if name == "everyone" else name: value for name, value in chosen.items() if value}
    if not said and not contacts:
        raise RefusedInput(
            "Say which contacts: --event, --status, --problem, --since, --until, or --all for every one."
        )
    return filter_from({**said, "contacts": contacts})
