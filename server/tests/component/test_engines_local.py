"""The local engine with the real supervisor and the real runtime, which the test's own interpreter has."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from flowstead.confine.abilities import of_this_host
from flowstead.engines.local import LocalEngine, trash
from flowstead.engines.protocol import (
    EXIT_FLOW_CANNOT_START,
    EXIT_PACKAGE_MISSING,
    Engine,
    InstanceSpec,
    InstanceState,
    ObservedInstance,
)
from flowstead.resources.clock import SystemClock
from flowstead.resources.deployment import ProbeSettings, RequestSettings
from flowstead.resources.file_tree import remove_tree
from flowstead.resources.home import Home
from flowstead.testing.engine_contract import EngineContract, MakeSpec
from flowstead.testing.frozen_clock import FrozenClock

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


FORKING = (Path(__file__).parents[3] / "tests/system/hostile/forking.py").read_text().partition("@tool")[0] + ECHO


def write_flow(folder: Path, code: str = ECHO) -> Path:
    folder.mkdir(parents=True)
    (folder / "flow.dag.yaml").write_text(FLOW)
    (folder / "echo.py").write_text(code)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def engine(home: Home) -> Iterator[LocalEngine]:
    engine = LocalEngine(home)
    yield engine
    deadline = time.monotonic() + 30.0
    while left := engine.observe():
        for each in left:
            engine.stop(each.id)
        assert time.monotonic() < deadline, f"These do not end: {left}"
        time.sleep(0.05)


@pytest.fixture
def reopen(home: Home) -> Callable[[], Engine]:
    return lambda: LocalEngine(home)


@pytest.fixture
def make_spec(home: Home, tmp_path: Path) -> MakeSpec:
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


class TestLocalEngine(EngineContract):
    pass


contract = EngineContract()


def has_ended(pid: int | None) -> bool:
    """Ended, though perhaps nobody has asked for its exit code yet."""
    try:
        return pid is None or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_nothing_of_an_instance_stays(engine: LocalEngine, home: Home, make_spec: MakeSpec) -> None:
    engine.start(make_spec("one"))
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    assert (home.scratch / "one").is_dir()
    engine.stop("one")
    contract.wait_until_gone(engine, "one")
    assert list(home.instances_run.iterdir()) == []
    eventually(lambda: list(home.scratch.iterdir()) == [])
    assert has_ended(seen.pid)


def test_what_a_flow_has_written_keeps_nobody_waiting_while_it_is_removed(
    engine: LocalEngine, home: Home, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(path: Path) -> None:
        begun.set()
        assert go_on.wait(30)
        remove_tree(path)

    monkeypatch.setattr(trash, "remove_tree", slow)
    engine.start(make_spec("one"))
    contract.wait_for(engine, "one", InstanceState.READY)
    engine.stop("one")
    contract.wait_until_gone(engine, "one")
    assert begun.wait(30)
    [left] = home.scratch.iterdir()
    assert len(list(left.iterdir())) == 1
    go_on.set()
    eventually(lambda: list(home.scratch.iterdir()) == [])


def test_what_an_engine_before_has_not_removed_is_removed(engine: LocalEngine, home: Home) -> None:
    left = home.scratch / f".{home.instances_run.name}" / "left"
    left.mkdir(parents=True)
    (left / "file").touch()
    engine.observe()
    eventually(lambda: list(home.scratch.iterdir()) == [])


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30.0
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.skipif(not of_this_host().namespaces, reason="without namespaces nothing can end what forks this fast")
@pytest.mark.parametrize("ending", ["stopped", "killed", "supervisor killed"])
def test_no_process_outlives_its_instance_however_fast_it_forks(
    engine: LocalEngine, home: Home, tmp_path: Path, ending: str
) -> None:
    spec = spec_of(home, "one", write_flow(tmp_path / "forking", FORKING), MARK=str(tmp_path))
    engine.start(spec)
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    assert len(family_of(str(tmp_path))) > 2
    if ending != "stopped":
        process = psutil.Process(seen.pid)
        before = family_of(str(tmp_path))
        (process if ending == "killed" else process.parent() or process).kill()
        if ending == "killed":
            contract.wait_for(engine, "one", InstanceState.RESTARTING)
            assert not [each for each in before if each.is_running() and not has_ended(each.pid)]
    engine.stop("one")
    contract.wait_until_gone(engine, "one")
    assert family_of(str(tmp_path)) == []


def family_of(mark: str) -> list[psutil.Process]:
    """Those that have run in this moment and had the mark in their environment. Looks often: some live very shortly."""
    found = set()
    for _ in range(10):
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.add(process)
    return list(found)


def test_secrets_and_the_server_s_own_environment_stay_where_they_are(
    engine: LocalEngine, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWSTEAD_MASTER", "server-secret-value")
    code = (
        ECHO
        + "import json, os, pathlib\n"
        + "pathlib.Path(os.environ['HOME'], 'seen.json').write_text(json.dumps(dict(os.environ)))\n"
    )
    flow = write_flow(tmp_path / "flow", code)
    engine.start(spec_of(home, "one", flow, API_KEY="hunter2-hunter2", MODE="test"))
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    environment = json.loads((home.scratch / "one" / "seen.json").read_text())
    assert environment["API_KEY"] == "hunter2-hunter2"
    assert environment["MODE"] == "test"
    assert environment["HOME"] == environment["TMPDIR"] == str(home.scratch / "one")
    certificates = {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    known = {
        "PATH",
        "LANG",
        "HOME",
        "TMPDIR",
        "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE",
        "AZUREML_MODEL_DIR",
        "API_KEY",
        "MODE",
    }
    assert set(environment) - certificates == known

    for path in home.run.rglob("*"):
        if path.is_file():
            assert b"hunter2" not in path.read_bytes(), path
    command = Path(f"/proc/{seen.pid}/cmdline")
    if command.exists():
        assert b"hunter2" not in command.read_bytes()
    assert not (flow / "__pycache__").exists()
    assert (home.instances_run / "one").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("code", "exit_code", "words"),
    [
        ("raise ValueError('bad start')\n", EXIT_FLOW_CANNOT_START, "bad start"),
        ("import no_such_package_at_all\n", EXIT_PACKAGE_MISSING, "no_such_package_at_all"),
        ("import os\nos._exit(3)\n", 3, ""),
    ],
)
def test_an_instance_that_cannot_start_says_why(
    engine: LocalEngine, home: Home, tmp_path: Path, code: str, exit_code: int, words: str
) -> None:
    engine.start(spec_of(home, "bad", write_flow(tmp_path / "flow", code + ECHO)))
    seen = contract.wait_for(engine, "bad", InstanceState.FAILED)
    assert seen.exit_code == exit_code
    assert words in "\n".join(engine.last_log_lines("bad", 50))


def test_a_killed_worker_is_back_on_the_same_socket(engine: LocalEngine, make_spec: MakeSpec) -> None:
    engine.start(make_spec("one"))
    before = contract.wait_for(engine, "one", InstanceState.READY)
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    killed_at = time.monotonic()

    def back() -> ObservedInstance | None:
        (seen,) = engine.observe()
        return seen if seen.state is InstanceState.READY and seen.pid != before.pid else None

    while (after := back()) is None:
        assert time.monotonic() - killed_at < 5.0, engine.observe()
        time.sleep(0.02)
    assert (after.address, after.restarts) == (before.address, 1)


class HurriedClock(SystemClock):
    """Four seconds of it are one."""

    def monotonic(self) -> float:
        return time.monotonic() * 4


@pytest.mark.parametrize("group", [True, False], ids=["all of its processes", "the one that serves"])
def test_a_stopped_one_is_killed_and_started_again(home: Home, make_spec: MakeSpec, group: bool) -> None:
    engine = LocalEngine(home, clock=HurriedClock())
    engine.start(make_spec("one"))
    before = contract.wait_for(engine, "one", InstanceState.READY)
    assert before.pid is not None
    serving = (psutil.Process(before.pid).children() or [psutil.Process(before.pid)])[0]
    if group:
        os.killpg(before.pid, signal.SIGSTOP)
    else:
        serving.send_signal(signal.SIGSTOP)
    stopped_at = time.monotonic()
    contract.wait_for(engine, "one", InstanceState.RESTARTING)
    after = contract.wait_for(engine, "one", InstanceState.READY)
    print(f"another is ready after {time.monotonic() - stopped_at:.1f} s, in a quarter of the time")
    assert after.pid != before.pid
    assert (after.id, after.address, after.restarts) == ("one", before.address, 1)
    end = after.last_end
    assert end is not None
    assert (end.exit_code, end.reason) == (-9, "Unresponsive")
    assert re.fullmatch(r"Killed because it did not answer: it was stopped, for \d s at least\.", end.message)
    log = after.log.read_text()
    assert log.index("[supervisor] Killed because") < log.index("[supervisor] The process ended with signal 9")
    engine.stop("one")
    contract.wait_until_gone(engine, "one")
    assert has_ended(before.pid)
    assert has_ended(serving.pid)


def test_one_that_hangs_while_nothing_can_be_written_keeps_nobody_from_looking(home: Home, make_spec: MakeSpec) -> None:
    clock = HurriedClock()
    engine = LocalEngine(home, clock=clock)
    engine.start(make_spec("one"))
    before = contract.wait_for(engine, "one", InstanceState.READY)
    in_the_way = home.instances_run / "one" / "end"
    in_the_way.mkdir()
    os.killpg(before.pid or 0, signal.SIGSTOP)
    stopped_at = clock.monotonic()
    eventually(lambda: bool(engine.observe()) and clock.monotonic() - stopped_at > 10.0)
    in_the_way.rmdir()
    eventually(lambda: engine.observe()[0].pid != before.pid)
    engine.stop("one")
    contract.wait_until_gone(engine, "one")


BLOCKING = """\
import time
from promptflow.core import tool

@tool
async def echo(question: str) -> str:
    if question == "block":
        time.sleep(600)
    return question
"""


def test_one_whose_event_loop_is_blocked_for_long_is_killed_and_started_again(
    engine: LocalEngine, home: Home, tmp_path: Path
) -> None:
    spec = replace(
        spec_of(home, "one", write_flow(tmp_path / "flow", BLOCKING)),
        request_settings=RequestSettings(request_timeout_s=1.0),
        liveness=ProbeSettings(initial_delay_s=0.0, period_s=1.0, timeout_s=1.0, failure_threshold=2),
    )
    engine.start(spec)
    before = contract.wait_for(engine, "one", InstanceState.READY)
    with httpx.Client(transport=httpx.HTTPTransport(uds=before.address), base_url="http://instance") as client:
        began = time.monotonic()
        with pytest.raises(httpx.HTTPError), _looking(engine):
            client.post("/score", json={"question": "block"}, timeout=30.0)
        assert time.monotonic() - began > 1.0 + 2.0
        eventually(lambda: engine.observe()[0].pid != before.pid)
        after = contract.wait_for(engine, "one", InstanceState.READY)
        assert client.post("/score", json={"question": "again"}, timeout=30.0).json() == {"answer": "again"}
    end = after.last_end
    assert end is not None
    assert (after.restarts, end.reason) == (1, "LivenessProbeFailed")
    assert end.message.startswith("Killed because its liveness probe failed for 2 s: 2 times in a row")


@contextmanager
def _looking(engine: LocalEngine) -> Iterator[None]:
    """As the reconciler does."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.05):
            engine.observe()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


BUSY = """\
import signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
"""


def test_one_that_does_not_end_by_itself_is_killed_when_its_time_is_up(home: Home, tmp_path: Path) -> None:
    clock = FrozenClock()
    engine = LocalEngine(home, clock=clock)
    engine.start(spec_of(home, "one", write_flow(tmp_path / "flow", BUSY + ECHO)))
    contract.wait_for(engine, "one", InstanceState.READY)
    engine.stop("one", patient=True)
    clock.advance(300.0)
    assert [each.state for each in engine.observe()] == [InstanceState.STOPPING]
    engine.stop("one")
    engine.stop("one", patient=True)
    clock.advance(9.0)
    assert [each.state for each in LocalEngine(home, clock=clock).observe()] == [InstanceState.STOPPING]
    clock.advance(2.0)
    contract.wait_until_gone(LocalEngine(home, clock=clock), "one")


def test_who_only_looks_is_in_nobodys_way(home: Home, tmp_path: Path) -> None:
    engine = LocalEngine(home)
    engine.start(spec_of(home, "one", write_flow(tmp_path / "flow", BUSY + ECHO)))
    contract.wait_for(engine, "one", InstanceState.READY)
    engine.stop("one", patient=True)
    started = home.instances_run / "two"
    started.mkdir()  # by a start that is under way
    (home.scratch / "two").mkdir()
    onlooker = LocalEngine(home, clock=FrozenClock())
    assert [(each.id, each.state) for each in onlooker.look()] == [("one", InstanceState.STOPPING)]
    [process] = {each.pid for each in onlooker.look()}
    os.kill(process or 0, signal.SIGKILL)
    eventually(lambda: engine.look()[0].pid is None)
    assert [each.id for each in onlooker.look()] == ["one"], "it is for the engine to remove"
    assert started.is_dir()
    assert (home.scratch / "two").is_dir()
    assert engine.observe() == []
    assert not started.exists()


def test_an_instance_whose_supervisor_was_killed_is_lost_and_can_be_stopped(
    engine: LocalEngine, home: Home, make_spec: MakeSpec
) -> None:
    engine.start(make_spec("one"))
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    state = json.loads((home.instances_run / "one" / "state.json").read_text())
    os.kill(state["supervisor_pid"], signal.SIGKILL)
    contract.wait_for(engine, "one", InstanceState.LOST)
    engine.stop("one")
    contract.wait_until_gone(engine, "one")
    assert has_ended(seen.pid)


WAITING = """\
import asyncio, pathlib
from promptflow.core import tool

@tool
async def echo(question: str) -> str:
    pathlib.Path(question, "asked").touch()
    while not pathlib.Path(question, "go").exists():
        await asyncio.sleep(0.01)
    return "answered"
"""


def test_a_lost_one_ends_its_requests_before_it_goes(engine: LocalEngine, home: Home, tmp_path: Path) -> None:
    engine.start(spec_of(home, "one", write_flow(tmp_path / "flow", WAITING)))
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    state = json.loads((home.instances_run / "one" / "state.json").read_text())
    scratch = home.scratch / "one"
    answers: list[httpx.Response] = []

    def ask() -> None:
        with httpx.Client(transport=httpx.HTTPTransport(uds=seen.address), base_url="http://instance") as client:
            answers.append(client.post("/score", json={"question": str(scratch)}, timeout=30.0))

    thread = threading.Thread(target=ask)
    thread.start()
    eventually((scratch / "asked").exists)
    os.kill(state["supervisor_pid"], signal.SIGKILL)
    contract.wait_for(engine, "one", InstanceState.LOST)
    engine.stop("one", patient=True)
    assert [each.state for each in engine.observe()] == [InstanceState.STOPPING]
    (scratch / "go").touch()
    thread.join()
    assert answers[0].json() == {"answer": "answered"}
    contract.wait_until_gone(engine, "one")
    assert has_ended(seen.pid)


def test_a_state_that_a_power_cut_has_emptied_keeps_nobody_from_looking(
    engine: LocalEngine, home: Home, make_spec: MakeSpec
) -> None:
    engine.start(make_spec("one"))
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    file = home.instances_run / "one" / "state.json"
    os.kill(json.loads(file.read_text())["supervisor_pid"], signal.SIGKILL)
    contract.wait_for(engine, "one", InstanceState.LOST)
    os.killpg(seen.pid or 0, signal.SIGKILL)
    file.write_bytes(b"")
    contract.wait_for(engine, "one", InstanceState.LOST)
    engine.stop("one")
    contract.wait_until_gone(engine, "one")


class AheadClock(SystemClock):
    ahead_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_s


COMPUTING = """\
import ctypes
from promptflow.core import tool

@tool
def echo(question: str) -> str:
    ctypes.PyDLL(None).sleep(600)
    return question
"""
"""It does not let go of the interpreter."""


def test_one_that_computes_gets_time_for_its_request(home: Home, tmp_path: Path) -> None:
    clock = AheadClock()
    engine = LocalEngine(home, clock=clock)
    spec = spec_of(home, "one", write_flow(tmp_path / "flow", COMPUTING))
    engine.start(replace(spec, request_settings=RequestSettings(request_timeout_s=20.0)))
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    transport = httpx.HTTPTransport(uds=seen.address)
    with httpx.Client(transport=transport, base_url="http://instance") as client, suppress(httpx.TimeoutException):
        client.post("/score", json={"question": "x"}, timeout=0.5)
    for _ in range(8):
        clock.ahead_s += 3.0
        engine.observe()
    engine.stop("one", patient=True)
    clock.ahead_s += 11.0
    assert [each.state for each in engine.observe()] == [InstanceState.STOPPING]
    assert float((home.instances_run / "one/stopping").read_text()) > clock.monotonic() + 300.0
    engine.stop("one")
    clock.ahead_s += 11.0
    contract.wait_until_gone(engine, "one")


@pytest.mark.parametrize("hangs", [True, False])
def test_only_one_that_works_gets_time_for_its_requests(home: Home, tmp_path: Path, hangs: bool) -> None:
    clock = AheadClock()
    engine = LocalEngine(home, clock=clock)
    engine.start(spec_of(home, "one", write_flow(tmp_path / "flow", BUSY + BLOCKING)))
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    if hangs:
        transport = httpx.HTTPTransport(uds=seen.address)
        with httpx.Client(transport=transport, base_url="http://instance") as client, suppress(httpx.TimeoutException):
            client.post("/score", json={"question": "block"}, timeout=0.5)
        contract.wait_for(engine, "one", InstanceState.RESTARTING)
    for _ in range(4):
        clock.ahead_s += 3.0
        engine.observe()
    engine.stop("one", patient=True)
    clock.ahead_s += 11.0
    if hangs:
        contract.wait_until_gone(engine, "one")
        assert has_ended(seen.pid)
        return
    assert [each.state for each in engine.observe()] == [InstanceState.STOPPING]
    assert not has_ended(seen.pid)
    engine.stop("one")
    clock.ahead_s += 11.0
    contract.wait_until_gone(engine, "one")


def test_one_that_is_stopped_while_it_may_take_its_time_to_end_is_killed(home: Home, make_spec: MakeSpec) -> None:
    engine = LocalEngine(home, clock=HurriedClock())
    engine.start(make_spec("one"))
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    os.killpg(seen.pid or 0, signal.SIGSTOP)
    engine.stop("one", patient=True)
    contract.wait_until_gone(engine, "one")
    assert has_ended(seen.pid)


@pytest.mark.parametrize("stopping", [False, True], ids=["whose worker dies", "that is to end"])
def test_a_supervisor_that_is_stopped_is_not_waited_for(home: Home, make_spec: MakeSpec, stopping: bool) -> None:
    engine = LocalEngine(home, clock=HurriedClock())
    engine.start(make_spec("one"))
    seen = contract.wait_for(engine, "one", InstanceState.READY)
    state = json.loads((home.instances_run / "one" / "state.json").read_text())
    os.kill(state["supervisor_pid"], signal.SIGSTOP)
    if not stopping:
        os.killpg(seen.pid or 0, signal.SIGKILL)
        contract.wait_for(engine, "one", InstanceState.LOST)
    engine.stop("one", patient=True)
    contract.wait_until_gone(engine, "one")
    assert has_ended(seen.pid)


def test_what_a_killed_server_left_half_done_is_finished(engine: LocalEngine, home: Home, make_spec: MakeSpec) -> None:
    (home.instances_run / "mkdir-only").mkdir()
    assert list(engine.observe()) == []
    assert not (home.instances_run / "mkdir-only").exists()

    card_only = home.instances_run / "card-only"
    engine.start(make_spec("template"))
    card = json.loads((home.instances_run / "template" / "instance.json").read_text())
    card_only.mkdir()
    (card_only / "instance.json").write_text(json.dumps(card | {"id": "card-only"}))
    contract.wait_for(engine, "card-only", InstanceState.LOST)
    engine.stop("card-only")
    contract.wait_until_gone(engine, "card-only")


def test_a_flow_s_own_modules_do_not_stand_in_for_the_runtime_s(
    engine: LocalEngine, home: Home, tmp_path: Path
) -> None:
    flow = write_flow(tmp_path / "flow")
    (flow / "uvicorn.py").write_text("raise RuntimeError('shadowed')\n")
    (flow / "typing.py").write_text("raise RuntimeError('shadowed')\n")
    engine.start(spec_of(home, "one", flow))
    contract.wait_for(engine, "one", InstanceState.READY)
