"""Data collection: which records are kept, of which request, and handing them to the writer."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple

from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.telemetry.collection_files import CollectionFiles
from flowstead_runtime.telemetry.collection_records import ROWS, Record, Renderer, encode_rows
from flowstead_runtime.telemetry.collection_settings import CollectionSettings
from flowstead_runtime.telemetry.collection_writer import CollectionWriter

SMALL = 64 * 1024
"""Bytes of content up to which a line is made at once: that takes microseconds, while a thread that made lines by the
thousand would keep the event loop waiting for the interpreter."""


class CollectedRequest(NamedTuple):
    """draw: decides for all of its records alike whether they are kept, so that inputs never lack their outputs."""

    id: str
    draw: float


REQUEST: ContextVar[CollectedRequest | None] = ContextVar("flowstead_collected_request", default=None)
"""The one that is being served, for user code that collects."""


class Collection:
    """now: Unix time. numbers: for the draws and the ids, which must be unique, not secret."""

    def __init__(
        self,
        settings: CollectionSettings,
        writer: CollectionWriter,
        now: Callable[[], float],
        numbers: random.Random,
    ) -> None:
        self.settings = settings
        self.writer = writer
        self._render = Renderer(settings, SECRETS.hide).render
        self._now = now
        self._numbers = numbers

    def begin(self, request_id: str) -> CollectedRequest:
        """To be called once for each request."""
        return CollectedRequest(request_id, self._numbers.random())

    def keeps(self, collection: str, request: CollectedRequest | None) -> bool:
        """Whether a record of this request, or of none, is kept: the collection is enabled and the draw hits."""
        rate = self.settings.rates.get(collection)
        if rate is None:
            return False
        return (request.draw if request is not None else self._numbers.random()) < rate

    def add_rows(
        self,
        collection: str,
        rows: bytes | Iterable[Mapping[str, Any]],
        correlation_id: str,
        request: CollectedRequest | None,
        at: float | None = None,
    ) -> bool:
        """Keep rows, as they are now; bytes: already JSON. False when the record had to be dropped."""
        try:
            content = rows if isinstance(rows, bytes) else encode_rows(rows)
        except (TypeError, ValueError, RecursionError) as problem:
            self.writer.drop(f"a record of {collection} has no JSON form: {problem}")
            return False
        request_id = request.id if request is not None else correlation_id
        at = self._now() if at is None else at
        return self._add(Record(collection, self._new_id(), at, correlation_id, request_id, content, data_type=ROWS))

    def add_payload(
        self,
        collection: str,
        content: bytes,
        content_type: str,
        request: CollectedRequest,
        about: Mapping[str, str | int],
        headers: Mapping[str, str],
    ) -> bool:
        """Keep a body as it was sent."""
        record = Record(
            collection,
            self._new_id(),
            self._now(),
            request.id,
            request.id,
            content,
            content_type,
            about=about,
            headers=headers,
        )
        return self._add(record)

    def close(self, patience_s: float) -> None:
        """Write what is queued, as far as the patience allows."""
        self.writer.close(patience_s)

    def _add(self, record: Record) -> bool:
        size = len(record.content)
        if size > SMALL:
            return self.writer.put_unrendered(lambda: self._render(record), size)
        return self.writer.put(self._render(record))

    def _new_id(self) -> str:
        """A random UUID, as `uuid.uuid4` makes it from the operating system's numbers."""
        digits = f"{self._numbers.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def open_collection(settings: CollectionSettings) -> Collection:
    """Nothing is created before the first record is there."""
    numbers = random.Random()  # noqa: S311
    # Worker processes must not make the same ids.
    os.register_at_fork(after_in_child=numbers.seed)
    writer = CollectionWriter(CollectionFiles(settings.destination, settings.instance))
    return Collection(settings, writer, time.time, numbers)


class Current:
    """The collection of this process; None while nothing is collected."""

    collection: Collection | None = None


CURRENT = Current()
"""For user code: its collectors are made while the flow is loaded."""
