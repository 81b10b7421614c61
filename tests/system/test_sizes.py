"""Deployments that need more than their size has, on a whole Flowstead, as root and as an ordinary user."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import ECHO, FULL, Installation, eventually, write_flow
from tests.ordinary_user import as_ordinary_user

GREEDY_AT_START = "hoard = [b'x' * (1 << 20) for _ in range(2000)]\n" + ECHO
GREEDY_WHEN_ASKED = """\
import time
from promptflow.core import tool


@tool
def say(text: str) -> str:
    hoard = []
    for _ in range(2000 if text == "much" else 8):
        hoard.append(b"x" * (1 << 20))
        time.sleep(0.001)
    return text
"""
QUOTA = 3
MEANS = {"cgroup v2", "cgroup v1", "affinity, memory watchdog"}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process be held to a size")


@pytest.fixture(scope="module", params=["own", *(["ordinary"] if FULL else [])])
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One of the user who runs the tests, and, where that is root, one of an ordinary user."""
    if request.param == "own":
        yield from running(Installation(tmp_path_factory.mktemp("sizes") / "home"))
        return
    if os.geteuid() != 0:
        pytest.skip("the tests run as an ordinary user already")
    with tempfile.TemporaryDirectory(prefix="fs-", dir="/tmp") as folder:
        yield from running(Installation(Path(folder) / "home", prefix=as_ordinary_user(Path(folder))))


def running(installation: Installation) -> Iterator[Installation]:
    installation.up("--quota-cores", str(QUOTA))
    try:
        yield installation
    finally:
        installation.run("down", check=False)


def flow(installation: Installation, name: str, code: str) -> str:
    return str(write_flow(installation.home.parent / f"flow-{name}", code))


def instances(installation: Installation, endpoint: str) -> list[dict[str, Any]]:
    answer = installation.api("GET", f"/onlineEndpoints/{endpoint}/deployments/blue/instances")
    return [each["properties"] for each in answer.json()["value"]]


def test_one_that_cannot_start_in_its_memory_fails_and_says_so(installation: Installation) -> None:
    folder = flow(installation, "starting", GREEDY_AT_START)
    deploy = ("deploy", folder, "--endpoint", "starting", "--instance-type", "flowstead_s")
    failed = installation.run(*deploy, check=False, timeout=170)
    assert failed.returncode != 0
    said = failed.stdout + failed.stderr
    assert "PodOutOfMemory" in said
    assert "of the 512 MiB of its size" in said
    shown = installation.api("GET", "/onlineEndpoints/starting/deployments/blue").json()["properties"]
    assert shown["provisioningState"] == "Failed"
    assert shown["provisioningError"]["code"] == "PodOutOfMemory"
    assert "Choose a larger instance type" in shown["provisioningError"]["message"]


def test_one_that_runs_out_of_memory_when_asked_is_back_and_says_why(installation: Installation) -> None:
    folder = flow(installation, "asked", GREEDY_WHEN_ASKED)
    installation.run("deploy", folder, "--endpoint", "asked", "--instance-type", "Flowstead_S")
    key = installation.keys("asked")["primaryKey"]
    assert installation.score("asked", {"text": "little"}, key).json() == {"said": "little"}
    [before] = instances(installation, "asked")
    assert (before["cores"], before["memoryBytes"], before["gpus"]) == (0.5, 512 << 20, 0)
    assert before["enforcement"] in MEANS
    assert "lastEnd" not in before

    cut = installation.score("asked", {"text": "much"}, key)
    assert (cut.status_code, cut.json()["error"]["code"]) == (500, "InternalServerError")
    [after] = eventually(
        "its end is known", lambda: [each for each in instances(installation, "asked") if "lastEnd" in each]
    )
    assert (after["lastEnd"]["reason"], after["lastEnd"]["exitCode"]) == ("OutOfMemory", -9)
    assert "choose a larger instance type, or send less at once" in after["lastEnd"]["message"]
    logs = installation.run("online-deployment", "get-logs", "--name", "blue", "--endpoint-name", "asked").stdout
    assert after["lastEnd"]["message"] in logs
    eventually("it answers", lambda: installation.score("asked", {"text": "little"}, key).status_code == 200)
    status = installation.run("status").stdout
    assert f"sizes held by: {before['enforcement']}" in status
    assert "OutOfMemory: It was ended because it used" in status
    assert f"of {QUOTA} cores are taken, with the upgrade reserve" in status


def test_a_size_that_is_none_is_answered_with_near_ones(installation: Installation) -> None:
    folder = flow(installation, "nowhere", ECHO)
    deploy = ("deploy", folder, "--endpoint", "nowhere", "--instance-type", "Flowstead_XXS")
    refused = installation.run(*deploy, check=False)
    assert "BadArgument" in refused.stdout + refused.stderr
    assert "Flowstead_XS" in refused.stdout + refused.stderr


def test_the_quota_is_told_with_the_sum(installation: Installation) -> None:
    folder = flow(installation, "many", ECHO)
    deploy = ("deploy", folder, "--endpoint", "many", "--instance-type", "Flowstead_L", "--instance-count", "2")
    refused = installation.run(*deploy, check=False)
    said = refused.stdout + refused.stderr
    assert "OutOfQuota" in said
    assert "2 x Flowstead_L with the upgrade reserve take 6 cores" in said


def test_no_control_group_is_left_when_all_has_ended(installation: Installation) -> None:
    from flowstead.limits.host import enforcement_here, group_prefix

    prefix = group_prefix(installation.run_directory() / "instances")
    places = [Path(place) for place in set(enforcement_here().places.values())]
    if installation.prefix or not places:
        assert not [each for place in places for each in place.glob(f"{prefix}*")]
        return
    assert [each for place in places for each in place.glob(f"{prefix}*")]
    installation.down()
    assert not [each for place in places for each in place.glob(f"{prefix}*")]
