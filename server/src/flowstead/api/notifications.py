"""Long-running operations as a user hears of them: what is done, how far it is, how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from flowstead.api.arm import page, shown_state
from flowstead.api.context import PROVIDER, SITE, Context, Here, Needs
from flowstead.api.operations import percent_complete
from flowstead.api.readable import readable
from flowstead.api.stages import stages_of_others
from flowstead.resources.operation import Operation, OperationKind
from flowstead.resources.principal import Principal
from flowstead.store import Reading
from flowstead.store.records import Kind

MAX_NOTIFICATIONS = 1000
"""Of the newest operations; all are kept for 30 days."""
_DOING = {
    OperationKind.CREATE: "Creating",
    OperationKind.UPDATE: "Updating",
    OperationKind.DELETE: "Deleting",
    OperationKind.REGENERATE_KEY: "Replacing a key of",
    OperationKind.STOP: "Stopping",
    OperationKind.START: "Starting",
}
router = APIRouter(tags=["notifications"])


@router.get(SITE + "/notifications")
def list_notifications(
    request: Request, here: Here, reader: Annotated[Principal, Depends(Needs("workspaces/notifications/read"))]
) -> dict[str, Any]:
    """The operations, newest first. A deployment's has three stages: its endpoint, its model, itself."""
    with here.store.reading() as tx:
        kept = tx.history.operations(limit=MAX_NOTIFICATIONS)
        made = {each.resource_id: each for each in kept if each.kind is OperationKind.CREATE}
        found = [each for each in kept if readable(reader, each.resource_id)]
        wholes = stages_of_others(kept, tx.history.changes_by)
        return page(request, found, lambda each: _show(tx, here, each, made, wholes))


def _show(
    tx: Reading, here: Context, operation: Operation, made: Mapping[str, Operation], wholes: Mapping[str, str]
) -> dict[str, Any]:
    """made: by resource, the operation that created it. wholes: by id, the operation of which it is a stage."""
    properties: dict[str, Any] = {
        "title": _title(operation),
        "operation": operation.kind.value,
        "resourceId": operation.resource_id,
        "status": operation.state.value,
        "percentComplete": percent_complete(operation),
        "phase": operation.phase,
        "phaseTimes": dict(operation.phase_times or {}),
        "startTime": operation.started_at,
        "stages": list(_stages(tx, operation, made)),
    }
    if operation.ended_at is not None:
        properties["endTime"] = operation.ended_at
    if operation.error is not None:
        properties["error"] = dict(operation.error)
    if operation.id in wholes:
        properties["partOf"] = f"{here.workspace.path}/notifications/{wholes[operation.id]}"
    return {
        "id": f"{here.workspace.path}/notifications/{operation.id}",
        "name": operation.id,
        "type": f"{PROVIDER}/workspaces/notifications",
        "properties": properties,
    }


def _stages(tx: Reading, operation: Operation, made: Mapping[str, Operation]) -> Iterator[dict[str, Any]]:
    noun, _ = _named(operation)
    if _deploys(operation):
        yield from _stages_before(tx, operation, made)
    article = "an" if noun[:1] in "aeiou" else "a"
    name = f"{_DOING[operation.kind]} {article} {noun}"
    yield _stage(name, operation.state.value, operation.started_at, operation.ended_at)


def _stages_before(tx: Reading, operation: Operation, made: Mapping[str, Operation]) -> Iterator[dict[str, Any]]:
    """What had to be there first. Nothing is said of what is gone since."""
    endpoint = tx.find(Kind.ENDPOINT, operation.resource_id.rpartition("/deployments/")[0])
    if endpoint is not None:
        state = shown_state(endpoint)
        status = state if state in ("Succeeded", "Failed", "Canceled") else "InProgress"
        making = made.get(endpoint.id)
        yield _stage("Creating an endpoint", status, endpoint.created_at, making.ended_at if making else None)
    deployment = tx.find(Kind.DEPLOYMENT, operation.resource_id)
    model = tx.find(Kind.MODEL_VERSION, deployment.spec.model) if deployment is not None else None
    if model is not None:
        yield _stage("Registering a model", "Succeeded", model.created_at, model.created_at)


def _stage(name: str, status: str, start: str, end: str | None) -> dict[str, Any]:
    """end: None while it lasts, and when it is not known any more."""
    return {"name": name, "status": status, "startTime": start} | ({"endTime": end} if end else {})


def _title(operation: Operation) -> str:
    noun, name = _named(operation)
    if _deploys(operation):
        return f"Prompt flow deployment {name}"  # as Azure's portal begins it
    return f"{_DOING[operation.kind]} the {noun} {name}"


def _deploys(operation: Operation) -> bool:
    noun, _ = _named(operation)
    return noun == "deployment" and operation.kind in (OperationKind.CREATE, OperationKind.UPDATE)


def _named(operation: Operation) -> tuple[str, str]:
    """`…/onlineEndpoints/e/deployments/d` → ("deployment", "e/d")."""
    below: Sequence[str] = operation.resource_id.partition("/workspaces/")[2].split("/")[1:]
    nouns = {"onlineendpoints": "endpoint", "deployments": "deployment"}
    return nouns.get(below[-2].lower(), below[-2]), "/".join(below[1::2])
