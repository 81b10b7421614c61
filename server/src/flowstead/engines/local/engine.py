"""Instances as processes of this machine, each with a directory under `Home.instances_run`, or another one that the
engine is told.

    {id}/instance.json          what it is; written before it is started; no secrets
    {id}/score.sock health.sock bound by its supervisor
    {id}/ready                  the worker that was ready last
    {id}/stopping               it is to go, and until when it may take (by the clock of the running system, which
                                nobody sets); whoever looks next finishes what the stopper could not wait for

A server that comes later finds every instance by these directories alone.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from flowstead import process_directory, supervise
from flowstead.confine.abilities import Abilities, of_this_host
from flowstead.confine.users import number_for, own_user
from flowstead.containers.calls import client_variables
from flowstead.containers.command import name_of_home, name_prefix
from flowstead.containers.host import ContainerEngine
from flowstead.engines.liveness import AZURE_PROBES, OWES_S, SILENT_S, Probes, why_replaced
from flowstead.engines.local.collected_folder import share_with_group
from flowstead.engines.local.confining import confinement_of
from flowstead.engines.local.contained import Surroundings, container_process, health_path, held_to, removal_of
from flowstead.engines.local.health import Health, HealthWatch
from flowstead.engines.local.process import health_socket, process_spec, score_socket, stop_grace_s
from flowstead.engines.local.sizing import Others, Share, share_of
from flowstead.engines.local.tail import last_lines
from flowstead.engines.local.trash import Trash
from flowstead.engines.protocol import (
    STOP_GRACE_S,
    Contained,
    InstanceEnd,
    InstanceLimits,
    InstanceSpec,
    InstanceState,
    ObservedInstance,
)
from flowstead.errors import StartFailed
from flowstead.limits.host import Enforcement, enforcement_here, group_prefix, host_here
from flowstead.resources.clock import Clock, SystemClock
from flowstead.resources.deployment import ProbeSettings
from flowstead.resources.file_tree import remove_tree
from flowstead.resources.home import Home
from flowstead.resources.inference import Inference
from flowstead.resources.private_file import write_private
from flowstead.supervise import ProcessState, SupervisedProcess
from flowstead.supervise.standstill import Standstill

logger = logging.getLogger(__name__)

_STATES = {
    ProcessState.BACKING_OFF: InstanceState.RESTARTING,
    ProcessState.GAVE_UP: InstanceState.FAILED,
    ProcessState.DORMANT: InstanceState.DORMANT,
    ProcessState.STOPPING: InstanceState.STOPPING,
    ProcessState.LOST: InstanceState.LOST,
}


@dataclass(frozen=True)
class _Card:
    """What `instance.json` holds: the part of an InstanceSpec that may lie on disk."""

    id: str
    endpoint: str
    deployment: str
    deployment_uid: str
    revision: str
    log: Path
    python: Path | None = None
    isolation: str = ""
    user: int = 0
    """The user that it runs as when it has one of its own."""
    limits: InstanceLimits | None = None
    cpus: tuple[int, ...] = ()
    gpus: tuple[int, ...] = ()
    """Which of the machine's it was given; () for all, and for none."""
    health_path: str = "/health"
    inference: Inference | None = None
    removal: tuple[str, ...] = ()
    """The command that removes its container, () for a process."""
    probes: Probes = AZURE_PROBES


class LocalEngine:
    """Keeps the protocol `Engine`. Used by one thread at a time."""

    def __init__(
        self,
        home: Home,
        *,
        clock: Clock | None = None,
        run: Path | None = None,
        abilities: Abilities | None = None,
        enforcement: Enforcement | None = None,
        containers: ContainerEngine | None = None,
    ) -> None:
        """run: where the directories of its instances are, `Home.instances_run` unless given; engines with different
        ones know nothing of each other's. abilities, enforcement: what the host can isolate, and by what it can hold
        instances to their sizes; found out unless given. containers: what starts instances that are containers; those
        that there are need none."""
        self._containers = containers
        self._removals: dict[str, subprocess.Popen[bytes]] = {}
        self._home = home
        self._runs = run or home.instances_run
        self._abilities = abilities
        self._enforcement = enforcement
        self._clock = clock or SystemClock()
        self._health = HealthWatch(self._clock)
        self._standstill = Standstill(self._clock.monotonic)
        self._told: set[str] = set()
        """Instances without a supervisor that know that they are to end."""
        self._trash = Trash(home.scratch / f".{self._runs.name}")
        self._has_looked = False

    def start(self, spec: InstanceSpec) -> None:
        run = self._run(spec.id)
        if _read_card(run) is not None:
            return
        scratch = self._scratch(spec.id)
        for directory in (run, scratch, spec.log.parent, *((spec.collected,) if spec.collected else ())):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if spec.container is not None:
            self._start_container(spec, spec.container, run, scratch)
            return
        abilities = self._abilities or of_this_host()
        cards = self._cards()
        user = own_user(spec.id, {card.user for card in cards})
        confined = confinement_of(
            spec, home=self._home, scratch=scratch, user=user, abilities=abilities, host=os.environ
        )
        try:
            share, limits = self._share(spec, cards)
            process = process_spec(
                spec, run=run, scratch=scratch, log=spec.log, host=os.environ, confinement=confined, share=share
            )
            _write_card(run, _card_of(spec, abilities, user, share, limits))
            if spec.collected is not None and confined is not None and confined.user is not None:
                share_with_group(spec.collected, confined.user[1])
            supervise.start(run, process)
        except StartFailed:
            self._clean_up(run)
            raise

    def _start_container(self, spec: InstanceSpec, container: Contained, run: Path, scratch: Path) -> None:
        if self._containers is None:
            raise StartFailed("The instance is a container, and there is no container engine any more.")
        root = os.geteuid() == 0
        user = own_user(spec.id, {card.user for card in self._cards()}) if root else os.geteuid()
        group = number_for(spec.deployment_uid) if root and spec.collected else user if root else os.getegid()
        around = Surroundings(self._containers, self._home, run, scratch, (user, group), os.environ)
        for folder in around.folders:
            folder.mkdir(mode=0o700, exist_ok=True)
            if root:
                os.chown(folder, user, group)
        if spec.collected is not None and root:
            share_with_group(spec.collected, group)
        _write_card(
            run,
            replace(
                _card_of(spec, Abilities(), 0, None, held_to(spec.size, self._containers)),
                user=user if root else 0,
                isolation=f"container ({self._containers.kind}{', own user' if root else ''})",
                health_path=health_path(container),
                inference=container.inference,
                removal=removal_of(around, spec.id),
            ),
        )
        try:
            supervise.start(run, container_process(spec, container, around))
        except StartFailed:
            self._clean_up(run)
            raise

    def observe(self) -> Sequence[ObservedInstance]:
        """What hangs is ended, and what a stopper could not wait for is finished."""
        if not self._has_looked:
            self._has_looked = True
            self._trash.empty()
        return self._look(acts=True)

    def look(self) -> Sequence[ObservedInstance]:
        """As `observe`, but nothing is done: anybody may look beside the one who acts."""
        return self._look(acts=False)

    def stop(self, instance_id: str, *, patient: bool = False) -> None:
        run = self._run(instance_id)
        if not run.is_dir():
            return
        card = _read_card(run)
        timeout_s = (card.probes if card else AZURE_PROBES).request_timeout_s
        hangs = self._health.useless_s(instance_id, timeout_s) >= SILENT_S
        with contextlib.suppress(FileNotFoundError):
            self._mark_stopping(run, patient=patient and not hangs, longest_s=stop_grace_s(timeout_s))
        self._finish(run)

    def last_log_lines(self, instance_id: str, count: int) -> Sequence[str]:
        card = _read_card(self._run(instance_id))
        return last_lines(card.log, count) if card else ()

    def _look(self, *, acts: bool) -> Sequence[ObservedInstance]:
        instances: list[ObservedInstance] = []
        workers: set[str] = set()
        for run in self._directories():
            card, stopping = _read_card(run), _is_stopping(run)
            if acts and (card is None or stopping) and self._finish(run):
                continue
            if card is None:
                continue
            process = supervise.observe(run)
            state = InstanceState.STOPPING if stopping else self._state(run, process, card, workers, acts=acts)
            if acts and process is not None and state is not InstanceState.READY:
                self._end_standing(process, stopping=stopping)
            instances.append(_describe(card, run, process, state))
        self._health.keep_only(workers)
        return instances

    def _state(
        self, run: Path, process: SupervisedProcess | None, card: _Card, workers: set[str], *, acts: bool
    ) -> InstanceState:
        if process is None:
            # The server died between writing the card and starting the supervisor.
            return InstanceState.LOST
        if process.state is not ProcessState.RUNNING:
            return _STATES[process.state]
        worker = f"{run.name}:{process.pid}:{process.restarts}"
        workers.add(worker)
        memory = run / process_directory.READY_FILE
        health = self._health.ask(worker, health_socket(run), memory, card.probes, card.health_path, remembers=acts)
        if acts:
            self._replace_hung(run, process, health, card.probes)
        if health.ready:
            return InstanceState.READY
        if process.wakes and not health.was_ready:
            return InstanceState.WAKING
        return InstanceState.RESTARTING if process.restarts or health.was_ready else InstanceState.STARTING

    def _replace_hung(self, run: Path, process: SupervisedProcess, health: Health, probes: Probes) -> None:
        """Repeated at each look until the process is another."""
        if process.pid is None:
            return
        stopped = False
        if health.owes_s >= OWES_S:
            stopped = self._standstill.lasts(process.pid)
        else:
            self._standstill.forget(process.pid)
        why = why_replaced(health.answers, probes, self._clock.monotonic(), stopped=stopped)
        if why is not None:
            reason, message = why
            with contextlib.suppress(OSError):  # a full disk
                supervise.end_now(run, process.pid, reason=reason, message=message)

    def _end_standing(self, process: SupervisedProcess, *, stopping: bool) -> None:
        """A supervisor that is stopped hears nothing and starts nothing: without it the instance is lost, and another
        takes its place. A worker that is stopped never ends by itself."""
        supervised = process.state is not ProcessState.LOST
        with contextlib.suppress(ProcessLookupError):
            if supervised and self._standstill.lasts(process.supervisor_pid, family=False):
                logger.warning("The supervisor %d of an instance was stopped and is ended.", process.supervisor_pid)
                os.kill(process.supervisor_pid, signal.SIGKILL)
            elif stopping and process.pid is not None and self._standstill.lasts(process.pid):
                os.killpg(process.pid, signal.SIGKILL)

    def _mark_stopping(self, run: Path, *, patient: bool, longest_s: float) -> None:
        """The first word stands, but one that is less patient."""
        mark = run / "stopping"
        patience_s = longest_s if patient else STOP_GRACE_S
        if not mark.exists() or self._left_s(run) > patience_s:
            write_private(mark, str(self._clock.monotonic() + patience_s).encode())

    def _left_s(self, run: Path) -> float:
        """Of its time to end, seconds; infinite when it is not to end, or an earlier version has left that to its
        supervisor."""
        with contextlib.suppress(OSError, ValueError):
            return float((run / "stopping").read_text()) - self._clock.monotonic()
        return math.inf

    def _finish(self, run: Path) -> bool:
        """Tell it again when the word did not arrive; kill what has used up its time; remove what has ended. Whether
        nothing is left."""
        process, left_s = supervise.observe(run), self._left_s(run)
        if process is not None and process.state is ProcessState.LOST and process.pid and 0 < left_s < math.inf:
            if run.name not in self._told:  # once: some take the second one for haste
                self._told.add(run.name)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGTERM)
            return False
        if process is not None and process.state is not ProcessState.STOPPING:
            supervise.stop(run)
            process = supervise.observe(run)
        if process is None:
            return self._clean_up(run)
        if process.pid is not None and left_s <= 0:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return False

    def _share(self, spec: InstanceSpec, cards: Sequence[_Card]) -> tuple[Share | None, InstanceLimits | None]:
        """What it gets of the machine, and what to say of that. Raises StartFailed."""
        if spec.size is None:
            return None, None
        enforcement = self._enforcement or enforcement_here()
        others = Others([card.cpus for card in cards], [card.gpus for card in cards])
        share = share_of(spec.size, group_prefix(self._runs) + spec.id, enforcement, host_here(), others)
        said = InstanceLimits(
            spec.size.cores, spec.size.memory_bytes, spec.size.gpus, enforcement.means.value, share.throttling
        )
        return share, said

    def _directories(self) -> Iterator[Path]:
        try:
            with os.scandir(self._runs) as entries:
                names = sorted(each.name for each in entries if each.is_dir())
        except FileNotFoundError:
            return
        yield from (_directory(self._runs, name) for name in names)

    def _cards(self) -> list[_Card]:
        return [card for each in self._directories() if (card := _read_card(each))]

    def _clean_up(self, run: Path) -> bool:
        """Whether nothing is left. The scratch folder first: while the run directory is there, a repetition finds what
        is left. It is removed beside: a flow may have made half a million files."""
        if not self._container_is_removed(run):
            return False
        try:
            self._trash.take(self._scratch(run.name))
            remove_tree(run)
            self._told.discard(run.name)
        except OSError as failure:
            logger.warning("Cannot remove what is left of the stopped instance %s: %s", run.name, failure)
        return True

    def _container_is_removed(self, run: Path) -> bool:
        """Its keeper does that, unless it was killed. Never waits: asked again at the next look."""
        card, own = _read_card(run), name_prefix(name_of_home(self._home.root))
        if card is None or not card.removal or not card.removal[-1].startswith(own):  # of a home that this is a copy of
            return True
        removal = self._removals.get(run.name)
        if removal is None:
            try:
                self._removals[run.name] = subprocess.Popen(
                    card.removal,
                    cwd="/",
                    env=client_variables(os.environ),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            except OSError as failure:
                logger.warning("Cannot remove the container of the stopped instance %s: %s", run.name, failure)
                return True
            return False
        if removal.poll() is None:
            return False
        del self._removals[run.name]
        return True

    def _run(self, instance_id: str) -> Path:
        return self._runs / instance_id

    def _scratch(self, instance_id: str) -> Path:
        return self._home.scratch / instance_id


def _card_of(
    spec: InstanceSpec, abilities: Abilities, user: int, share: Share | None, limits: InstanceLimits | None
) -> _Card:
    return _Card(
        id=spec.id,
        endpoint=spec.endpoint,
        deployment=spec.deployment,
        deployment_uid=spec.deployment_uid,
        revision=spec.revision,
        log=spec.log,
        python=spec.python,
        isolation=abilities.words,
        probes=Probes(spec.liveness, spec.readiness, spec.request_settings.request_timeout_s),
        user=user if abilities.own_user else 0,
        limits=limits,
        cpus=share.cpus if share else (),
        gpus=share.gpus if share else (),
    )


def _describe(card: _Card, run: Path, process: SupervisedProcess | None, state: InstanceState) -> ObservedInstance:
    return ObservedInstance(
        id=card.id,
        endpoint=card.endpoint,
        deployment=card.deployment,
        deployment_uid=card.deployment_uid,
        revision=card.revision,
        state=state,
        address=score_socket(run),
        health_address=health_socket(run),
        log=card.log,
        python=card.python,
        pid=process.pid if process else None,
        restarts=process.restarts if process else 0,
        exit_code=process.exit_code if process else None,
        started_at=process.started_at if process else 0.0,
        next_start_at=process.next_start_at if process else None,
        isolation=card.isolation,
        limits=card.limits,
        last_end=_end_of(process),
        inference=card.inference,
    )


def _end_of(process: SupervisedProcess | None) -> InstanceEnd | None:
    end = process.last_end if process else None
    return InstanceEnd(end.at, end.exit_code, end.reason, end.message) if end else None


@lru_cache(4096)
def _directory(runs: Path, name: str) -> Path:
    """The same object each time: it then knows its name as a text."""
    return runs / name


def _is_stopping(run: Path) -> bool:
    return process_directory.stamp(f"{run}/stopping") is not None


def _read_card(run: Path) -> _Card | None:
    file = f"{run}/instance.json"
    stamp = process_directory.stamp(file)
    return _card_in(file, stamp) if stamp else None


@lru_cache(4096)  # each is looked at every second and never changes
def _card_in(file: str, _stamp: tuple[int, int]) -> _Card | None:
    try:
        told = json.loads(Path(file).read_text())
        limits, probes = told.pop("limits", None), told.pop("probes", None)
        removal = tuple(told.pop("removal", ()))
        python, inference = told.pop("python", ""), told.pop("inference", None)
        return _Card(
            **{**told, "log": Path(told["log"])},
            python=Path(python) if python else None,
            inference=Inference(**inference) if inference else None,
            removal=removal,
            limits=InstanceLimits(**limits) if limits else None,
            probes=_probes(probes) if probes else AZURE_PROBES,
        )
    except (OSError, ValueError, TypeError):
        return None


def _probes(written: dict[str, Any]) -> Probes:
    probes = {name: ProbeSettings(**written[name]) for name in ("liveness", "readiness")}
    return Probes(**probes, request_timeout_s=written["request_timeout_s"])


def _write_card(run: Path, card: _Card) -> None:
    write_private(run / "instance.json", json.dumps(asdict(card), default=str).encode())
