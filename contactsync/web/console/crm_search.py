"""Records of the CRM to pick from, and what to do when it cannot be asked."""

from __future__ import annotations

from dataclasses import dataclass

from contactsync.domain.crm import Choice, RecordKind
from contactsync.domain.errors import Misconfigured, TargetRefused, TargetUnavailable
from contactsync.domain.known_problems import problem_from_json
from contactsync.sync.targets import asking
from contactsync.web.auth import parts
from contactsync.web.console.problem_words import in_short
from contactsync.web.console.seat import seat

LEAST = 2
"""So many letters are needed: with fewer the CRM finds everything."""

MOST = 200


@dataclass(frozen=True)
class Picks:
    """What was found. `trouble` says in plain words why nothing could be asked, and what to do; `connects`: where the
    connection is set up, that is where it is mended.
    """

    choices: tuple[Choice, ...] = ()
    trouble: str = ""
    connects: bool = False
    asked: bool = False


def search_crm(kind: RecordKind, words: str) -> Picks:
    """Records of this kind whose name holds the words, up to 20. Never raises for a CRM that is away or refuses."""
    words = words[:MOST].strip()
    try:
        bound = parts().targets.of(seat().org.id)
    except Misconfigured:
        return Picks(trouble="contactsync is not set up right: its operator finds why in the log.")
    if bound is None:
        return Picks(trouble="Your org is not connected to Salesforce yet. Connect it first.", connects=True)
    if bound.row.problem is not None and bound.row.state(parts().now()) == "stopped":
        return Picks(trouble=in_short(problem_from_json(bound.row.problem)), connects=True)
    if len(words) < LEAST:
        return Picks()
    try:
        with asking(bound):
            return Picks(tuple(bound.target.search(kind, words)), asked=True)
    except TargetRefused as refused:
        return Picks(trouble=in_short(refused.problem), connects=True)
    except TargetUnavailable:
        return Picks(trouble="Salesforce does not answer now. Nothing is lost: search again in a minute.")
    finally:
        bound.connection.flush()  # the calls that it counted
