"""Whose turn it is to build."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from flowstead.environments.slots import BuildCancelled, Slots


def always() -> bool:
    return True


def test_a_slot_that_is_given_back_is_the_next_one_s() -> None:
    slots, had = Slots(1), list[int]()

    def take(number: int) -> None:
        with slots.one(always):
            had.append(number)

    with slots.one(always):
        waiting = threading.Thread(target=take, args=(1,))
        waiting.start()
        assert had == []
    waiting.join(10.0)
    assert had == [1]


def test_there_are_no_more_than_said() -> None:
    slots = Slots(2)
    with ExitStack() as stack:
        stack.enter_context(slots.one(always))
        stack.enter_context(slots.one(always))
        with pytest.raises(BuildCancelled), slots.one(lambda: False):
            pass


def test_one_that_nobody_wants_leaves_the_queue() -> None:
    slots = Slots(1)
    with slots.one(always), pytest.raises(BuildCancelled), slots.one(lambda: False):
        pass
    with slots.one(lambda: False):  # does not have to wait
        pass


def test_a_build_that_fails_gives_its_slot_back() -> None:
    slots = Slots(1)
    with pytest.raises(KeyError), slots.one(always):
        raise KeyError
    with slots.one(lambda: False):
        pass
