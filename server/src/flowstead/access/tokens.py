"""Bearer tokens of our own issuer: ES256, one audience each."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from flowstead.errors import HostProblem, Unauthorized
from flowstead.resources.clock import Clock
from flowstead.resources.home import Home
from flowstead.resources.private_file import write_private

LIFETIME = timedelta(hours=1)
_LEEWAY_S = 30
"""How far another machine's clock may be off, seconds."""
_ALGORITHM = "ES256"


@dataclass(frozen=True)
class Token:
    """text: the JWT. issued_at, expires_at: Unix seconds."""

    text: str = field(repr=False)
    issued_at: int
    expires_at: int


class Issuer:
    """Signs tokens and checks them."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    @classmethod
    def of(cls, home: Home, clock: Clock) -> Issuer:
        """The home's issuer; its key is made at the first start. Raises HostProblem when the file is not a
        key."""
        path = home.keys / "issuer.pem"
        if not path.exists():
            write_private(path, _to_pem(ec.generate_private_key(ec.SECP256R1())))
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except ValueError:
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise HostProblem(f"{path} does not hold an EC key.", hint="Remove it; the next start makes a new one.")
        return cls(key, clock)

    @cached_property
    def key_id(self) -> str:
        digest = hashes.Hash(hashes.SHA256())
        digest.update(
            self._key.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        return digest.finalize().hex()[:32]

    @cached_property
    def jwks(self) -> Mapping[str, Any]:
        """The public half, as the document that `jwks_uri` names."""
        key = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": self.key_id, "use": "sig", "alg": _ALGORITHM}]}

    def issue(
        self, *, issuer: str, audience: str, subject: str, claims: Mapping[str, Any], lifetime: timedelta = LIFETIME
    ) -> Token:
        """A token for that audience. subject: object id of a principal."""
        now = int(self._clock.now().timestamp())
        expires = now + int(lifetime.total_seconds())
        payload = {
            **claims,
            "iss": issuer,
            "aud": audience,
            "sub": subject,
            "oid": subject,
            "iat": now,
            "nbf": now,
            "exp": expires,
            "jti": uuid.uuid4().hex,
        }
        text = jwt.encode(payload, self._key, algorithm=_ALGORITHM, headers={"kid": self.key_id})
        return Token(text, now, expires)

    def verify(self, token: str, *, issuer: str, audience: str) -> Mapping[str, Any]:
        """The claims. Raises Unauthorized, which says what is wrong with it."""
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=[_ALGORITHM],
                issuer=issuer,
                audience=audience,
                # Times are checked below, by the clock that was handed in.
                options={
                    "require": ["exp", "iat", "nbf", "aud", "iss", "sub"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "strict_aud": True,
                },
            )
        except jwt.InvalidTokenError as problem:
            raise Unauthorized(f"The token is not valid: {problem}.") from None
        now = self._clock.now().timestamp()
        if now >= claims["exp"] + _LEEWAY_S:
            raise Unauthorized("The token has expired.", hint="Get a new one: `flowstead token` prints it.")
        if now < claims["nbf"] - _LEEWAY_S:
            raise Unauthorized("The token is not valid yet.", hint="Check the clocks of both machines.")
        return claims


def _to_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
