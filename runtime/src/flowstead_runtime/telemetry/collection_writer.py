"""Writes records from a thread, so that no request ever waits for a disk."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from flowstead_runtime.telemetry.collection_files import CollectionFiles
from flowstead_runtime.telemetry.collection_records import Rendered

EVERY_S = 0.5
"""How long a record waits until a reader sees it, on a disk that keeps up."""

MOST_BYTES = 64 * 1024 * 1024
MOST_RECORDS = 20_000
"""What may wait. Beyond either, records are dropped: the flow needs the memory."""

SAY_AGAIN_S = 60.0

log = logging.getLogger("flowstead.collection")


class CollectionWriter:
    """clock: seconds that never go back. The thread starts with the first record, so that each worker process has its
    own. written, dropped: records, since the start."""

    def __init__(self, files: CollectionFiles, clock: Callable[[], float] = time.monotonic) -> None:
        self._files = files
        self._clock = clock
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._lines: dict[tuple[str, str], list[bytes]] = {}
        self._unrendered: list[Callable[[], Rendered]] = []
        self._count = 0
        self._bytes = 0
        self._thread: threading.Thread | None = None
        self._ending = False
        self._said = 0
        self._said_at = float("-inf")
        self._reason = ""
        self.written = 0
        self.dropped = 0

    def put(self, rendered: Rendered) -> bool:
        """Queue a record, from any thread; False when it had to be dropped."""
        if rendered.file is not None:
            return self.put_unrendered(lambda: rendered, len(rendered.file[1]))
        with self._lock:
            if not self._has_room(len(rendered.line)):
                return False
            # Lines alone, kept by file: thousands of small objects that wait would keep the garbage collector busy.
            self._lines.setdefault((rendered.collection, rendered.folder), []).append(rendered.line)
        return True

    def put_unrendered(self, render: Callable[[], Rendered], size: int) -> bool:
        """The same for a record whose line takes a while to make. size: bytes, about."""
        with self._lock:
            if not self._has_room(size):
                return False
            self._unrendered.append(render)
        return True

    def drop(self, reason: str, count: int = 1) -> None:
        """Count records that are lost, and say so once in a while."""
        with self._lock:
            self._count_dropped(reason, count)

    def write_waiting(self) -> None:
        """Write all that is queued: what the thread does twice a second."""
        with self._writing:
            with self._lock:
                lines, unrendered = self._lines, self._unrendered
                self._lines, self._unrendered, self._count, self._bytes = {}, [], 0, 0
            for render in unrendered:
                rendered = self._render(render)
                if rendered is not None:
                    lines.setdefault((rendered.collection, rendered.folder), []).append(rendered.line)
            for (collection, folder), each in lines.items():
                self._append(collection, folder, each)
            self._say_dropped()

    def close(self, patience_s: float) -> None:
        """Write what is queued, as far as the patience allows: a disk that hangs must not keep the process."""
        self._ending = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(patience_s)

    def _run(self) -> None:
        while True:
            self._wake.wait(EVERY_S)
            self._wake.clear()
            ending = self._ending
            self.write_waiting()
            if ending:
                return

    def _has_room(self, size: int) -> bool:
        """Counts the record in, or as dropped. Called with the lock."""
        if self._count and (self._bytes + size > MOST_BYTES or self._count >= MOST_RECORDS):
            self._count_dropped("more of them come than can be written", 1)
            return False
        self._count += 1
        self._bytes += size
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="collection", daemon=True)
            self._thread.start()
        if self._bytes > MOST_BYTES // 8:
            self._wake.set()
        return True

    def _count_dropped(self, reason: str, count: int) -> None:
        self.dropped += count
        self._reason = reason

    def _render(self, render: Callable[[], Rendered]) -> Rendered | None:
        try:
            rendered = render()
            if rendered.file is not None:
                self._files.create(*rendered.file)
        except Exception as problem:
            self.drop(str(problem))
            return None
        return rendered

    def _append(self, collection: str, folder: str, lines: list[bytes]) -> None:
        try:
            self._files.append(collection, folder, b"".join(lines))
        except Exception as problem:
            self.drop(str(problem), len(lines))
        else:
            self.written += len(lines)

    def _say_dropped(self) -> None:
        """Once in a while: a disk stays full for hours."""
        new = self.dropped - self._said
        if not new or (self._clock() - self._said_at < SAY_AGAIN_S and not self._ending):
            return
        self._said, self._said_at = self.dropped, self._clock()
        log.warning("data collection: %d records were dropped: %s", new, self._reason)
