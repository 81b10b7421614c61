"""A local engine with the real supervisor and the real runtime, which the test's own interpreter has."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from flowstead.engines.local import LocalEngine
from flowstead.engines.protocol import InstanceSpec
from flowstead.resources.deployment import RequestSettings
from flowstead.resources.home import Home
from flowstead.testing.engine_contract import EngineContract, MakeSpec

FLOW = """\
inputs:
  question: {type: string}
outputs:
  answer: {type: string, reference: "${echo.output}"}
nodes:
- name: echo
  type: python
  source: {type: code, path: echo.py}
  inputs: {question: "${inputs.question}"}
"""

ECHO = """\
from promptflow.core import tool

@tool
def echo(question: str) -> str:
    return question
"""


def write_flow(folder: Path, code: str = ECHO) -> Path:
    folder.mkdir(parents=True)
    (folder / "flow.dag.yaml").write_text(FLOW)
    (folder / "echo.py").write_text(code)
    return folder


def new_home(tmp_path: Path) -> Home:
    """The fixture `home`."""
    home = Home(tmp_path / "home")
    home.create()
    return home


def engine_of(home: Home) -> Iterator[LocalEngine]:
    """The fixture `engine`: nothing runs there afterwards."""
    engine = LocalEngine(home)
    yield engine
    deadline = time.monotonic() + 30.0
    while left := engine.observe():
        for each in left:
            engine.stop(each.id)
        assert time.monotonic() < deadline, f"These do not end: {left}"
        time.sleep(0.05)


def specifications(home: Home, tmp_path: Path) -> MakeSpec:
    """The fixture `make_spec`: of instances that echo."""
    flow = write_flow(tmp_path / "flow")

    def make(id: str) -> InstanceSpec:
        return spec_of(home, id, flow)

    return make


def spec_of(home: Home, id: str, flow: Path, **variables: str) -> InstanceSpec:
    return InstanceSpec(
        id=id,
        endpoint="chat",
        deployment="blue",
        deployment_uid="uid-1",
        revision="r1",
        flow=flow,
        python=Path(sys.executable),
        environment=variables,
        request_settings=RequestSettings(request_timeout_s=5.0),
        log=home.logs / "endpoints/chat/blue" / f"{id}.log",
    )


contract = EngineContract()


def has_ended(pid: int | None) -> bool:
    """Ended, though perhaps nobody has asked for its exit code yet."""
    try:
        return pid is None or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30.0
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
