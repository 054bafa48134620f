"""The tables of docs/matching.md and docs/problems.md, made from the code and the plugins, so that they cannot drift.

python -m contactsync.cli.docs docs/matching.md docs/problems.md           # writes them anew between their marks
python -m contactsync.cli.docs --check docs/matching.md docs/problems.md   # ends with 1 when they differ
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contactsync.config import Config
from contactsync.domain.crm import KnownProblem
from contactsync.domain.known_problems import CORE_PROBLEMS, MENDED_BY, either
from contactsync.domain.mapping import WriteMode
from contactsync.domain.policy import DEFAULT_STATUS_MAP, STATUS_LADDER, Policies
from contactsync.domain.policy_json import policies_as_json
from contactsync.hooks import Plugins
from contactsync.web.api.settings import Policies as PoliciesSchema

_MARKED = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- /made -->)", re.DOTALL)

MODES: Mapping[WriteMode, tuple[str, str, str, str]] = {
    WriteMode.ALWAYS: ("always; this is the default", "CTO", "CEO", "CEO"),
    WriteMode.IF_EMPTY: ("only while Salesforce holds nothing", "CTO", "CEO", "CTO"),
    WriteMode.ON_CREATE: ("only into a record that contactsync creates", "CTO", "CEO", "CTO"),
    WriteMode.APPEND: ("behind what is there, unless it is in there already", "CTO", "CEO", "CTO, CEO"),
    WriteMode.IF_OURS: (
        "while Salesforce holds nothing, or still what contactsync last wrote: what a person changed stays",
        "CTO",
        "CEO",
        "CTO, if a person wrote it; CEO, if contactsync did",
    ),
    WriteMode.OFF: ("never", "CTO", "CEO", "CTO"),
}
"""When each mode writes, and an example: what Salesforce holds, what the event platform says, what Salesforce holds then."""


def made_anew(text: str) -> str:
    """The page with everything between `<!-- made: name -->` and `<!-- /made -->` written anew."""
    return _MARKED.sub(lambda match: f"{match[1]}\n{_SECTIONS[match[2]]()}\n{match[3]}", text)


def _modes() -> str:
    rows = [[f"`{mode}`", *words] for mode, words in MODES.items()]
    return _table(["mode", "writes", "Salesforce holds", "the event platform says", "then Salesforce holds"], rows)


def _statuses() -> str:
    rows = [[f"`{status}`", ", else ".join(labels)] for status, labels in DEFAULT_STATUS_MAP.items()]
    return _table(["status at the event", "label of the member, by default"], rows)


def _ladder() -> str:
    steps = [" = ".join(f"`{status}`" for status in sorted(step)) for step in STATUS_LADDER]
    return " → ".join(steps) + "; a status of your own stands where `registered` does.\n"


def _policies() -> str:
    defaults = policies_as_json(Policies())
    rows = []
    for name, field in PoliciesSchema().fields.items():
        default = "see above" if isinstance(defaults[name], dict) else f"`{_said(defaults[name])}`"
        rows.append([f"`{name}`", _values(field), default, str(field.metadata.get("description", ""))])
    return _table(["policy", "values", "default", "what it decides"], rows)


def _values(field: Any) -> str:
    words = getattr(field.validate, "choices", None)
    if words:
        return ", ".join(f"`{word}`" for word in (*words, *(["null"] if field.allow_none else [])))
    if type(field).__name__ == "Integer":
        return f"{field.validate.min} to {field.validate.max}"
    return {"Boolean": "`true`, `false`", "Dict": "status → labels"}[type(field).__name__]


def _said(value: object) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _core() -> str:
    return _problems(CORE_PROBLEMS)


def _salesforce() -> str:
    return _problems(Plugins.load(Config()).target_type("salesforce").problems)


BY_ITSELF = "What goes by itself"
"""The heading above problems that nobody needs to act on."""

HEADINGS: Mapping[str, str] = {
    "Salesforce admin": "For the Salesforce admin",
    "event team": "For marketers and the event team",
    "Operator": "For whoever runs contactsync",
    "developer": "For whoever runs contactsync",
}
"""Who can fix it → the heading above what they can; all others go by themselves."""


def heading_of(problem: KnownProblem) -> str:
    """Where on the page a problem stands: people look for what is theirs."""
    return BY_ITSELF if problem.comes_back else HEADINGS.get(problem.who, BY_ITSELF)


def _problems(known: Sequence[KnownProblem]) -> str:
    parts = []
    for heading in dict.fromkeys((*HEADINGS.values(), BY_ITSELF)):
        rows = [
            _row(one) for one in sorted(known, key=lambda one: (one.code, one.seen_as)) if heading_of(one) == heading
        ]
        if rows:
            parts.append(f"### {heading}\n\n" + _table(["problem", "what is wrong", "what to do", "gone after"], rows))
    return "\n".join(parts)


def _row(problem: KnownProblem) -> list[str]:
    seen_as = f" ({problem.seen_as})" if problem.seen_as else ""
    after = either([MENDED_BY[mend] for mend in problem.mended_by])
    gone = "a while" if heading_of(problem) == BY_ITSELF else after or "a check"
    return [f"`{problem.code}`{seen_as}", _plain(problem.cause), _plain(problem.fix), gone]


def _plain(words: str) -> str:
    """The words with something readable in place of what a real problem names."""
    return words.replace("{fields}", "‹fields›").replace("{object}", "‹record›")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(heads), ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


_SECTIONS = {
    "modes": _modes,
    "statuses": _statuses,
    "ladder": _ladder,
    "policies": _policies,
    "core": _core,
    "salesforce": _salesforce,
}


def main(arguments: Sequence[str]) -> int:
    """Write the pages anew, or with --check say whether they are as they should be."""
    checking = "--check" in arguments
    differ = False
    for name in arguments:
        if name == "--check":
            continue
        page = Path(name)
        text = page.read_text("utf-8")
        anew = made_anew(text)
        differ = differ or anew != text
        if not checking:
            page.write_text(anew, "utf-8")
    return int(differ and checking)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
