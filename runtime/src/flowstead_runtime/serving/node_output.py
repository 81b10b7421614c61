"""What a flow's code prints, told to whoever watches its request, node by node, beside going where it always goes."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from flowstead_runtime.telemetry.instrument import current_node
from flowstead_runtime.telemetry.watching import WATCHER


def watch_output() -> None:
    """From now on."""
    sys.stdout = _WatchedStream(sys.stdout, "stdout")
    sys.stderr = _WatchedStream(sys.stderr, "stderr")


class _WatchedStream:
    """A text stream that has all of another's ways."""

    def __init__(self, beneath: TextIO, name: str) -> None:
        self._beneath = beneath
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._beneath, name)

    def write(self, text: str) -> int:
        watcher = WATCHER.get()
        if watcher is not None:
            watcher.said(current_node(), self._name, text)
        return self._beneath.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)
