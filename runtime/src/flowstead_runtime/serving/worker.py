"""A worker process of an instance that has several: what it is told, and how it keeps in step with the others."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from flowstead_runtime.serving.admission import Door
from flowstead_runtime.serving.health import Health
from flowstead_runtime.serving.places import Places
from flowstead_runtime.serving.settings import ServingSettings
from flowstead_runtime.serving.shared_admission import SharedAdmission


@dataclass(frozen=True)
class Membership:
    """What a worker is told: its number, and file descriptors that it inherits. places: the shared counts; bells: the
    writing end of each worker's; bell: the reading end of its own; ready: to be written to when it serves; lifeline: at
    its end when the parent is gone."""

    number: int
    listener: int
    places: int
    bells: Sequence[int]
    bell: int
    ready: int
    lifeline: int

    @staticmethod
    def from_text(text: str) -> Membership:
        return Membership(**json.loads(text))

    def as_text(self) -> str:
        return json.dumps(asdict(self))


class Worker:
    """The worker that this process is."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        file = os.fdopen(membership.places, "r+b", buffering=0)
        self._places = Places(file, membership.bells, time.monotonic_ns)

    def health(self) -> Health:
        """Its own is nobody's business; the parent reads its beats."""
        return Health(None, on_beat=lambda: self._places.beat(self._membership.number))

    def tell_ready(self) -> None:
        os.write(self._membership.ready, b"\0")
        os.close(self._membership.ready)

    def end_with_parent(self, stop: Callable[[], None]) -> None:
        """Call `stop` when the parent is gone. To be called on the running event loop."""
        loop = asyncio.get_running_loop()

        def gone() -> None:
            loop.remove_reader(self._membership.lifeline)
            stop()

        loop.add_reader(self._membership.lifeline, gone)

    def door(self, settings: ServingSettings) -> Door | None:
        """The instance's door on the running event loop; None when any number may enter."""
        if settings.concurrency is None:
            return None
        loop, me = asyncio.get_running_loop(), self._membership
        door = SharedAdmission(
            self._places,
            me.number,
            settings.concurrency,
            settings.queue,
            settings.queue_wait_s,
            loop,
            time.monotonic_ns,
        )

        def rung() -> None:
            with contextlib.suppress(BlockingIOError):
                os.read(me.bell, 4096)
            door.on_bell()

        loop.add_reader(me.bell, rung)
        return door
