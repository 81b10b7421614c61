"""Servers under load: started, waited for, measured, ended."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.targets import SCRATCH, Target

START_PATIENCE_S = 60


@contextmanager
def running(
    target: Target, core: int | None, environment: Mapping[str, str]
) -> Iterator[tuple[psutil.Process, int, float]]:
    """The target's process, its port, and how long its start took, in seconds."""
    port = _free_port()
    argv = [part.replace("{port}", str(port)) for part in target.argv]
    SCRATCH.mkdir(parents=True, exist_ok=True)
    log = SCRATCH / "server.log"
    with log.open("w") as output:
        started = time.monotonic()
        server = subprocess.Popen(
            argv,
            cwd=target.folder,
            env={**os.environ, **target.environment, **environment},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        pin(server.pid, core)
        try:
            _wait_until_ready(server, port, target, log)
            yield psutil.Process(server.pid), port, round(time.monotonic() - started, 2)
        finally:
            _end(server)


def _wait_until_ready(server: subprocess.Popen[bytes], port: int, target: Target, log: Path) -> None:
    deadline = time.monotonic() + START_PATIENCE_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{target.ready}", timeout=2) as answer:
                if answer.status == 200:
                    return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.005)
    raise SystemExit(f"{target.name} did not start; the end of its log:\n{log.read_text()[-2000:]}")


def _end(server: subprocess.Popen[bytes]) -> None:
    family = (
        [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)] if _lives(server) else []
    )
    server.terminate()
    _, left = psutil.wait_procs(family, timeout=10)
    for each in left:
        each.kill()
    server.wait()


def _lives(server: subprocess.Popen[bytes]) -> bool:
    return server.poll() is None


def rss_mib(process: psutil.Process) -> float:
    """Of the process and those it started."""
    family = [process, *process.children(recursive=True)]
    return round(sum(each.memory_info().rss for each in family) / 2**20, 1)


def cpu_s(process: psutil.Process) -> float:
    """Of the process and those it started, so far."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def cores() -> tuple[int | None, int | None]:
    """A core for the server and one for the load; none where the system cannot pin or has but one."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[-1]) if len(allowed) > 1 else (None, None)


def pin(pid: int, core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(pid, {core})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
