"""The alert rules can be read, ask for metrics that there are, and each has a page that says what to do."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from contactsync.store.beats import Beat
from contactsync.store.tally import Counted, Tallied
from contactsync.store.views_status import CrmStatus, OrgStatus
from contactsync.web.metrics import Collected

DOCS = Path(__file__).parents[1] / "docs"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((DOCS / "alerts.yml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
ALERTS = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def samples() -> dict[str, set[str]]:
    """Every sample that /metrics can have, with the labels that it has."""
    crm = CrmStatus("ready", "salesforce", 1, 1, 2)
    status = OrgStatus("acme", "Acme", {"synced": 1}, {"waiting": 1}, crm=crm, meetings={"a": 1}, events={"a": 1})
    tallied = [
        *(("acme", Counted(name, "contact:synced" if name is Tallied.OUTCOMES else "1", 1, 1.0)) for name in Tallied),
    ]
    collected = Collected([status], [Beat("clock", "x", NOW, NOW), Beat("worker:1", "x", NOW, NOW)], tallied, NOW)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collected)
    text = generate_latest(registry).decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


SAMPLES = samples()


def test_there_are_rules_and_no_two_have_one_name() -> None:
    assert len(RULES) >= 12
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


@ALERTS
def test_every_metric_and_every_label_of_a_rule_is_among_those_that_are_shown(rule: dict[str, Any]) -> None:
    asked = re.findall(r"(contactsync_\w+)(?:\{(.*?)\})?", rule["expr"])
    assert asked
    for name, labels in asked:
        assert name in SAMPLES, name
        assert set(re.findall(r"(\w+)=", labels)) <= SAMPLES[name], (name, labels)


@ALERTS
def test_a_rule_has_a_severity_a_summary_and_a_page_with_all_its_parts(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]
    page = DOCS.parent / rule["annotations"]["runbook"]
    assert page == DOCS / "runbooks" / f"{rule['alert']}.md"
    text = page.read_text("utf-8")
    assert text.startswith(f"# {rule['alert']}\n")
    for part in ("**It means**", "**Look at**", "**Do**", "**It ends**", "```sh\ncontactsync "):
        assert part in text, part


def test_no_page_is_left_of_an_alert_that_is_gone() -> None:
    assert {page.stem for page in (DOCS / "runbooks").glob("*.md")} == {rule["alert"] for rule in RULES}


def test_labels_of_a_summary_are_those_that_the_rule_leaves() -> None:
    for rule in RULES:
        for label in re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]):
            (name, *_) = re.findall(r"contactsync_\w+", rule["expr"])
            assert label in SAMPLES[name], rule["alert"]


@pytest.mark.parametrize(
    "page", [DOCS / "operations.md", *sorted((DOCS / "runbooks").glob("*.md"))], ids=lambda page: page.stem
)
def test_every_metric_that_the_docs_name_is_among_those_that_are_shown(page: Path) -> None:
    named = set(re.findall(r"`(contactsync_[a-z_]+)", page.read_text("utf-8")))
    bases = {re.sub(r"_(count|sum|bucket)$", "", name) for name in SAMPLES} | set(SAMPLES)
    assert named <= bases, named - bases
