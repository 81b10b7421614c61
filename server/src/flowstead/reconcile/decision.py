"""What the reconciler sees of a resource, what it can do, and what it decides: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from flowstead.engines.protocol import ObservedInstance
from flowstead.environments.protocol import EnvironmentState
from flowstead.errors import FlowsteadError, PassingTrouble
from flowstead.resources.deployment import DeploymentStatus, wanted_instances
from flowstead.resources.endpoint import EndpointStatus, ProvisioningState
from flowstead.resources.operation import Operation
from flowstead.store.records import DeploymentRecord, EndpointRecord, Revision


@dataclass(frozen=True)
class ServingView:
    """The revision that serves, while it is not the one that is wanted. artifact, environment: as of a deployment."""

    revision: Revision
    artifact: Path | FlowsteadError
    environment: EnvironmentState | None = None


@dataclass(frozen=True)
class DeploymentView:
    """A deployment as it stands.

    worked_s, stood_s: how long somebody has worked for this generation, and how long the walk has now stood at the
    phase of its status, seconds. Measured, not computed from times of day: no clock that is set changes them, and the
    time without a server does not count.
    artifact: the folder of its flow, or why there is none. environment: None when it was not asked for.
    denied: which role its endpoint's identity lacks, None when it has all. connections: why those that it needs cannot
    be had, None when they can.
    target: the revision that its instances shall run. serving: the one that serves until then, None when it is the
    same or none does. instances: all that carry its uid.
    routed: addresses that the gateway has taken for it; None when the gateway has taken nothing yet.
    unrouted_for: instance id → seconds since it left the routes. last_words: instance id → the last log lines of one
    that has failed, without secrets.
    """

    record: DeploymentRecord
    now: datetime
    target: str
    artifact: Path | FlowsteadError
    environment: EnvironmentState | None
    denied: FlowsteadError | None = None
    connections: FlowsteadError | None = None
    serving: ServingView | None = None
    instances: tuple[ObservedInstance, ...] = ()
    operation: Operation | None = None
    routed: frozenset[str] | None = None
    unrouted_for: Mapping[str, float] = field(default_factory=dict)
    last_words: Mapping[str, str] = field(default_factory=dict)
    worked_s: float = 0.0
    stood_s: float = 0.0
    has_files: bool = False

    @property
    def wanted(self) -> int:
        """How many instances of the target shall run."""
        return wanted_instances(self.record.spec, self.record.status)

    @property
    def first_look(self) -> bool:
        """Nothing has been decided about the present specification yet."""
        return self.record.observed_generation < self.record.generation

    @property
    def settled(self) -> bool:
        """Its operation has ended: what is done now keeps things as they should be."""
        return not self.first_look and _has_ended(self.record.status)

    @property
    def held_up(self) -> bool:
        """Trouble of this machine was in its way at the last look: what has failed is tried again."""
        return not self.first_look and of_passing_trouble(self.record.status)


@dataclass(frozen=True)
class EndpointView:
    """An endpoint as it stands. worked_s: as of a deployment. published: the gateway has taken it just as it is wanted;
    for an endpoint that is being deleted: the gateway knows nothing of it any more. children: deployments that still
    have rows."""

    record: EndpointRecord
    now: datetime
    published: bool
    worked_s: float = 0.0
    children: int = 0
    operation: Operation | None = None
    has_files: bool = False

    @property
    def first_look(self) -> bool:
        return self.record.observed_generation < self.record.generation

    @property
    def settled(self) -> bool:
        return not self.first_look and _has_ended(self.record.status)


@dataclass(frozen=True)
class StartInstance:
    """Start one more instance of that revision: the target, or the one that serves until the target does."""

    revision: str


@dataclass(frozen=True)
class StopInstance:
    """patient: it may still be answering requests, and shall."""

    instance_id: str
    patient: bool = False


@dataclass(frozen=True)
class RemoveFiles:
    """Remove what is left of the resource on disk: its logs."""


@dataclass(frozen=True)
class RemoveRows:
    """Take the resource out of the store; its deletion has succeeded."""


Action: TypeAlias = StartInstance | StopInstance | RemoveFiles | RemoveRows


@dataclass(frozen=True)
class Proceed:
    """The phase holds."""


@dataclass(frozen=True)
class Act:
    """The phase does not hold yet: do this, and wait. serve: the revision that requests shall go to from now.
    explanation: sentences that say more than what is waited for."""

    waiting_for: str
    actions: tuple[Action, ...] = ()
    serve: str | None = None
    explanation: str = ""


@dataclass(frozen=True)
class Fail:
    """The phase can't be brought to hold. instance_id: whose last log lines tell why."""

    error: FlowsteadError
    instance_id: str | None = None


Outcome: TypeAlias = Proceed | Act | Fail


@dataclass(frozen=True)
class Decision:
    """actions: to be carried out, in order, before the status is recorded. status: None when it is as it was.
    failure: the operation ends Failed with it. done: the operation ends Succeeded."""

    actions: tuple[Action, ...] = ()
    status: DeploymentStatus | EndpointStatus | None = None
    failure: Fail | None = None
    done: bool = False


def of_passing_trouble(status: DeploymentStatus | EndpointStatus) -> bool:
    """What it says went wrong passes, and is tried again then."""
    return (status.error or {}).get("code") in PassingTrouble.codes()


def _has_ended(status: DeploymentStatus | EndpointStatus) -> bool:
    failed = status.provisioning_state is ProvisioningState.FAILED
    return status.provisioning_state.terminal and not (failed and of_passing_trouble(status))
