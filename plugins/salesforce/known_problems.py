"""Every problem that this target is known to name, made from the words that it uses itself: for docs and API."""

from __future__ import annotations

from contactsync.api import KnownProblem, Next

from .advice import BY_CIRCUMSTANCE, Advice
from .own_advice import OWN
from .refusal_advice import BY_CODE
from .sign_in_advice import SIGN_IN_PROBLEMS


def _known(advice: Advice, code: str = "") -> KnownProblem:
    return KnownProblem(
        advice.code or code.lower(),
        advice.cause,
        advice.fix,
        advice.who,
        advice.seen_as or code,
        comes_back=advice.next is Next.RETRY,
        mended_by=advice.mended_by,
    )


KNOWN_PROBLEMS: tuple[KnownProblem, ...] = (
    *(_known(advice, code) for code, advice in BY_CODE.items()),
    *(_known(advice) for advice in (*BY_CIRCUMSTANCE, *OWN)),
    *SIGN_IN_PROBLEMS,
)
