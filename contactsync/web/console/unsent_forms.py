"""What is kept of a form that cannot be taken now, because its session is over: everything typed but passwords and files.

Only a form of our own pages is kept, for the user that it was made for: its token says so (`sessions.whose`), and the browser
says that it comes from here. What another site makes a browser send has neither.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from flask import request

from contactsync.log import logger
from contactsync.store import sessions, unsent
from contactsync.store.engine import reading, writing
from contactsync.web.auth import parts
from contactsync.web.console.addresses import taken_apart
from contactsync.web.errors import Refusal

log = logger(__name__)

OWN_FIELDS = frozenset({"csrf", "unsent"})
"""What the gate itself reads in a form; no page does."""

_SECRET = re.compile(r"pass|secret|token")
_SECRET_BESIDE_PASSWORD = frozenset({"again", "present"})


def keep(token: str, user: int | None) -> str | None:
    """Keep the form of this request; answers its key. `user`: who is signed in. None: it is nobody's, or somebody else's,
    or does not surely come from here. Raises Refusal when it is too large.
    """
    if not _surely_from_here():
        return None
    with reading(parts().engine) as db:
        owner = sessions.whose(db, token)
    owner = user if owner is None else owner
    form = _read()
    if owner is None or (user is not None and owner != user):
        return None
    if user is None and not form.fields and not form.left_out:
        return None  # a button: after signing in, its page has it again
    if form.size > unsent.MOST_CHARACTERS:
        words = (
            "Your sign-in is over, and what you sent is too large to be kept. Send a smaller file, or fewer at once."
        )
        raise Refusal(413, "too_large_to_keep", words)
    now = parts().now()
    with writing(parts().engine) as db:
        key = unsent.keep(db, parts().vault, owner, form, now)
    log.info("unsent form kept", user=owner)
    return key


def page_before() -> str:
    """The path of the page that the form stood on, as far as the browser says it and it is one of ours."""
    said = taken_apart(request.headers.get("HX-Current-URL") or request.headers.get("Referer") or "")
    return (f"{said.path}?{said.query}" if said.query else said.path) if said.netloc == request.host else ""


def _surely_from_here() -> bool:
    """The gate refuses what says that it comes from elsewhere; here, what says nothing is not kept either."""
    said = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    return said[0] == "same-origin" or (said[0] is None and said[1] is not None)


def is_secret(name: str, beside: Collection[str]) -> bool:
    """Whether a field holds what is never kept, by its name and those of the form's others."""
    return bool(_SECRET.search(name.lower())) or (name in _SECRET_BESIDE_PASSWORD and "password" in beside)


def _read() -> unsent.Unsent:
    sent = [(name, value) for name, value in request.form.items(multi=True) if name not in OWN_FIELDS]
    names = {name for name, _ in sent}
    secret = [(name, "password") for name, value in sent if value and is_secret(name, names)]
    files = [(name, "file") for name, file in request.files.items(multi=True) if file.filename]
    return unsent.Unsent(
        request.full_path.rstrip("?"),
        page_before(),
        str(request.endpoint),
        tuple((name, value) for name, value in sent if not is_secret(name, names)),
        tuple(dict.fromkeys((*secret, *files))),
    )
