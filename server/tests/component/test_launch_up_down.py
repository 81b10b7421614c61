"""`up`, `status` and `down` as real processes, with a real gateway and no deployment."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import psutil
import pytest

from flowstead.launch.addresses import free_port
from flowstead.resources.home import Home

FLOWSTEAD = str(Path(sys.executable).parent / "flowstead")


class Machine:
    """Commands on one home."""

    def __init__(self, home: Path) -> None:
        self.home = Home(home)
        self.port, self.tls_port = free_port("127.0.0.1"), free_port("127.0.0.1")
        self.environment = {**os.environ, "FLOWSTEAD_HOME": str(home), "NO_COLOR": "1"}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [FLOWSTEAD, *words], env=self.environment, capture_output=True, text=True, timeout=90, check=False
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        return self.run("up", "--detach", *self.ports)

    @property
    def ports(self) -> tuple[str, ...]:
        return ("--port", str(self.port), "--tls-port", str(self.tls_port))

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.run("status", "-o", "json").stdout))

    def left(self) -> list[str]:
        """Command lines of processes that name this home or its run directory."""
        names = (str(self.home.root), str(self.home.run))
        lines = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
        return [line for line in lines if any(name in line for name in names)]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    here = Machine(tmp_path / "home")
    yield here
    here.run("down")
    assert here.left() == []


def eventually(what: str, holds: Callable[[], bool], within: float = 30.0) -> None:
    give_up_at = time.monotonic() + within
    while not holds():
        assert time.monotonic() < give_up_at, what
        time.sleep(0.05)


def test_up_answers_through_the_gateway_and_down_leaves_nothing(machine: Machine) -> None:
    assert machine.run("status").returncode == 3
    started = machine.up()
    assert started.returncode == 0, started.stderr
    assert f"http://127.0.0.1:{machine.port} and https://127.0.0.1:{machine.tls_port}" in started.stdout
    assert "next: flowstead deploy FOLDER" in started.stdout
    assert httpx.get(f"http://127.0.0.1:{machine.port}/health").json()["status"] == "Healthy"
    trusting = ssl.create_default_context(cafile=str(machine.home.ca_certificate))
    url = f"https://127.0.0.1:{machine.tls_port}"
    assert httpx.get(f"{url}/health", verify=trusting).json()["status"] == "Healthy"
    [cloud] = httpx.get(f"{url}/metadata/endpoints", verify=trusting).json()
    assert cloud["resourceManager"] == f"{url}/"

    seen = machine.status()
    assert machine.run("status").returncode == 0
    assert psutil.pid_exists(seen["server"]["pid"])
    assert psutil.pid_exists(seen["gateway"]["pid"])
    assert seen["instances"] == []
    assert seen["endpoints"] == []
    assert Path(seen["server"]["log"]).is_file()
    assert machine.home.api_socket.stat().st_mode & 0o077 == 0
    assert machine.run("doctor").returncode == 0, "the door is ours"

    ended = machine.run("down")
    assert ended.returncode == 0, ended.stderr
    assert f"process {seen['server']['pid']}" in ended.stdout
    assert machine.left() == []
    assert not machine.home.run.exists()
    assert "Nothing was running" in machine.run("down").stdout


def test_a_second_up_on_one_home_says_so_and_ends(machine: Machine) -> None:
    machine.up()
    pid = machine.status()["server"]["pid"]
    for words in (("up", "--detach"), ("up",)):
        second = machine.run(*words)
        assert second.returncode == 1
        assert "error: HomeInUse" in second.stderr
        assert f"process {pid}, http://127.0.0.1:{machine.port}" in second.stderr
    assert machine.status()["server"]["pid"] == pid


def test_a_killed_server_leaves_the_gateway_to_the_next_one(machine: Machine) -> None:
    machine.up()
    before = machine.status()
    os.kill(before["server"]["pid"], signal.SIGKILL)
    eventually("the server is gone", lambda: machine.run("status").returncode == 3)
    assert machine.status()["gateway"]["pid"] == before["gateway"]["pid"]
    again = machine.run("up", "--detach")
    assert again.returncode == 0, again.stderr
    after = machine.status()
    assert after["server"]["pid"] != before["server"]["pid"]
    assert after["gateway"]["pid"] == before["gateway"]["pid"]
    assert after["server"]["url"] == before["server"]["url"], "the port is as the last time"


def test_down_after_the_server_was_killed_ends_the_gateway(machine: Machine) -> None:
    machine.up()
    os.kill(machine.status()["server"]["pid"], signal.SIGKILL)
    ended = machine.run("down")
    assert ended.returncode == 0, ended.stderr
    assert "the gateway" in ended.stdout
    assert machine.left() == []


@pytest.mark.parametrize(("number", "all_ends"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_in_the_foreground_ctrl_c_ends_everything_and_sigterm_the_server_alone(
    machine: Machine, number: signal.Signals, all_ends: bool
) -> None:
    foreground = subprocess.Popen(
        [FLOWSTEAD, "up", *machine.ports],
        env=machine.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with foreground:
        assert foreground.stdout is not None
        assert "Flowstead runs at" in foreground.stdout.readline()
        foreground.send_signal(number)
        _, said = foreground.communicate(timeout=60)
    assert foreground.returncode == 0, said
    assert "Traceback" not in said
    assert (machine.left() == []) is all_ends
    assert machine.home.run.exists() is not all_ends


def test_a_port_in_use_is_refused_and_nothing_stays(machine: Machine) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", machine.port))
        other.listen()
        refused = machine.up()
        assert refused.returncode == 1
        assert "error: PortInUse" in refused.stderr
        assert str(machine.port) in refused.stderr
        assert machine.left() == []
        assert machine.run("doctor", "--port", str(machine.port)).returncode == 1
    assert machine.up().returncode == 0


def test_another_port_moves_the_door(machine: Machine) -> None:
    machine.up()
    machine.run("down")
    first, machine.port = machine.port, free_port("127.0.0.1")
    machine.up()
    assert httpx.get(f"http://127.0.0.1:{machine.port}/health").is_success
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{first}/health")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address of this machine")
def test_a_wide_host_opens_https_alone(machine: Machine) -> None:
    """127.0.0.2 stands for another address of this machine: 127.0.0.1 does not answer for it."""
    wide = ("--host", "0.0.0.0", "--public-url", f"https://flows.example.test:{machine.tls_port}")  # noqa: S104
    started = machine.run("up", "--detach", *machine.ports, *wide)
    assert started.returncode == 0, started.stderr
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", machine.port), timeout=5).close()
    trusting = ssl.create_default_context(cafile=str(machine.home.ca_certificate))
    with (
        socket.create_connection(("127.0.0.2", machine.tls_port), timeout=5) as plain,
        trusting.wrap_socket(plain, server_hostname="flows.example.test") as secured,
    ):
        secured.sendall(b"GET /health HTTP/1.1\r\nhost: flows.example.test\r\nconnection: close\r\n\r\n")
        assert secured.recv(100).startswith(b"HTTP/1.1 200")
    assert machine.status()["server"]["url"] == f"https://flows.example.test:{machine.tls_port}"
    tokens = (
        machine.run("token", *resource).stdout.strip() for resource in ((), ("--resource", "https://ml.azure.com"))
    )
    audiences = [jwt.decode(token, options={"verify_signature": False})["aud"] for token in tokens]
    assert audiences == [f"https://flows.example.test:{machine.tls_port}", "https://ml.azure.com"]
    assert "no resource" in machine.run("token", "--resource", "https://elsewhere.example").stderr
    machine.run("down")
    assert machine.run("up", "--detach", "--allow-plain-http").returncode == 0
    socket.create_connection(("127.0.0.2", machine.port), timeout=5).close()


def test_a_home_of_150_characters_works(tmp_path: Path) -> None:
    here = Machine(tmp_path / ("x" * 80) / ("y" * 80))
    assert len(str(here.home.root)) > 150
    (lost := here.home.scratch / "lost").mkdir(parents=True)
    here.home.create()
    os.utime(here.home.tests_run, (1, 1))
    started = here.up()
    try:
        assert started.returncode == 0, started.stderr
        assert here.home.tests_run.stat().st_mtime > 1, "nobody may take it for old"
        eventually("what an instance left goes, its run directory did at a restart", lambda: not lost.exists())
        assert here.run("online-endpoint", "list").stdout.strip() == "[]"
        assert not here.home.run.is_relative_to(here.home.root)
    finally:
        here.run("down")
    assert here.left() == []
    assert not here.home.run.exists()


def test_a_long_home_is_ended_by_whichever_name_and_temporary_directory(tmp_path: Path) -> None:
    real = tmp_path / ("x" * 80)
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    here, other = Machine(tmp_path / "link" / "home"), Machine(real / "home")
    with tempfile.TemporaryDirectory(prefix="fs-", dir="/tmp") as elsewhere:
        here.environment["TMPDIR"] = elsewhere
        started = here.up()
        try:
            assert started.returncode == 0, started.stderr
            assert other.status()["gateway"]["pid"] == here.status()["gateway"]["pid"]
            assert "the gateway" in other.run("down").stdout
            assert list(Path(elsewhere).iterdir()) == []
        finally:
            here.run("down")


def test_a_copy_of_a_long_home_has_a_run_directory_of_its_own(tmp_path: Path) -> None:
    (first := Home(tmp_path / ("x" * 80))).create()
    (second := Home(tmp_path / ("y" * 80))).root.mkdir()
    (second.root / "run").symlink_to(first.run)
    second.create()
    try:
        assert Home(second.root).run == (second.root / "run").readlink() != first.run
    finally:
        for each in (first, second):
            shutil.rmtree(each.run)


def test_a_terminal_that_lacks_a_character_is_no_error(tmp_path: Path) -> None:
    here = Machine(tmp_path / "grün")
    here.environment["PYTHONIOENCODING"] = "ascii"
    done = here.run("down")
    assert (done.returncode, "gr\\xfcn" in done.stdout) == (0, True), done.stderr


def test_no_secret_and_no_query_string_is_logged(machine: Machine) -> None:
    machine.up()
    token = machine.run("token").stdout.strip()
    url = f"http://127.0.0.1:{machine.port}/subscriptions?api-version=1&sig=do-not-log-me"
    httpx.get(url, headers={"Authorization": f"Bearer {token}"})
    machine.run("down")
    secret = json.loads(machine.home.credentials.read_text())["client_secret"]
    for log in machine.home.logs.rglob("*"):
        text = log.read_text(errors="replace") if log.is_file() else ""
        assert "do-not-log-me" not in text, log
        assert secret not in text
        assert token not in text


def test_what_goes_wrong_while_it_starts_is_told_by_up(machine: Machine) -> None:
    machine.home.create()
    (machine.home.keys / "master.key").write_bytes(b"too short")
    failed = machine.up()
    assert failed.returncode == 1
    assert "error: HostProblem" in failed.stderr
    assert "master.key" in failed.stderr
    (machine.home.keys / "master.key").unlink()
