"""Operation: a long-running change, persisted, so that it can be polled after a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class OperationState(StrEnum):
    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def terminal(self) -> bool:
        return self is not self.IN_PROGRESS


class OperationKind(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REGENERATE_KEY = "regenerateKey"
    STOP = "stop"
    START = "start"


@dataclass(frozen=True)
class Operation:
    """resource_id: whose; generation: of the specification that it brings about.
    phase: the phase in progress; phase_times: phase → seconds. error: {code, message} when Failed or Canceled.
    Times are ISO 8601 with Z."""

    id: str
    kind: OperationKind
    resource_id: str
    generation: int
    state: OperationState = OperationState.IN_PROGRESS
    phase: str = ""
    phase_times: Mapping[str, float] | None = None
    error: Mapping[str, str] | None = None
    started_at: str = ""
    ended_at: str | None = None
