"""What this host can enforce: found out by trying, in a process of its own."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from flowstead.confine.landlock import RENAMES_SINCE, SCOPES_SINCE

logger = logging.getLogger(__name__)

COMMAND = (sys.executable, "-I", "-S", "-B", str(Path(__file__).with_name("command.py")))
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


@lru_cache(maxsize=1)
def of_this_host() -> Abilities:
    """Asked once: the answer is the kernel's and the container's, and stays."""
    if sys.platform != "linux":
        return Abilities()
    try:
        tried = subprocess.run([*COMMAND, "try"], capture_output=True, timeout=_TRY_WITHIN_S, check=True, cwd="/")
        return Abilities(**json.loads(tried.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as problem:
        logger.warning("What this host can enforce could not be found out: %s", problem)
        return Abilities()
