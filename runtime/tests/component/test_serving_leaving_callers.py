"""Two hundred callers that leave in mid-request: nothing further runs for them, and nobody else notices."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.served_flow import PATIENCE_S, ServedFlow, eventually, served, write_files

CALLERS = 200
NOTICED_WITHIN_S = 1

MARKS = """\
import os

def mark(what):
    # One write of a line is whole, whichever thread it comes from.
    fd = os.open(os.environ["MARKS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, (what + "\\n").encode())
    os.close(fd)
"""
DAG = """\
inputs:
  text: {type: string}
outputs:
  said: {type: string, reference: "${last.output}"}
nodes:
- {name: first, type: python, source: {type: code, path: first.py}, inputs: {text: "${inputs.text}"}}
- {name: beside, type: python, source: {type: code, path: beside.py}, inputs: {text: "${inputs.text}"}}
- name: last
  type: python
  source: {type: code, path: last.py}
  inputs: {first: "${first.output}", beside: "${beside.output}"}
"""
ASYNC_TOOL = """\
import asyncio
from marks import mark
from promptflow.core import tool

@tool
async def NAME(text: str):
    if text == "quick":
        return text
    mark("NAME began")
    try:
        await asyncio.sleep(600)
    finally:
        mark("NAME ended")
"""
SYNC_TOOL = """\
import os, pathlib, time
from marks import mark
from promptflow.core import tool

@tool
def NAME(text: str):
    if text == "quick":
        return text
    mark("NAME began")
    while not pathlib.Path(os.environ["MARKS"] + ".go").exists():
        time.sleep(0.05)
    mark("NAME ended")
    return text
"""
LAST = """\
from marks import mark
from promptflow.core import tool

@tool
def last(first: str, beside: str):
    mark("last ran")
    return first
"""
FLEX = """\
import asyncio
from marks import mark

async def answer(text: str):
    if text == "quick":
        return text
    mark("first began")
    try:
        await asyncio.sleep(600)
    finally:
        mark("first ended")
"""
STREAM = """\
import asyncio
from marks import mark

async def answer(text: str):
    if text == "quick":
        yield text
        return
    mark("first began")
    try:
        while True:
            yield "piece"
            await asyncio.sleep(0.05)
    finally:
        mark("first ended")
"""


def dag(tool: str) -> dict[str, str]:
    nodes = {f"{name}.py": tool.replace("NAME", name) for name in ("first", "beside")}
    return {"flow.dag.yaml": DAG, "marks.py": MARKS, "last.py": LAST, **nodes}


def flex(code: str) -> dict[str, str]:
    return {"flow.flex.yaml": "entry: app:answer\n", "marks.py": MARKS, "app.py": code}


class Marks:
    """What the flow's nodes have said that they did."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def count(self, what: str) -> int:
        return self._file.read_text().split("\n").count(what) if self._file.exists() else 0

    def let_go(self) -> None:
        self._file.with_name(self._file.name + ".go").touch()


def call(running: ServedFlow, accept: str) -> socket.socket:
    """A caller that has asked and waits."""
    body = json.dumps({"text": "wait"}).encode()
    caller = running.connect()
    head = f"POST /score HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\ncontent-length: {len(body)}\r\n\r\n"
    caller.sendall(head.encode() + body)
    return caller


def leave(callers: list[socket.socket]) -> None:
    """Half of them say goodbye, half are gone as after a crash."""
    for number, caller in enumerate(callers):
        if number % 2:
            linger = b"\x01\0\0\0\0\0\0\0"
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        caller.close()


@pytest.mark.parametrize(
    ("files", "began", "accept"),
    [
        pytest.param(dag(ASYNC_TOOL), ("first", "beside"), "*/*", id="async DAG"),
        pytest.param(flex(FLEX), ("first",), "*/*", id="async flex"),
        pytest.param(flex(STREAM), ("first",), "text/event-stream", id="stream"),
        pytest.param(flex(STREAM), ("first",), "*/*", id="stream joined"),
    ],
)
def test_what_is_asynchronous_is_cancelled(
    tmp_path: Path, files: dict[str, str], began: tuple[str, ...], accept: str
) -> None:
    marks = Marks(tmp_path / "marks")
    with served(write_files(tmp_path / "flow", files), MARKS=str(tmp_path / "marks")) as running:
        callers = [call(running, accept) for _ in range(CALLERS)]
        for node in began:
            eventually(f"{node} runs for all", lambda node=node: marks.count(f"{node} began") == CALLERS)  # type: ignore[misc]
        leave(callers)
        for node in began:
            eventually(f"{node} runs for nobody", lambda node=node: marks.count(f"{node} ended") == CALLERS)  # type: ignore[misc]
        answer = httpx.post(f"{running.url}/score", json={"text": "quick"}, timeout=PATIENCE_S)
        assert answer.status_code == 200
        assert marks.count("last ran") == (1 if "beside" in began else 0)


def test_what_is_synchronous_finishes_and_is_dropped(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "marks")
    with served(write_files(tmp_path / "flow", dag(SYNC_TOOL)), MARKS=str(tmp_path / "marks")) as running:
        callers = [call(running, "*/*") for _ in range(CALLERS)]
        eventually("all of it runs", lambda: marks.count("first began") + marks.count("beside began") == 2 * CALLERS)
        leave(callers)
        # The promise is to have seen within a second that they left; others are served meanwhile.
        noticed = time.monotonic() + NOTICED_WITHIN_S
        asked = 0
        while time.monotonic() < noticed:
            answer = httpx.post(f"{running.url}/score", json={"text": "quick"}, timeout=PATIENCE_S)
            assert answer.json() == {"said": "quick"}
            asked += 1
        marks.let_go()
        eventually("all of it ends", lambda: marks.count("first ended") + marks.count("beside ended") == 2 * CALLERS)
        answer = httpx.post(f"{running.url}/score", json={"text": "quick"}, timeout=PATIENCE_S)
        assert answer.json() == {"said": "quick"}
        assert marks.count("last ran") == asked + 1


def test_who_leaves_the_queue_leaves_no_trace(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "marks")
    limits = ("--concurrency", "1", "--queue-wait", "600")
    with served(write_files(tmp_path / "flow", dag(SYNC_TOOL)), *limits, MARKS=str(tmp_path / "marks")) as running:
        first = call(running, "*/*")
        eventually("the first runs", lambda: marks.count("first began"))
        # The queue holds one: each of them can only wait because the one before has been seen to leave.
        for _ in range(20):
            eventually("there is room in the queue", lambda: _waits(running))
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(_ask_until_admitted(running)))
        asking.start()
        marks.let_go()
        asking.join(PATIENCE_S)
        assert answers[0].json() == {"said": "quick"}
        assert first.recv(100).startswith(b"HTTP/1.1 200")
        first.close()
        assert marks.count("first began") == 1


def _waits(running: ServedFlow) -> bool:
    """Whether a caller that leaves again got into the queue, instead of a 429 at once."""
    caller = call(running, "*/*")
    caller.settimeout(0.2)
    try:
        return not caller.recv(100).startswith(b"HTTP/1.1 429")
    except TimeoutError:
        return True
    finally:
        caller.close()


def _ask_until_admitted(running: ServedFlow) -> httpx.Response:
    answer = httpx.post(f"{running.url}/score", json={"text": "quick"}, timeout=PATIENCE_S)
    while answer.status_code == 429:
        answer = httpx.post(f"{running.url}/score", json={"text": "quick"}, timeout=PATIENCE_S)
    return answer
