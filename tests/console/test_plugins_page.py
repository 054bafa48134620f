"""Settings › Plugins: what runs, in which version and state; what is broken is named, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from contactsync.config import PluginsConfig
from contactsync.domain.roles import Role
from contactsync.hooks import HOOKS as KNOWN_HOOKS
from contactsync.loading import PluginStatus
from contactsync.settings import Settings
from contactsync.web.console.plugins import HOOKS, STATES
from tests.console.conftest import Console, Tag
from tests.web.conftest import BUNDLED


def card(console: Console, name: str) -> Tag:
    (found,) = [tag for tag in console.get("/settings/plugins").main.all("section") if tag.one("h2").text == name]
    return found


def test_every_plugin_says_its_version_its_state_and_what_it_does(console: Console) -> None:
    viewer = console.as_role(Role.VIEWER)
    owner = card(viewer, "owner_by_email")
    assert "Works" in owner.text
    assert "Decides who owns a record" in owner.text
    assert "contactsync " in owner.text
    assert "Brings a CRM: salesforce" in card(viewer, "salesforce").text


def test_every_state_and_every_hook_there_is_has_words() -> None:
    assert set(STATES) == set(PluginStatus)
    assert set(HOOKS) == set(KNOWN_HOOKS)


class TestBroken:
    """An installation with a plugin that cannot be loaded."""

    @pytest.fixture
    def settings(self, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
        (tmp_path / "torn_plugin.py").write_text("def contactsync_owner(contact):\n    return None\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        plugins = PluginsConfig(load=(*BUNDLED, "torn_plugin"), discover=False)
        return replace(settings, config=replace(settings.config, plugins=plugins))

    def test_a_broken_plugin_comes_first_with_what_to_do(self, console: Console) -> None:
        shown = console.get("/settings/plugins")
        assert shown.main.all("h2")[0].text == "torn_plugin"
        assert "1 plugin does not work" in shown.text
        assert "contactsync_owner is not marked as a hook" in shown.text
        assert "What to do" in card(console, "torn_plugin").text
