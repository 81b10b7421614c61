"""The HTTPS door: a real Envoy with a certificate of the home's own authority."""

from __future__ import annotations

import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from flowstead.errors import PortInUse
from flowstead.gateway.certificates import LIFETIME, CertificateAuthority
from flowstead.gateway.description import GatewayDeployment, GatewayEndpoint
from flowstead.gateway.process import EnvoyGateway
from flowstead.launch.addresses import free_port
from flowstead.launch.certificate import certified
from flowstead.launch.door import door_of
from flowstead.resources.clock import SystemClock
from flowstead.resources.home import Home
from flowstead.resources.settings import ServerSettings
from flowstead.testing.echo_instance import EchoInstance
from flowstead.testing.frozen_clock import FrozenClock

_PATIENCE_S = 20.0


class Site:
    """A home whose gateway has both doors, before one instance and an API that is another."""

    def __init__(self, home: Home, stack: ExitStack) -> None:
        self.home = home
        self.settings = ServerSettings(port=free_port("127.0.0.1"), tls_port=free_port("127.0.0.1"))
        self.clock = FrozenClock(datetime.now(UTC))
        blue, api = (stack.enter_context(EchoInstance(home.run, name)) for name in ("blue", "api"))
        home.api_socket.symlink_to(api.upstream.address)
        self.gateway = EnvoyGateway(home, door_of(home, self.settings))
        stack.enter_context(certified(home, self.settings, self.gateway, self.clock, look_every_s=0.05))
        self.gateway.ensure_running()
        stack.callback(self.gateway.stop, 0.0)
        deployment = GatewayDeployment("blue", (blue.upstream,), 30.0, 100)
        self.gateway.publish([GatewayEndpoint("ask", ("K",), (deployment,), {"blue": 100})])

    def trusting(self) -> ssl.SSLContext:
        """Of a client that trusts the home's authority and nobody else."""
        return ssl.create_default_context(cafile=str(self.home.ca_certificate))

    def serial(self) -> int:
        """Of the certificate that a new connection is shown, whether its time has come or not."""
        shown = ssl.get_server_certificate(("127.0.0.1", self.settings.tls_port))
        return x509.load_pem_x509_certificate(shown.encode()).serial_number


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="fs-") as name, ExitStack() as stack:
        home = Home.at(name)
        home.create()
        yield Site(home, stack)


def eventually(what: str, holds: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < give_up_at, what
        time.sleep(0.02)


def test_both_doors_have_the_same_routes_and_name_themselves(site: Site) -> None:
    for scheme in ("http", "https"):
        with httpx.Client(base_url=site.settings.door_url(scheme), verify=site.trusting()) as client:
            forged = {"x-forwarded-proto": "gopher", "x-forwarded-host": "evil.test"}
            answer = client.get("/subscriptions", headers=forged).json()
            assert answer["headers"]["x-forwarded-proto"] == scheme
            assert "x-forwarded-host" not in answer["headers"]
            assert client.post("/endpoints/ask/score", headers={"api-key": "K"}).status_code == 200
            assert client.post("/endpoints/ask/score", headers={"api-key": "wrong"}).status_code == 401
            assert client.post("/endpoints/other/score").status_code == 404


def test_a_client_that_does_not_know_the_authority_is_warned(site: Site) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(site.settings.door_url("https"))


@pytest.mark.parametrize(("host", "fits"), [("localhost", True), ("127.0.0.1", True), ("flows.example", False)])
def test_the_certificate_is_for_its_names_only(site: Site, host: str, fits: bool) -> None:
    with socket.create_connection(("127.0.0.1", site.settings.tls_port)) as plain, ExitStack() as stack:
        if not fits:
            stack.enter_context(pytest.raises(ssl.SSLCertVerificationError))
        site.trusting().wrap_socket(plain, server_hostname=host).close()


@pytest.mark.parametrize("offered", [["h2"], ["http/1.1"], ["h2", "http/1.1"]])
def test_browsers_may_speak_http_2(site: Site, offered: list[str]) -> None:
    context = site.trusting()
    context.set_alpn_protocols(offered)
    with (
        socket.create_connection(("127.0.0.1", site.settings.tls_port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        assert secured.selected_alpn_protocol() == offered[0]


def test_old_tls_is_refused(site: Site) -> None:
    context = site.trusting()
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", site.settings.tls_port)) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="localhost")


def test_plain_http_at_the_https_door_gets_no_answer(site: Site) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{site.settings.tls_port}/health")


def test_the_certificate_is_renewed_while_requests_go_on(site: Site) -> None:
    """The connections that were there before go on with what they know, and with their streams."""
    before, score, key = site.serial(), "/endpoints/ask/score", {"api-key": "K"}
    with (
        httpx.Client(base_url=site.settings.door_url("https"), verify=site.trusting()) as client,
        client.stream("POST", f"{score}?events=150&gap=0.02", headers=key) as answer,
    ):
        events = (line for line in answer.iter_lines() if line.startswith("data:"))
        got = [next(events)]
        assert client.post(score, headers=key).status_code == 200
        site.clock.advance((LIFETIME * 0.9).total_seconds())
        eventually("a new certificate is shown", lambda: site.serial() != before)
        assert client.post(score, headers=key).status_code == 200
        assert len([*got, *events]) == 150
    authority = CertificateAuthority.of(site.home, site.clock)
    chain = authority.certificate(site.settings.certificate_names).chain
    assert x509.load_pem_x509_certificate(chain.encode()).serial_number == site.serial()


def test_a_damaged_authority_does_not_end_the_looking_after(site: Site) -> None:
    text = site.home.ca_key.read_bytes()
    before = site.serial()
    site.home.ca_key.write_bytes(b"damaged")
    site.clock.advance((LIFETIME * 0.9).total_seconds())
    time_to_look = time.monotonic() + 0.3
    eventually("it has looked a few times", lambda: time.monotonic() > time_to_look)
    assert site.serial() == before
    site.home.ca_key.write_bytes(text)
    eventually("a new certificate is shown", lambda: site.serial() != before)


def test_the_key_lies_in_private_files_only(site: Site) -> None:
    holding = [
        file
        for file in site.home.root.rglob("*")
        if file.is_file() and not file.is_symlink() and b"PRIVATE KEY" in file.read_bytes()
    ]
    names = {file.name for file in holding}
    assert names == {"ca.key", "server.key", "sds.json"}
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in holding)


def test_a_taken_https_port_is_named(site: Site) -> None:
    with tempfile.TemporaryDirectory(prefix="fs-") as name, socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = int(other.getsockname()[1])
        home = Home.at(Path(name))
        home.create()
        settings = replace(site.settings, port=free_port("127.0.0.1"), tls_port=taken)
        gateway = EnvoyGateway(home, door_of(home, settings))
        with certified(home, settings, gateway, SystemClock()), pytest.raises(PortInUse, match=str(taken)):
            gateway.ensure_running()
        assert gateway.observe() is None


def test_a_moved_https_door_moves_alone(site: Site) -> None:
    with tempfile.TemporaryDirectory(prefix="fs-") as name, ExitStack() as stack:
        home = Home.at(Path(name))
        home.create()
        first = replace(site.settings, port=free_port("127.0.0.1"), tls_port=free_port("127.0.0.1"))
        second = replace(first, tls_port=free_port("127.0.0.1"))
        for settings in (first, second):
            gateway = EnvoyGateway(home, door_of(home, settings))
            stack.enter_context(certified(home, settings, gateway, SystemClock()))
            gateway.ensure_running()
            stack.callback(gateway.stop, 0.0)
        trusting = ssl.create_default_context(cafile=str(home.ca_certificate))
        url = second.door_url("https") + "/endpoints/none/score"
        assert httpx.get(url, verify=trusting).status_code == 404
        assert httpx.get(second.door_url("http") + "/endpoints/none/score").status_code == 404


@pytest.mark.parametrize("swapped", [True, False])
def test_a_door_moves_to_where_the_other_one_was(site: Site, swapped: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="fs-") as name, ExitStack() as stack:
        home = Home.at(Path(name))
        home.create()
        first = replace(site.settings, port=free_port("127.0.0.1"), tls_port=free_port("127.0.0.1"))
        second = replace(first, port=first.tls_port, tls_port=first.port if swapped else free_port("127.0.0.1"))
        for settings in (first, second):
            gateway = EnvoyGateway(home, door_of(home, settings))
            stack.enter_context(certified(home, settings, gateway, SystemClock()))
            gateway.ensure_running()
            stack.callback(gateway.stop, 0.0)
        trusting = ssl.create_default_context(cafile=str(home.ca_certificate))
        for scheme in ("http", "https"):
            url = second.door_url(scheme) + "/endpoints/none/score"
            assert httpx.get(url, verify=trusting).status_code == 404
