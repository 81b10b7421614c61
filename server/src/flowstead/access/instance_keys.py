"""What an instance proves by which one it is: a key made of its deployment's uid and its id, so that none has to be
kept."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

INSTANCE_KEYS = "instance-keys"
"""For what the store derives the secret."""


@dataclass(frozen=True)
class InstanceName:
    deployment_uid: str
    id: str


class InstanceKeys:
    """secret: 32 bytes that only this home's server has. A key proves a name; whether there is an instance of that name
    is for whoever asks to see."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, deployment_uid: str, instance_id: str) -> str:
        named = f"{deployment_uid}.{instance_id}"
        return f"{named}.{self._proof(named)}"

    def name_in(self, key: str) -> InstanceName | None:
        """Whose key it is; None for what is no key of ours."""
        named, _, proof = key.rpartition(".")
        if not hmac.compare_digest(self._proof(named).encode(), proof.encode()):
            return None
        uid, _, id = named.partition(".")
        return InstanceName(uid, id) if uid and id else None

    def _proof(self, named: str) -> str:
        return hmac.new(self._secret, named.encode(), hashlib.sha256).hexdigest()
