"""Which Python an environment starts from: the server's own, or another one that uv finds on this machine."""

from __future__ import annotations

import json
import logging
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from packaging.specifiers import SpecifierSet
from uv import find_uv_bin

from flowstead.environments.runtime_wheel import DISTRIBUTION
from flowstead.environments.uv_command import build_variables
from flowstead.errors import BadArgument

logger = logging.getLogger(__name__)

_LOOK_AGAIN_S = 5.0
"""How soon it is looked again for one that was missing, seconds: looking takes seconds where there are many."""
_LONGEST_LOOK_S = 60.0
_VERSIONS = tuple(f"3.{minor}.{patch}" for minor in range(40) for patch in range(30))
"""All that there are, and some to come."""


@dataclass(frozen=True)
class Interpreter:
    """version: `3.12.1`."""

    version: str
    path: Path


class Interpreters:
    """Safe to use from several threads."""

    def __init__(
        self,
        own: Interpreter,
        discover: Callable[[], Sequence[Interpreter]],
        *,
        supported: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """own: what environments start from that ask for none in particular. discover: looks for others, the preferred
        ones first; slow. supported: the versions that the runtime runs on, `>=3.11`."""
        self.own = own
        self._discover = discover
        self._supported = supported
        self._monotonic = monotonic
        self._found: Sequence[Interpreter] = ()
        self._looked_at: float | None = None
        self._lock = threading.Lock()

    @classmethod
    def of_this_machine(cls, cache: Path) -> Interpreters:
        """cache: uv's."""
        supported = metadata.distribution(DISTRIBUTION).metadata["Requires-Python"] or ""
        # In a virtual environment `sys.executable` would give an environment that ends with the server's.
        own = Path(getattr(sys, "_base_executable", None) or sys.executable)
        return cls(
            Interpreter(platform.python_version(), own), lambda: found_by_uv(cache, supported), supported=supported
        )

    def choose(self, wanted: str, *, look_again: bool = True) -> Interpreter:
        """wanted: versions, as `==3.11.*` or `>=3.9,<3.13`; "" for any. look_again: somebody may have installed one
        since the last look. Raises BadArgument, which names what there is.

        A file that asks for a Python from before the runtime's (prompt flow's images had 3.9) gets the own one: it
        could never be had, and what ran there hardly ever fails on a newer one."""
        if not wanted or _suits(self.own, wanted) or _is_outlived(wanted, self._supported):
            return self.own
        for interpreter in self._others(wanted, look_again):
            if _suits(interpreter, wanted):
                return interpreter
        there = sorted({each.version for each in (self.own, *self._found)}, key=_parts)
        raise BadArgument(
            f"The environment asks for Python {spoken(wanted)}; this machine has {', '.join(there)}, and the runtime "
            f"needs {spoken(self._supported) or 'no particular one'}.",
            hint="Ask for one of these in the conda file (python=X.Y), or install the version that is asked for on the "
            "server's machine: `uv python install X.Y`.",
        )

    def _others(self, wanted: str, look_again: bool) -> Sequence[Interpreter]:
        with self._lock:
            now = self._monotonic()
            known = any(_suits(each, wanted) for each in self._found)
            if self._looked_at is None or (look_again and not known and now - self._looked_at >= _LOOK_AGAIN_S):
                self._found = [each for each in self._discover() if _suits(each, self._supported)]
                self._looked_at = now
            return self._found


def spoken(wanted: str) -> str:
    """`3.11` for `==3.11.*`; other conditions as they are."""
    if wanted.startswith("==") and wanted.endswith(".*") and "," not in wanted:
        return wanted.removeprefix("==").removesuffix(".*")
    return wanted


def found_by_uv(cache: Path, supported: str) -> Sequence[Interpreter]:
    """The CPythons on the path and those that uv has installed. Empty when uv cannot tell."""
    arguments = ("python", "list", supported or "3", "--only-installed", "--output-format", "json")
    try:
        ended = subprocess.run(
            [find_uv_bin(), *arguments],
            cwd="/",
            env=build_variables(os.environ, cache),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LONGEST_LOOK_S,
            check=True,
        )
        rows = json.loads(ended.stdout)
        return [
            Interpreter(row["version"], Path(row["path"]))
            for row in rows
            if row["implementation"] == "cpython" and row["variant"] == "default" and row["path"]
        ]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as problem:
        logger.warning("uv could not say which Pythons there are: %s", problem)
        return []


def _suits(interpreter: Interpreter, wanted: str) -> bool:
    return SpecifierSet(wanted).contains(interpreter.version, prereleases=False)


@lru_cache(maxsize=256)
def _is_outlived(wanted: str, supported: str) -> bool:
    """Whether only versions fit that are older than any that the runtime runs on."""
    fitting = list(SpecifierSet(wanted).filter(_VERSIONS))
    return bool(fitting) and not any(True for _ in SpecifierSet(supported).filter(fitting))


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
