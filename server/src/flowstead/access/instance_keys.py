"""What an instance proves by whose it is: a key made of its deployment's uid, so that none has to be kept."""

from __future__ import annotations

import hashlib
import hmac

INSTANCE_KEYS = "instance-keys"
"""For what the store derives the secret."""


class InstanceKeys:
    """secret: 32 bytes that only this home's server has. A key is good for as long as its deployment is there."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, deployment_uid: str) -> str:
        return f"{deployment_uid}.{self._proof(deployment_uid)}"

    def deployment_of(self, key: str) -> str | None:
        """The uid of the deployment whose key it is; None for what is no key of ours."""
        uid, _, proof = key.partition(".")
        return uid if uid and hmac.compare_digest(self._proof(uid).encode(), proof.encode()) else None

    def _proof(self, deployment_uid: str) -> str:
        return hmac.new(self._secret, deployment_uid.encode(), hashlib.sha256).hexdigest()
