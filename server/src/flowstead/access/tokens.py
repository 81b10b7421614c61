"""Bearer tokens of our own issuer: ES256, one audience each; and assertions to other authorities: RS256."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from flowstead.access.issuer_keys import ALGORITHM, ASSERTION_ALGORITHM, IssuerKeys, key_id, read_keys, write_keys
from flowstead.errors import ResourceConflict, Unauthorized
from flowstead.resources.clock import Clock, iso
from flowstead.resources.home import Home

LIFETIME = timedelta(hours=1)
ROTATED_AFTER = timedelta(days=90)
"""How long a key signs before the next one takes its place."""
_LEEWAY_S = 30
"""How far another machine's clock may be off, seconds."""
_SET_BACK_S = 2 * 3600
"""By how much the clock of this machine may be set back, seconds, before a token that was issued a moment ago is taken
for one of the future, here or at the gateway."""
_MOST_FORMER = 16
"""How many former keys may still verify; the gateway reads all of them with each change."""


@dataclass(frozen=True)
class Token:
    """text: the JWT. issued_at, expires_at: Unix seconds."""

    text: str = field(repr=False)
    issued_at: int
    expires_at: int


class Issuer:
    """Signs tokens and checks them. May be used from several threads."""

    def __init__(
        self, keys: IssuerKeys | ec.EllipticCurvePrivateKey, clock: Clock, *, file: Path | None = None
    ) -> None:
        """file: where the keys are kept when they change; None for nowhere."""
        self._keys = keys if isinstance(keys, IssuerKeys) else IssuerKeys(keys, clock.now())
        self._verifying = self._keys
        self._clock, self._file = clock, file
        self._changing = threading.Lock()

    @classmethod
    def of(cls, home: Home, clock: Clock) -> Issuer:
        """The home's issuer; its key is made at the first start. Raises HostProblem when the file is not one of
        keys."""
        if not home.issuer_keys.exists():
            write_keys(home.issuer_keys, IssuerKeys.new(clock.now()))
        keys = read_keys(home.issuer_keys)
        # A key of an older home does not say since when it signs: now it is written down.
        write_keys(home.issuer_keys, keys)
        return cls(keys, clock, file=home.issuer_keys)

    @property
    def keys(self) -> IssuerKeys:
        """Those that sign and verify at present."""
        return self._keys

    @property
    def key_id(self) -> str:
        """Of the key that signs."""
        return self._keys.id

    @property
    def jwks(self) -> Mapping[str, Any]:
        """The public keys of what opens something here; the next one before it signs."""
        return self._verifying.jwks

    @property
    def published(self) -> Mapping[str, Any]:
        """The same and those of assertions, as the document that `jwks_uri` names."""
        return self._verifying.published

    @property
    def is_due(self) -> bool:
        """The key has signed for long enough."""
        return self._clock.now() - self._keys.since >= ROTATED_AFTER

    def rotate(self, announce: Callable[[], None], *, forget: bool = False) -> IssuerKeys:
        """Sign with a new key from now on. Tokens that are there stay good until they end. forget: none of them does.

        announce: tells all who check tokens by themselves of `jwks`, and returns when they know: no token may come to
        them signed by a key that they have not heard of. When it raises, the key before goes on signing; but forgotten
        keys stay so, whoever has not heard of it.

        Raises ResourceConflict when too many keys before still verify."""
        with self._changing:
            now = self._clock.now()
            before = self._keys.without_ended(now)
            if len(before.by_id) > _MOST_FORMER and not forget:
                raise _too_many(before)
            following = before.followed(now, forget=forget)
            # On the disk first: whoever is killed from here on starts with the new key, and announces it again.
            self._keep(following)
            self._verifying = following
            if forget:
                self._keys = following
            try:
                announce()
            except BaseException:
                if not forget:
                    self._keep(before)
                    self._keys = self._verifying = before
                raise
            self._keys = following
            return following

    def forget_ended(self) -> bool:
        """Drop keys whose tokens have all ended. Whether `jwks` has changed."""
        with self._changing:
            left = self._keys.without_ended(self._clock.now())
            if left is self._keys:
                return False
            self._keep(left)
            self._keys = self._verifying = left
            return True

    def issue(
        self,
        *,
        issuer: str,
        audience: str,
        subject: str,
        claims: Mapping[str, Any],
        lifetime: timedelta = LIFETIME,
        asserts: bool = False,
    ) -> Token:
        """A token for that audience. subject: object id of a principal. asserts: to another authority, which opens
        nothing here."""
        keys = self._ready_for(lifetime)
        now = int(self._clock.now().timestamp())
        expires = now + int(lifetime.total_seconds())
        payload = {
            **claims,
            "iss": issuer,
            "aud": audience,
            "sub": subject,
            "oid": subject,
            "iat": now,
            "nbf": now - _SET_BACK_S,
            "exp": expires,
            "jti": uuid.uuid4().hex,
        }
        if asserts:
            private = self._asserting()
            headers = {"kid": key_id(private.public_key())}
            text = jwt.encode(payload, private, algorithm=ASSERTION_ALGORITHM, headers=headers)
        else:
            text = jwt.encode(payload, keys.signing, algorithm=ALGORITHM, headers={"kid": keys.id})
        return Token(text, now, expires)

    def verify(self, token: str, *, issuer: str, audience: str) -> Mapping[str, Any]:
        """The claims. Raises Unauthorized, which says what is wrong with it."""
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                self._key_of(token),
                algorithms=[ALGORITHM],
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

    def _key_of(self, token: str) -> ec.EllipticCurvePublicKey:
        """Raises jwt.InvalidTokenError."""
        key = self._verifying.by_id.get(str(jwt.get_unverified_header(token).get("kid", "")))
        if key is None:
            raise jwt.InvalidTokenError("it is not signed by a key of this server")
        return key

    def _ready_for(self, lifetime: timedelta) -> IssuerKeys:
        """The keys, after it is written down how long their tokens hold: so long they have to be kept. That happens
        once for each lifetime that is longer than all before."""
        if lifetime > self._keys.longest:
            with self._changing:
                if lifetime > self._keys.longest:
                    changed = replace(self._keys, longest=lifetime)
                    self._keep(changed)
                    self._keys = self._verifying = changed
        return self._keys

    def _asserting(self) -> rsa.RSAPrivateKey:
        """The key for assertions; made, written down and published when there is none yet."""
        known = self._keys.asserting
        if known is not None:
            return known
        with self._changing:
            if self._keys.asserting is None:
                able = self._keys.able_to_assert()
                self._keep(able)
                self._keys = self._verifying = able
            found = self._keys.asserting
        assert found is not None, "it was just made"  # noqa: S101
        return found

    def _keep(self, keys: IssuerKeys) -> None:
        if self._file is not None:
            write_keys(self._file, keys)


def _too_many(keys: IssuerKeys) -> ResourceConflict:
    first = min(each.until for each in keys.former)
    return ResourceConflict(
        f"{len(keys.by_id) - 1} keys before still have tokens that hold; the next of them ends at {iso(first)}.",
        hint="Wait until then, or end all tokens at once: flowstead issuer rotate --end-tokens.",
    )
