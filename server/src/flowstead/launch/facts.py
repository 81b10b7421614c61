"""The machine as `doctor` sees it."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import psutil
from uv import find_uv_bin

from flowstead.confine.abilities import Abilities, of_this_host
from flowstead.containers.host import Looked, look
from flowstead.errors import EnvoyMissing, HomeNotWritable, HostProblem
from flowstead.gateway.program import envoy_binary
from flowstead.launch.door import check_door, door_of
from flowstead.limits.host import Enforcement, Host, enforcement_here, host_here
from flowstead.resources.home import Home
from flowstead.resources.settings import ServerSettings

_RUN_WITHIN_S = 30.0
_LONGEST_SOCKET = "instances/" + "x" * 24 + "/health.sock"
"""Below the run directory; an instance's id has at most 24 characters."""
_LONGEST_PATH = 107
"""Bytes that a Unix socket's path holds."""


class MachineFacts:
    """Keeps the protocol `doctor.Facts`. Leaves nothing behind."""

    def __init__(self, home: Home, settings: ServerSettings) -> None:
        self._home = home
        self._settings = settings

    def python_version(self) -> tuple[int, int, int]:
        return sys.version_info[:3]

    def envoy_version(self) -> str:
        path = str(envoy_binary())
        try:
            said = _run(path, "--version")
        except (OSError, subprocess.SubprocessError) as failure:
            raise EnvoyMissing(f"Envoy's binary {path} cannot be run: {failure}") from failure
        words = said.split("version:")[-1].strip().split("/")
        return f"{words[1]} ({path})" if len(words) > 1 else path

    def uv_version(self) -> str:
        try:
            path = find_uv_bin()
            return f"{_run(path, '--version').strip()} ({path})"
        except (OSError, subprocess.SubprocessError) as failure:
            raise HostProblem(
                f"uv cannot be run: {failure}", hint="Install the package again: pip install --force-reinstall uv."
            ) from failure

    def write_home(self) -> str:
        root = self._home.root
        existing = root
        while not existing.exists():
            existing = existing.parent
        if not existing.is_dir():
            raise _not_writable(root, f"{existing} is not a directory")
        probe = existing / f".flowstead-doctor-{uuid.uuid4().hex}"
        try:
            probe.touch(mode=0o600)
            probe.unlink()
        except OSError as failure:
            raise _not_writable(root, failure.strerror or str(failure)) from failure
        return str(root)

    def door(self) -> str:
        ours = check_door(self._home, self._settings)
        places = " and ".join(f"{port} on {host}" for host, port in door_of(self._home, self._settings).bindings)
        return f"{places} {'are our own gateway' if ours else 'are free'}"

    def bind_unix_socket(self) -> str:
        run = self._home.run
        if len(os.fsencode(run / _LONGEST_SOCKET)) > _LONGEST_PATH:
            raise HostProblem(f"{run} is too long a path for sockets")
        # No longer than the path above, whose directory may not be there yet.
        with (
            tempfile.TemporaryDirectory(prefix="fs-", dir=_existing_parent(run)) as scratch,
            socket.socket(socket.AF_UNIX) as probe,
        ):
            probe.bind(f"{scratch}/s")
        return f"in {run}"

    def free_disk(self) -> int:
        return shutil.disk_usage(_existing_parent(self._home.root)).free

    def available_memory(self) -> int:
        return int(psutil.virtual_memory().available)

    def open_files_limit(self) -> int:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return 1 << 20 if soft == resource.RLIM_INFINITY else soft

    def isolation(self) -> Abilities:
        return of_this_host()

    def container_engine(self) -> Looked:
        return look(self._settings.container_engine)

    def enforcement(self) -> Enforcement:
        return enforcement_here()

    def host(self) -> Host:
        return host_here()


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_RUN_WITHIN_S, check=True)
    return done.stdout


def _existing_parent(path: Path) -> Path:
    while not path.is_dir():
        path = path.parent
    return path


def _not_writable(root: Path, why: str) -> HomeNotWritable:
    return HomeNotWritable(f"Cannot write {root}: {why}.")
