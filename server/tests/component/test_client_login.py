"""Another machine's server is reached over TLS, by the given authority and no other."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flowstead.cli.running import run
from flowstead.client import Session, invoke
from flowstead.client.credentials import Credentials
from flowstead.client.login import Login, checked_url, forget_login, read_login, write_login
from flowstead.client.session import own_authority
from flowstead.errors import BadArgument, ServerUnreachable
from flowstead.resources.home import Home


@dataclass(frozen=True)
class Certificate:
    """A self-signed one for 127.0.0.1, and its key, both PEM."""

    certificate: str
    key: str


def certificate() -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's own")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificate(made.public_bytes(serialization.Encoding.PEM).decode(), key.private_bytes(*form).decode())


class Answers(BaseHTTPRequestHandler):
    """Signs anybody in, and shows a workspace."""

    def do_POST(self) -> None:
        self._answer({"access_token": "a token", "expires_in": 3600})

    def do_GET(self) -> None:
        self._answer({"id": self.path.partition("?")[0], "name": self.path.partition("?")[0].rpartition("/")[2]})

    def _answer(self, body: dict[str, object]) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Certificate]]:
    own = certificate()
    (tmp_path / "chain.pem").write_text(own.certificate + own.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem")
    server = HTTPServer(("127.0.0.1", 0), Answers)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}", own
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_given_authority_alone_is_trusted(served: tuple[str, Certificate]) -> None:
    url, own = served
    credentials = Credentials(url, "tenant", "client", "hush")
    with Session.remote(Login(credentials, own.certificate)) as session:
        assert session.request("GET", "/here").json()["name"] == "here"
    for other in ("", certificate().certificate):
        with (
            Session.remote(Login(credentials, other)) as session,
            pytest.raises(ServerUnreachable, match="cannot be trusted") as caught,
        ):
            session.request("GET", "/here")
        assert "--ca FILE" in caught.value.next_step
    with pytest.raises(BadArgument, match="holds no certificate"):
        Session.remote(Login(credentials, "no certificate"))


def test_an_endpoint_behind_the_homes_own_authority_is_called(served: tuple[str, Certificate], tmp_path: Path) -> None:
    url, own = served
    home = Home(tmp_path)
    assert own_authority(home) is None
    home.tls.mkdir()
    home.ca_certificate.write_text(own.certificate)
    assert invoke(url, "key", b"{}", trust=own_authority(home)).status == 200
    with pytest.raises(ServerUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
        invoke(url, "key", b"{}")


def test_login_proves_the_credentials_and_keeps_them_for_this_user_alone(
    served: tuple[str, Certificate], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, own = served
    home = Home(tmp_path / "home")
    (tmp_path / "ca.pem").write_text(own.certificate)
    command = ["login", url, "-u", "client", "-p", "hush", "-t", "tenant", "-w", "mine", "--home", str(home.root)]
    assert run(command) == 1
    assert "cannot be trusted" in capsys.readouterr().err
    assert read_login(home) is None
    assert run([*command, "--ca", str(tmp_path / "ca.pem")]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["name"] == "mine"
    assert "hush" not in said.out + said.err
    assert home.login.stat().st_mode & 0o777 == 0o600
    (tmp_path / "ca.pem").unlink()
    assert run(["workspace", "show", "--home", str(home.root)]) == 0
    assert run(["workspace", "show", "-w", "other", "--query", "name", "-o", "tsv", "--home", str(home.root)]) == 0
    assert capsys.readouterr().out.endswith("other\n")
    assert run(["logout", "--home", str(home.root)]) == 0
    assert run(["workspace", "show", "--home", str(home.root)]) == 3
    assert run(["logout", "--home", str(home.root)]) == 0
    assert "Nobody was logged in." in capsys.readouterr().err


def test_a_server_that_is_not_there_is_told_by_its_url(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_login(home, Login(Credentials("http://127.0.0.1:9", "tenant", "client", "hush")))
    with (
        Session.of(home) as session,
        pytest.raises(ServerUnreachable, match=r"http://127\.0\.0\.1:9 does not answer") as caught,
    ):
        session.request("GET", "/here")
    assert "flowstead logout" in caught.value.next_step
    home.login.write_text("{")
    with pytest.raises(ServerUnreachable, match="is damaged"):
        read_login(home)
    assert forget_login(home)
    assert not forget_login(home)


@pytest.mark.parametrize("url", ["http://example.org", "ftp://127.0.0.1", "https://", "127.0.0.1:1", "https://h/x"])
def test_a_url_over_which_the_secret_would_be_seen_or_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadArgument):
        checked_url(url)


def test_urls_that_are_taken() -> None:
    assert checked_url("https://host:8443/") == "https://host:8443"
    assert checked_url("http://localhost:8080") == "http://localhost:8080"
    assert checked_url("http://[::1]:8080") == "http://[::1]:8080"
