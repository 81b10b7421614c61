"""Asks instances whether they are ready, without ever waiting for one."""

from __future__ import annotations

import contextlib
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path

from flowstead.engines.liveness import (
    AWAY_S,
    Answers,
    Probes,
    after_absence,
    answered,
    has_become_ready,
    not_answered,
    useless_s,
)
from flowstead.resources.clock import Clock
from flowstead.resources.private_file import write_private

_REQUEST = "GET {} HTTP/1.1\r\nHost: instance\r\nConnection: close\r\n\r\n"

_ASK_AGAIN_S = 1.0
"""How often a ready instance is asked again, seconds. The gateway has its own health checks."""

_LONGEST_ANSWER = 4096
"""Bytes of an answer that are looked at; its first line says all."""

_WELL = re.compile(rb"HTTP/1\.[01] [23]\d\d ")
"""As Azure's probes have it; the runtime says 200."""

_FAILURES = 3
"""Failures in a row after which a ready instance is no longer taken for ready: one slow answer is no reason."""


@dataclass(frozen=True)
class Health:
    """Of one worker: whether it is ready, whether it ever was, and what it has answered. owes_s: for how long it has
    owed an answer, seconds; 0 for one that never gave any: it may still be importing."""

    ready: bool
    was_ready: bool
    answers: Answers = field(compare=False)
    owes_s: float = field(default=0.0, compare=False)


@dataclass
class _Watch:
    """What is known of one worker. kept: that it was ready is on disk. seen_at: when it was looked at last; asked_at;
    both on the monotonic clock."""

    answers: Answers
    seen_at: float
    ready: bool = False
    was_ready: bool = False
    kept: bool = False
    failures: int = 0
    asked_at: float = float("-inf")
    connection: socket.socket | None = None
    answer: bytes = field(default=b"", repr=False)


class HealthWatch:
    """Remembers, by worker, whether it was ready, and keeps at most one question open for each. Not thread-safe.

    That a worker was ready is also kept on disk: the next server's first look must not find everything not ready
    and take it out of the routes before the first answers are there.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watches: dict[str, _Watch] = {}

    def ask(
        self,
        worker: str,
        health_socket: str,
        memory: Path,
        probes: Probes,
        path: str = "/health",
        *,
        remembers: bool = True,
    ) -> Health:
        """worker: a name that a restarted worker does not keep. memory: the file that holds the name of the worker
        that was ready last; remembers: it is also written. probes: as its deployment has them. path: of the
        question."""
        now = self._clock.monotonic()
        watch = self._watches.get(worker)
        if watch is None:
            remembered = _read(memory) == worker
            answers = Answers(watched_since=now, heard=remembered)
            watch = _Watch(answers, now, ready=remembered, was_ready=remembered, kept=remembered)
            self._watches[worker] = watch
        if now - watch.seen_at > AWAY_S:
            _hang_up(watch)
            watch.answers = after_absence(watch.answers, now)
        watch.seen_at = now
        if watch.connection is None:
            self._send(watch, health_socket, probes, path)
        self._listen(watch, probes)
        if remembers and watch.was_ready and not watch.kept:
            with contextlib.suppress(OSError):  # a full disk
                write_private(memory, worker.encode())
                watch.kept = True
        return Health(watch.ready, watch.was_ready, watch.answers, self._owes_s(watch))

    def useless_s(self, instance: str, request_timeout_s: float) -> float:
        """Of the instance's worker, as `liveness.useless_s`."""
        now = self._clock.monotonic()
        own = (each.answers for name, each in self._watches.items() if name.startswith(f"{instance}:"))
        return max((useless_s(each, request_timeout_s, now) for each in own), default=0.0)

    def keep_only(self, workers: set[str]) -> None:
        """Forget all others."""
        for gone in self._watches.keys() - workers:
            _hang_up(self._watches.pop(gone))

    def _send(self, watch: _Watch, health_socket: str, probes: Probes, path: str) -> None:
        now = self._clock.monotonic()
        if watch.ready and now - watch.asked_at < _ASK_AGAIN_S:
            return
        watch.asked_at, watch.answer = now, b""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            connection.connect(health_socket)
            connection.send(_REQUEST.format(path).encode())
        except OSError:
            connection.close()
            self._note(watch, probes)
            return
        watch.connection = connection

    def _listen(self, watch: _Watch, probes: Probes) -> None:
        """Take the answer if it has come. A worker that is still importing answers later: the supervisor holds
        the listening socket, so the question waits in it and is the first thing that the worker sees."""
        if watch.connection is None:
            return
        # One piece a look: the flow's own code may be who answers, and may never come to an end.
        try:
            piece: bytes | None = watch.connection.recv(_LONGEST_ANSWER)
        except BlockingIOError:
            piece = None
        except OSError:
            piece, watch.answer = b"", b""
        watch.answer += piece or b""
        if piece != b"" and b"\r\n" not in watch.answer and len(watch.answer) < _LONGEST_ANSWER:
            if self._clock.monotonic() - watch.asked_at <= probes.patience_s:
                return
            watch.answer = b""
        _hang_up(watch)
        self._note(watch, probes)

    def _owes_s(self, watch: _Watch) -> float:
        open_since = watch.asked_at if watch.connection is not None else None
        since = watch.answers.silent_since if watch.answers.silent_since is not None else open_since
        return self._clock.monotonic() - since if watch.answers.heard and since is not None else 0.0

    def _note(self, watch: _Watch, probes: Probes) -> None:
        now = self._clock.monotonic()
        if watch.answer:
            well = _WELL.match(watch.answer) is not None
            took = now - watch.asked_at
            watch.answers = answered(watch.answers, probes, asked_at=watch.asked_at, took_s=took, well=well)
        else:
            watch.answers = not_answered(watch.answers, asked_at=watch.asked_at)
        passed = watch.answers.well_since is not None
        watch.failures = 0 if passed else watch.failures + 1
        if watch.ready:
            watch.ready = watch.failures < _FAILURES
        else:
            watch.ready = has_become_ready(watch.answers, probes.readiness, now)
        watch.was_ready = watch.was_ready or watch.ready


def _read(memory: Path) -> str:
    try:
        return memory.read_text()
    except OSError:
        return ""


def _hang_up(watch: _Watch) -> None:
    if watch.connection is not None:
        with contextlib.suppress(OSError):
            watch.connection.close()
    watch.connection = None
