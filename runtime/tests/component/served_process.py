"""The runtime as a process of its own, serving a flow."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

PATIENCE_S = 30

FLOW = """\
inputs:
  text: {type: string}
outputs:
  said: {type: string, reference: "${do.output}"}
nodes:
- name: do
  type: python
  source: {type: code, path: do.py}
  inputs: {text: "${inputs.text}"}
"""

CODE = """\
import asyncio, os, pathlib, time
from promptflow.core import tool

@tool
async def do(text: str):
    if text == "fail":
        raise ValueError("no")
    if text == "cwd":
        return os.getcwd()
    if text == "hog":
        time.sleep(0.2)  # by then the server wants to look whether it shall end, and does right after us
        await asyncio.sleep(0)
    if text in ("block", "hog"):
        pathlib.Path("blocking").touch()
        while not pathlib.Path("go").exists():
            time.sleep(0.01)
    if text == "wait":
        pathlib.Path("waiting").touch()
        while not pathlib.Path("go").exists():
            await asyncio.sleep(0.01)
    if text == "thread":
        pathlib.Path("waiting").touch()
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)
    if text == "stream":
        return pieces()
    return text

def pieces():
    yield "a"
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    yield "b"
    raise ValueError("the line broke")
"""


def write_flow(folder: Path, code: str = CODE, flow: str = FLOW) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "flow.dag.yaml").write_text(flow)
    (folder / "do.py").write_text(code)
    return folder


def eventually(what: str, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S} s"
        time.sleep(0.01)


@dataclass
class Running:
    """A serving process. url: for httpx; uds, health: its Unix sockets, for a hosted one."""

    process: subprocess.Popen[str]
    url: str = "http://instance"
    uds: str | None = None
    health: str | None = None
    said: list[str] = field(default_factory=list)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, transport=httpx.HTTPTransport(uds=self.uds), timeout=PATIENCE_S)

    def score(self, text: str, **headers: str) -> httpx.Response:
        with self.client() as client:
            return client.post(
                "/score", json={"text": text}, headers={k.replace("_", "-"): v for k, v in headers.items()}
            )

    def healthy(self) -> int:
        with httpx.Client(transport=httpx.HTTPTransport(uds=self.health), timeout=PATIENCE_S) as client:
            return client.get("http://instance/health").status_code

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@contextlib.contextmanager
def process(arguments: list[str], *, fds: tuple[int, ...] = (), **environment: str) -> Iterator[Running]:
    started = subprocess.Popen(
        [sys.executable, "-m", "flowstead_runtime", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=fds,
        env={"PATH": os.environ["PATH"], **environment},
    )
    running = Running(started)
    assert started.stderr is not None
    reading = threading.Thread(target=lambda: running.said.extend(iter(started.stderr.readline, "")))  # type: ignore[union-attr]
    reading.start()
    try:
        yield running
    finally:
        started.kill()
        started.wait()
        reading.join()
        started.stderr.close()


@contextlib.contextmanager
def serving(flow: Path, *arguments: str, **environment: str) -> Iterator[Running]:
    with process(["serve", str(flow), "--port", "0", *arguments], fds=(), **environment) as running:
        eventually("it says where it is", lambda: any("/score" in line for line in running.said))
        line = next(line for line in running.said if "/score" in line)
        running.url = line[line.index("http") : line.index("/score")]
        yield running


@contextlib.contextmanager
def hosted(flow: Path, *arguments: str, **environment: str) -> Iterator[Running]:
    # A Unix socket's path must be short.
    with TemporaryDirectory(prefix="fs") as folder, contextlib.ExitStack() as stack:
        paths = [f"{folder}/{name}" for name in ("score", "health")]
        sockets = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in paths]
        for each, path in zip(sockets, paths, strict=True):
            each.bind(path)
            each.listen(64)
        fds = tuple(each.fileno() for each in sockets)
        command = ["host", "--flow", str(flow), "--fd", str(fds[0]), "--health-fd", str(fds[1]), *arguments]
        with process(command, fds=fds, **environment) as running:
            running.uds, running.health = paths
            yield running


@contextlib.contextmanager
def ready(flow: Path, *arguments: str) -> Iterator[Running]:
    with hosted(flow, *arguments) as running:
        eventually("it is healthy", lambda: running.healthy() == 200)
        yield running


def in_thread(ask: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(ask()))
    thread.start()
    return thread, answers
