"""Instances of the local engine that hang, are stopped, or take their time to end."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from flowstead.engines.local import LocalEngine
from flowstead.engines.protocol import InstanceState
from flowstead.resources.clock import SystemClock
from flowstead.resources.deployment import ProbeSettings, RequestSettings
from flowstead.resources.home import Home
from flowstead.testing.engine_contract import MakeSpec
from flowstead.testing.frozen_clock import FrozenClock
from server.tests.component.local_engine import (
    ECHO,
    contract,
    engine_of,
    eventually,
    has_ended,
    new_home,
    spec_of,
    specifications,
    write_flow,
)

home = pytest.fixture(new_home)
engine = pytest.fixture(engine_of)
make_spec = pytest.fixture(specifications)


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
