"""What the kernel has ended for its memory in a control group, and how that is told. Standard library only: every
supervisor carries it."""

# pathlib and contextlib would cost every instance a megabyte

from __future__ import annotations

import os

from flowstead.limits import groups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OUT_OF_MEMORY = "OutOfMemory"
"""The reason of an end: it used more than its limits let it."""
_AFTER_S = 0.2
"""A notice comes before the kernel has counted, and before the supervisor is told that its process has ended."""
_AGAIN_AFTER_S = 5.0
"""Who starts what the kernel ends over and over is told of it no sooner."""
_MIB = 1 << 20


class MemoryKills:
    """Counts from the last `begin`. Times are of the monotonic clock.

    Version 1 ends one process of a group, which need not be the one that is supervised; it gives notice by a
    descriptor. Version 2 ends the group as a whole, so that nobody has to ask."""

    def __init__(self, limits: dict[str, Any]) -> None:
        """limits: the fields of `Limits`."""
        self._limits = limits
        self._before = 0
        self._told_at = float("-inf")
        self.notices: int | None = None
        """Readable when the kernel has found too little memory; None where it does not say."""
        self.look_at: float | None = None
        """When to ask for what is new; None while there is no reason to."""

    def begin(self) -> None:
        """The group is there, perhaps anew."""
        if self.notices is not None:
            os.close(self.notices)
        self._before = groups.kills(self._limits["kills"])
        self.notices, self.look_at = groups.notices(self._limits["kills"]), None

    def noticed(self, now: float) -> None:
        if self.notices is not None:
            os.read(self.notices, 8)
        self.look_at = max(now + _AFTER_S, self._told_at + _AGAIN_AFTER_S)

    def new(self, *, child: bool = False) -> dict[str, str] | None:
        """What to say of the processes that were ended since; None when none was. child: the one that is supervised
        goes on."""
        at, self.look_at = self.look_at, None
        count = groups.kills(self._limits["kills"])
        if count <= self._before:
            return None
        self._before = count
        if at is not None:
            self._told_at = at
        return out_of_memory(groups.number(self._limits["peak"]), self._limits["memory_bytes"], child=child)


def out_of_memory(used: int | None, limit: int, *, child: bool = False) -> dict[str, str]:
    """used: None when it is not known."""
    said = f"{'more than' if used is None else f'{used / _MIB:.0f} MiB of'} the {limit / _MIB:.0f} MiB of its size"
    who = "A process that it had started was ended because all together" if child else "It was ended because it"
    advice = "choose a larger instance type, or send less at once"
    return {"reason": OUT_OF_MEMORY, "message": f"{who} used {said}: {advice}."}
