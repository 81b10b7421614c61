"""Deployments and instances as a decision may find them, and what it decided. Plain data."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flowstead.engines.protocol import InstanceState, ObservedInstance
from flowstead.environments.protocol import Built
from flowstead.reconcile.decision import Act, Decision, DeploymentView, StartInstance, StopInstance
from flowstead.resources.clock import iso
from flowstead.resources.deployment import Condition, DeploymentSpec, DeploymentStatus
from flowstead.resources.operation import Operation, OperationKind
from flowstead.store.records import DeploymentRecord, Kind, Record

START, READY, RESTARTING = InstanceState.STARTING, InstanceState.READY, InstanceState.RESTARTING
DORMANT, WAKING = InstanceState.DORMANT, InstanceState.WAKING
FAILED, STOPPING, LOST = InstanceState.FAILED, InstanceState.STOPPING, InstanceState.LOST
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CREATE = Operation("op", OperationKind.CREATE, "id", 1, started_at=iso(NOW))
UPDATE = replace(CREATE, kind=OperationKind.UPDATE)


def ago(seconds: float) -> str:
    return iso(NOW - timedelta(seconds=seconds))


def since(moment: str) -> float:
    return (NOW - datetime.fromisoformat(moment)).total_seconds()


def instance(id: str, state: InstanceState = READY, revision: str = "new", **more: Any) -> ObservedInstance:
    return ObservedInstance(
        id=id,
        endpoint="chat",
        deployment="blue",
        deployment_uid="uid",
        revision=revision,
        state=state,
        address=f"/{id}",
        health_address=f"/{id}-health",
        log=Path("/log"),
        **more,
    )


def deployment(
    *, count: int = 1, seen: bool = True, deleting: bool = False, spec: dict[str, Any] | None = None, **status: Any
) -> DeploymentRecord:
    """seen: a decision about the present generation has been recorded."""
    return Record(
        id="/endpoints/chat/deployments/blue",
        kind=Kind.DEPLOYMENT,
        parent_id="/endpoints/chat",
        name="blue",
        uid="uid",
        spec=DeploymentSpec(model="m", instance_count=count, **(spec or {})),
        status=DeploymentStatus(**status),
        generation=2,
        observed_generation=2 if seen else 1,
        etag="",
        deleting=deleting,
        created_at=ago(100),
        created_by="",
        modified_at=ago(100),
        modified_by="",
    )


def view(record: DeploymentRecord | None = None, *instances: ObservedInstance, **more: Any) -> DeploymentView:
    """Of a deployment whose target is `new` and whose environment and files are there; somebody has worked for it all
    the time that its record tells of."""
    record = record or deployment()
    given: dict[str, Any] = {
        "now": NOW,
        "worked_s": since(record.modified_at),
        "target": "new",
        "artifact": Path("/flow"),
        "environment": Built(Path("/python")),
        "operation": UPDATE,
        "routed": frozenset[str](),
        **more,
    }
    return DeploymentView(record=record, instances=instances, **given)


def held(*names: str, since: float = 1.0) -> tuple[Condition, ...]:
    return tuple(Condition(name, True, at=ago(since)) for name in names)


def stops(outcome: Act | Decision) -> list[str]:
    return [each.instance_id for each in outcome.actions if isinstance(each, StopInstance)]


def starts(outcome: Act | Decision) -> int:
    return sum(isinstance(each, StartInstance) for each in outcome.actions)


def act(outcome: object) -> Act:
    assert isinstance(outcome, Act), outcome
    return outcome


def status_of(decision: Decision) -> DeploymentStatus:
    assert isinstance(decision.status, DeploymentStatus)
    return decision.status
