"""Instances of the real runtime, held to their sizes by each means that this host has."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from flowstead.engines.local import LocalEngine
from flowstead.engines.protocol import OUT_OF_MEMORY, InstanceSpec, InstanceState, ObservedInstance
from flowstead.limits.host import Enforcement, Means, enforcement_here
from flowstead.resources.deployment import RequestSettings
from flowstead.resources.home import Home
from flowstead.resources.sizes import size_named

FLOW = """\
inputs:
  mebibytes: {type: int}
outputs:
  answer: {type: string, reference: "${hoard.output}"}
nodes:
- name: hoard
  type: python
  source: {type: code, path: hoard.py}
  inputs: {mebibytes: "${inputs.mebibytes}"}
"""
HOARD = """\
import os
import time
from promptflow.core import tool

@tool
def hoard(mebibytes: int) -> str:
    kept = []
    for _ in range(mebibytes):
        kept.append(b"x" * (1 << 20))
        time.sleep(0.001)
    return f"{os.environ['OMP_NUM_THREADS']} {os.environ['CUDA_VISIBLE_DEVICES']!r}"
"""
PATIENCE_S = 60.0
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process be held to a size")


@pytest.fixture(params=["control groups", "watchdog"])
def enforcement(request: pytest.FixtureRequest) -> Enforcement:
    here = Enforcement(Means.AFFINITY) if request.param == "watchdog" else enforcement_here()
    if request.param != "watchdog" and here.means not in (Means.CGROUP_V2, Means.CGROUP_V1):
        pytest.skip(f"this host lets us make no control groups: {here.why_not}")
    return here


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def engine(home: Home, enforcement: Enforcement) -> Iterator[LocalEngine]:
    engine = LocalEngine(home, enforcement=enforcement)
    yield engine
    deadline = time.monotonic() + PATIENCE_S
    while left := engine.observe():
        for each in left:
            engine.stop(each.id)
        assert time.monotonic() < deadline, f"These do not end: {left}"
        time.sleep(0.05)


def spec_of(home: Home, id: str, flow: Path) -> InstanceSpec:
    return InstanceSpec(
        id=id,
        endpoint="chat",
        deployment="blue",
        deployment_uid="uid-1",
        revision="r1",
        flow=flow,
        python=Path(sys.executable),
        environment={},
        request_settings=RequestSettings(request_timeout_s=30.0),
        log=home.logs / f"{id}.log",
        size=size_named("Flowstead_XS"),
    )


def seen_when(engine: LocalEngine, id: str, wanted: Callable[[ObservedInstance], bool]) -> ObservedInstance:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = next((each for each in engine.observe() if each.id == id), None)
        if found is not None and wanted(found):
            return found
        assert time.monotonic() < deadline, f"{id} is {found}"
        time.sleep(0.02)


def ready(each: ObservedInstance) -> bool:
    return each.state is InstanceState.READY


def score(address: str, mebibytes: int) -> tuple[int, str]:
    """Status, 0 when the connection was cut, and body."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=address), base_url="http://instance") as client:
        try:
            answer = client.post("/score", json={"mebibytes": mebibytes}, timeout=PATIENCE_S)
        except httpx.HTTPError:
            return 0, ""
    return answer.status_code, answer.text


def test_a_request_that_takes_more_than_the_size_ends_its_instance_alone(
    engine: LocalEngine, home: Home, tmp_path: Path, enforcement: Enforcement
) -> None:
    flow = tmp_path / "flow"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(FLOW)
    (flow / "hoard.py").write_text(HOARD)
    for id in ("one", "two"):
        engine.start(spec_of(home, id, flow))
    one, two = (seen_when(engine, id, ready) for id in ("one", "two"))
    assert one.limits is not None
    assert (one.limits.cores, one.limits.memory_bytes) == (0.25, 256 << 20)
    assert one.limits.enforcement == enforcement.means.value
    status, answer = score(one.address, 8)
    assert (status, "1 ''" in answer) == (200, True)

    assert score(one.address, 2000)[0] == 0
    ended = seen_when(engine, "one", lambda each: each.last_end is not None)
    assert ended.last_end is not None
    assert ended.last_end.reason == OUT_OF_MEMORY
    assert "of the 256 MiB of its size: choose a larger" in "\n".join(engine.last_log_lines("one", 50))
    assert seen_when(engine, "one", ready).restarts == 1
    other = seen_when(engine, "two", ready)
    assert (other.pid, other.restarts) == (two.pid, 0)
