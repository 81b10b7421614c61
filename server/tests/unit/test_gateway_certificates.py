"""The home's own authority, and the certificate that it issues."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from flowstead.errors import HostProblem
from flowstead.gateway.certificates import AUTHORITY_LIFETIME, LIFETIME, RENEWED_BEFORE, CertificateAuthority
from flowstead.gateway.description import Certificate
from flowstead.resources.home import Home
from flowstead.testing.frozen_clock import FrozenClock

NAMES = frozenset({"localhost", "127.0.0.1", "::1", "flows.example", "*.flows.example"})


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.create()
    return home


def issued(home: Home, clock: FrozenClock, names: frozenset[str] = NAMES) -> Certificate:
    return CertificateAuthority.of(home, clock).certificate(names)


def verify(home: Home, clock: FrozenClock, certificate: Certificate, name: x509.GeneralName) -> None:
    """As a strict client does."""
    authority = x509.load_pem_x509_certificate(home.ca_certificate.read_bytes())
    builder = PolicyBuilder().store(Store([authority])).time(clock.now())
    subject = x509.DNSName(name.value) if isinstance(name, x509.DNSName) else x509.IPAddress(name.value)
    builder.build_server_verifier(subject).verify(x509.load_pem_x509_certificate(certificate.chain.encode()), [])


def test_a_client_that_trusts_the_authority_accepts_the_certificate_for_its_names(
    home: Home, clock: FrozenClock
) -> None:
    certificate = issued(home, clock)
    addresses = [x509.IPAddress(ipaddress.ip_address(each)) for each in ("127.0.0.1", "::1")]
    for name in (*addresses, *(x509.DNSName(each) for each in ("localhost", "flows.example", "ask.flows.example"))):
        verify(home, clock, certificate, name)
    with pytest.raises(VerificationError):
        verify(home, clock, certificate, x509.DNSName("elsewhere.example"))


def test_keys_are_private_and_never_shown(home: Home, clock: FrozenClock) -> None:
    certificate = issued(home, clock)
    for file in (home.ca_key, home.tls_key, home.ca_certificate, home.tls_certificate):
        assert file.stat().st_mode & 0o777 == 0o600
    assert home.tls.stat().st_mode & 0o777 == 0o700
    assert "PRIVATE" not in repr(certificate)
    key = serialization.load_pem_private_key(certificate.key.encode(), password=None)
    assert key.public_key() == x509.load_pem_x509_certificate(certificate.chain.encode()).public_key()


def test_it_stays_until_it_is_due_and_the_authority_much_longer(home: Home, clock: FrozenClock) -> None:
    first, authority = issued(home, clock), home.ca_certificate.read_bytes()
    clock.advance((LIFETIME - RENEWED_BEFORE).total_seconds())
    assert issued(home, clock) == first
    clock.advance(1)
    second = issued(home, clock)
    assert second.chain != first.chain
    assert second.key != first.key
    verify(home, clock, second, x509.DNSName("localhost"))
    assert home.ca_certificate.read_bytes() == authority
    clock.advance((AUTHORITY_LIFETIME - LIFETIME).total_seconds())
    third = issued(home, clock)
    assert home.ca_certificate.read_bytes() != authority
    verify(home, clock, third, x509.DNSName("localhost"))


def test_other_names_are_another_certificate(home: Home, clock: FrozenClock) -> None:
    first = issued(home, clock)
    other = issued(home, clock, NAMES | {"192.168.1.5"})
    assert other != first
    verify(home, clock, other, x509.IPAddress(ipaddress.ip_address("192.168.1.5")))
    assert issued(home, clock, NAMES) != other


@pytest.mark.parametrize("damage", ["no key", "another key", "no PEM", "another authority"])
def test_a_certificate_that_does_not_fit_is_replaced(home: Home, clock: FrozenClock, damage: str) -> None:
    first = issued(home, clock)
    if damage == "no key":
        home.tls_key.unlink()
    elif damage == "another key":
        home.tls_key.write_bytes(home.ca_key.read_bytes())
    elif damage == "no PEM":
        home.tls_certificate.write_text("damaged")
    else:
        home.ca_key.unlink()
        home.ca_certificate.unlink()
    second = issued(home, clock)
    assert second.chain != first.chain
    verify(home, clock, second, x509.DNSName("localhost"))
    assert issued(home, clock) == second


def test_a_damaged_authority_is_told(home: Home, clock: FrozenClock) -> None:
    issued(home, clock)
    home.ca_key.unlink()
    with pytest.raises(HostProblem, match=r"ca\.pem") as told:
        issued(home, clock)
    assert "Remove both" in told.value.next_step


def test_the_authority_signs_no_other_authority(home: Home, clock: FrozenClock) -> None:
    issued(home, clock)
    authority = x509.load_pem_x509_certificate(home.ca_certificate.read_bytes())
    basic = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (basic.ca, basic.path_length) == (True, 0)
    assert timedelta(days=3650) < authority.not_valid_after_utc - clock.now() < timedelta(days=3660)
