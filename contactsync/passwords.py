"""Passwords: argon2id with the library's own parameters, nothing else. No work at import: hashing costs memory and time."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST_LENGTH = 12
MOST_LENGTH = 256

_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg"
"""The hash of some password: checked when there is no user, so that the time of an answer tells nobody who has one."""


def hash_password(password: str) -> str:
    """The password's hash, with salt and parameters in it. Takes some 50 ms and 64 MB on purpose."""
    return PasswordHasher().hash(password)


def is_password(hashed: str | None, password: str) -> bool:
    """Whether it is the password of this hash; always False, after as long, when there is none."""
    try:
        PasswordHasher().verify(hashed or _NOBODYS, password)
    except (VerificationError, InvalidHashError):
        return False
    return hashed is not None


def needs_rehash(hashed: str) -> bool:
    """Whether it was made with weaker parameters than the present ones."""
    return PasswordHasher().check_needs_rehash(hashed)
