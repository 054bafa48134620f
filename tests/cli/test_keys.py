"""`keys rotate` and `keys check`: what they say, and when they end well."""

from __future__ import annotations

import pytest

from tests.cli.conftest import KEY, CommandLine

NEW = "a new key that is long enough"
BOTH = f"{NEW},{KEY}"


def test_the_procedure_that_the_help_describes_ends_with_the_old_key_gone(connected: CommandLine) -> None:
    before = connected.run("keys", "check", CONTACTSYNC_SECRET_KEYS=BOTH)
    assert (before.exit_code, "Under older keys: 3" in before.stdout) == (1, True)
    assert "`contactsync keys rotate`" in before.stdout

    done = connected.good("keys", "rotate", CONTACTSYNC_SECRET_KEYS=BOTH).stdout
    assert "Sealed anew: 3." in done
    assert "can be taken away" in done

    after = connected.good("keys", "check", CONTACTSYNC_SECRET_KEYS=NEW).stdout
    assert "Under the first key: 3. Under older keys: 0." in after
    assert "acme is connected" not in after
    assert "acme" in connected.good("org", "show", "acme", CONTACTSYNC_SECRET_KEYS=NEW).stdout


def test_a_dry_run_counts_and_changes_nothing(connected: CommandLine) -> None:
    for _ in range(2):
        done = connected.run("keys", "rotate", "--dry-run", "--json", CONTACTSYNC_SECRET_KEYS=BOTH)
        assert done.exit_code == 1
        assert '"older": 3' in done.stdout
        assert '"resealed": 0' in done.stdout


def test_json_says_the_same(acme: CommandLine) -> None:
    assert acme.json("keys", "rotate", CONTACTSYNC_SECRET_KEYS=BOTH) == {
        "resealed": 1, "current": 1, "older": 0, "unopened": [], "older_keys_needed": False,
    }  # fmt: skip


def test_what_no_key_opens_is_named_with_what_to_do_and_ends_badly(connected: CommandLine) -> None:
    done = connected.run("keys", "rotate", CONTACTSYNC_SECRET_KEYS=NEW)
    assert done.exit_code == 1
    assert "acme: no key opens 1 × webhook secret" in done.stdout
    assert "contactsync org secret add acme" in done.stdout
    assert "contactsync connect acme" in done.stdout
    assert "add it at the end of CONTACTSYNC_SECRET_KEYS" in done.stdout
    assert "can be taken away" not in done.stdout
    assert KEY not in done.output


@pytest.mark.parametrize("keys", ["short", f"{NEW},short", f"{NEW},", f"{NEW},{NEW}"])
def test_keys_that_are_no_good_are_refused_without_being_shown(acme: CommandLine, keys: str) -> None:
    said = acme.refused("keys", "rotate", CONTACTSYNC_SECRET_KEYS=keys)
    assert "CONTACTSYNC_SECRET_KEYS" in said
    assert "short" not in said
    assert NEW not in said
