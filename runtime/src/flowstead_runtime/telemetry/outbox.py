"""The serving process's end of the export: a bounded queue, a thread that empties it, and the process at its other end.

A process, since encoding in a thread would hold the interpreter's lock against the event loop for milliseconds at a
time. When the collector is slow the process stops reading, the pipe fills, then the queue, and then spans are dropped
and counted: a request never waits.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import IO, Any

from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.telemetry.pipe import Message, pack, pack_span
from flowstead_runtime.telemetry.records import SpanRecord

log = logging.getLogger("flowstead.telemetry")

MOST_SPANS = 8192
MOST_BYTES = 16 * 1024 * 1024
"""Of spans that wait: of a no-op request they have half a kilobyte, of long prompts a hundred."""
BATCH = 256
FLUSH_S = 3.0
"""For all that is left at the end of the process."""
_PAUSE_S = 0.2
_SAY_DROPPED_EVERY_S = 30.0


class Outbox:
    """metrics: called now and then for the points to export, None for none. every_s: how often."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        metrics: Callable[[], Any] | None = None,
        every_s: float = 60.0,
        most: int = MOST_SPANS,
    ) -> None:
        self._settings = dict(settings)
        self._metrics = metrics
        self._every_s = every_s
        self._most = most
        self._lock = threading.Lock()
        self._spans: list[bytes] = []
        self._bytes = 0
        self._dropped = 0
        self._told_secrets = 0
        self._wake = threading.Event()
        self._closing = False
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the process and the thread. To be called in the process that serves, not in one that forks it."""
        argv = [sys.executable, "-P", "-m", "flowstead_runtime.telemetry.export_process"]
        try:
            self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        except OSError as problem:
            log.warning("telemetry is off: its process cannot be started: %s", problem)
            return
        self._thread = threading.Thread(target=self._work, name="telemetry", daemon=True)
        self._thread.start()

    def put(self, span: SpanRecord) -> None:
        """Take a span to be sent, or drop it. From any thread; never blocks for longer than a list takes to grow."""
        packed = pack_span(span)
        with self._lock:
            waiting = len(self._spans)
            if waiting >= self._most or self._bytes > MOST_BYTES:
                self._dropped += 1
                return
            self._spans.append(packed)
            self._bytes += len(packed)
        if waiting == BATCH:
            self._wake.set()

    def close(self, timeout_s: float = FLUSH_S) -> None:
        """Send what is left, for at most that long."""
        process, thread = self._process, self._thread
        if process is None or thread is None:
            return
        deadline = monotonic() + timeout_s
        self._closing = True
        self._wake.set()
        thread.join(timeout_s)
        try:
            process.wait(max(0.1, deadline - monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("telemetry: the collector did not take what was left within %g s; it is lost", timeout_s)
            process.kill()
            process.wait()

    def _work(self) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            with process.stdin as pipe:
                self._send_until_closed(pipe)
        except OSError:
            if not self._closing:
                log.warning("telemetry is off: its process has ended with code %s", process.wait())
        with self._lock:
            self._most = 0  # nobody empties the queue any more
            self._spans.clear()

    def _send_until_closed(self, pipe: IO[bytes]) -> None:
        _write(pipe, ("settings", self._settings))
        metrics_at = monotonic() + self._every_s
        say_at = 0.0
        while True:
            if not self._closing:
                self._wake.wait(min(_PAUSE_S, self._every_s))
            self._wake.clear()
            closing = self._closing
            while batch := self._take():
                self._tell_secrets(pipe)
                _write(pipe, ("spans", batch))
            now = monotonic()
            if self._metrics is not None and (closing or now >= metrics_at):
                metrics_at = now + self._every_s
                self._tell_secrets(pipe)
                _write(pipe, ("metrics", self._metrics()))
            if self._dropped and (closing or now >= say_at):
                say_at = now + _SAY_DROPPED_EVERY_S
                self._say_dropped()
            if closing:
                return

    def _take(self) -> list[bytes]:
        with self._lock:
            batch = self._spans[:BATCH]
            del self._spans[:BATCH]
            self._bytes -= sum(map(len, batch))
        return batch

    def _tell_secrets(self, pipe: IO[bytes]) -> None:
        """Texts are rid of secrets where they are encoded, by those that this process knows now."""
        known = SECRETS.known()
        if len(known) != self._told_secrets:
            self._told_secrets = len(known)
            _write(pipe, ("secrets", list(known)))

    def _say_dropped(self) -> None:
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        log.warning("telemetry: %d spans were dropped, since the collector does not take them fast enough", dropped)


def _write(pipe: IO[bytes], message: Message) -> None:
    pipe.write(pack(message))
    pipe.flush()
