"""A stand-in for Salesforce, spoken over HTTP: a development tool, and an `instance_url` like any other.

    with serve(options=Options(client_id="id", client_secret="secret")) as standin:
        ...  # standin.url, standin.org, standin.token()

It answers as facts recorded from Salesforce say, strictly: what Salesforce would refuse, it refuses with the same body.
Where a behaviour is from memory alone, the comment beside it says [MEM]; [DOC] is Salesforce's documentation,
[SEEN] an answer of a real org quoted elsewhere.
"""

from __future__ import annotations

from contactsync.standin.options import Options
from contactsync.standin.org import Org
from contactsync.standin.server import RunningStandin, run_forever, serve

__all__ = ["Options", "Org", "RunningStandin", "run_forever", "serve"]
