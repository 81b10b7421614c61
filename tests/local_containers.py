"""A podman with storage of its own, and a small image of this very Python, made without any registry.

What is missing is installed from the system's packages where that can be done; else the tests that need it are skipped
and say why.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from uv import find_uv_bin

PYTHON = "localhost/test/python:1"
_PACKAGES = ("podman", "runc")
_INSTALL_WITHIN_S = 60.0
_LIBRARY = re.compile(r"(/\S+\.so\S*)")
_LEFT_OUT = frozenset(
    {"test", "tests", "site-packages", "dist-packages", "idlelib", "tkinter", "ensurepip", "lib2to3", "turtledemo"}
)


@dataclass(frozen=True)
class LocalPodman:
    """variables: by which podman uses the storage of the test's own."""

    variables: dict[str, str]

    def run(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["podman", *arguments],
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0 or not check, f"podman {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout.strip() if done.returncode == 0 else ""

    def containers(self) -> list[str]:
        return self.run("ps", "--all", "--format", "{{.Names}}").split()

    def volumes(self) -> list[str]:
        return self.run("volume", "ls", "--quiet").split()


@contextmanager
def local_podman() -> Iterator[LocalPodman]:
    """Skips the tests where there is none that works."""
    _demand_podman()
    # Not pytest's folder: what containers have mounted lies deep enough as it is.
    root = Path(tempfile.mkdtemp(prefix="fsc-"))
    try:
        podman = _with_a_runtime_that_works(root)
        yield podman
        podman.run("rmi", "--all", "--force", check=False)
    finally:
        subprocess.run(["umount", str(root / "storage" / "overlay")], capture_output=True, check=False)
        shutil.rmtree(root, ignore_errors=True)


def _demand_podman() -> None:
    with (Path(tempfile.gettempdir()) / "flowstead-tests-podman.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if shutil.which("podman") and (shutil.which("crun") or shutil.which("runc")):
            return
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            pytest.skip("there is no podman with crun or runc, and no way to install them: no root, or no apt")
        install = ["apt-get", "install", "-y", "--no-install-recommends", *_PACKAGES]
        for command in (install, ["apt-get", "update"], install):
            if _succeeds(command) and command is install:
                return
        pytest.skip(f"{' and '.join(_PACKAGES)} could not be installed by apt")


def _succeeds(command: list[str]) -> bool:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(command, env=quiet, capture_output=True, timeout=_INSTALL_WITHIN_S).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _with_a_runtime_that_works(root: Path) -> LocalPodman:
    """crun does not know every host's control groups, runc does not know others."""
    (root / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{root}/storage"\nrunroot = "{root}/run"\n'
    )
    podman = LocalPodman(
        {"CONTAINERS_CONF": f"{root}/containers.conf", "CONTAINERS_STORAGE_CONF": f"{root}/storage.conf"}
    )
    archive = root / "python.tar"
    _pack_python(archive)
    problems = []
    for runtime in filter(shutil.which, ("crun", "runc")):
        (root / "containers.conf").write_text(
            f'[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n'
            f'[engine]\nruntime = "{runtime}"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        )
        try:
            if not podman.run("image", "exists", PYTHON, check=False) and not podman.run("images", "-q", PYTHON):
                folder = Path(sys.executable).resolve().parent
                podman.run("import", "--change", f"ENV PATH={folder}:/usr/bin:/bin", str(archive), PYTHON)
                archive.unlink()
            podman.run("run", "--rm", "--network", "none", PYTHON, _name_of_python(), "-c", "import ssl")
            return podman
        except AssertionError as problem:
            problems.append(str(problem)[-300:])
    pytest.skip(f"no container can be started on this machine: {'; '.join(problems)}")


def _name_of_python() -> str:
    return Path(sys.executable).resolve().name


def _pack_python(archive: Path) -> None:
    """This Python's binary and library, a shell, and the shared libraries of both and of uv."""
    python, library = Path(sys.executable).resolve(), Path(sysconfig.get_path("stdlib"))
    programs = [python, Path("/bin/sh").resolve(), Path(find_uv_bin()), *library.glob("lib-dynload/*.so")]
    found = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    shared = {each for each in _LIBRARY.findall(found) if not each.endswith(":")}
    with tarfile.open(archive, "w") as tar:
        for folder in ("tmp", "proc", "sys", "dev", "etc", "opt", "var/tmp", "run"):
            _add_folder(tar, folder)
        tar.add(python, _inside(python))
        for name in ("python3", "python"):
            _add_link(tar, f"{_inside(python.parent)}/{name}", python.name)
        tar.add(Path("/bin/sh").resolve(), "bin/sh")
        for each in sorted(shared):
            tar.add(Path(each).resolve(), each.lstrip("/"))
        tar.add(library, _inside(library), filter=_wanted)


def _wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = Path(entry.name).parts
    return None if _LEFT_OUT & set(parts) or any(each.startswith("config-") for each in parts) else entry


def _inside(path: Path) -> str:
    return str(path).lstrip("/")


def _add_folder(tar: tarfile.TarFile, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    tar.addfile(entry)


def _add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tar.addfile(entry)
