"""`down`: the server, then the gateway, then the instances, in this order, so that no request is cut."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from flowstead.engines.local import LocalEngine
from flowstead.engines.protocol import InstanceState
from flowstead.errors import StartFailed
from flowstead.gateway.life import DRAIN_S
from flowstead.gateway.process import EnvoyGateway
from flowstead.launch.addresses import read_settings
from flowstead.launch.door import door_of
from flowstead.launch.lock import HomeLock, find_holder
from flowstead.resources.home import Home
from flowstead.resources.settings import ServerSettings

_SERVER_ENDS_WITHIN_S = 20.0
_INSTANCES_END_WITHIN_S = 30.0
"""Ten seconds of grace, the kill, and room for a busy machine."""
_POLL_S = 0.03


@dataclass(frozen=True)
class TornDown:
    """What was running and has ended. server: its pid, 0 for none; cut: requests that were not answered to the end."""

    server: int
    gateway: bool
    instances: int
    cut: int = 0

    @property
    def anything(self) -> bool:
        return bool(self.server or self.gateway or self.instances)


def tear_down(
    home: Home,
    *,
    say: Callable[[str], None] = lambda _: None,
    drain_s: float = DRAIN_S,
    hurry: Callable[[], bool] = lambda: False,
) -> TornDown:
    """End everything of this home, whatever of it is still alive. say: told each step; drain_s: how long requests and
    streams may take that are being answered, unless there is hurry. Raises StartFailed when a process will not end."""
    if not home.root.is_dir():
        return TornDown(0, gateway=False, instances=0)
    server = _end_server(home, say)
    with HomeLock.take(home):
        return _tear_down_locked(home, server, say, drain_s, hurry)


def tear_down_rest(
    home: Home, *, say: Callable[[str], None] = lambda _: None, hurry: Callable[[], bool] = lambda: False
) -> TornDown:
    """The same for a process that was the server itself and still holds the home's lock."""
    return _tear_down_locked(home, os.getpid(), say, DRAIN_S, hurry)


def _tear_down_locked(
    home: Home, server: int, say: Callable[[str], None], drain_s: float, hurry: Callable[[], bool]
) -> TornDown:
    settings = read_settings(home) or ServerSettings()
    gateway = EnvoyGateway(home, door_of(home, settings))
    had_gateway = home.gateway_run.is_dir() and gateway.observe() is not None
    if had_gateway:
        say("Draining the gateway")
    cut = gateway.stop(drain_s, hurry)
    instances = _end_instances(home, say, hurry)
    # Sockets, and the gateway's files, which hold keys: the next server publishes them anew.
    shutil.rmtree(home.run, ignore_errors=True)
    return TornDown(server, had_gateway, instances, cut)


def _end_server(home: Home, say: Callable[[str], None]) -> int:
    """SIGTERM to the server that holds the lock; SIGKILL when it does not let go. Its pid, 0 for none."""
    holder = find_holder(home)
    if holder is None:
        return 0
    say("Stopping the server")
    told: psutil.Process | None = None
    give_up_at = time.monotonic() + _SERVER_ENDS_WITHIN_S
    while holder is not None:
        if holder.pid and (told is None or holder.pid != told.pid):
            told = _tell(holder.pid, signal.SIGTERM) or told
        if time.monotonic() > give_up_at:
            if not holder.pid:
                raise StartFailed(f"Another Flowstead is starting or stopping on {home.root} and does not end.")
            _tell(holder.pid, signal.SIGKILL)
        time.sleep(_POLL_S)
        holder = find_holder(home)
    if told is None:
        return 0
    while _is_alive(told) and time.monotonic() < give_up_at:  # it lets go of the lock a little before its end
        time.sleep(_POLL_S)
    return told.pid


def _end_instances(home: Home, say: Callable[[str], None], hurry: Callable[[], bool]) -> int:
    engines = (LocalEngine(home), LocalEngine(home, run=home.tests_run))
    counts = [_end_all(engine, say, hurry) for engine in engines]
    return sum(counts)


def _end_all(engine: LocalEngine, say: Callable[[str], None], hurry: Callable[[], bool]) -> int:
    left = engine.observe()
    if left:
        say(f"Stopping {len(left)} instance{'s' if len(left) > 1 else ''}")
    count = len(left)
    for instance in left:
        engine.stop(instance.id)
    give_up_at = time.monotonic() + _INSTANCES_END_WITHIN_S
    while left:
        if time.monotonic() > give_up_at:
            raise StartFailed(f"Instances do not end: processes {', '.join(str(i.pid) for i in left)}.")
        time.sleep(_POLL_S)
        left = engine.observe()
        for instance in left:
            if instance.state is InstanceState.LOST:
                engine.stop(instance.id)
            elif hurry() and instance.pid is not None:
                with suppress(ProcessLookupError):
                    os.killpg(instance.pid, signal.SIGKILL)
    return count


def _tell(pid: int, number: int) -> psutil.Process | None:
    """Send the signal; None when there is no such process any more."""
    try:
        process = psutil.Process(pid)
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return None
    return process


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
