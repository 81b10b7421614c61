"""A flow under `flowstead serve`, in a process of its own, for tests over a real socket."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 60


@dataclass(frozen=True)
class ServedFlow:
    """process: the one that serves; port: on 127.0.0.1."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    @property
    def peak_mib(self) -> int:
        """The most memory it has used."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """A flow's folder with these files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@contextlib.contextmanager
def served(flow: Path, *arguments: str, **environment: str) -> Iterator[ServedFlow]:
    """Serve until the block ends."""
    said = flow.parent / f"{flow.name}.said"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "flowstead_runtime", "serve", str(flow), "--port", "0", *arguments],
            stderr=log,
            env={"PATH": os.environ["PATH"], **environment},
        )
    try:
        eventually("it says where it is", lambda: "/score" in said.read_text() or process.poll() is not None)
        found = re.search(r"http://[\d.]+:(\d+)/score", said.read_text())
        assert found is not None, said.read_text()
        yield ServedFlow(process, int(found[1]))
        process.send_signal(signal.SIGTERM)
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def eventually(what: str, condition: Callable[[], object], within_s: float = PATIENCE_S) -> None:
    """Raises AssertionError when the condition has not come true in that time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {within_s} s"
        time.sleep(0.01)
