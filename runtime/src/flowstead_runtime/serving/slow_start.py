"""Says where a flow is that takes long to be loaded: the log of one that never comes to an end would be empty."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from flowstead_runtime.serving.frames import user_lines

FIRST_S = 5.0
"""After how long it is said first, seconds; then each time after twice as long."""


@contextmanager
def told_when_slow(*, first_s: float = FIRST_S) -> Iterator[None]:
    """While the calling thread is in the block, its place in the flow's code goes to stderr now and then."""
    done, thread = threading.Event(), threading.get_ident()

    def watch() -> None:
        pause = passed = first_s
        while not done.wait(pause):
            print(_where(thread, passed), file=sys.stderr, flush=True)
            pause, passed = passed, 2 * passed

    threading.Thread(target=watch, name="slow start", daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _where(thread: int, passed_s: float) -> str:
    frame = sys._current_frames().get(thread)
    lines = user_lines(traceback.extract_stack(frame)) if frame is not None else []
    here = ", here:" if lines else "."
    return "\n".join([f"The flow is still being loaded after {passed_s:g} s{here}", *lines])
