"""Environments that are built in no time, or not at all, as the test says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from flowstead.environments.protocol import (
    BuildFailed,
    Building,
    Built,
    EnvironmentRequest,
    EnvironmentState,
)


class InMemoryEnvironments:
    """Keeps the protocol `Environments`. slow: they stay `Building` until `finish`. failures: requirements → how
    building them fails. log: where all builds are said to write."""

    def __init__(
        self,
        *,
        slow: bool = False,
        failures: Mapping[str, BuildFailed] | None = None,
        log: Path = Path("/environments/build.log"),
    ) -> None:
        self.slow = slow
        self.log = log
        self.failures = dict(failures or {})
        self.retried: list[str] = []
        """Requirements that were to be tried again."""
        self._states: dict[str, EnvironmentState] = {}

    def key(self, request: EnvironmentRequest) -> str:
        return hashlib.sha256(request.requirements.encode()).hexdigest()[:20]

    def ensure(self, request: EnvironmentRequest, *, retry_failed: bool = False) -> EnvironmentState:
        key = self.key(request)
        state = self._states.get(key)
        if isinstance(state, BuildFailed) and retry_failed:
            self.retried.append(request.requirements)
            state = None
        if state is None:
            state = Building(self.log)
            self._states[key] = state if self.slow else self._end(request.requirements)
        return self._states[key]

    def finish(self, requirements: str = "") -> None:
        """The build of those requirements ends."""
        self._states[self.key(EnvironmentRequest(requirements))] = self._end(requirements)

    def _end(self, requirements: str) -> EnvironmentState:
        if requirements in self.failures:
            return self.failures[requirements]
        return Built(Path(f"/environments/{self.key(EnvironmentRequest(requirements))}/bin/python"))
