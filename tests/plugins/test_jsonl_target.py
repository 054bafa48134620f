"""The JSON-lines target keeps the contract of every CRM target, and its file can be trusted."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template

import pytest
from contactsync_plugins import jsonl_target
from contactsync_plugins.jsonl_target import JsonLines, check_settings

from contactsync.api import (
    Action,
    CrmTarget,
    Next,
    RecordKind,
    RecordRef,
    Step,
    TargetRefused,
    TargetUnavailable,
    Wanted,
)
from tests.contracts.target_contract import Crm, TargetContract

GIVEN = (
    {"kind": "User", "id": "u1", "at": "2026-01-01T00:00:00Z", "fields": {"Name": "Olga", "Email": "Olga@x.example"}},
    {
        "kind": "Campaign",
        "id": "c1",
        "at": "2026-01-01T00:00:00Z",
        "fields": {"Name": "Expo", "statuses": ["Sent", "Responded"]},
    },
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in GIVEN))
    return tmp_path


class TestJsonLines(TargetContract):
    @pytest.fixture
    def crm(self, directory: Path) -> Crm:
        return Crm(
            JsonLines(directory),
            campaign="c1",
            status="Sent",
            better="Responded",
            owner_email="olga@x.example",
            missing=lambda kind: RecordRef(kind, "gone"),
            connect=lambda: JsonLines(directory),
        )


def lead(email: str) -> Step:
    return Step("a", Action.CREATE, RecordKind.LEAD, fields={"Email": email})


def found(directory: Path, email: str) -> int:
    return len(JsonLines(directory).look_up(Wanted(emails={RecordKind.LEAD: frozenset({email})})).people)


def test_making_a_target_opens_nothing(tmp_path: Path) -> None:
    target: CrmTarget = JsonLines(tmp_path / "not there")
    assert isinstance(target, CrmTarget)
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_only_ever_added_to(directory: Path) -> None:
    target, file = JsonLines(directory), directory / "records.jsonl"
    before = file.read_bytes()
    (made,) = target.apply([lead("ada@x.example")])
    after = file.read_bytes()
    target.apply([Step("b", Action.UPDATE, RecordKind.LEAD, made.ref, {"Title": "Countess"})])
    assert after.startswith(before)
    assert file.read_bytes().startswith(after)


def test_leaving_a_record_writes_nothing(directory: Path) -> None:
    before = (directory / "records.jsonl").read_bytes()
    (left,) = JsonLines(directory).apply([Step("a", Action.LEAVE, RecordKind.OWNER, RecordRef(RecordKind.OWNER, "u1"))])
    assert left.ok
    assert (directory / "records.jsonl").read_bytes() == before


@pytest.mark.parametrize("kept", range(1, 30, 7))
def test_a_line_that_a_crash_cut_short_costs_nothing_but_itself(directory: Path, kept: int) -> None:
    file = directory / "records.jsonl"
    size = file.stat().st_size
    JsonLines(directory).apply([lead("lost@x.example")])
    with file.open("rb+") as opened:
        opened.truncate(size + kept)
    assert found(directory, "lost@x.example") == 0
    JsonLines(directory).apply([lead("next@x.example")])
    assert (found(directory, "lost@x.example"), found(directory, "next@x.example")) == (0, 1)


def test_a_file_that_cannot_be_written_says_that_the_answer_is_lost_for_every_step(tmp_path: Path) -> None:
    results = JsonLines(tmp_path / "gone").apply([lead("ada@x.example")])
    assert [(each.failure.next, each.failure.problem.code) for each in results if each.failure] == [
        (Next.RETRY, "answer_lost")
    ]


def test_a_file_that_cannot_be_read_makes_the_crm_unavailable(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").mkdir()
    with pytest.raises(TargetUnavailable, match=r"records\.jsonl cannot be read"):
        JsonLines(tmp_path).look_up(Wanted())


@pytest.mark.parametrize("line", ['{"kind": "User"}', '{"kind": "Dog", "id": "1", "at": "", "fields": {}}', "5", "[]"])
def test_a_line_written_wrong_by_hand_is_refused_with_what_to_do(tmp_path: Path, line: str) -> None:
    (tmp_path / "records.jsonl").write_text(line + "\n")
    with pytest.raises(TargetRefused) as caught:
        JsonLines(tmp_path).look_up(Wanted())
    assert caught.value.problem.fix == "Mend records.jsonl."


def test_its_directory_must_be_there_and_be_written_from_the_root_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    assert check_settings({"directory": str(tmp_path)}, {}) == {}
    for wrong in ({}, {"directory": ""}, {"directory": tmp_path.name}, {"directory": str(tmp_path / "no")}):
        assert set(check_settings(wrong, {})) == {"directory"}


def test_the_template_of_a_new_target_is_this_target_under_another_name() -> None:
    module = Path(jsonl_target.__file__)
    template = Path(jsonl_target.__file__).parents[1] / "contactsync" / "scaffold" / "target.txt"
    text = Template(template.read_text("utf-8")).substitute(name="jsonl", title="JSON lines")
    assert text == module.read_text("utf-8")
