"""The reconciler with real environments, real instances and the real runtime; only the gateway is in memory."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from flowstead.engines.local import LocalEngine
from flowstead.engines.protocol import InstanceState, ObservedInstance
from flowstead.environments.uv_environments import UvEnvironments
from flowstead.resources.clock import SystemClock
from flowstead.resources.home import Home
from flowstead.resources.operation import Operation, OperationState
from flowstead.testing.reconciler_world import WORKSPACE, ReconcilerWorld

FLOW = """\
inputs:
  question: {type: string}
outputs:
  answer: {type: string, reference: "${answer.output}"}
nodes:
- name: answer
  type: python
  source: {type: code, path: answer.py}
  inputs: {question: "${inputs.question}"}
"""
ECHO = """\
from promptflow.core import tool

@tool
def answer(question: str) -> str:
    return question
"""
TABLE = """\
from promptflow.core import tool
from tabulate import tabulate

@tool
def answer(question: str) -> str:
    return tabulate([[question]], tablefmt="plain")
"""


def write_flow(folder: Path, code: str, requirements: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "flow.dag.yaml").write_text(FLOW)
    (folder / "answer.py").write_text(code)
    if requirements:
        (folder / "requirements.txt").write_text(requirements)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One home for all tests: environments are built once and shared, as in life."""
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def world(home: Home) -> Iterator[ReconcilerWorld]:
    environments = UvEnvironments(home)
    home.create()
    world = ReconcilerWorld(home, clock=SystemClock(), engine=LocalEngine(home), environments=environments)
    yield world
    for name in ("chat",):
        if world.endpoint(name) is not None:
            look_until(world, done(world, world.delete(WORKSPACE.endpoint(name))))
    environments.close()
    world.close()
    assert list(home.instances_run.iterdir()) == []
    assert [each for each in home.scratch.iterdir() if not each.name.startswith(".")] == []


def look_until(world: ReconcilerWorld, come_about: Callable[[], bool], within_s: float = 90.0) -> float:
    """Run the reconciler by hand until that is so. Returns the seconds it took."""
    began = time.monotonic()
    while True:
        world.reconciler.tick()
        if come_about():
            return time.monotonic() - began
        assert time.monotonic() - began < within_s, world.deployment()
        time.sleep(0.02)


def done(world: ReconcilerWorld, operation: Operation) -> Callable[[], bool]:
    return lambda: world.operation(operation).state.terminal


def deploy(world: ReconcilerWorld, flow: Path, **changes: object) -> Operation:
    model = world.put_model("flow", flow.name, flow)
    if world.endpoint() is None:
        world.put_endpoint(traffic={"blue": 100})
    operation = world.put_deployment(model=model, **changes)  # type: ignore[arg-type]
    look_until(world, done(world, operation))
    return world.operation(operation)


def ask(instance: ObservedInstance, question: str) -> httpx.Response:
    with httpx.Client(transport=httpx.HTTPTransport(uds=instance.address)) as client:
        return client.post("http://instance/score", json={"question": question}, timeout=10.0)


def only_instance(world: ReconcilerWorld) -> ObservedInstance:
    (instance,) = world.engine.observe()
    return instance  # type: ignore[no-any-return]


def error_of(operation: Operation) -> dict[str, str]:
    assert operation.error is not None
    return dict(operation.error)


def test_a_flow_comes_up_answers_and_is_gone(world: ReconcilerWorld, tmp_path: Path, home: Home) -> None:
    deploy(world, write_flow(tmp_path / "first", ECHO))
    endpoint_gone = world.delete(WORKSPACE.endpoint("chat"))
    look_until(world, done(world, endpoint_gone))

    ended = deploy(world, write_flow(tmp_path / "second", ECHO + "# with the environment warm\n"))
    assert ended.state is OperationState.SUCCEEDED
    assert sum((ended.phase_times or {}).values()) < 15.0  # a busy machine; alone it takes about one second
    assert ask(only_instance(world), "hello").json() == {"answer": "hello"}
    log = only_instance(world).log

    removed = world.delete(WORKSPACE.endpoint("chat"))
    look_until(world, done(world, removed), within_s=15.0)
    assert world.operation(removed).state is OperationState.SUCCEEDED
    assert not log.parent.parent.exists()
    assert list(home.instances_run.iterdir()) == []


def test_a_package_of_requirements_txt_can_be_imported(world: ReconcilerWorld, tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "table", TABLE, "promptflow>=1.13\ntabulate==0.9.0\n")
    ended = deploy(world, flow)
    assert ended.state is OperationState.SUCCEEDED, ended.error
    assert ask(only_instance(world), "hello").json() == {"answer": "hello"}
    build_log = only_instance(world).log.with_name("storage-initializer.log").read_text()
    assert "tabulate==0.9.0" in build_log


def test_an_unresolvable_requirement_is_told_in_uv_s_words(world: ReconcilerWorld, tmp_path: Path) -> None:
    ended = deploy(world, write_flow(tmp_path / "bad", ECHO, "tabulate==99.99\n"))
    assert error_of(ended)["code"] == "ImageBuildFailure"
    assert "tabulate==99.99" in error_of(ended)["message"]
    record = world.deployment()
    assert record is not None
    assert record.status.error == ended.error
    build_log = world.home.logs / "endpoints/chat/blue/storage-initializer.log"
    assert "tabulate==99.99" in build_log.read_text()


def test_a_missing_package_is_told(world: ReconcilerWorld, tmp_path: Path) -> None:
    ended = deploy(world, write_flow(tmp_path / "lacking", TABLE))
    assert error_of(ended)["code"] == "UserScriptImportError"
    assert "tabulate" in error_of(ended)["message"]
    assert "requirements.txt" in error_of(ended)["message"]


def test_a_flow_that_raises_at_import_is_told_with_its_traceback(world: ReconcilerWorld, tmp_path: Path) -> None:
    ended = deploy(world, write_flow(tmp_path / "raising", "raise ValueError('no luck today')\n" + ECHO))
    assert error_of(ended)["code"] == "UserScriptInitFailed"
    assert "ValueError" in error_of(ended)["message"]
    assert "no luck today" in error_of(ended)["message"]
    look_until(world, lambda: not world.engine.observe())


def test_an_overwrite_answers_all_the_time(world: ReconcilerWorld, tmp_path: Path) -> None:
    deploy(world, write_flow(tmp_path / "v1", ECHO))
    before = only_instance(world)
    failing = deploy(world, write_flow(tmp_path / "v2", "raise ValueError('no luck')\n" + ECHO))
    assert failing.state is OperationState.FAILED
    assert ask(before, "still here").json() == {"answer": "still here"}
    look_until(world, lambda: [each.id for each in world.engine.observe()] == [before.id])

    ended = deploy(world, write_flow(tmp_path / "v3", ECHO.replace("return question", "return question + '!'")))
    assert ended.state is OperationState.SUCCEEDED, ended.error
    assert only_instance(world).id != before.id
    assert ask(only_instance(world), "new").json() == {"answer": "new!"}


def test_a_killed_worker_comes_back_and_the_next_server_adopts_it(world: ReconcilerWorld, tmp_path: Path) -> None:
    deploy(world, write_flow(tmp_path / "kept", ECHO))
    before = only_instance(world)
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    look_until(
        world,
        lambda: (now := only_instance(world)).state is InstanceState.READY and now.pid != before.pid,
        within_s=5.0,
    )
    assert ask(only_instance(world), "again").json() == {"answer": "again"}
    world.reconciler.tick()

    world.engine = LocalEngine(world.home)
    world.new_reconciler()
    routes = list(world.gateway.history)
    world.reconciler.tick()
    # Its very first look already: routes that were taken away for an instant would fail requests.
    assert world.gateway.history == [*routes, routes[-1]]
    assert only_instance(world).id == before.id


def test_an_instance_that_lost_its_supervisor_is_replaced(world: ReconcilerWorld, tmp_path: Path) -> None:
    deploy(world, write_flow(tmp_path / "replaced", ECHO))
    before = only_instance(world)
    state = json.loads((world.home.instances_run / before.id / "state.json").read_text())
    os.kill(state["supervisor_pid"], signal.SIGKILL)
    look_until(
        world,
        lambda: [each.state for each in world.engine.observe() if each.id != before.id] == [InstanceState.READY],
        within_s=30.0,
    )
    look_until(world, lambda: len(world.engine.observe()) == 1)
    assert ask(only_instance(world), "hello").json() == {"answer": "hello"}
