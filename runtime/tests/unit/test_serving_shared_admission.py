"""The door that several workers share. Here they are objects of one process, with a bell that is a pipe."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flowstead_runtime.errors import TooManyRequests
from flowstead_runtime.serving.places import Places, size_of
from flowstead_runtime.serving.shared_admission import SharedAdmission


class Instance:
    """Workers with one table, on one loop, and a clock that each reading moves on by a nanosecond."""

    def __init__(self, workers: int, limit: int, queue: int, wait_s: float) -> None:
        self._now = 0
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with the instance
        self._file.truncate(size_of(workers))
        self._pipes = [os.pipe() for _ in range(workers)]
        for end in (end for pipe in self._pipes for end in pipe):
            os.set_blocking(end, False)
        self.places = Places(self._file, [writing for _, writing in self._pipes], self._clock)
        loop = asyncio.get_running_loop()
        self.doors = [
            SharedAdmission(self.places, number, limit, queue, wait_s, loop, self._clock) for number in range(workers)
        ]

    def _clock(self) -> int:
        self._now += 1
        return self._now

    def answer_bells(self) -> list[int]:
        """Each worker that was rung sees whose turn it is; gives their numbers."""
        rung = []
        for number, (reading, _) in enumerate(self._pipes):
            try:
                os.read(reading, 4096)
            except BlockingIOError:
                continue
            rung.append(number)
            self.doors[number].on_bell()
        return rung

    def close(self) -> None:
        self._file.close()
        for end in (end for pipe in self._pipes for end in pipe):
            os.close(end)


@contextmanager
def instance(workers: int = 2, limit: int = 2, queue: int = 2, wait_s: float = 60) -> Iterator[Instance]:
    made = Instance(workers, limit, queue, wait_s)
    try:
        yield made
    finally:
        made.close()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_places_are_counted_for_all_workers() -> None:
    async def scene() -> None:
        with instance() as made:
            one, other = made.doors
            assert (one.enter_now(), other.enter_now()) == (True, True)
            assert (one.enter_now(), other.enter_now()) == (False, False)
            other.leave()
            assert one.enter_now()
            assert [made.places.running(), made.places.running(0), made.places.running(1)] == [2, 2, 0]

    asyncio.run(scene())


def test_a_place_goes_to_who_has_waited_longest_in_whichever_worker() -> None:
    async def scene() -> None:
        with instance(limit=1) as made:
            one, other = made.doors
            assert one.enter_now()
            first, second = asyncio.ensure_future(other.enter()), asyncio.ensure_future(one.enter())
            await settle()
            with pytest.raises(TooManyRequests, match="2 more wait"):
                await one.enter()
            one.leave()
            assert not one.enter_now(), "others wait"
            assert made.answer_bells() == [1]
            await settle()
            assert (first.done(), second.done()) == (True, False)
            other.leave()
            assert made.answer_bells() == [0]
            await second
            one.leave()
            assert (made.places.running(), made.places.waiting()) == (0, 0)

    asyncio.run(scene())


def test_who_leaves_the_queue_lets_the_next_come() -> None:
    async def scene() -> None:
        with instance(limit=1) as made:
            one, other = made.doors
            assert one.enter_now()
            gone, next_one = asyncio.ensure_future(one.enter()), asyncio.ensure_future(other.enter())
            await settle()
            gone.cancel()
            await asyncio.wait([gone])
            assert made.places.waiting() == 1
            one.leave()
            assert made.answer_bells() == [1]
            await next_one
            assert made.places.running(1) == 1

    asyncio.run(scene())


def test_a_granted_place_that_its_caller_did_not_take_is_given_back() -> None:
    async def scene() -> None:
        with instance(limit=1) as made:
            one, _ = made.doors
            assert one.enter_now()
            waiting = asyncio.ensure_future(one.enter())
            await settle()
            one.leave()
            waiting.cancel()
            await asyncio.wait([waiting])
            assert (made.places.running(), made.places.waiting()) == (0, 0)

    asyncio.run(scene())


def test_waiting_ends_after_its_time() -> None:
    async def scene() -> None:
        with instance(limit=1, wait_s=0.001) as made:
            one, _ = made.doors
            assert one.enter_now()
            with pytest.raises(TooManyRequests, match="within 1 ms"):
                await one.enter()
            assert made.places.waiting() == 0

    asyncio.run(scene())


def test_a_worker_that_is_gone_holds_nothing() -> None:
    async def scene() -> None:
        with instance(limit=1) as made:
            one, other = made.doors
            assert one.enter_now()
            waiting = asyncio.ensure_future(other.enter())
            await settle()
            made.places.clear(0)
            assert made.answer_bells() == [0, 1]
            await waiting
            assert [made.places.running(0), made.places.running(1)] == [0, 1]

    asyncio.run(scene())


def test_a_worker_whose_loop_is_blocked_does_not_hold_up_the_line() -> None:
    async def scene() -> None:
        with instance(limit=1, queue=5) as made:
            made.places.set_waiting(0, 1, -(10**12))
            assert made.doors[1].enter_now()

    asyncio.run(scene())


@pytest.mark.parametrize("seconds", [0, 1])
def test_beats_tell_how_long_a_worker_has_been_silent(seconds: int) -> None:
    async def scene() -> None:
        with instance() as made:
            made.places.beat(0)
            made._now += seconds * 10**9
            assert made.places.silent_s(0) == pytest.approx(seconds, abs=1e-6)

    asyncio.run(scene())
