"""Secrets at rest: AES-256-GCM under the master key."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from flowstead.errors import HostProblem

KEY_BYTES = 32
_NONCE_BYTES = 12
"""What GCM is made for; random nonces are safe for 2^32 messages under one key."""


def derive(key: bytes, purpose: str) -> bytes:
    """A 32-byte key for that purpose only, which tells nothing of the one that it is made from."""
    return HKDF(hashes.SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(key)


def key_id(key: bytes) -> str:
    """By what a master key is called where people read: it tells nothing of the key."""
    return derive(key, "master key id")[:8].hex()


class Sealer:
    """Seals values so that each opens only as the same secret of the same resource.

    One for all transactions of a store: when the master key is replaced, it is replaced under those that run. They
    read what was sealed before or after, each by the state that it sees, so the key before opens too until the process
    ends."""

    def __init__(self, master_key: bytes) -> None:
        self._ring: tuple[bytes, ...] = (master_key,)

    @property
    def master_key(self) -> bytes:
        """The key under which values are sealed."""
        return self._ring[0]

    def also_open(self, key: bytes) -> None:
        """From now on, open what is sealed under this key too."""
        self._ring = tuple(dict.fromkeys((*self._ring, key)))

    def seal_under(self, key: bytes) -> None:
        """From now on, seal under this key."""
        self._ring = tuple(dict.fromkeys((key, *self._ring)))

    def seal(self, value: str, *, uid: str, name: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self.master_key).encrypt(nonce, value.encode(), _associated(uid, name))

    def open(self, sealed: bytes, *, uid: str, name: str) -> str:
        """Raises HostProblem when the master key is another one or the row was tampered with."""
        for key in self._ring:
            try:
                return (
                    AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _associated(uid, name)).decode()
                )
            except InvalidTag:
                continue
        raise HostProblem(
            f"The secret {name} cannot be opened: the database does not belong to this master key.",
            hint="Put the `keys` directory back that was in use with this database.",
        )


def _associated(uid: str, name: str) -> bytes:
    return f"{uid}\0{name}".encode()
