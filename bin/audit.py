"""Asks the Python advisory database about every dependency of a lock: `make audit`, or bin/audit.py [lock …].

Exit status 0: all were asked about, nothing is known. 1: something is; it is listed, with the versions that mend it.
3: not all could be asked about (the database is out of reach, or an index in between does not know advisories).
pip-audit itself takes what could not be asked about for good, and says 1 for what it could not reach.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

GOOD, BAD, UNKNOWN = 0, 1, 3
SECONDS = 15
CHECKOUT = Path(__file__).parents[1]


def main(locks: Sequence[str]) -> int:
    """Audit these locks; the exit status."""
    return max((audit(Path(lock)) for lock in locks), key=(GOOD, UNKNOWN, BAD).index)


def audit(lock: Path) -> int:
    """Ask about one lock, and say what came of it."""
    words = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json"]
    command = [sys.executable, "-m", "pip_audit", *words, "--timeout", str(SECONDS), "--requirement", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        _say(f"{lock.name}: the advisory database could not be asked. pip-audit says: {last[:300]}")
        return UNKNOWN
    status, lines = verdict(report["dependencies"])
    for line in lines:
        _say(f"{lock.name}: {line}")
    return status


def verdict(dependencies: Sequence[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """The exit status, and what to say, for the dependencies of pip-audit's JSON."""
    lines = [
        f"{each['name']} {each['version']}: {known['id']} (mended in {', '.join(known['fix_versions']) or 'no version yet'})"
        for each in dependencies
        for known in each.get("vulns", ())
    ]
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    if lines:
        lines.append("raise what is named in pyproject.toml or run `make lock`, then `make test`")
    if skipped:
        some = ", ".join(skipped[:5]) + (", …" if len(skipped) > 5 else "")
        lines.append(
            f"{len(skipped)} of {len(dependencies)} could not be asked about ({some}): try again where pypi.org can be reached"
        )
    elif not lines:
        lines.append(f"nothing is known against any of the {len(dependencies)} dependencies")
    bad = any(each.get("vulns") for each in dependencies)
    return (BAD if bad else UNKNOWN if skipped or not dependencies else GOOD), lines


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [str(CHECKOUT / "requirements.txt")]))
