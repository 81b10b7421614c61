"""Kill any process: nothing that was acknowledged is lost and no healthy traffic fails."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil
import pytest

from tests.installation import ECHO, FULL, Installation, eventually, write_flow
from tests.outages import Three, failures, kill, three_deployed
from tests.steady_traffic import RATE, Traffic

WITHOUT_SERVER_S = 60.0 if FULL else 5.0
REFUSALS_S = 1.0
OUT_OF_ROTATION_S = 5.0
MOST_ON_ONE = 5
"""Requests under way on one of three instances: 50 a second for 0.1 s each are 5 on all."""


def deployed(flowstead: Installation, folder: Path) -> str:
    flowstead.run("deploy", str(write_flow(folder / "flow", ECHO)), "--endpoint", "target")
    return flowstead.keys("target")["primaryKey"]


def answers(flowstead: Installation, key: str) -> bool:
    try:
        return flowstead.score("target", {"text": "x"}, key).status_code == 200
    except httpx.HTTPError:
        return False


def test_the_server_is_killed_under_traffic(own_flowstead: Installation, tmp_path: Path) -> None:
    key = deployed(own_flowstead, tmp_path)
    [instance] = own_flowstead.instance_pids("target")
    with Traffic(f"{own_flowstead.url}/endpoints/target/score", key) as traffic:
        for _ in range(2 if FULL else 1):
            traffic.passes(RATE, "traffic flows")
            server = own_flowstead.server_pid()
            kill(server)
            died = time.monotonic()
            while time.monotonic() - died < WITHOUT_SERVER_S:
                traffic.passes(RATE, "requests pass without a server")
            own_flowstead.up()
            assert own_flowstead.server_pid() != server
            assert own_flowstead.instance_pids("target") == [instance]
            traffic.passes(RATE, "requests pass with the new server")
    print(f"\nserver killed under {RATE} requests/s: {dict(traffic.outcomes)}")
    assert set(traffic.outcomes) == {"200"}
    own_flowstead.run("online-endpoint", "delete", "--name", "target", "--yes")
    assert not psutil.pid_exists(instance)


def test_tokens_open_endpoints_without_a_server(own_flowstead: Installation, tmp_path: Path) -> None:
    """The gateway knows by itself whose tokens count, also one that had to be started again meanwhile."""
    flow = str(write_flow(tmp_path / "flow", ECHO))
    own_flowstead.run("deploy", flow, "--endpoint", "target", "--auth-mode", "aml_token")
    token = own_flowstead.api("POST", "/onlineEndpoints/target/token").json()["accessToken"]
    foreign = own_flowstead.token()
    gateway = own_flowstead.json("status")["gateway"]["pid"]
    kill(own_flowstead.server_pid())
    assert answers(own_flowstead, token)
    kill(gateway)
    eventually("it answers again", lambda: answers(own_flowstead, token), within=5)
    assert own_flowstead.score("target", {}, foreign).status_code == 401
    own_flowstead.up()
    assert answers(own_flowstead, token), "the new server is the same issuer"


def test_a_killed_instance_is_back_within_five_seconds(own_flowstead: Installation, tmp_path: Path) -> None:
    key = deployed(own_flowstead, tmp_path)
    for _ in range(5 if FULL else 2):
        [pid] = own_flowstead.instance_pids("target")
        kill(pid)
        killed = time.monotonic()
        eventually("it answers again", lambda: answers(own_flowstead, key), within=5)
        print(f"\ninstance killed: back after {time.monotonic() - killed:.2f} s")
        assert own_flowstead.instance_pids("target") not in ([], [pid])


def test_a_killed_gateway_is_back_within_two_seconds(own_flowstead: Installation, tmp_path: Path) -> None:
    key = deployed(own_flowstead, tmp_path)
    for _ in range(5 if FULL else 2):
        pid = own_flowstead.json("status")["gateway"]["pid"]
        kill(pid)
        killed = time.monotonic()
        eventually("it answers again", lambda: answers(own_flowstead, key), within=2)
        print(f"\ngateway killed: back after {time.monotonic() - killed:.2f} s")


def test_callers_of_a_killed_gateway_are_refused_for_a_second_at_the_most(
    own_flowstead: Installation, tmp_path: Path
) -> None:
    key = deployed(own_flowstead, tmp_path)
    with Traffic(f"{own_flowstead.url}/endpoints/target/score", key) as traffic:
        for _ in range(5 if FULL else 2):
            traffic.passes(RATE, "traffic flows")
            pid = own_flowstead.json("status")["gateway"]["pid"]
            before, killed = len(traffic.answers), time.monotonic()
            kill(pid)
            traffic.passes(RATE, "requests pass again")
            refused = [each for each in traffic.answers[before:] if each.outcome != "200"]
            refusals = max((each.ended for each in refused), default=killed) - killed
            print(f"\ngateway killed under {RATE} requests/s: {len(refused)} refused within {refusals:.2f} s")
            assert refusals <= REFUSALS_S


@pytest.mark.parametrize("supervisor", [False, True], ids=["alone", "under a supervisor that is stopped as well"])
def test_a_stopped_gateway_is_replaced(own_flowstead: Installation, tmp_path: Path, supervisor: bool) -> None:
    key = deployed(own_flowstead, tmp_path)
    pid = own_flowstead.json("status")["gateway"]["pid"]
    if supervisor:
        os.kill(psutil.Process(pid).ppid(), signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    eventually("it answers again", lambda: answers(own_flowstead, key), within=60)
    print(f"\nthe gateway stopped: back after {time.monotonic() - began:.1f} s")


def test_one_of_three_instances_is_stopped(own_flowstead: Installation, tmp_path: Path) -> None:
    """It gets no requests any more within five seconds, what it had taken is all that fails, and it is replaced."""
    key, url = three_deployed(own_flowstead, tmp_path), f"{own_flowstead.url}/endpoints/target/score"
    with own_flowstead.client() as client, Traffic(url, key, callers=100) as traffic:
        three = Three(own_flowstead, client)
        for _ in range(3 if FULL else 1):
            traffic.passes(2 * RATE, "traffic flows")
            [one, *_] = three.ready()
            before, stopped = len(traffic.answers), time.monotonic()
            os.killpg(three.pid(one), signal.SIGSTOP)
            three.again_without(one, within=45)
            back = time.monotonic() - stopped
            traffic.passes(2 * RATE, "requests pass")
            failed = failures(traffic.answers[before:])
            out = max((each.began - stopped for each in failed), default=0.0)
            print(
                f"\none of three stopped under {RATE} requests/s: out of rotation after {out:.2f} s, "
                f"{len(failed)} failed ({Counter(each.outcome for each in failed)}), three again after {back:.2f} s"
            )
            assert out <= OUT_OF_ROTATION_S
            assert {each.outcome for each in failed} <= {"500"}, "they were broken off, and nothing else failed"
    log = own_flowstead.run("online-deployment", "get-logs", "--endpoint-name", "target", "--name", "blue").stdout
    assert "Killed because it did not answer: it was stopped" in log


def test_one_of_three_instances_is_killed(own_flowstead: Installation, tmp_path: Path) -> None:
    """Of what is under way nothing fails but what that one had taken."""
    key, url = three_deployed(own_flowstead, tmp_path), f"{own_flowstead.url}/endpoints/target/score"
    with own_flowstead.client() as client, Traffic(url, key, callers=100) as traffic:
        three = Three(own_flowstead, client)
        for _ in range(5 if FULL else 2):
            traffic.passes(2 * RATE, "traffic flows")
            [one, *_] = three.ready()
            before, killed = len(traffic.answers), time.monotonic()
            kill(three.pid(one))
            three.again_without(one, within=5)
            back = time.monotonic() - killed
            traffic.passes(RATE, "requests pass")
            lost = failures(traffic.answers[before:])
            print(f"\none of three killed under {RATE} requests/s: {len(lost)} failed, three again after {back:.2f} s")
            assert len(lost) <= MOST_ON_ONE, Counter(each.outcome for each in lost)


def test_a_killed_supervisor_is_replaced(own_flowstead: Installation, tmp_path: Path) -> None:
    key = deployed(own_flowstead, tmp_path)
    [pid] = own_flowstead.instance_pids("target")
    supervisor = psutil.Process(pid).parent()
    assert supervisor is not None
    with Traffic(f"{own_flowstead.url}/endpoints/target/score", key) as traffic:
        traffic.passes(RATE, "traffic flows")
        supervisor.kill()
        eventually("another instance", lambda: own_flowstead.instance_pids("target") not in ([], [pid]))
        eventually("the orphan is gone", lambda: not psutil.pid_exists(pid))
    print(f"\nsupervisor killed under {RATE} requests/s: {dict(traffic.outcomes)}")
    assert set(traffic.outcomes) == {"200"}


def test_the_gateways_supervisor_is_replaced_with_the_gateway(own_flowstead: Installation, tmp_path: Path) -> None:
    key = deployed(own_flowstead, tmp_path)
    supervisor = psutil.Process(own_flowstead.json("status")["gateway"]["pid"]).parent()
    assert supervisor is not None
    kill(supervisor.pid)
    killed = time.monotonic()
    eventually("it answers again", lambda: answers(own_flowstead, key), within=5)
    print(f"\ngateway's supervisor killed: back after {time.monotonic() - killed:.2f} s")


def test_what_serves_after_a_failed_update_comes_back_after_a_restart(
    own_flowstead: Installation, tmp_path: Path
) -> None:
    key = deployed(own_flowstead, tmp_path)
    broken = write_flow(tmp_path / "broken", "raise RuntimeError('not today')\n")
    failed = own_flowstead.run("deploy", str(broken), "--endpoint", "target", check=False)
    assert failed.returncode == 1
    assert "goes on serving" in failed.stderr
    own_flowstead.down()
    own_flowstead.up()
    eventually("it answers again", lambda: answers(own_flowstead, key))

    [pid] = own_flowstead.instance_pids("target")
    supervisor = psutil.Process(pid).parent()
    assert supervisor is not None
    kill(supervisor.pid)
    eventually("another instance", lambda: own_flowstead.instance_pids("target") not in ([], [pid]))
    eventually("it answers again", lambda: answers(own_flowstead, key))


def test_a_server_that_dies_while_it_deploys_is_finished_by_the_next(
    own_flowstead: Installation, tmp_path: Path
) -> None:
    flow = write_flow(tmp_path / "flow", ECHO, requirements="iniconfig==2.1.0\n")
    own_flowstead.run("deploy", str(flow), "--endpoint", "target", "--no-wait")
    kill(own_flowstead.server_pid())
    own_flowstead.up()
    path = "/onlineEndpoints/target/deployments/blue"

    def state() -> str:
        return str(own_flowstead.api("GET", path).json()["properties"]["provisioningState"])

    eventually("the deployment is finished", lambda: state() == "Succeeded", within=60)
    assert answers(own_flowstead, own_flowstead.keys("target")["primaryKey"])


def test_a_first_deployment_gets_its_traffic_though_nobody_waits(own_flowstead: Installation, tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "flow", ECHO)
    own_flowstead.run("deploy", str(flow), "--endpoint", "target", "--no-wait")
    key = own_flowstead.keys("target")["primaryKey"]
    eventually("it answers", lambda: answers(own_flowstead, key), within=60)
    moved = own_flowstead.run(
        "deploy", str(flow), "-e", "target", "-d", "green", "--all-traffic", "--no-wait", check=False
    )
    assert moved.returncode == 1
    assert "before it is ready" in moved.stderr
    assert answers(own_flowstead, key)


def test_down_after_the_server_was_killed_leaves_nothing(own_flowstead: Installation, tmp_path: Path) -> None:
    deployed(own_flowstead, tmp_path)
    kill(own_flowstead.server_pid())
    own_flowstead.down()
    eventually("everything has ended", lambda: own_flowstead.processes() == [])
