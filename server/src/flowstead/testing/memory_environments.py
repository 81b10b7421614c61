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
        return hashlib.sha256(f"{request.python}{_lines(request)}".encode()).hexdigest()[:20]

    def ensure(self, request: EnvironmentRequest, *, retry_failed: bool = False) -> EnvironmentState:
        key = self.key(request)
        state = self._states.get(key)
        if isinstance(state, BuildFailed) and retry_failed:
            self.retried.append(_lines(request))
            state = None
        if state is None:
            state = Building(self.log)
            self._states[key] = state if self.slow else self._end(_lines(request), key)
        return self._states[key]

    def look(self, request: EnvironmentRequest) -> EnvironmentState | None:
        return self._states.get(self.key(request))

    def finish(self, requirements: str = "") -> None:
        """The build of those requirements ends."""
        key = self.key(EnvironmentRequest(requirements))
        self._states[key] = self._end(requirements, key)

    def finish_all(self) -> None:
        """All builds end well."""
        self._states = {key: Built(Path(f"/environments/{key}/bin/python"), self.log) for key in self._states}

    def _end(self, requirements: str, key: str) -> EnvironmentState:
        if requirements in self.failures:
            return self.failures[requirements]
        return Built(Path(f"/environments/{key}/bin/python"))


def _lines(request: EnvironmentRequest) -> str:
    return request.base + request.requirements
