"""The door of an instance, and the watch over things that take too long, on a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from flowstead_runtime.errors import TooManyRequests
from flowstead_runtime.serving.admission import Admission
from flowstead_runtime.serving.overdue import Overdue


class Clock:
    """Timers that only move when told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[tuple[float, Callable[[], object]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object]) -> Clock:
        self.due.append((when, callback))
        return self

    def cancel(self) -> None:
        raise AssertionError("nothing here is cancelled")

    def advance(self, seconds: float) -> None:
        self.now += seconds
        while ripe := [each for each in self.due if each[0] <= self.now]:
            self.due.remove(ripe[0])
            ripe[0][1]()


def test_things_become_due_in_order_with_one_timer() -> None:
    clock = Clock()
    seen: list[str] = []
    overdue = Overdue(1.0, seen.append, clock)
    assert overdue.watch("a") == 1.0
    clock.advance(0.5)
    overdue.watch("b")
    overdue.watch("c")
    overdue.forget("b")
    assert len(clock.due) == 1
    clock.advance(0.6)
    assert seen == ["a"]
    assert len(clock.due) == 1
    clock.advance(0.5)
    assert seen == ["a", "c"]
    assert clock.due == []
    overdue.watch("d")
    clock.advance(1.0)
    assert seen == ["a", "c", "d"]


def test_what_is_forgotten_is_never_due() -> None:
    clock = Clock()
    overdue: Overdue[str] = Overdue(1.0, lambda thing: pytest.fail(thing), clock)
    overdue.watch("a")
    overdue.forget("a")
    overdue.forget("a")
    clock.advance(5)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_door_lets_in_as_many_as_may_run() -> None:
    admission = Admission(2, 0, 0.5, Clock())
    assert [admission.enter_now() for _ in range(3)] == [True, True, False]
    admission.leave()
    assert admission.enter_now()
    assert admission.running == 2


def test_a_door_without_limit_only_counts() -> None:
    admission = Admission(None, 0, 0.5, Clock())
    assert all(admission.enter_now() for _ in range(100))
    assert admission.running == 100


def test_a_free_place_goes_to_who_waited_longest() -> None:
    async def scene() -> None:
        admission = Admission(1, 2, 0.5, Clock())
        assert admission.enter_now()
        first, second = (asyncio.ensure_future(admission.enter()) for _ in range(2))
        await settle()
        assert admission.waiting == 2
        with pytest.raises(TooManyRequests, match="2 more wait"):
            await admission.enter()
        admission.leave()
        await settle()
        assert (first.done(), second.done()) == (True, False)
        assert not admission.enter_now()
        admission.leave()
        await second
        admission.leave()
        assert (admission.running, admission.waiting) == (0, 0)

    asyncio.run(scene())


def test_waiting_ends_after_its_time() -> None:
    async def scene() -> None:
        clock = Clock()
        admission = Admission(1, 1, 0.5, clock)
        assert admission.enter_now()
        waiting = asyncio.ensure_future(admission.enter())
        await settle()
        clock.advance(0.6)
        with pytest.raises(TooManyRequests, match="within 500 ms"):
            await waiting
        assert admission.waiting == 0
        admission.leave()
        assert admission.enter_now()

    asyncio.run(scene())


@pytest.mark.parametrize("granted_first", [False, True])
def test_a_waiting_caller_who_leaves_takes_no_place(granted_first: bool) -> None:
    async def scene() -> None:
        admission = Admission(1, 1, 0.5, Clock())
        assert admission.enter_now()
        waiting = asyncio.ensure_future(admission.enter())
        await settle()
        if granted_first:
            admission.leave()
        waiting.cancel()
        await asyncio.wait([waiting])
        if not granted_first:
            admission.leave()
        assert waiting.cancelled()
        assert (admission.running, admission.waiting) == (0, 0)
        assert admission.enter_now()

    asyncio.run(scene())
