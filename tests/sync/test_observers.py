"""Observing plugins are told of every run, also of events and meetings, and which of the three it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from contactsync.config import Config
from contactsync.hooks import Plugins
from contactsync.sync import actions
from tests.sync.conftest import World, ada
from tests.sync.test_event_campaigns import SUMMIT, making
from tests.sync.test_meetings import attended_by

CONFIG = """
[plugins]
discover = false
load = ["contactsync_plugins.salesforce", "contactsync_plugins.toml_mappings", "tests.sync.observing_plugin"]
[plugins.options.observing_plugin]
file = "{file}"
"""


def test_each_run_says_what_it_brought(connected: World, tmp_path: Path) -> None:
    told = tmp_path / "told"
    connected.parts = replace(connected.parts, plugins=Plugins.load(Config.parse(CONFIG.format(file=told))))
    making(connected)
    connected.event(**SUMMIT)
    connected.contact(ada(events=[{"id": "e-1", "status": "attended"}]))
    connected.meeting(**attended_by("c-1"))
    connected.sync()
    assert told.read_text().splitlines() == [
        "event e-1 - synced 1",
        "contact c-1 c-1 synced 2",
        "meeting m-1 - synced 1",
    ]
    told.unlink()
    assert actions.sync_now(connected.parts, connected.org_id, "c-1")
    connected.fault(do="status", status=500, times=1)
    connected.sync()
    assert not told.exists(), "the CRM was away: nothing was tried"
