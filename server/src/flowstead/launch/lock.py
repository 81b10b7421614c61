"""One server a home: a lock that the running one holds, and that names it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Self

from flowstead.errors import HomeInUse, HomeNotWritable
from flowstead.resources.home import Home

_PROBES_LAST_S = 0.5
"""How long to try: somebody who only looks holds the lock for an instant."""


@dataclass(frozen=True)
class Holder:
    """The server that runs on the home. started_at: Unix time."""

    pid: int
    url: str
    started_at: float


class HomeLock:
    """Held as long as it is open; the kernel lets go of it when the process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        """Use `take`."""
        self._descriptor = descriptor

    @classmethod
    def take(cls, home: Home, *, sleep: Callable[[float], None] = time.sleep) -> HomeLock:
        """Raises HomeInUse, naming the process and its URL, and HomeNotWritable."""
        try:
            home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as failure:
            raise HomeNotWritable(f"Cannot write {home.root}: {failure.strerror}.") from failure
        give_up_at = time.monotonic() + _PROBES_LAST_S
        while not _lock(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > give_up_at:
                holder = _read(descriptor)
                os.close(descriptor)
                raise _in_use(home, holder)
            sleep(0.02)
        return cls(descriptor)

    def name(self, holder: Holder) -> None:
        """Say who holds it."""
        text = json.dumps(asdict(holder)).encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))

    def release(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def find_holder(home: Home) -> Holder | None:
    """The server that runs on this home, if one does. A server that is just starting counts as pid 0."""
    try:
        descriptor = os.open(home.lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if _lock(descriptor, fcntl.LOCK_SH):
            return None
        return _read(descriptor) or Holder(0, "", 0.0)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(descriptor: int) -> Holder | None:
    with suppress(ValueError, KeyError, TypeError):
        known = json.loads(os.pread(descriptor, 4096, 0))
        return Holder(int(known["pid"]), str(known["url"]), float(known["started_at"]))
    return None


def _in_use(home: Home, holder: Holder | None) -> HomeInUse:
    if holder is None:
        return HomeInUse(f"Another Flowstead is just starting or stopping on {home.root}.")
    return HomeInUse(f"Flowstead runs on {home.root} already: process {holder.pid}, {holder.url}.")
