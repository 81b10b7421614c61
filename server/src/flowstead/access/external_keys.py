"""The keys of an external OpenID Connect issuer: found by its discovery document, kept, and asked for again."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from flowstead.errors import IssuerUnreachable
from flowstead.resources.clock import Clock
from flowstead.resources.settings import is_plain_loopback, may_be_asked

log = logging.getLogger("flowstead")

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_DISCOVERY = "/.well-known/openid-configuration"
_FRESH_S = 3600.0
"""How long keys are used before they are asked for again, seconds; a key that is taken away counts until then."""
_STALE_S = 24 * 3600.0
"""How long they are used when the issuer does not answer, seconds."""
_ASK_EVERY_S = 10.0
"""How often the issuer is asked at most, seconds, however many tokens name keys that nobody knows."""
_WAITING = 4
"""How many requests may wait for the issuer's answer; the API's threads are for others too."""
_ANSWER_WITHIN_S = 10.0
_LONGEST_ANSWER = 512 * 1024
_MOST_KEYS = 100
_SMALLEST_RSA = 2048
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
ASYMMETRIC = (*_RSA, *_CURVES.values(), "EdDSA")
"""How tokens may be signed."""
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})
"""Members of a JWK that nobody should have published."""


@dataclass(frozen=True)
class ExternalKey:
    """algorithms: with which it may have signed; only ones that need a private key are among them."""

    id: str
    public: PublicKey
    algorithms: tuple[str, ...]


class ExternalKeys:
    """The keys of one issuer. May be used from several threads; nothing is asked until the first token comes."""

    def __init__(self, issuer: str, clock: Clock, *, fetch: Callable[[str], Mapping[str, Any]] | None = None) -> None:
        """issuer: an https URL, or http on a loopback address. fetch: gets a JSON document, raises IssuerUnreachable;
        over the network unless given."""
        self._issuer = issuer
        self._clock = clock
        self._fetch = fetch or fetch_json
        self._keys: tuple[ExternalKey, ...] = ()
        self._taken_at = self._asked_at = float("-inf")
        self._asking = threading.Lock()
        self._waiting = threading.BoundedSemaphore(_WAITING)

    def find(self, key_id: str, algorithm: str) -> ExternalKey | None:
        """The key of that id, or, for a token that names none, the only one that fits; None when there is none. Raises
        IssuerUnreachable when the issuer has to be asked and does not answer."""
        now = self._clock.monotonic()
        found = self._known(key_id, algorithm)
        if found is not None and now - self._taken_at < _FRESH_S:
            return found
        if now - self._asked_at >= _ASK_EVERY_S or not self._keys:
            self._ask_again(must=found is None)
        found = self._known(key_id, algorithm)
        if self._clock.monotonic() - self._taken_at >= _STALE_S:
            raise _unreachable(self._issuer)
        return found

    def find_another(self, than: ExternalKey, key_id: str, algorithm: str) -> ExternalKey | None:
        """As `find`, for a token that the key found does not verify: the issuer may have a new one that goes by the
        same name, or by none."""
        if self._clock.monotonic() - self._asked_at >= _ASK_EVERY_S:
            self._ask_again(must=False)
        found = self._known(key_id, algorithm)
        return None if found == than else found

    def _known(self, key_id: str, algorithm: str) -> ExternalKey | None:
        fitting = [each for each in self._keys if algorithm in each.algorithms]
        if key_id:
            return next((each for each in fitting if each.id == key_id), None)
        return fitting[0] if len(fitting) == 1 else None

    def _ask_again(self, *, must: bool) -> None:
        """One thread asks, a few others wait for it. must: nothing is known without the answer."""
        if not self._waiting.acquire(blocking=False):
            if must:
                raise _unreachable(self._issuer)
            return
        try:
            # Who has a key that is only not fresh goes on with it while another one asks.
            if not self._asking.acquire(blocking=must, timeout=_ANSWER_WITHIN_S * 2 if must else -1):
                return
            try:
                self._ask()
            finally:
                self._asking.release()
        finally:
            self._waiting.release()

    def _ask(self) -> None:
        if self._clock.monotonic() - self._asked_at < _ASK_EVERY_S:
            return  # another thread has asked meanwhile, or it was asked a moment ago and did not answer
        self._asked_at = self._clock.monotonic()
        try:
            found = self._fetch(self._issuer.rstrip("/") + _DISCOVERY)
            if found.get("issuer") != self._issuer:
                raise IssuerUnreachable(f"It calls itself {str(found.get('issuer'))[:200]!r}.")
            address = str(found.get("jwks_uri", ""))
            if not may_be_asked(address, here=is_plain_loopback(self._issuer)):
                raise IssuerUnreachable(f"Its keys are at {address[:200]!r}, which is no https address.")
            keys = tuple(_usable(self._fetch(address)))
        except IssuerUnreachable as problem:
            log.warning("The keys of the issuer %s could not be had: %s", self._issuer, problem.message)
            return
        if not keys:
            log.warning("The issuer %s has no key that can be used.", self._issuer)
            return
        self._keys, self._taken_at = keys, self._clock.monotonic()


def fetch_json(url: str) -> Mapping[str, Any]:
    """The document at the URL, bounded in time and size; redirects are not followed, since nobody has vouched for where
    they lead. Raises IssuerUnreachable."""
    give_up_at = time.monotonic() + _ANSWER_WITHIN_S
    # A proxy of the environment has no business between two programs of one machine.
    trust_environment = not is_plain_loopback(url)
    try:
        with (
            httpx.Client(timeout=5.0, follow_redirects=False, trust_env=trust_environment) as client,
            client.stream("GET", url, headers={"Accept": "application/json", "Accept-Encoding": "identity"}) as answer,
        ):
            if answer.status_code != 200:
                raise IssuerUnreachable(f"{url} answers {answer.status_code}.")
            body = b""
            # As it comes: a few bytes may be packed so that they unpack to gigabytes.
            for part in answer.iter_raw():
                body += part
                if len(body) > _LONGEST_ANSWER or time.monotonic() > give_up_at:
                    raise IssuerUnreachable(f"{url} answers too much, or too slowly.")
        document = json.loads(body)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as problem:
        raise IssuerUnreachable(f"{url}: {type(problem).__name__}.") from None
    if not isinstance(document, dict):
        raise IssuerUnreachable(f"{url} does not answer a JSON object.")
    return document


def _usable(document: Mapping[str, Any]) -> Iterator[ExternalKey]:
    """Keys that can check signatures; others, such as ones for encryption, are left out."""
    listed = document.get("keys")
    for each in listed[:_MOST_KEYS] if isinstance(listed, list) else ():
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        try:
            key = jwt.PyJWK({name: value for name, value in each.items() if name not in _PRIVATE}).key
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
        algorithms = _algorithms(key)
        said = each.get("alg")
        wanted = algorithms if said is None else tuple(name for name in algorithms if name == said)
        if wanted:
            yield ExternalKey(str(each.get("kid", "")), key, wanted)


def _algorithms(key: object) -> tuple[str, ...]:
    """Of symmetric keys none: who can check with one can also sign with it."""
    if isinstance(key, rsa.RSAPublicKey):
        return _RSA if key.key_size >= _SMALLEST_RSA else ()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return tuple(name for curve, name in _CURVES.items() if curve == key.curve.name)
    return ("EdDSA",) if isinstance(key, ed25519.Ed25519PublicKey) else ()


def _unreachable(issuer: str) -> IssuerUnreachable:
    return IssuerUnreachable(f"The issuer {issuer} cannot be asked for its keys at the moment.")
