"""The HTTPS door's certificate: an authority of the home's own, and what it issues."""

from __future__ import annotations

import ipaddress
from collections.abc import Set
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from flowstead.errors import HostProblem
from flowstead.gateway.description import Certificate
from flowstead.resources.clock import Clock
from flowstead.resources.home import Home
from flowstead.resources.private_file import write_private

AUTHORITY_LIFETIME = timedelta(days=3652)
LIFETIME = timedelta(days=365)
"""So long that a server that does not run for months leaves the gateway with a valid certificate."""
RENEWED_BEFORE = timedelta(days=120)
_CLOCKS_DIFFER = timedelta(days=1)
"""How far another machine's clock may be behind."""


class CertificateAuthority:
    """Issues the certificate of this home's HTTPS door, and keeps it until it is due. One process at a time."""

    def __init__(
        self, home: Home, clock: Clock, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
    ) -> None:
        """Use `of`."""
        self._home, self._clock = home, clock
        self._certificate, self._key = certificate, key

    @classmethod
    def of(cls, home: Home, clock: Clock) -> CertificateAuthority:
        """The home's authority; made at the first start, and anew when it ends before a certificate of its would.
        Raises HostProblem when its files are damaged."""
        if not home.ca_certificate.exists() and not home.ca_key.exists():
            _make_authority(home, clock.now())
        certificate, key = _read(home.ca_certificate, home.ca_key)
        if certificate.not_valid_after_utc - clock.now() < LIFETIME:
            _make_authority(home, clock.now())
            certificate, key = _read(home.ca_certificate, home.ca_key)
        return cls(home, clock, certificate, key)

    def certificate(self, names: Set[str]) -> Certificate:
        """The one that is kept, when it is for these names and not due for renewal; else a new one.

        names: host names (the first label may be `*`) and IP addresses."""
        kept = self._kept(names)
        if kept is not None:
            return kept
        key = ec.generate_private_key(ec.SECP256R1())
        issued = self._issue(names, key.public_key())
        chain = issued.public_bytes(serialization.Encoding.PEM)
        # The key first: a crash in between leaves a pair that does not fit, which is found and replaced.
        write_private(self._home.tls_key, _key_text(key))
        write_private(self._home.tls_certificate, chain)
        return Certificate(chain.decode(), _key_text(key).decode())

    def _kept(self, names: Set[str]) -> Certificate | None:
        if not self._home.tls_certificate.exists():
            return None
        try:
            kept, key = _read(self._home.tls_certificate, self._home.tls_key)
            kept.verify_directly_issued_by(self._certificate)
            named = set(kept.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        except (HostProblem, InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
            return None
        if named != {_general_name(name) for name in names}:
            return None
        if kept.not_valid_after_utc - self._clock.now() < RENEWED_BEFORE:
            return None
        chain = kept.public_bytes(serialization.Encoding.PEM).decode()
        return Certificate(chain, _key_text(key).decode())

    def _issue(self, names: Set[str], public: ec.EllipticCurvePublicKey) -> x509.Certificate:
        now = self._clock.now()
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        return (
            _builder(public, now, now + LIFETIME)
            .subject_name(_name("Flowstead"))
            .issuer_name(self._certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(usage, critical=False)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in sorted(names)]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )


def _make_authority(home: Home, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # Several homes' authorities may be trusted side by side: each has a name of its own.
    name = _name(f"Flowstead CA {identifier.digest.hex()[:8]}")
    certificate = (
        _builder(key.public_key(), now, now + AUTHORITY_LIFETIME)
        .subject_name(name)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    write_private(home.ca_key, _key_text(key))
    write_private(home.ca_certificate, certificate.public_bytes(serialization.Encoding.PEM))


def _builder(public: ec.EllipticCurvePublicKey, now: datetime, until: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode() if not name.isascii() else name)


def _key_text(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read(certificate_file: Path, key_file: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Raises HostProblem when one of them is missing, damaged, or not the other's."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        certificate, key = None, None
    if (
        certificate is None
        or not isinstance(key, ec.EllipticCurvePrivateKey)
        or certificate.public_key() != key.public_key()
    ):
        raise HostProblem(
            f"{certificate_file} and {key_file} do not hold a certificate and its key.",
            hint="Remove both; the next start makes new ones, and clients need the new ca.pem.",
        )
    return certificate, key
