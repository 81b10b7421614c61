"""The instances in which flows are tried out: one for each state of a flow, kept warm while it is used.

They belong to this server alone and survive nothing: the next one stops what it finds.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom

from flowstead.engines.protocol import Engine, InstanceSpec, InstanceState, ObservedInstance
from flowstead.environments.protocol import BuildFailed, Building, Built, EnvironmentRequest, Environments
from flowstead.errors import ImageBuildFailure, TooManyTests
from flowstead.flow_tests.endings import told, why_not_started
from flowstead.resources.clock import Clock
from flowstead.resources.deployment import FLOW_MAX_TIMEOUT_S, RequestSettings
from flowstead.resources.home import Home

log = logging.getLogger("flowstead.flow_tests")

IDLE_S = 300.0
"""How long an instance stays warm when nobody uses it, seconds."""
MOST = 4
"""Instances at a time: each has the memory of a deployment's."""
MOST_EACH = 3
"""Of these, in use by tests of one principal."""
_VARIABLES = {"FLOWSTEAD_TEST_INSTANCE": "1"}
"""What makes an instance tell of its nodes."""
_LOG_LINES = 30
_ID_LETTERS = string.ascii_lowercase + string.digits
_ALIVE = (InstanceState.STARTING, InstanceState.RESTARTING, InstanceState.READY)


@dataclass(frozen=True)
class Wanted:
    """What is to be tried out. flow: the uid of the resource. folder: a snapshot that never changes. environment: the
    packages it needs. variables: of the process, secrets in clear. by: the object id of who tries it out."""

    flow: str
    name: str
    folder: Path
    environment: EnvironmentRequest
    variables: Mapping[str, str] = field(repr=False)
    by: str = ""


@dataclass(frozen=True)
class Preparing:
    """Not yet. phase: BuildingEnvironment or StartingInstance."""

    phase: str


@dataclass(frozen=True)
class Held:
    """An instance that answers, and that stays until it is released. address: of its Unix socket."""

    id: str
    address: str


@dataclass
class _Instance:
    """One that this server has started. holders: tests that run in it. outdated: the flow has changed since."""

    wanted: Wanted
    key: str
    used_at: float
    holders: int = 0
    outdated: bool = False


class FlowTests:
    """Safe to use from several threads; nothing waits for an instance."""

    def __init__(
        self,
        *,
        engine: Engine,
        environments: Environments,
        home: Home,
        clock: Clock,
        salt: bytes,
        random: Random | None = None,
        idle_s: float = IDLE_S,
        most: int = MOST,
        most_each: int = MOST_EACH,
    ) -> None:
        """engine: one of their own, beside that of the deployments. salt: known to this server only."""
        self._engine, self._environments = engine, environments
        self._home, self._clock, self._salt = home, clock, salt
        self._random = random or SystemRandom()
        self._idle_s, self._most, self._most_each = idle_s, most, most_each
        self._instances: dict[str, _Instance] = {}
        self._lock = threading.Lock()
        self.closed = False

    def close(self) -> None:
        """The server ends: tests that run are cut off."""
        self.closed = True

    def hold(self, wanted: Wanted, *, first: bool) -> Held | Preparing:
        """An instance for it, or what it waits for: to be asked again then. first: nobody has asked before, so an
        environment that could not be built is tried again.

        Raises TooManyTests, ImageBuildFailure, UserScriptInitFailed, UserScriptImportError,
        DeploymentCrashLoopBackOff."""
        with self._lock:
            state = self._environments.ensure(wanted.environment, retry_failed=first)
            if isinstance(state, BuildFailed):
                raise ImageBuildFailure(state.message, hint=state.next_step, details=state.output)
            if isinstance(state, Building):
                return Preparing("BuildingEnvironment")
            return self._hold(wanted, state)

    def release(self, id: str) -> None:
        """The test is over."""
        with self._lock:
            instance = self._instances.get(id)
            if instance is None:
                return
            instance.holders -= 1
            instance.used_at = self._clock.monotonic()
            if instance.outdated and instance.holders <= 0:
                self._stop(id)

    def give_up(self, id: str) -> None:
        """It does not answer: nobody else is to get it."""
        with self._lock:
            if (instance := self._instances.get(id)) is not None:
                instance.outdated = True

    def forget(self, flow: str) -> None:
        """The flow is gone, and its tests with it."""
        with self._lock:
            for id in [id for id, each in self._instances.items() if each.wanted.flow == flow]:
                self._stop(id)

    def last_words(self, id: str) -> str:
        """The end of the instance's log, for an error's details, without secrets."""
        with self._lock:
            instance = self._instances.get(id)
            if instance is None:
                return ""
            return told(self._engine.last_log_lines(id, _LOG_LINES), instance.wanted.variables)

    def look(self) -> bool:
        """Stop what has been idle for long, what has died and what an earlier server has left; carry on with what is
        being stopped. Called again and again. True while there is anything."""
        with self._lock:
            observed = self._engine.observe()
            now = self._clock.monotonic()
            for each in observed:
                mine = self._instances.get(each.id)
                idle = mine is not None and mine.holders <= 0 and now - mine.used_at >= self._idle_s
                if each.state is not InstanceState.STOPPING and (mine is None or idle or each.state not in _ALIVE):
                    self._stop(each.id)
            present = {each.id for each in observed}
            for id in self._instances.keys() - present:
                del self._instances[id]
            self._remove_logs(present)
            return bool(observed)

    def stop_all(self) -> None:
        """Begin to stop every one; `look` carries on."""
        with self._lock:
            for each in self._engine.observe():
                self._stop(each.id)

    def _hold(self, wanted: Wanted, environment: Built) -> Held | Preparing:
        key = self._key(wanted, environment)
        observed = {each.id: each for each in self._engine.observe() if each.state is not InstanceState.STOPPING}
        for id, mine in list(self._instances.items()):
            if mine.key == key and id in observed and not mine.outdated:
                return self._answer(id, mine, observed[id])
        self._make_room(wanted, observed)
        id = "".join(self._random.choices(_ID_LETTERS, k=12))
        self._engine.start(self._spec(id, key, wanted, environment))
        self._instances[id] = _Instance(wanted, key, self._clock.monotonic())
        return Preparing("StartingInstance")

    def _answer(self, id: str, mine: _Instance, observed: ObservedInstance) -> Held | Preparing:
        mine.used_at = self._clock.monotonic()
        if observed.state is InstanceState.READY:
            mine.holders += 1
            return Held(id, observed.address)
        if observed.state in _ALIVE:
            return Preparing("StartingInstance")
        failure = why_not_started(observed, self._engine.last_log_lines(id, _LOG_LINES), mine.wanted.variables)
        self._stop(id)
        raise failure

    def _make_room(self, wanted: Wanted, observed: Mapping[str, ObservedInstance]) -> None:
        """An older state of the same flow goes; beyond the bound, the one that was used longest ago."""
        for id, each in list(self._instances.items()):
            if each.wanted.flow == wanted.flow:
                each.outdated = True
                if each.holders <= 0:
                    self._stop(id)
        present = [id for id in self._instances if id in observed]
        idle = sorted(
            (id for id in present if self._instances[id].holders <= 0), key=lambda id: self._instances[id].used_at
        )
        in_use = [id for id in present if self._instances[id].holders > 0]
        if sum(self._instances[id].wanted.by == wanted.by for id in in_use) >= self._most_each:
            raise TooManyTests(f"You are trying out {self._most_each} flows already.")
        surplus = len(present) + 1 - self._most
        if surplus > len(idle):
            raise TooManyTests(f"{len(present)} flows are being tried out already.")
        for id in idle[: max(0, surplus)]:
            self._stop(id)

    def _spec(self, id: str, key: str, wanted: Wanted, environment: Built) -> InstanceSpec:
        return InstanceSpec(
            id=id,
            endpoint=wanted.name,
            deployment="test",
            deployment_uid=wanted.flow,
            revision=key,
            flow=wanted.folder,
            python=environment.python,
            environment={**wanted.variables, **_VARIABLES},
            request_settings=RequestSettings(request_timeout_s=FLOW_MAX_TIMEOUT_S),
            log=self._logs / f"{id}.log",
        )

    def _stop(self, id: str) -> None:
        self._instances.pop(id, None)
        try:
            self._engine.stop(id)
        except Exception:
            log.exception("The test instance %s cannot be stopped; it is tried again.", id)

    def _key(self, wanted: Wanted, environment: Built) -> str:
        """What makes two instances interchangeable; nothing of the variables can be guessed from it."""
        identity = [wanted.flow, str(wanted.folder), str(environment.python), sorted(wanted.variables.items())]
        return hmac.new(self._salt, json.dumps(identity).encode(), hashlib.sha256).hexdigest()[:12]

    @property
    def _logs(self) -> Path:
        return self._home.logs / "tests"

    def _remove_logs(self, present: set[str]) -> None:
        if self._logs.is_dir():
            for file in self._logs.glob("*.log"):
                if file.stem not in present and file.stem not in self._instances:
                    file.unlink(missing_ok=True)
