"""The master key is replaced while flows serve, with its source in the home and outside of it, and killed meanwhile."""

from __future__ import annotations

import base64
import itertools
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.installation import ECHO, FLOWSTEAD, FULL, WORKSPACE, Installation, eventually, write_flow
from tests.steady_traffic import RATE, Traffic

FIRST, SECOND = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))


def run(flowstead: Installation, variables: Mapping[str, str], *words: str, check: bool = True) -> Any:
    return flowstead.run(*words, check=check, timeout=120, **variables)


def deployed(flowstead: Installation, folder: Path) -> dict[str, str]:
    flow = write_flow(folder / "flow", ECHO)
    flowstead.run("deploy", str(flow), "--endpoint", "target", "--env", "SOME_API_KEY=kept-sealed")
    return flowstead.keys("target")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    await_end(pid)


def await_end(pid: int) -> None:
    eventually(f"process {pid} is gone", lambda: not psutil.pid_exists(pid))


def rotated_until_killed(flowstead: Installation, delay: float) -> int:
    """Rotate again and again, and kill the server after so many seconds; returns how often it answered."""
    server = flowstead.server_pid()
    transport = httpx.HTTPTransport(uds=str(flowstead.run_directory() / "api.sock"))
    headers = {"Authorization": f"Bearer {flowstead.token()}"}
    with httpx.Client(transport=transport, base_url=flowstead.url, headers=headers, timeout=30) as client:
        client.get("/health")  # connected
        threading.Timer(delay, os.kill, (server, signal.SIGKILL)).start()
        for count in itertools.count():
            try:
                client.post(f"{WORKSPACE}/rotateMasterKey").raise_for_status()
            except httpx.TransportError:
                await_end(server)
                return count
    raise AssertionError


def revision(flowstead: Installation) -> Any:
    return flowstead.api("GET", "/onlineEndpoints/target/deployments/blue/revisions").json()


def test_a_rotation_under_traffic_rolls_no_deployment(own_flowstead: Installation, tmp_path: Path) -> None:
    keys = deployed(own_flowstead, tmp_path)
    instances, serving = own_flowstead.instance_pids("target"), revision(own_flowstead)
    key_file = own_flowstead.home / "keys" / "master.key"
    seen = {key_file.read_bytes()}
    with Traffic(f"{own_flowstead.url}/endpoints/target/score", keys["primaryKey"]) as traffic:
        for _ in range(5 if FULL else 2):
            began = time.monotonic()
            rotated = own_flowstead.json("master-key", "rotate")
            print(f"\nmaster key rotated under {RATE} requests/s after {time.monotonic() - began:.2f} s")
            assert rotated["finished"]
            seen.add(key_file.read_bytes())
            traffic.passes(RATE, "requests pass")
        kill(own_flowstead.server_pid())
        own_flowstead.up()
        traffic.passes(2 * RATE, "requests pass with the new server")
    assert set(traffic.outcomes) == {"200"}
    assert len(seen) == (6 if FULL else 3)
    assert own_flowstead.keys("target") == keys
    assert own_flowstead.instance_pids("target") == instances
    assert revision(own_flowstead) == serving


def test_a_server_that_is_killed_while_it_rotates_comes_back(own_flowstead: Installation, tmp_path: Path) -> None:
    keys = deployed(own_flowstead, tmp_path)
    instances = own_flowstead.instance_pids("target")
    for number in range(20 if FULL else 4):
        delay = 0.02 * (number + 1)
        rotated = rotated_until_killed(own_flowstead, delay)
        print(f"\nkilled after {1000 * delay:.0f} ms and {rotated} rotations")
        own_flowstead.up()
        assert own_flowstead.keys("target") == keys
        assert own_flowstead.instance_pids("target") == instances
    assert len((own_flowstead.home / "keys" / "master.key").read_bytes()) % 32 == 0
    assert own_flowstead.json("master-key", "rotate")["finished"]
    assert len((own_flowstead.home / "keys" / "master.key").read_bytes()) == 32


def test_a_key_of_the_environment_reaches_the_server_alone(tmp_path: Path) -> None:
    flowstead = Installation(tmp_path / "home")
    ports = ("--port", str(flowstead.port), "--tls-port", str(flowstead.tls_port))
    try:
        run(flowstead, {"FLOWSTEAD_MASTER_KEY": FIRST}, "up", "--detach", *ports)
        keys = deployed(flowstead, tmp_path)
        [instance] = flowstead.instance_pids("target")
        assert not (flowstead.home / "keys" / "master.key").exists()
        assert_nowhere(flowstead, FIRST)

        kill(flowstead.server_pid())
        for wrong in ({"FLOWSTEAD_MASTER_KEY": SECOND}, {}):
            refused = run(flowstead, wrong, "up", "--detach", check=False)
            assert refused.returncode == 1
            assert "error: WrongMasterKey" in refused.stderr
            assert "flowstead master-key rotate" in refused.stderr
        both = {"FLOWSTEAD_MASTER_KEY": SECOND, "FLOWSTEAD_MASTER_KEY_PREVIOUS": FIRST}
        run(flowstead, both, "up", "--detach")
        assert "variable FLOWSTEAD_MASTER_KEY" in flowstead.run("master-key", "rotate").stdout
        assert flowstead.keys("target") == keys
        assert_nowhere(flowstead, FIRST, SECOND)

        kill(flowstead.server_pid())
        assert run(flowstead, {"FLOWSTEAD_MASTER_KEY": FIRST}, "up", "--detach", check=False).returncode == 1
        printing = tmp_path / "print-key"
        printing.write_text(f"#!/bin/sh\necho {FIRST}\n")
        printing.chmod(0o700)
        by_command = {"FLOWSTEAD_MASTER_KEY_COMMAND": str(printing)}
        said = run(flowstead, {**by_command, "FLOWSTEAD_MASTER_KEY_PREVIOUS": SECOND}, "master-key", "rotate").stdout
        assert "FLOWSTEAD_MASTER_KEY_COMMAND" in said
        run(flowstead, by_command, "up", "--detach")
        assert flowstead.keys("target") == keys
        printing.write_text(f"#!/bin/sh\necho {SECOND}\n")
        flowstead.run("master-key", "rotate")
        assert flowstead.keys("target") == keys
        assert flowstead.instance_pids("target") == [instance]
        assert flowstead.score("target", {"text": "x"}, keys["primaryKey"]).status_code == 200
        assert_nowhere(flowstead, FIRST, SECOND)
    finally:
        flowstead.run("down", check=False)
    assert flowstead.processes() == []


def assert_nowhere(flowstead: Installation, *keys: str) -> None:
    """Not in the environment or on the command line of any process of this home, not in a log, not in the database."""
    processes = flowstead.processes()
    names = {process.name() for process in processes}
    assert any("envoy" in name for name in names), names
    assert len(processes) >= 5, "the server, the gateway and the instance, each of these two with its supervisor"
    files = [file.read_bytes() for file in flowstead.home.rglob("*") if file.is_file() and "logs" in file.parts]
    files += [file.read_bytes() for file in flowstead.home.glob("flowstead.db*")]
    for key in keys:
        for process in processes:
            said = told_by(process)
            assert key.encode() not in said, process
            assert b"FLOWSTEAD_MASTER_KEY" not in said, process
        for content in files:
            assert key.encode() not in content
            assert base64.b64decode(key) not in content
            assert base64.b64decode(key).hex().encode() not in content


def told_by(process: psutil.Process) -> bytes:
    """Its environment and its command line. Of an ordinary user's instance, which has a user namespace of its own,
    nobody but root may read the environment; as root it is looked at."""
    place = Path(f"/proc/{process.pid}")
    try:
        environment = (place / "environ").read_bytes()
    except PermissionError:
        assert os.geteuid() != 0
        environment = b""
    return environment + (place / "cmdline").read_bytes()


def test_a_key_of_the_environment_reaches_no_flow_that_is_served_without_a_server(tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "flow", "import os\n" + ECHO)
    flowstead = Installation(tmp_path / "home")
    environment = flowstead.environment({"FLOWSTEAD_MASTER_KEY": FIRST})
    served = subprocess.Popen(
        [FLOWSTEAD, "serve", str(flow), "--port", str(flowstead.port)], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        place = Path(f"/proc/{served.pid}")
        eventually("it is served", lambda: b"flowstead_runtime" in (place / "cmdline").read_bytes())
        assert b"FLOWSTEAD_MASTER_KEY" not in (place / "environ").read_bytes()
    finally:
        served.kill()
        served.wait()
