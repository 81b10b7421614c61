"""The issuer's keys: one signs, those before it only verify, until the last token that they signed has ended.

Assertions to other authorities are signed by an RSA key beside it: Entra ID documents RS256 alone for them. It is made
when the first one is asked for, and goes with the key beside which it was made. It opens nothing here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from flowstead.errors import HostProblem
from flowstead.resources.private_file import write_private

ALGORITHM = "ES256"
ASSERTION_ALGORITHM = "RS256"
_RSA_BITS = 2048
_BLOCK = re.compile(
    r"(?P<notes>(?:[A-Za-z]+: .*\n)*)"
    r"(?P<pem>-----BEGIN (?P<kind>[A-Z ]+)-----\n[A-Za-z0-9+/=\n]+-----END (?P=kind)-----)\n*"
)
"""One key of the file: `Name: value` lines, then PEM. A file without such lines, as older homes have it, is one key."""
_MARGIN = timedelta(hours=2)
"""How much longer than its last token a key is kept: for the clocks of others, for one of ours that is set while it is
kept, and for the time between writing the file and signing with the next key."""


PublicKey: TypeAlias = "ec.EllipticCurvePublicKey | rsa.RSAPublicKey"


@dataclass(frozen=True)
class FormerKey:
    """A key that signs no more. until: when the last token that it signed has ended."""

    public: PublicKey
    until: datetime

    @cached_property
    def id(self) -> str:
        return key_id(self.public)


@dataclass(frozen=True)
class IssuerKeys:
    """since: when the key began to sign. longest: the longest lifetime of a token that it has signed. asserting: signs
    assertions, None before the first."""

    signing: ec.EllipticCurvePrivateKey = field(repr=False)
    since: datetime
    longest: timedelta = timedelta(0)
    former: tuple[FormerKey, ...] = ()
    asserting: rsa.RSAPrivateKey | None = field(default=None, repr=False)

    @classmethod
    def new(cls, now: datetime) -> IssuerKeys:
        return cls(ec.generate_private_key(ec.SECP256R1()), now)

    @cached_property
    def id(self) -> str:
        return key_id(self.signing.public_key())

    @cached_property
    def by_id(self) -> Mapping[str, ec.EllipticCurvePublicKey]:
        """The keys that verify what opens something here, the signing one first."""
        former = ((each.id, each.public) for each in self.former)
        return {
            self.id: self.signing.public_key(),
            **{id: public for id, public in former if isinstance(public, ec.EllipticCurvePublicKey)},
        }

    @cached_property
    def jwks(self) -> Mapping[str, Any]:
        """The public halves of those."""
        return {"keys": [_jwk(id, public) for id, public in self.by_id.items()]}

    @cached_property
    def published(self) -> Mapping[str, Any]:
        """The same and those that verify assertions, as the document that `jwks_uri` names."""
        asserting = [self.asserting.public_key()] if self.asserting else []
        asserting += [each.public for each in self.former if isinstance(each.public, rsa.RSAPublicKey)]
        return {"keys": [*self.jwks["keys"], *(_jwk(key_id(public), public) for public in asserting)]}

    def able_to_assert(self) -> IssuerKeys:
        """With a key for assertions."""
        return replace(self, asserting=rsa.generate_private_key(65537, _RSA_BITS))

    def followed(self, now: datetime, *, forget: bool = False) -> IssuerKeys:
        """The keys with a new one that signs. forget: those before verify no more."""
        if forget:
            return IssuerKeys.new(now)
        until = now + self.longest + _MARGIN
        ending: list[PublicKey] = [self.signing.public_key()]
        ending += [self.asserting.public_key()] if self.asserting else []
        return replace(IssuerKeys.new(now), former=(*(FormerKey(each, until) for each in ending), *self.former))

    def without_ended(self, now: datetime) -> IssuerKeys:
        """Without those whose tokens have all ended; itself when there are none."""
        kept = tuple(each for each in self.former if now < each.until)
        return self if kept == self.former else replace(self, former=kept)


def read_keys(path: Path) -> IssuerKeys:
    """Raises HostProblem when the file does not hold keys."""
    try:
        text = path.read_text(encoding="ascii")
        blocks = list(_blocks(text))
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return _keys(blocks, modified)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        raise HostProblem(
            f"{path} does not hold the issuer's EC keys.",
            hint="Put the right file back, or remove it: the next start makes a new key, and tokens end.",
        ) from None


def write_keys(path: Path, keys: IssuerKeys) -> None:
    """All at once: a crash leaves the keys before or these. Of the former ones only the public halves are kept, so that
    nobody can sign with them any more."""
    parts = [f"Since: {keys.since.isoformat()}\nLongest: {keys.longest.total_seconds():.0f}\n{_pem(keys.signing)}"]
    parts += [_pem(keys.asserting)] if keys.asserting else []
    for each in keys.former:
        public = each.public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()
        parts.append(f"Until: {each.until.isoformat()}\n{public}")
    write_private(path, "".join(parts).encode())


def _pem(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def key_id(public: PublicKey) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()[:32]


def _blocks(text: str) -> Iterator[tuple[Mapping[str, str], str]]:
    """(notes, PEM) of each key. Raises ValueError for anything else in the file."""
    place = 0
    while place < len(text):
        match = _BLOCK.match(text, place)
        if match is None:
            raise ValueError("no key")
        notes = (line.partition(": ") for line in match["notes"].splitlines())
        yield {name: value for name, _, value in notes}, match["pem"]
        place = match.end()


def _keys(blocks: Sequence[tuple[Mapping[str, str], str]], modified: datetime) -> IssuerKeys:
    """modified: since when a key signs of which nothing is noted. Raises ValueError, KeyError."""
    (notes, pem), *rest = blocks
    signing = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(signing, ec.EllipticCurvePrivateKey) or not isinstance(signing.curve, ec.SECP256R1):
        raise ValueError("no key of P-256")
    asserting = _asserting(rest.pop(0)[1]) if rest and "Until" not in rest[0][0] else None
    former = tuple(FormerKey(_public(text), datetime.fromisoformat(of["Until"])) for of, text in rest)
    since = datetime.fromisoformat(notes["Since"]) if "Since" in notes else modified
    # A key of which nothing is noted has signed refresh tokens, which held for a week.
    longest = timedelta(seconds=int(notes["Longest"])) if "Longest" in notes else timedelta(days=7)
    return IssuerKeys(signing, since, longest, former, asserting)


def _asserting(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("no RSA key")
    return key


def _public(pem: str) -> PublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    if isinstance(key, rsa.RSAPublicKey):
        return key
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("no key of P-256")
    return key


def _jwk(id: str, public: PublicKey) -> Mapping[str, Any]:
    if isinstance(public, rsa.RSAPublicKey):
        return {**RSAAlgorithm.to_jwk(public, as_dict=True), "kid": id, "use": "sig", "alg": ASSERTION_ALGORITHM}
    return {**ECAlgorithm.to_jwk(public, as_dict=True), "kid": id, "use": "sig", "alg": ALGORITHM}
