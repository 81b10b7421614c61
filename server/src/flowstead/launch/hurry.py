"""Whoever ends Flowstead may lose patience while requests are still being answered."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class Hurry:
    """False when called, until somebody is in a hurry. asked: whether that is so from the beginning."""

    def __init__(self, *, asked: bool = False) -> None:
        self._asked = asked

    def __call__(self) -> bool:
        return self._asked

    @contextmanager
    def by_signal(self, tell: Callable[[], None] = lambda: None) -> Iterator[None]:
        """While the block lasts the first Ctrl-C, SIGTERM or closed terminal means hurry; another one is what it always
        is. tell: called at the first. To be entered by the main thread."""
        before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        if before[signal.SIGHUP] == signal.SIG_IGN:
            del before[signal.SIGHUP]  # nohup

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        def ask(_number: int, _frame: FrameType | None) -> None:
            self._asked = True
            restore()
            with suppress(OSError):  # it may be the terminal that has gone
                tell()

        for number in before:
            signal.signal(number, ask)
        try:
            yield
        finally:
            restore()
