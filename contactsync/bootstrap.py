"""The one place that wires: settings in, the parts of a running process out. Nothing connects yet."""

from __future__ import annotations

from contactsync.bell import Bell
from contactsync.hooks import Plugins
from contactsync.redis_server import find_redis
from contactsync.settings import Settings
from contactsync.store.engine import open_engine
from contactsync.store.vault import Vault
from contactsync.sync.parts import Parts
from contactsync.sync.targets import Targets


def build(settings: Settings) -> Parts:
    """The parts for these settings. Raises Misconfigured; connects to nothing."""
    engine = open_engine(settings.database_url)
    vault = Vault(settings.secret_keys)
    plugins = Plugins.load(settings.config)
    bell = Bell(find_redis(settings.redis_url, settings.var))
    return Parts(settings, engine, vault, plugins, bell, Targets(engine, vault, plugins))
