"""Several worker processes that serve one flow on the same sockets, and the process that looks after them.

Each worker is the same command again, told by `--worker` that it is one. The first shows whether the flow can start;
when it is ready the others are started. One that dies is replaced."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.promptflow_variables import promptflow_variable
from flowstead_runtime.serving.health import BEAT_S, Phase
from flowstead_runtime.serving.places import Places, size_of
from flowstead_runtime.serving.worker import Membership

RESTART_AFTER_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Before a worker is replaced that died soon after its start: longer each time it happens."""

STEADY_AFTER_S = 30.0
END_MARGIN_S = 3.0
"""What workers get beyond their grace to end by themselves."""

LIMIT = 256


def worker_count(given: int | None, environ: Mapping[str, str]) -> int:
    """How many worker processes: what was given, else PROMPTFLOW_WORKER_NUM (or PF_WORKER_NUM), else one.

    Raises FlowDefinitionError when the variable holds no such number."""
    if given is not None:
        return given
    name, text = promptflow_variable(environ, "WORKER_NUM")
    if not text:
        return 1
    if not text.isdigit() or not 1 <= int(text) <= LIMIT:
        raise FlowDefinitionError(f"the environment variable {name} must be a whole number from 1 to {LIMIT}")
    return int(text)


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    started_at: float
    ready: bool = False


class Workers:
    """command: of a worker, to which its membership is added. listener: the socket they share. on_ready: called once,
    when the first of them serves. stuck_after_s: how long an event loop may be silent, None for ever."""

    def __init__(
        self,
        command: Sequence[str],
        count: int,
        listener: int,
        *,
        grace_s: float,
        stuck_after_s: float | None,
        on_ready: Callable[[], None],
    ) -> None:
        self._command = command
        self._count = count
        self._listener = listener
        self._grace_s = grace_s
        self._stuck_after_s = stuck_after_s
        self._on_ready = on_ready
        self._phase = Phase.STARTING
        self._workers: dict[int, _Worker] = {}
        self._early_ends = 0
        self._exit_code = 0
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - lives as long as the process
        self._file.truncate(size_of(count))
        self._bells, self._rings = zip(*(_pipe() for _ in range(count)), strict=True)
        self._places = Places(self._file, self._rings, time.monotonic_ns)
        self._lifeline, self._held = os.pipe()

    def run(self) -> int:
        """Until a signal says stop and the workers have ended, or the first cannot start; returns the exit code."""
        asyncio.run(self._look_after())
        return self._exit_code

    def verdict(self) -> tuple[int, str]:
        """HTTP status and what to say: the instance is well as long as one worker is."""
        if self._phase is not Phase.HEALTHY:
            return 503, self._phase.value
        silent = [self._places.silent_s(number) for number, each in list(self._workers.items()) if each.ready]
        if not silent:
            return 503, "No worker serves"
        if self._stuck_after_s is not None and min(silent) > self._stuck_after_s + 2 * BEAT_S:
            return 503, f"Blocked: no worker's event loop has run for {min(silent):.0f} s"
        return 200, self._phase.value

    async def _look_after(self) -> None:
        loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        loop.add_signal_handler(signal.SIGTERM, self._stop, signal.SIGTERM)
        loop.add_signal_handler(signal.SIGINT, self._stop, signal.SIGINT)
        self._start(0)
        await self._ended.wait()

    def _start(self, number: int) -> None:
        if self._phase is Phase.STOPPING:
            return
        ready, told = os.pipe()
        own = Membership(
            number, self._listener, self._file.fileno(), self._rings, self._bells[number], told, self._lifeline
        )
        self._places.beat(number)
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "flowstead_runtime", *self._command, "--worker", own.as_text()],
                pass_fds=(own.listener, own.places, *own.bells, own.bell, own.ready, own.lifeline),
            )
        except OSError as problem:
            os.close(ready)
            if self._phase is Phase.STARTING:
                raise
            # No memory, or no process to be had: that may pass.
            print(f"Worker {number} cannot be started: {problem}", file=sys.stderr, flush=True)
            asyncio.get_running_loop().call_later(RESTART_AFTER_S[-1], self._start, number)
            return
        finally:
            os.close(told)
        self._workers[number] = _Worker(process, time.monotonic())
        asyncio.get_running_loop().add_reader(ready, self._told_ready, number, process, ready)

    def _told_ready(self, number: int, process: subprocess.Popen[bytes], ready: int) -> None:
        """The worker says that it serves, or has ended without."""
        asyncio.get_running_loop().remove_reader(ready)
        serves = bool(os.read(ready, 1))
        os.close(ready)
        worker = self._workers.get(number)
        if not serves or worker is None or worker.process is not process:
            return
        worker.ready = True
        if self._phase is Phase.STARTING:
            self._phase = Phase.HEALTHY
            self._on_ready()
            for other in range(1, self._count):
                self._start(other)

    def _reap(self) -> None:
        for number, worker in list(self._workers.items()):
            code = worker.process.poll()
            if code is None:
                continue
            del self._workers[number]
            self._places.clear(number)
            if self._phase is Phase.STARTING:
                self._exit_code = code if code >= 0 else 128 - code
                self._phase = Phase.STOPPING
            elif self._phase is Phase.HEALTHY:
                self._replace(number, worker, code)
        if self._phase is Phase.STOPPING and not self._workers:
            self._ended.set()

    def _replace(self, number: int, worker: _Worker, code: int) -> None:
        steady = worker.ready and time.monotonic() - worker.started_at > STEADY_AFTER_S
        self._early_ends = 0 if steady else self._early_ends + 1
        after_s = RESTART_AFTER_S[min(max(0, self._early_ends - 1), len(RESTART_AFTER_S) - 1)]
        print(f"Worker {number} ended ({code}); it is started again in {after_s:g} s", file=sys.stderr, flush=True)
        asyncio.get_running_loop().call_later(after_s, self._start, number)

    def _stop(self, number: signal.Signals) -> None:
        """Let the workers finish; a second SIGINT, or the end of their grace, ends them at once."""
        starting, again = self._phase is Phase.STARTING, self._phase is Phase.STOPPING
        self._phase = Phase.STOPPING
        if starting and number == signal.SIGINT:
            self._exit_code = 130
        self._send(signal.SIGKILL if again and number == signal.SIGINT else signal.SIGTERM)
        if not again:
            asyncio.get_running_loop().call_later(self._grace_s + END_MARGIN_S, self._send, signal.SIGKILL)
        if not self._workers:
            self._ended.set()

    def _send(self, number: signal.Signals) -> None:
        for worker in self._workers.values():
            worker.process.send_signal(number)


def _pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    return reading, writing
