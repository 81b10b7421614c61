"""Tokens of an external OpenID Connect issuer that the configuration names."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt

from flowstead.access.external_keys import ASYMMETRIC, ExternalKey, ExternalKeys
from flowstead.errors import Unauthorized
from flowstead.resources.clock import Clock
from flowstead.resources.principal import PrincipalType

LEEWAY_S = 30
"""How far the issuer's clock may be off, seconds."""
LONGEST_TOKEN = 16_384
"""Characters; a token that lists many groups has some 10,000."""
_LONGEST_NAME = 120
_TYPES = ("jwt", "at+jwt", "application/at+jwt")
"""Of tokens that say who comes; a token that ends a session, say, is of another one."""
_NAMES = ("preferred_username", "email", "name", "sub")


@dataclass(frozen=True)
class Outsider:
    """Whom an external issuer knows. object_id: a GUID, always the same for the same person. issued_at, expires_at: of
    the token, Unix seconds."""

    object_id: str
    name: str
    type: PrincipalType
    issued_at: int
    expires_at: int


class ExternalIssuer:
    """Checks the tokens of one issuer."""

    def __init__(self, url: str, audience: str, clock: Clock, keys: ExternalKeys | None = None) -> None:
        self.url = url
        self._audience = audience
        self._clock = clock
        self._keys = keys or ExternalKeys(url, clock)

    def issued(self, token: str) -> bool:
        """Whether the token says that it is of this issuer; nothing of it has been checked."""
        if len(token) > LONGEST_TOKEN:
            return False
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except (jwt.InvalidTokenError, RecursionError):
            return False
        return claims.get("iss") == self.url

    def verify(self, token: str) -> Outsider:
        """Who comes with it. Raises Unauthorized, which says what is wrong with it, and IssuerUnreachable."""
        if len(token) > LONGEST_TOKEN:
            raise Unauthorized("The token is too long.")
        try:
            algorithm, key_id = _checked_header(jwt.get_unverified_header(token))
            key = self._keys.find(key_id, algorithm)
            if key is None:
                raise jwt.InvalidTokenError("its issuer has no such key")
            try:
                claims = self._claims(token, key, algorithm)
            except jwt.InvalidSignatureError:
                other = self._keys.find_another(key, key_id, algorithm)
                if other is None:
                    raise
                claims = self._claims(token, other, algorithm)
            return self._outsider(claims)
        except (jwt.InvalidTokenError, RecursionError) as problem:
            raise Unauthorized(f"The token is not valid: {problem}.", hint=f"Sign in at {self.url} again.") from None

    def _claims(self, token: str, key: ExternalKey, algorithm: str) -> Mapping[str, Any]:
        """Raises jwt.InvalidTokenError."""
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key.public,
            algorithms=[algorithm],
            issuer=self.url,
            audience=self._audience,
            # Times are checked below, by the clock that was handed in.
            options={
                "require": ["exp", "iat", "aud", "iss", "sub"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        return claims

    def _outsider(self, claims: Mapping[str, Any]) -> Outsider:
        """Raises jwt.InvalidTokenError."""
        now = self._clock.now().timestamp()
        issued, expires = _moment(claims, "iat"), _moment(claims, "exp")
        if now >= expires + LEEWAY_S:
            raise jwt.InvalidTokenError("it has expired")
        begins = max(issued, _moment(claims, "nbf")) if "nbf" in claims else issued
        if now < begins - LEEWAY_S:
            raise jwt.InvalidTokenError("it is not valid yet; check the clocks of both machines")
        if "cnf" in claims:
            raise jwt.InvalidTokenError("it is bound to a key, and came without the proof of that")
        if "events" in claims:
            raise jwt.InvalidTokenError("it tells of an event, not of somebody")
        return Outsider(self._object_id(claims), self._name(claims), _type(claims), int(issued), int(expires))

    def _object_id(self, claims: Mapping[str, Any]) -> str:
        """Entra ID's object id is what role assignments name there too; others have only `sub`."""
        try:
            return str(uuid.UUID(str(claims["oid"])))
        except (KeyError, ValueError):
            return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.url} {claims['sub']}"))

    def _name(self, claims: Mapping[str, Any]) -> str:
        found = next((str(claims[each]) for each in _NAMES if claims.get(each)), "")
        name = "".join(letter for letter in found if letter.isprintable())[:_LONGEST_NAME]
        # Who is called `owner` over there is not taken for ours in the audit records.
        return name if "@" in name else f"{name}@{urlsplit(self.url).hostname}"


def _checked_header(header: Mapping[str, Any]) -> tuple[str, str]:
    """(algorithm, key id). Raises jwt.InvalidTokenError."""
    algorithm, key_id = header.get("alg"), header.get("kid", "")
    if algorithm not in ASYMMETRIC:
        raise jwt.InvalidTokenError("it is not signed in a way that is accepted here")
    if str(header.get("typ", "JWT")).lower() not in _TYPES or "crit" in header:
        raise jwt.InvalidTokenError("it is not of a kind that is accepted here")
    return str(algorithm), str(key_id)


def _moment(claims: Mapping[str, Any], name: str) -> float:
    """Raises jwt.InvalidTokenError."""
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise jwt.InvalidTokenError(f"{name} is no time")
    return float(value)


def _type(claims: Mapping[str, Any]) -> PrincipalType:
    """A program that came by its own credentials is its own subject (RFC 9068, 2.2)."""
    client = claims.get("azp") or claims.get("appid") or claims.get("client_id")
    is_app = claims.get("idtyp") == "app" or claims.get("gty") == "client-credentials" or claims.get("sub") == client
    return PrincipalType.SERVICE_PRINCIPAL if is_app else PrincipalType.USER
