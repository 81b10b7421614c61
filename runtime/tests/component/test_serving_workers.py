"""Several worker processes on one socket: one door, one health, one end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from flowstead_runtime.serving.exit_codes import FLOW_CANNOT_START
from runtime.tests.component.served_process import PATIENCE_S, Running, eventually, process, write_flow

CODE = """\
import asyncio, os, pathlib
from promptflow.core import tool

@tool
async def do(text: str):
    if text == "wait":
        pathlib.Path(f"{os.getpid()}.waiting").touch()
        while not pathlib.Path("go").exists():
            await asyncio.sleep(0.01)
    return os.getpid()
"""


@contextlib.contextmanager
def hosted(flow: Path, *arguments: str, **environment: str) -> Iterator[Running]:
    with TemporaryDirectory(prefix="fs") as folder, contextlib.ExitStack() as stack:
        sockets = []
        for name in ("score", "health"):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(f"{folder}/{name}.sock")
            listener.listen(64)
            sockets.append(listener.fileno())
        fds = ("--fd", str(sockets[0]), "--health-fd", str(sockets[1]))
        command = ["host", "--flow", str(flow), *fds, *arguments]
        with process(command, fds=tuple(sockets), **environment) as running:
            running.uds, running.health = f"{folder}/score.sock", f"{folder}/health.sock"
            yield running


def workers_of(running: Running) -> list[psutil.Process]:
    return psutil.Process(running.process.pid).children()


def scoring(running: Running) -> set[int]:
    """The workers that answer now: each connection is a new one."""
    return {running.score("who").json()["said"] for _ in range(20)}


def ready(running: Running, count: int) -> None:
    eventually("it is healthy", lambda: running.healthy() == 200)
    eventually("all workers are there", lambda: len(workers_of(running)) == count)


def test_the_door_is_one_for_all_workers_and_a_killed_one_gives_its_places_back(tmp_path: Path) -> None:
    flow = write_flow(tmp_path, CODE)
    arguments = ("--workers", "2", "--concurrency", "4", "--queue", "1", "--queue-wait", "0")
    with hosted(flow, *arguments) as running, ThreadPoolExecutor(8) as callers:
        ready(running, 2)
        eventually("both answer", lambda: len(scoring(running)) == 2)
        held = [callers.submit(running.score, "wait") for _ in range(4)]
        eventually("four run", lambda: running.score("more").status_code == 429)
        assert running.score("more").headers["retry-after"] == "1"
        busy = {int(path.stem) for path in tmp_path.glob("*.waiting")}
        killed = busy.pop()
        os.kill(killed, signal.SIGKILL)
        eventually("its places are free", lambda: running.score("more").status_code == 200)
        eventually("another has taken its place", lambda: len(workers_of(running)) == 2)
        assert killed not in {each.pid for each in workers_of(running)}
        assert running.healthy() == 200
        (tmp_path / "go").touch()
        answers = [each.result(PATIENCE_S) for each in held if each.exception(PATIENCE_S) is None]
        assert {answer.status_code for answer in answers} <= {200}
        assert running.end() == 0


def test_a_waiting_request_gets_a_place_that_another_worker_gave_back(tmp_path: Path) -> None:
    flow = write_flow(tmp_path, CODE)
    arguments = ("--workers", "2", "--concurrency", "1", "--queue", "8", "--queue-wait", "20")
    with hosted(flow, *arguments) as running, ThreadPoolExecutor(9) as callers:
        ready(running, 2)
        held = [callers.submit(running.score, "wait") for _ in range(9)]
        eventually("one runs", lambda: list(tmp_path.glob("*.waiting")))
        (tmp_path / "go").touch()
        assert [each.result(PATIENCE_S).status_code for each in held] == [200] * 9


def test_requests_in_flight_finish_after_sigterm(tmp_path: Path) -> None:
    with hosted(write_flow(tmp_path, CODE), PROMPTFLOW_WORKER_NUM="2") as running:
        ready(running, 2)
        with ThreadPoolExecutor(1) as caller:
            held = caller.submit(running.score, "wait")
            eventually("it runs", lambda: list(tmp_path.glob("*.waiting")))
            running.process.send_signal(signal.SIGTERM)
            eventually("it is unhealthy", lambda: running.healthy() == 503)
            (tmp_path / "go").touch()
            assert held.result(PATIENCE_S).status_code == 200
        assert running.process.wait(PATIENCE_S) == 0


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    with hosted(write_flow(tmp_path, CODE), "--workers", "2") as running:
        ready(running, 2)
        workers = workers_of(running)
        running.process.kill()
        assert psutil.wait_procs(workers, timeout=PATIENCE_S)[1] == []


def test_a_flow_that_cannot_start_is_said_once(tmp_path: Path) -> None:
    with hosted(write_flow(tmp_path, "raise ValueError('broken')"), "--workers", "3") as running:
        assert running.process.wait(PATIENCE_S) == FLOW_CANNOT_START
    assert "".join(running.said).count("The flow cannot start.") == 1


@pytest.mark.parametrize("given", ["0", "many", "1000"])
def test_a_number_of_workers_that_is_none_is_refused(tmp_path: Path, given: str) -> None:
    with hosted(write_flow(tmp_path, CODE), PF_WORKER_NUM=given) as running:
        assert running.process.wait(PATIENCE_S) == FLOW_CANNOT_START
    assert "PF_WORKER_NUM" in "".join(running.said)


def test_serve_has_workers_too(tmp_path: Path) -> None:
    arguments = ["serve", str(write_flow(tmp_path, CODE)), "--port", "0", "--workers", "2"]
    with process(arguments) as running:
        eventually("it says where it is", lambda: any("/score" in line for line in running.said))
        running.url = next(line for line in running.said if "/score" in line).split(" at ")[1].split("/score")[0]
        eventually("both are there", lambda: len(workers_of(running)) == 2)
        assert running.score("who").status_code == 200
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(PATIENCE_S) == 0


def test_nothing_is_left_running(tmp_path: Path) -> None:
    with hosted(write_flow(tmp_path, CODE), "--workers", "2") as running:
        ready(running, 2)
        workers = workers_of(running)
        assert running.end() == 0
        assert not any(each.is_running() for each in workers)


def test_hundreds_of_blocking_calls_run_at_once(tmp_path: Path) -> None:
    """Each call ends only when all have begun, on more connections than the process was started with files for."""
    count = 500
    code = (
        "import threading\nfrom promptflow.core import tool\n"
        f"barrier = threading.Barrier({count})\n\n"
        f"@tool\ndef do(text: str):\n    barrier.wait({PATIENCE_S})\n    return text\n"
    )
    with contextlib.ExitStack() as stack:
        with few_files():
            running = stack.enter_context(process(["serve", str(write_flow(tmp_path, code)), "--port", "0"]))
        eventually("it says where it is", lambda: any("/score" in line for line in running.said))
        address = next(line for line in running.said if "/score" in line).split("://")[1].split("/score")[0]
        assert asyncio.run(_statuses(address, count)) == [b"HTTP/1.1 200 OK"] * count


@contextlib.contextmanager
def few_files() -> Iterator[None]:
    """Processes started inside may open few files, by a limit that they can raise."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def _statuses(address: str, count: int) -> list[bytes]:
    """One request on each of that many connections, all at once."""
    host, port = address.split(":")

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b'POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 13\r\n\r\n{"text": "x"}')
        status = await asyncio.wait_for(reader.readline(), PATIENCE_S)
        writer.close()
        return status.strip()

    return await asyncio.gather(*(ask() for _ in range(count)))
