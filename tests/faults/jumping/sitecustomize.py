"""Python imports this by itself in a process that has this folder in PYTHONPATH: its clock is as many seconds ahead as
the file says that FLOWSTEAD_TEST_CLOCK names, asked at each look. The machine's clock, and so Envoy's and the
instances', stays as it is, as does the monotonic one. Nothing of this is in the product."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

AHEAD = os.environ.get("FLOWSTEAD_TEST_CLOCK", "")


def _jump() -> None:
    from flowstead.resources.clock import SystemClock

    right = SystemClock.now

    def now(clock: SystemClock) -> datetime:
        return right(clock) + timedelta(seconds=float(Path(AHEAD).read_text()))

    SystemClock.now = now  # type: ignore[method-assign, assignment]


if AHEAD:
    _jump()
