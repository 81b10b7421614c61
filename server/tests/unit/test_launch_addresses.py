"""Where `up` listens: what was asked for, what was before, what may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead.errors import BadArgument
from flowstead.launch.addresses import AskedFor, door_url, is_loopback, read_settings, settings_for, write_settings
from flowstead.resources.home import Home
from flowstead.resources.settings import ServerSettings

ANYWHERE = ["0.0.0.0", "::", "192.168.1.5"]  # noqa: S104 nothing is bound here


def test_the_first_start_takes_the_defaults(tmp_path: Path) -> None:
    assert settings_for(AskedFor(), Home(tmp_path)) == ServerSettings("127.0.0.1", 8080, "http://127.0.0.1:8080")


def test_what_is_left_out_is_as_the_last_time(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_settings(home, settings_for(AskedFor(port=9000), home))
    assert settings_for(AskedFor(), home).public_url == "http://127.0.0.1:9000"
    assert settings_for(AskedFor(port=9001), home) == ServerSettings("127.0.0.1", 9001, "http://127.0.0.1:9001")
    write_settings(home, settings_for(AskedFor(public_url="https://flows.example/"), home))
    assert settings_for(AskedFor(port=9002), home) == ServerSettings("127.0.0.1", 9002, "https://flows.example")


@pytest.mark.parametrize("host", ANYWHERE)
def test_a_wider_bind_over_plain_http_is_refused_unless_forced(tmp_path: Path, host: str) -> None:
    home = Home(tmp_path)
    with pytest.raises(BadArgument, match="plain HTTP") as caught:
        settings_for(AskedFor(host=host), home)
    assert "--allow-plain-http" in caught.value.next_step
    assert settings_for(AskedFor(host=host, allow_plain_http=True), home).host == host


def test_a_wider_bind_is_not_remembered_without_its_flag(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_settings(home, settings_for(AskedFor(host=ANYWHERE[0], allow_plain_http=True), home))
    with pytest.raises(BadArgument, match="plain HTTP"):
        settings_for(AskedFor(), home)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        (ANYWHERE[0], "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("::", "http://[::1]:80"),
    ],
)
def test_this_machine_reaches_the_door_whatever_its_public_name(host: str, url: str) -> None:
    assert door_url(ServerSettings(host, 80, "https://elsewhere")) == url


def test_loopback_is_recognised() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.8.9.1", "::1"))
    assert not any(is_loopback(host) for host in (*ANYWHERE, "10.0.0.1", "example", ""))


def test_a_host_is_an_address_of_this_machine(tmp_path: Path) -> None:
    assert settings_for(AskedFor(host="localhost"), Home(tmp_path)).host == "127.0.0.1"
    assert settings_for(AskedFor(host="[::1]"), Home(tmp_path)).public_url == "http://[::1]:8080"
    with pytest.raises(BadArgument, match="is not an IP address"):
        settings_for(AskedFor(host="some-name"), Home(tmp_path))


@pytest.mark.parametrize("url", ["flows.example", "ftp://x", "http://", "http://x?y", "http://x#y"])
def test_a_public_url_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadArgument, match="not of the form"):
        settings_for(AskedFor(public_url=url), Home(tmp_path))


def test_a_damaged_settings_file_counts_as_none(tmp_path: Path) -> None:
    Home(tmp_path).settings.write_text("{")
    assert read_settings(Home(tmp_path)) is None
