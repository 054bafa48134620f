"""`org export` and `org import`: an org's mapping and policies as a file, and what it changes shown before it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine


@pytest.fixture
def two(acme: CommandLine) -> CommandLine:
    """A second org beside the first."""
    acme.good("org", "add", "two")
    return acme


def exported(cli: CommandLine, org: str) -> dict[str, Any]:
    return dict(json.loads(cli.good("org", "export", org).stdout))


@pytest.fixture
def changed(two: CommandLine, tmp_path: Path) -> Path:
    """A file that differs from what both orgs have."""
    document = exported(two, "acme")
    document["policies"]["several_matches"] = "stop"
    document["policies"]["status_map"]["attended"] = ["Was there"]
    document["mapping"]["lead"]["rules"].append(
        {"source": "custom.tier", "target": "Rating", "values": {"gold": "Hot"}}
    )
    file = tmp_path / "acme.json"
    file.write_text(json.dumps(document))
    return file


def test_what_one_org_exports_is_what_another_has_after_the_import(two: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    assert str(file) in two.good("org", "export", "acme", str(file)).stdout
    assert json.loads(file.read_text()) == exported(two, "acme")
    assert "nothing changes" in two.good("org", "import", "two", str(file)).stdout


def test_an_import_shows_what_changes_line_by_line_and_applies_it_when_told_to(two: CommandLine, changed: Path) -> None:
    said = two.good("org", "import", "two", str(changed), "--yes").stdout
    for words in (
        "mapping.lead.custom.tier",
        "to Rating, always",
        "policies.several_matches",
        "policies.status_map.attended",
    ):
        assert words in said
    assert "policies.status_map.invited" not in said
    after = exported(two, "two")
    assert after["policies"]["several_matches"] == "stop"
    assert after["mapping"]["lead"]["rules"][-1]["values"] == {"gold": "Hot"}
    assert "nothing changes" in two.good("org", "import", "two", str(changed), "--yes").stdout


def test_an_import_asks_and_a_no_changes_nothing(two: CommandLine, changed: Path) -> None:
    before = exported(two, "two")
    done = two.run("org", "import", "two", str(changed), given="n\n")
    assert (done.exit_code, "Nothing was changed." in done.stdout) == (1, True)
    assert exported(two, "two") == before
    assert two.run("org", "import", "two", str(changed), given="y\n").exit_code == 0
    assert exported(two, "two") != before


def test_a_file_from_standard_input_needs_yes(two: CommandLine, changed: Path) -> None:
    done = two.run("org", "import", "two", "-", given=changed.read_text())
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert "several_matches" in two.good("org", "import", "two", "-", "--yes", given=changed.read_text()).stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "no JSON"),
        ("[" * 200_000, "Nested too deeply"),
        ('{"contactsync": 1, "policies": ' + '{"a":' * 5_000 + "1" + "}" * 5_001, "Nested too deeply"),
        ('{"contactsync": 1, "policies": {"status_map": {"a": "\\ud800"}}}', "surrogate"),
        ('{"contactsync": 1, "policies": {"status_map": {"a": "\\u0000"}}}', "NUL"),
        ('{"contactsync": 1, "policies": {"reserve_percent": 5, "reserve_percent": 90}}', "twice"),
        ('{"contactsync": 1, "policies": {"label_order": ["' + "x" * 2_000_000 + '"]}}', "larger than 1 MB"),
        ("[]", "no JSON object"),
        ("{}", "no export"),
        ('{"contactsync": 99}', "another version"),
        ('{"contactsync": 1, "policies": {"nope": 1}}', "policies.nope"),
        ('{"contactsync": 1, "mapping": {"lead": {"rules": [{"source": "x"}]}}}', "mapping.lead.rules.0.source"),
        ('{"contactsync": 1, "mapping": {"nobody": {"rules": []}}}', "mapping.nobody"),
    ],
)
def test_a_file_that_cannot_be_taken_is_said_by_path_and_changes_nothing(
    two: CommandLine, tmp_path: Path, text: str, words: str
) -> None:
    before = exported(two, "two")
    file = tmp_path / "wrong.json"
    file.write_text(text)
    assert words in two.refused("org", "import", "two", str(file), "--yes")
    assert exported(two, "two") == before


def test_a_file_with_ten_thousand_wrong_rules_does_not_flood_the_terminal(two: CommandLine, tmp_path: Path) -> None:
    rules = [{"source": "title", "target": "Title"}] * 10_000
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps({"contactsync": 1, "mapping": {"lead": {"rules": rules}}}))
    said = two.refused("org", "import", "two", str(file), "--yes")
    assert "mapping.lead.rules.1.target" in said
    assert "and 9," in said
    assert len(said.splitlines()) < 100


def test_what_a_file_says_cannot_steer_the_terminal(two: CommandLine, tmp_path: Path) -> None:
    document = exported(two, "acme")
    document["policies"]["status_map"]["a\x1b]0;b\x07\u202e"] = "B\x1b[2J\x9b31m\rFAKE"
    file = tmp_path / "steering.json"
    file.write_text(json.dumps(document))
    done = two.run("org", "import", "two", str(file), given="n\n")
    said = done.stdout + done.stderr
    assert "B\\x1b[2J\\x9b31m\\rFAKE" in said
    file.write_text(json.dumps({"contactsync": 1, "mapping": {"lead\x1b[2J": {}}, "policies": {"p\x1b[2J": 1}}))
    said += two.refused("org", "import", "two", str(file))
    assert not [sign for sign in said if sign != "\n" and (ord(sign) < 32 or 127 <= ord(sign) < 160)]
    assert "\u202e" not in said


def test_files_that_are_not_there_are_said(two: CommandLine, tmp_path: Path) -> None:
    missing = tmp_path / "none" / "x.json"
    assert "cannot be read" in two.refused("org", "import", "two", str(missing))
    assert "cannot be written" in two.refused("org", "export", "two", str(missing))


def test_an_export_holds_no_secret(two: CommandLine) -> None:
    text = two.good("org", "export", "acme").stdout
    assert set(json.loads(text)) == {"contactsync", "mapping", "policies"}
    assert "whsec_" not in text
