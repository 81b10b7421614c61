"""Where `up` listens: what was asked for, what was before, what may be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowstead.errors import BadArgument
from flowstead.launch.addresses import AskedFor, read_settings, settings_for, write_settings
from flowstead.launch.door import door_of
from flowstead.resources.home import Home
from flowstead.resources.settings import ServerSettings, is_loopback

ANYWHERE = ["0.0.0.0", "::", "192.168.1.5"]  # noqa: S104 nothing is bound here


def settings_of(home: Home, *, free: bool = True, **asked: object) -> ServerSettings:
    return settings_for(AskedFor(**asked), home, is_free=lambda _host, _port: free)  # type: ignore[arg-type]


def test_the_first_start_takes_the_defaults(tmp_path: Path) -> None:
    settings = settings_of(Home(tmp_path))
    assert settings == ServerSettings("127.0.0.1", 8080, 8443)
    assert (settings.base_url("http"), settings.base_url("https")) == (
        "http://127.0.0.1:8080",
        "https://127.0.0.1:8443",
    )


def test_what_is_left_out_is_as_the_last_time(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_settings(home, settings_of(home, port=9000, tls_port=9443))
    assert settings_of(home) == ServerSettings("127.0.0.1", 9000, 9443)
    assert settings_of(home, port=9001) == ServerSettings("127.0.0.1", 9001, 9443)
    write_settings(home, settings_of(home, public_url="https://flows.example/", domain="Flows.Example."))
    named = ServerSettings("127.0.0.1", 9002, 9443, "https://flows.example", domain="flows.example")
    assert settings_of(home, port=9002) == named
    assert settings_of(home, public_url="", domain="") == ServerSettings("127.0.0.1", 9000, 9443)


def test_private_addresses_are_called_until_it_is_taken_back(tmp_path: Path) -> None:
    """Unlike plain HTTP, which opens a door: without it, identities that worked would not after a restart."""
    home = Home(tmp_path)
    home.create()
    for asked, allowed in ((None, False), (True, True), (None, True), (False, False), (None, False)):
        settings = settings_for(AskedFor(allow_private_addresses=asked), home)
        assert settings.allow_private_addresses is allowed
        write_settings(home, settings)


def test_a_taken_default_for_https_that_nobody_asked_for_gives_way(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert settings_of(home, free=False).tls_port != 8443
    assert settings_of(home, port=8443).tls_port != 8443
    assert settings_of(home, tls_port=8443, free=False).tls_port == 8443
    write_settings(home, settings_of(home, tls_port=9443))
    assert settings_of(home, free=False).tls_port == 9443, "our own gateway may have it"


def test_both_doors_cannot_have_one_port(tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match="both"):
        settings_of(Home(tmp_path), port=9000, tls_port=9000)


@pytest.mark.parametrize("host", ANYWHERE)
def test_plain_http_stays_on_this_machine_unless_forced_each_time(tmp_path: Path, host: str) -> None:
    home = Home(tmp_path)
    assert door_of(home, settings_of(home, host=host)).bindings == (("127.0.0.1", 8080), (host, 8443))
    forced = settings_of(home, host=host, allow_plain_http=True)
    assert door_of(home, forced).bindings == ((host, 8080), (host, 8443))
    write_settings(home, forced)
    assert read_settings(home) == forced, "what runs is known"
    assert settings_of(home).plain_host == "127.0.0.1"


@pytest.mark.parametrize(
    ("host", "reached"), [("127.0.0.1", "127.0.0.1"), (ANYWHERE[0], "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]")]
)
def test_this_machine_reaches_the_doors_whatever_their_public_name(host: str, reached: str) -> None:
    settings = ServerSettings(host, 80, 443, "https://elsewhere", allow_plain_http=True)
    assert settings.door_url("http") == f"http://{reached}:80"
    assert settings.door_url("https") == f"https://{reached}:443"
    assert settings.base_url("http") == settings.base_url("https") == "https://elsewhere"


def test_the_hosts_that_we_go_by_are_those_of_both_doors(tmp_path: Path) -> None:
    settings = ServerSettings("192.168.1.5", public_url="https://Flows.Example/x", domain="flows.example")
    own = {"192.168.1.5", "flows.example", "localhost", "127.0.0.1", "::1"}
    assert settings.host_names == own
    assert settings.certificate_names == own | {"*.flows.example"}
    assert ANYWHERE[0] not in ServerSettings(ANYWHERE[0]).host_names


def test_loopback_is_recognised() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.8.9.1", "::1"))
    assert not any(is_loopback(host) for host in (*ANYWHERE, "10.0.0.1", "example", ""))


def test_a_host_is_an_address_of_this_machine(tmp_path: Path) -> None:
    assert settings_of(Home(tmp_path), host="localhost").host == "127.0.0.1"
    assert settings_of(Home(tmp_path), host="[::1]").base_url("http") == "http://[::1]:8080"
    with pytest.raises(BadArgument, match="is not an IP address"):
        settings_of(Home(tmp_path), host="some-name")


@pytest.mark.parametrize("url", ["flows.example", "ftp://x", "http://", "http://x?y", "http://x#y"])
def test_a_public_url_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadArgument, match="not of the form"):
        settings_of(Home(tmp_path), public_url=url)


@pytest.mark.parametrize("domain", ["a b", "*.x", "x..y", "-x", "http://x", "x:80"])
def test_a_domain_that_is_none_is_refused(tmp_path: Path, domain: str) -> None:
    with pytest.raises(BadArgument, match="is not a domain"):
        settings_of(Home(tmp_path), domain=domain)


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"unknown": 1})])
def test_a_damaged_settings_file_counts_as_none(tmp_path: Path, text: str) -> None:
    Home(tmp_path).settings.write_text(text)
    assert read_settings(Home(tmp_path)) is None


@pytest.mark.parametrize(
    ("issuer", "audience"),
    [
        ("http://login.example.test", "a"),
        ("login.example.test", "a"),
        ("https://login.example.test?tenant=x", "a"),
        ("https://user:secret@login.example.test", "a"),
        ("https://login.example.test", ""),
        ("https://login.example.test", None),
    ],
)
def test_an_external_issuer_that_proves_nothing_is_refused(tmp_path: Path, issuer: str, audience: str | None) -> None:
    with pytest.raises(BadArgument):
        settings_for(AskedFor(oidc_issuer=issuer, oidc_audience=audience), Home(tmp_path))


def test_an_external_issuer_is_kept_as_it_spells_itself_until_it_is_ended(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = settings_for(AskedFor(oidc_issuer="https://login.example.test/", oidc_audience="a"), home)
    assert (first.oidc_issuer, first.oidc_audience) == ("https://login.example.test/", "a")
    write_settings(home, first)
    assert settings_for(AskedFor(), home).oidc_issuer == first.oidc_issuer
    assert settings_for(AskedFor(oidc_audience="b"), home).oidc_audience == "b"
    ended = settings_for(AskedFor(oidc_issuer=""), home)
    assert (ended.oidc_issuer, ended.oidc_audience) == ("", "")


def test_the_directory_of_flows_is_kept_for_the_next_start_and_can_be_taken_back(tmp_path: Path) -> None:
    home, flows = Home(tmp_path / "home"), tmp_path / "flows"
    for folder in (home.root, flows):
        folder.mkdir()
    named = settings_of(home, flow_directory=str(flows))
    assert named.flow_directory == str(flows.resolve())
    write_settings(home, named)
    assert settings_of(home).flow_directory == named.flow_directory
    assert settings_of(home, flow_directory="").flow_directory == ""


@pytest.mark.parametrize("where", ["gone", "file", "home", "home/flows", "."])
def test_a_directory_of_flows_is_one_and_keeps_clear_of_the_home(tmp_path: Path, where: str) -> None:
    (tmp_path / "home" / "flows").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadArgument):
        settings_of(Home(tmp_path / "home"), flow_directory=str(tmp_path / where))


def test_the_quota_of_cores_is_as_the_last_time(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert settings_for(AskedFor(), home).quota_cores == 500
    write_settings(home, settings_for(AskedFor(max_request_mb=64, requests_per_second=500), home))
    kept = settings_for(AskedFor(), home)
    assert (kept.max_request_bytes, kept.requests_per_second) == (64 << 20, 500)
    assert settings_for(AskedFor(requests_per_second=0), home).requests_per_second == 0
    write_settings(home, settings_for(AskedFor(quota_cores=12), home))
    assert settings_for(AskedFor(), home).quota_cores == 12
    assert settings_for(AskedFor(quota_cores=20), home).quota_cores == 20
