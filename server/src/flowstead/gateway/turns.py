"""Two directories in which Envoys take turns, so that one may take over from the other while both run.

Each has a supervisor of its own. What Envoy reads beside its first configuration is the same for both, so a key that
is withdrawn is withdrawn for the connections of the older one, too. Which is the newer is told by a number in the first
configuration: what runs is the whole truth, and a server that died in the middle leaves nothing else to believe.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flowstead import supervise
from flowstead.supervise import SupervisedProcess


@dataclass(frozen=True)
class Turn:
    """Where one Envoy runs. directory: its supervisor's."""

    directory: Path

    @property
    def bootstrap(self) -> Path:
        return self.directory / "bootstrap.json"

    @property
    def admin_socket(self) -> Path:
        return self.directory / "admin.sock"


@dataclass(frozen=True)
class SeenTurn:
    """An Envoy that is supervised. number: the higher the newer; start: digest of how it was started; base_id: by
    which its shared memory goes, None without hot restart."""

    turn: Turn
    process: SupervisedProcess
    number: int = 0
    start: str = ""
    base_id: int | None = None


def turns(run: Path) -> tuple[Turn, Turn]:
    return Turn(run), Turn(run / "other")


def seen_turns(run: Path) -> Sequence[SeenTurn]:
    """The newest first; the older one, if any, is about to end."""
    seen = [_seen(turn, process) for turn in turns(run) if (process := supervise.observe(turn.directory)) is not None]
    return sorted(seen, key=lambda each: -each.number)


def newest_turn(run: Path) -> SeenTurn | None:
    return next(iter(seen_turns(run)), None)


def free_turn(run: Path, taken: Turn) -> Turn:
    """The other one."""
    first, second = turns(run)
    return second if taken == first else first


def _seen(turn: Turn, process: SupervisedProcess) -> SeenTurn:
    """With what `bootstrap` noted; that is nothing for one that an earlier version started."""
    try:
        noted = json.loads(turn.bootstrap.read_bytes())["node"]["metadata"]
        return SeenTurn(turn, process, noted["number"], noted["start"], noted.get("base_id"))
    except (OSError, ValueError, KeyError, TypeError):
        return SeenTurn(turn, process)
