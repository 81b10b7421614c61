"""Secrets at rest: AES-256-GCM under the home's master key."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from flowstead.errors import HostProblem

_NONCE_BYTES = 12
"""What GCM is made for; random nonces are safe for 2^32 messages under one key."""


class Sealer:
    """Seals values so that each opens only as the same secret of the same resource."""

    def __init__(self, master_key: bytes) -> None:
        self._master_key = master_key
        self._cipher = AESGCM(master_key)

    def derived_key(self, purpose: str) -> bytes:
        """A 32-byte key for that purpose only, the same at every start."""
        return HKDF(hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(self._master_key)

    def seal(self, value: str, *, uid: str, name: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value.encode(), _associated(uid, name))

    def open(self, sealed: bytes, *, uid: str, name: str) -> str:
        """Raises HostProblem when the master key is another one or the row was tampered with."""
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, text, _associated(uid, name)).decode()
        except InvalidTag:
            raise HostProblem(
                f"The secret {name} cannot be opened: the database does not belong to this master key.",
                hint="Put the `keys` directory back that was in use with this database.",
            ) from None


def _associated(uid: str, name: str) -> bytes:
    return f"{uid}\0{name}".encode()
