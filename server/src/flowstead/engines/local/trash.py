"""Folders on their way out: moved aside at once, removed by a thread of its own, however long that takes."""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from pathlib import Path

from flowstead.resources.file_tree import remove_tree

logger = logging.getLogger(__name__)


class Trash:
    """Safe to use from several threads. What a process that ended has left is removed with what comes next."""

    def __init__(self, folder: Path) -> None:
        """folder: there while something is in it; on the same disk as what is moved there."""
        self._folder = folder
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def take(self, path: Path) -> None:
        """Move the folder aside, and have it removed; no error when there is none. Raises OSError."""
        with self._lock:
            if path.exists():
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.rename(self._folder / secrets.token_hex(8))
            self._begin()

    def empty(self) -> None:
        """Have removed what is there."""
        with self._lock:
            self._begin()

    def _begin(self) -> None:
        if self._thread is None and self._folder.is_dir():
            self._thread = threading.Thread(target=self._remove, name="trash", daemon=True)
            self._thread.start()

    def _remove(self) -> None:
        failed: set[Path] = set()
        while left := self._left(failed):
            for each in left:
                try:
                    remove_tree(each)
                except OSError as failure:
                    failed.add(each)
                    logger.warning("Cannot remove %s of a stopped instance: %s", each, failure)

    def _left(self, failed: set[Path]) -> list[Path]:
        with self._lock:
            left = [each for each in self._folder.iterdir() if each not in failed] if self._folder.is_dir() else []
            if not left:
                self._thread = None
                with contextlib.suppress(OSError):  # what could not be removed is in it
                    self._folder.rmdir()
            return left
