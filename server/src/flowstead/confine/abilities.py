"""What this host can enforce: found out by trying, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from flowstead.confine.landlock import RENAMES_SINCE, SCOPES_SINCE
from flowstead.errors import IsolationMissing, StartFailed

COMMAND = (sys.executable, "-I", "-S", str(Path(__file__).with_name("command.py")))
"""Not `-B`: the first run leaves the bytecode by which an instance starts 25 ms sooner; the server imports less."""
_TRY_WITHIN_S = 20.0


@dataclass(frozen=True)
class Abilities:
    """namespaces: a view of its own that shows only what it may reach. landlock: its version, 0 for none. own_user: a
    user of its own for each instance, which only root can give. call_filter: as `calls` has it, in its stead."""

    namespaces: bool = False
    landlock: int = 0
    own_user: bool = False
    call_filter: bool = False

    @property
    def any(self) -> bool:
        return self.namespaces or self.landlock > 0 or self.call_filter

    @property
    def whole(self) -> bool:
        """All that is promised on Linux: neither files nor processes of others can be reached."""
        return self.namespaces and (self.own_user or (self.landlock >= SCOPES_SINCE and self.call_filter))

    @property
    def for_builds(self) -> Abilities:
        """Builds move files from folder to folder, which the first Landlock forbids altogether."""
        return self if self.landlock >= RENAMES_SINCE else replace(self, landlock=0)

    @property
    def words(self) -> str:
        """As people read it: `namespaces, landlock, own user`; "none" for nothing."""
        said = [
            *(["namespaces"] if self.namespaces else []),
            *(["landlock"] if self.landlock else []),
            *(["own user"] if self.own_user else ["call filter"] if self.call_filter else []),
        ]
        return ", ".join(said) or "none"


def demand_abilities(*, demanded: bool) -> Abilities:
    """What this host can enforce. Raises IsolationMissing when the whole is demanded and that is less."""
    able = of_this_host()
    if demanded and not able.whole:
        raise IsolationMissing(f"Flows cannot be isolated on this machine: what it can enforce is {able.words}.")
    return able


@lru_cache(maxsize=1)
def of_this_host() -> Abilities:
    """Asked once: the answer is the kernel's and the container's, and stays. Raises StartFailed."""
    if sys.platform != "linux":
        return Abilities()
    try:
        tried = subprocess.run([*COMMAND, "try"], capture_output=True, timeout=_TRY_WITHIN_S, check=True, cwd="/")
        return Abilities(**json.loads(tried.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as problem:
        # Not taken for "nothing": code of others would run with everything open because a machine was busy once.
        raise StartFailed(f"What this machine can isolate could not be found out: {problem}.") from problem
