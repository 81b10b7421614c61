"""The places of an instance that has several worker processes, counted in memory that they share.

Each worker writes only its own row, under a lock that the system lets go of when its holder dies. A worker that is
killed therefore leaves nothing half done: whoever looks after the workers clears its row, and its places are free."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

_RUNNING, _WAITING, _SINCE, _BEAT = range(4)
_FIELDS = 8
"""More than are used: a row then fills a line of the processor's cache, which no other worker writes to."""
_BYTES = 8


class Places:
    """file: one of `size_of(workers)` bytes, the same for all. bells: for each worker a pipe's writing end, by which
    the others tell it that it may go on. clock: nanoseconds on a clock that all the workers share."""

    def __init__(self, file: BinaryIO, bells: Sequence[int], clock: Callable[[], int]) -> None:
        self._file = file
        self._bells = bells
        self._clock = clock
        self._rows = memoryview(mmap.mmap(file.fileno(), size_of(len(bells)))).cast("q")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """While inside, no other process changes anything. Not to be held across an await."""
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def running(self, worker: int | None = None) -> int:
        """Requests that run, of one worker or of all."""
        return self._sum(_RUNNING) if worker is None else self._rows[worker * _FIELDS + _RUNNING]

    def waiting(self) -> int:
        return self._sum(_WAITING)

    def change_running(self, worker: int, by: int) -> None:
        self._rows[worker * _FIELDS + _RUNNING] += by

    def set_waiting(self, worker: int, count: int, since: int) -> None:
        """since: when the first of them began to wait, on the clock."""
        self._rows[worker * _FIELDS + _WAITING] = count
        self._rows[worker * _FIELDS + _SINCE] = since

    def next_in_line(self, patience_ns: int) -> int | None:
        """The worker whose first waiting request has waited longest, None when none waits. patience_ns: one that has
        waited longer should have left; its worker is stuck and is passed over."""
        earliest = self._clock() - patience_ns
        since = {
            self._rows[worker * _FIELDS + _SINCE]: worker
            for worker in range(len(self._bells))
            if self._rows[worker * _FIELDS + _WAITING] and self._rows[worker * _FIELDS + _SINCE] >= earliest
        }
        return since[min(since)] if since else None

    def ring(self, worker: int) -> None:
        """Tell a worker that it may be its turn."""
        with contextlib.suppress(BlockingIOError):  # a full pipe has told it already
            os.write(self._bells[worker], b"\0")

    def beat(self, worker: int) -> None:
        """The worker's event loop is alive."""
        self._rows[worker * _FIELDS + _BEAT] = self._clock()

    def silent_s(self, worker: int) -> float:
        """How long ago it last was, in seconds."""
        return (self._clock() - self._rows[worker * _FIELDS + _BEAT]) / 1e9

    def clear(self, worker: int) -> None:
        """The worker is gone: all that it held is free, and whoever waits may come."""
        with self.locked():
            for field in range(_FIELDS):
                self._rows[worker * _FIELDS + field] = 0
        for each in range(len(self._bells)):
            self.ring(each)

    def _sum(self, field: int) -> int:
        return sum(self._rows[field::_FIELDS])


def size_of(workers: int) -> int:
    """Bytes of the shared file."""
    return workers * _FIELDS * _BYTES
