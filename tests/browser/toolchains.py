"""What runs the samples of the Consume tab: the machine's own, else what its system's packages bring."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Toolchain:
    """file: what the code is saved as. commands: run one after the other in its folder. packages: Debian's, as few as
    will do. there: whether the machine has it."""

    file: str
    commands: Sequence[Sequence[str]]
    packages: Sequence[str]
    there: Callable[[], bool]

    def run(self, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Of the last command, or of the first that failed."""
        (folder / self.file).write_text(code, encoding="utf-8")
        # In the plainest of locales: a sample must not lean on the machine's encoding.
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "GOCACHE": str(folder / "go"), "GOFLAGS": "-mod=mod"}
        for command in self.commands:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120
            )
            if done.returncode != 0:
                break
        return done

    def after(self, setting: str) -> Toolchain:
        """The same in a shell where those commands have been run before."""
        commands = [("bash", "-c", f"{setting}\n{shlex.join(command)}") for command in self.commands]
        return replace(self, commands=commands)

    def demand(self) -> None:
        """Skips the test where it is neither there nor to be had."""
        if self.there() or (_installed(tuple(self.packages)) and self.there()):
            return
        pytest.skip(f"needs {' '.join(self.packages)}, which are not here; on Debian or Ubuntu: apt install them")


def _has(*commands: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(command) for command in commands)


def _has_r() -> bool:
    return _has("Rscript")() and subprocess.run(["Rscript", "-e", "library(curl)"], capture_output=True).returncode == 0


def _has_mono() -> bool:
    return _has("mono", "mcs")() and any(Path("/usr/lib/mono").glob("4.5/System.Net.Http.dll"))


@cache
def _installed(packages: tuple[str, ...]) -> bool:
    """Where we may; asked for once."""
    if not packages or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", "-qq", *command], env=environment, check=False, stdout=subprocess.DEVNULL)
    return True


_PYTHON = Toolchain("score.py", ([sys.executable, "score.py"],), (), lambda: True)
TOOLCHAINS = {
    "curl": Toolchain("score.sh", (["bash", "score.sh"],), ("curl",), _has("curl", "bash")),
    "Python": _PYTHON,
    "Python (streaming)": _PYTHON,
    "JavaScript": Toolchain("score.mjs", (["node", "score.mjs"],), ("nodejs",), _has("node")),
    "C#": Toolchain(
        "Score.cs",
        (["mcs", "-r:System.Net.Http", "Score.cs"], ["mono", "Score.exe"]),
        ("mono-mcs", "libmono-system-net-http4.0-cil"),
        _has_mono,
    ),
    "Java": Toolchain("Score.java", (["java", "Score.java"],), ("default-jdk-headless",), _has("java", "javac")),
    "Go": Toolchain("score.go", (["go", "run", "score.go"],), ("golang-go",), _has("go")),
    "R": Toolchain("score.R", (["Rscript", "score.R"],), ("r-base-core", "r-cran-curl"), _has_r),
}
"""By the sample's name on the page."""
