"""An org and a vault, for the tests of the store."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contactsync.store import orgs
from contactsync.store.engine import writing
from contactsync.store.vault import Vault

NOW = datetime(2026, 11, 24, 9, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def vault() -> Vault:
    return Vault(["a key that is long enough"])


@pytest.fixture
def acme(engine) -> orgs.Org:
    with writing(engine) as conn:
        return orgs.add_org(conn, "acme", "Acme Events", NOW)


@pytest.fixture
def other(engine) -> orgs.Org:
    with writing(engine) as conn:
        return orgs.add_org(conn, "other", "Other Events", NOW)
