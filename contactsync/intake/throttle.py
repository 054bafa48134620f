"""How fast an org may send: a bucket of tokens for each, in this process."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple


class Bucket(NamedTuple):
    """Tokens left at a time (seconds)."""

    tokens: float
    at: float


def take(bucket: Bucket | None, per_second: float, now: float) -> tuple[Bucket, int]:
    """Take one token: the bucket afterwards, and the whole seconds to wait (0: there was one).

    A bucket is full with a second's worth of tokens, at least one. A clock that goes backwards adds nothing.
    """
    most = max(1.0, per_second)
    tokens = most if bucket is None else min(most, bucket.tokens + max(0.0, now - bucket.at) * per_second)
    if tokens >= 1.0:
        return Bucket(tokens - 1.0, now), 0
    return Bucket(tokens, now), math.ceil((1.0 - tokens) / per_second)


@dataclass
class Throttle:
    """The buckets of all orgs. `per_second` 0: no limit."""

    per_second: float
    buckets: dict[int, Bucket] = field(default_factory=dict)

    def wait(self, org_id: int, now: float) -> int:
        """Seconds until the org may come again; 0: now."""
        if not self.per_second:
            return 0
        self.buckets[org_id], seconds = take(self.buckets.get(org_id), self.per_second, now)
        return seconds
