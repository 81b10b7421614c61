"""Whoever ends Flowstead may lose patience while requests are still being answered."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Hurry:
    """False when called, until somebody is in a hurry. asked: whether that is so from the beginning."""

    def __init__(self, *, asked: bool = False) -> None:
        self._asked = asked

    def __call__(self) -> bool:
        return self._asked

    @contextmanager
    def by_signal(self, tell: Callable[[], None] = lambda: None) -> Iterator[None]:
        """While the block lasts the first Ctrl-C or SIGTERM means hurry; another one is what it always is. tell: called
        at the first. To be entered by the main thread."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.getsignal(number) for number in numbers}

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        def ask(_number: int, _frame: FrameType | None) -> None:
            self._asked = True
            restore()
            tell()

        for number in numbers:
            signal.signal(number, ask)
        try:
            yield
        finally:
            restore()
