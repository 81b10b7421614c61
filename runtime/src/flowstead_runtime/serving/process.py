"""The serving process from its listening sockets to its end: uvicorn around the application, signals, health."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import uvicorn

from flowstead_runtime.connections.hiding import SECRETS, HidingFormatter
from flowstead_runtime.serving.exit_codes import IDLE
from flowstead_runtime.serving.health import Health, Phase
from flowstead_runtime.serving.idling import SETTLE_S, until_idle
from flowstead_runtime.serving.protocol import BoundedProtocol
from flowstead_runtime.serving.types import Application, Timers

KEEP_ALIVE_S = 30
"""Longer than a gateway keeps an idle connection, so that it is never this side that closes one in use."""

BACKLOG = 2048
LEAVE_AFTER_S = 1.0


class Stopping:
    """SIGTERM and SIGINT. Before there is a server they end the process at once; after, they let it finish."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self.server: uvicorn.Server | None = None

    def install(self, *, interrupts: bool = True) -> None:
        """Take over both signals; to be called in the main thread. interrupts: SIGINT, which a terminal sends to a
        parent as well, is for this process."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal if interrupts else signal.SIG_IGN)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._health.phase = Phase.STOPPING
        if self.server is None:
            # An exception could be taken for one of the flow's code, which is being imported.
            os._exit(0 if number == signal.SIGTERM else 130)
        if self.server.should_exit and number == signal.SIGINT:
            self.server.force_exit = True
        self.server.should_exit = True

    def stop(self) -> None:
        """As after a SIGTERM; there is a server."""
        self._on_signal(signal.SIGTERM, None)


@dataclass(frozen=True)
class Process:
    """build: makes the application, on the running event loop. close: lets go of the flow afterwards. flush: sends what
    is still to be told, before that; it may take its time.
    grace_s: how long requests in flight may take to finish after the signal. warm: what is done before anybody is let
    in. on_ready: called once it answers. watch: is given what stops the process, for other reasons than a signal.
    idle_s: how long nobody may have asked before it ends by itself, None for ever."""

    build: Callable[[Timers], Application]
    close: Callable[[], Any]
    sockets: Sequence[socket.socket]
    health: Health
    stopping: Stopping
    grace_s: float
    warm: Callable[[], Awaitable[None]] | None = None
    on_ready: Callable[[], None] = field(default=lambda: None)
    flush: Callable[[], None] = field(default=lambda: None)
    watch: Callable[[Callable[[], None]], None] = field(default=lambda stop: None)
    idle_s: float | None = None

    def run(self) -> int:
        """Serve until a signal says stop and the requests in flight are done, or nobody asks any more. Returns the exit
        code: 0 or IDLE."""
        allow_many_connections()
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(self._serve())

    async def _serve(self) -> int:
        application = self.build(asyncio.get_running_loop())
        if self.warm is not None:
            await self.warm()
        config = uvicorn.Config(
            application,
            interface="asgi3",
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(1, round(self.grace_s)),
        )
        _quiet(logging.getLogger("uvicorn.error"))
        server = _Server(config, self._ready)
        self.stopping.server = server
        self.watch(self.stopping.stop)
        loop = asyncio.get_running_loop()
        beating = loop.create_task(self.health.keep_beating())
        idling = None if self.idle_s is None else loop.create_task(self._end_when_idle(server, self.idle_s))
        try:
            await server.serve(sockets=self._listeners())
        finally:
            beating.cancel()
            code = IDLE if idling is not None and idling.done() and not idling.cancelled() else 0
            if idling is not None:
                idling.cancel()
            self.flush()
            _leave_even_if_threads_hang(code)
            with contextlib.suppress(Exception):
                await self.close()
        return code

    def _listeners(self) -> list[socket.socket]:
        """Of one that may end for want of work the server gets copies: it closes what it has when it ends to listen."""
        return list(self.sockets) if self.idle_s is None else [each.dup() for each in self.sockets]

    async def _end_when_idle(self, server: _Server, idle_s: float) -> None:
        await server.listening.wait()
        await until_idle(server, idle_s, lambda: server.listen(self._listeners()))
        server.should_exit = True

    def _ready(self) -> None:
        if self.health.phase is Phase.STARTING:
            self.health.phase = Phase.HEALTHY
        self.on_ready()


class _Server(uvicorn.Server):
    """Says when it listens, reads before it ends what has come until then, and leaves the signals to `Stopping`:
    uvicorn's own handlers would raise them again after a clean end, and the process would seem to have been killed."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # While a flow's code kept the event loop to itself nobody took connections, nor read from them.
        await asyncio.sleep(SETTLE_S)
        await super().shutdown(sockets)

    async def listen(self, sockets: list[socket.socket]) -> None:
        """Again, after it had ended to."""
        await super().startup(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def listen_on(host: str, port: int) -> socket.socket:
    """A bound TCP socket, not yet listening: nobody is let in before there is an answer. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def allow_many_connections() -> None:
    """Raise this process's own limit of open files to what the system lets it have. The usual 1,024 are soon used up by
    streams, each of which has a connection, and by what their tools open."""
    try:
        import resource
    except ImportError:
        return  # not a thing of this system
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != most:
        with contextlib.suppress(ValueError, OSError):  # some systems say unlimited and mean less
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def configure_logging() -> None:
    """What an instance says goes to stderr, one line a record: its supervisor keeps that as the instance's log."""
    SECRETS.learn_environment(os.environ)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(HidingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _quiet(logger: logging.Logger) -> None:
    """A stream that broke is logged by `failures`, with its request; uvicorn would say it again without."""
    logger.addFilter(lambda record: "without completing response" not in str(record.msg))


def _leave_even_if_threads_hang(code: int) -> None:
    """A thread of the flow's that never returns must not keep the process: the event loop waits for the threads of its
    executor when it closes, and Python for every thread at its end."""
    sys.stdout.flush()
    sys.stderr.flush()
    timer = threading.Timer(LEAVE_AFTER_S, os._exit, (code,))
    timer.daemon = True
    timer.start()
