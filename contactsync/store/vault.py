"""Secrets at rest: sealed for one org and one purpose, so that a sealed text copied elsewhere does not open."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from contactsync.domain.errors import Misconfigured, SealBroken

_CONTEXT = b"contactsync vault, Fernet key"


class Vault:
    """Seals with the first key and opens with any (CONTACTSYNC_SECRET_KEYS, newest first).

    Keys are arbitrary strings with enough in them to be secret: Fernet keys are derived by HKDF-SHA256.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys or not all(keys):
            raise Misconfigured("CONTACTSYNC_SECRET_KEYS: write at least one key, several separated by commas")
        each = [_fernet(key) for key in keys]
        self._first = each[0]
        self._fernet = MultiFernet(each)

    def seal(self, org_id: int, purpose: str, secret: str) -> str:
        """The secret as text for a column; `open` wants the same org and purpose."""
        return self._fernet.encrypt(json.dumps([org_id, purpose, secret]).encode()).decode()

    def open(self, org_id: int, purpose: str, sealed: str) -> str:
        """The secret again. Raises SealBroken when its key is gone, or when it was sealed for something else."""
        try:
            found_org, found_purpose, secret = json.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken as error:
            raise SealBroken(
                f"CONTACTSYNC_SECRET_KEYS: no key opens the {purpose} of org {org_id};"
                " add the key that sealed it at the end, or enter the secret anew"
            ) from error
        if (found_org, found_purpose) != (org_id, purpose):
            raise SealBroken(f"the {purpose} of org {org_id} was sealed for something else; enter the secret anew")
        return str(secret)

    def is_current(self, sealed: str) -> bool:
        """Whether the first key sealed it: then the others are not needed for it."""
        try:
            self._first.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True

    def reseal(self, org_id: int, purpose: str, sealed: str) -> str:
        """The same secret under the first key. Raises as `open` does."""
        return self.seal(org_id, purpose, self.open(org_id, purpose, sealed))

    def __repr__(self) -> str:
        return "Vault(…)"


def _fernet(key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_CONTEXT).derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
