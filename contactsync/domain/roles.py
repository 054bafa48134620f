"""What a person may do in the console of an org: each role may all that the ones below it may."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """From the least to the most."""

    VIEWER = "viewer"  # sees everything, but bodies of webhooks unmasked; changes nothing
    EDITOR = "editor"  # completes contacts, syncs, connects campaigns and companies, deals with problems, replays
    ADMIN = "admin"  # settings: connection, mapping, policies, secrets, tokens, users, import

    def may(self, needed: Role) -> bool:
        """Whether this role is enough for what needs the other."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)
