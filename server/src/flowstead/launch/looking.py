"""Something that is looked at again and again, as long as the server runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger("flowstead")


@contextmanager
def looked_at(what: str, look: Callable[[], object], *, every_s: float | Callable[[], float]) -> Iterator[None]:
    """A thread looks that often while the block lasts; the first time after that long. What it raises is logged, and it
    looks again. what: in words, also the thread's name. every_s: how often, or what says each time how long to wait."""
    stop = threading.Event()

    def keep_looking() -> None:
        while not stop.wait(every_s() if callable(every_s) else every_s):
            try:
                look()
            except Exception:
                logger.exception("Could not look after %s; it is tried again.", what)

    thread = threading.Thread(target=keep_looking, name=what)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
