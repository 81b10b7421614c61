"""Holds a family of processes to their memory where no control group does. Standard library only: it runs in the
supervisor, so it works whatever happens to the server.

A look costs some hundredths of a millisecond: resident memory (a few numbers of the kernel's) is summed, which counts
shared pages too often; only when that sum is too much are the shared ones told apart, which takes the kernel longer.
"""

# pathlib would cost every instance a megabyte
# ruff: noqa: PTH123

from __future__ import annotations

import os
import time

from flowstead.process_tree import family

_FAMILY_S = 1.0
"""How long a list of the family's processes is good for. One that was missed in it is there when it counts: before
anything is ended the list is made anew."""
_EXACT_S = 1.0
"""How long it is good for that the sum was too much only by what is shared."""
_LOOKS = ((0.5, 0.5), (0.8, 0.2), (float("inf"), 0.1))
"""(share of the memory, seconds): while less than that is used, so soon to look again."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


class MemoryWatch:
    """Of all that the process `root` has started, the calling one as a rule. Times are of the monotonic clock."""

    def __init__(self, limit: int, root: int) -> None:
        self.limit = limit
        self._root = root
        self.look_at = 0.0
        self._family: list[int] = []
        self._family_until = self._exact_until = 0.0

    def look(self, now: float) -> int | None:
        """How much is used, in bytes, when it is more than the limit; else None. Says by `look_at` when to ask next."""
        if now >= self._family_until:
            self._know_family(now)
        used = sum(map(resident, self._family))
        self.look_at = now + next(seconds for share, seconds in _LOOKS if used < share * self.limit)
        if used <= self.limit or now < self._exact_until:
            return None
        self._know_family(now)
        exact = sum(map(proportional, self._family))
        if exact > self.limit:
            return exact
        self._exact_until = now + _EXACT_S
        return None

    def _know_family(self, now: float) -> None:
        self._family = family(self._root)[1:]
        self._family_until = now + _FAMILY_S

    def forget(self) -> None:
        """The processes have been started anew."""
        self.look_at = time.monotonic()
        self._family_until = self._exact_until = 0.0


def resident(pid: int) -> int:
    """Bytes of it that are in memory, shared ones too; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:
            return int(file.read(256).split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def proportional(pid: int) -> int:
    """Bytes of it that are in memory, of shared ones its part; all of these where the kernel does not tell us."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resident(pid)
