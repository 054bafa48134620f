"""How often somebody tried in vain to sign in, so that passwords cannot be guessed.

Three counts are kept for a quarter of an hour each, from the first try on: of one address at one place, of the place, and of
the address from anywhere. The first is small: that somebody guesses elsewhere keeps nobody out at home. A try is counted
before the password is looked at and taken back when it was right, so that a thousand at once are a thousand.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as insert_on_postgres
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite
from sqlalchemy.engine import Connection as Db

from contactsync.store.tables_console import failed_sign_in

WINDOW = timedelta(minutes=15)
MOST_HERE = 5
"""Tries for one address from one place."""
MOST_FROM = 30
"""Tries from one place, for whichever addresses: an office may have one network address."""
MOST_EMAIL = 50
"""Tries for one address from everywhere: more than any one place has."""
SITE = 48
"""Bits of the IPv6 network that is one place: anybody gets so large a one, with 65,536 of those that a home has."""


def counts_of(email: str, place: str) -> Mapping[str, int]:
    """What a try counts for: digest → how many there may be. `place`: the network address it comes from."""
    near, around = network_of(place), network_of(place, SITE)
    named = {f"email:{email} from:{near}": MOST_HERE, f"from:{around}": MOST_FROM, f"email:{email}": MOST_EMAIL}
    return {hashlib.sha256(who.encode("utf-8", "surrogatepass")).hexdigest(): most for who, most in named.items()}


def network_of(place: str, bits: int = 64) -> str:
    """The address, or for IPv6 its /64: whoever has one address of that has them all. `bits`: of another network."""
    try:
        address = ipaddress.ip_address(place)
    except ValueError:
        return place
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), bits), strict=False).network_address)
    return str(address)


def count_try(db: Db, counts: Mapping[str, int], now: datetime) -> datetime | None:
    """Count a try; answers None when it may be made, else when the next one may.

    What is over its number counts no further, and not for the counts that come after it: whoever guesses from one place
    cannot use up the tries that others have for the same address. Clears away what has run out.
    """
    _clear(db, now)
    for who, most in counts.items():  # always in this order: two tries at once wait for each other, never both for ever
        failures, since = _one_more(db, who, most, now)
        if failures > most:
            return since + WINDOW
    return None


def _one_more(db: Db, who: str, most: int, now: datetime) -> tuple[int, datetime]:
    c = failed_sign_in.c
    insert = insert_on_sqlite if db.dialect.name == "sqlite" else insert_on_postgres
    over = c.since <= now - WINDOW
    more = {
        "failures": sa.case((over, 1), (c.failures > most, c.failures), else_=c.failures + 1),
        "since": sa.case((over, now), else_=c.since),
    }
    counted = insert(failed_sign_in).values(who=who, failures=1, since=now)
    counted = counted.on_conflict_do_update(index_elements=["who"], set_=more)
    failures, since = db.execute(counted.returning(c.failures, c.since)).one()
    return failures, since


def _clear(db: Db, now: datetime) -> None:
    """Rows that another try holds stay: it will count them anew."""
    c = failed_sign_in.c
    over = sa.select(c.who).where(c.since <= now - WINDOW).limit(1000).with_for_update(skip_locked=True)
    db.execute(sa.delete(failed_sign_in).where(c.who.in_(over)))


def take_back(db: Db, counts: Mapping[str, int]) -> None:
    """The try was right: it does not count, and at this place nothing does any more for this address."""
    c = failed_sign_in.c
    for who, most in counts.items():
        if most == MOST_HERE:
            db.execute(sa.delete(failed_sign_in).where(c.who == who))
        else:
            less = sa.update(failed_sign_in).where(c.who == who, c.failures > 0)
            db.execute(less.values(failures=c.failures - 1))
