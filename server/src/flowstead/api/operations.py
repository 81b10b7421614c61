"""Long-running operations: how far they are, and how they ended."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from flowstead.api.arm import RETRY_AFTER, operation_url
from flowstead.api.context import PROVIDER, Context, Here, Needs, context_of
from flowstead.api.readable import readable
from flowstead.errors import ResourceNotFound
from flowstead.resources.deployment import PHASE_NAMES
from flowstead.resources.operation import Operation, OperationState
from flowstead.resources.principal import Principal
from flowstead.store import Reading

_LOCATION = f"/subscriptions/{{subscription}}/providers/{PROVIDER}/locations/{{location}}"
router = APIRouter(tags=["operations"])


class _NeedsToRead(Needs):
    """The action, or reading what the operation is about, or having begun it: operations lie outside of the workspace,
    whoever may change what is in it shall see how that goes, and roles on a resource end before its deletion does."""

    def __call__(self, request: Request) -> Principal:
        principal: Principal | None = getattr(request.state, "principal", None)
        with context_of(request).store.reading() as tx:
            found = tx.operation(_id(request.path_params["operation"]))
            if principal is not None and found is not None and _may_follow(principal, found, tx):
                return principal
        return super().__call__(request)


def _may_follow(principal: Principal, operation: Operation, tx: Reading) -> bool:
    return readable(principal, operation.resource_id) or tx.history.began(operation.id, principal.object_id)


@router.get(
    _LOCATION + "/mfeOperationsStatus/{operation}",
    dependencies=[Depends(_NeedsToRead("locations/mfeOperationsStatus/read"))],
)
def operation_status(operation: str, here: Here) -> JSONResponse:
    """Where it stands; `properties` holds the phase and the seconds that each phase took."""
    found = _find(here, operation)
    running = not found.state.terminal
    return JSONResponse(_show(found), headers={"Retry-After": RETRY_AFTER} if running else {})


@router.get(
    _LOCATION + "/mfeOperationResults/{operation}",
    dependencies=[Depends(_NeedsToRead("locations/mfeOperationResults/read"))],
)
def operation_result(operation: str, here: Here) -> Response:
    """202 while it runs, 200 when it has succeeded, its error when it has not."""
    found = _find(here, operation)
    if found.state is OperationState.SUCCEEDED:
        return JSONResponse(_show(found))
    if found.state.terminal:
        return JSONResponse({"error": dict(found.error or {})}, status_code=400)
    location = operation_url(here, found, "mfeOperationResults")
    return Response(status_code=202, headers={"Location": location, "Retry-After": RETRY_AFTER})


def percent_complete(operation: Operation) -> int:
    """Of the phases of a deployment; an operation that has only one is at 0 until its end."""
    if operation.state.terminal:
        return 100
    return min(99, len(operation.phase_times or {}) * 100 // len(PHASE_NAMES))


def _find(here: Context, name: str) -> Operation:
    with here.store.reading() as tx:
        found = tx.operation(_id(name))
    if found is None:
        raise ResourceNotFound(f"There is no operation {name}.", hint="Operations are kept for 30 days.")
    return found


def _id(name: str) -> str:
    return name.removeprefix("oe:")


def _show(operation: Operation) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": f"/subscriptions/{operation.resource_id.split('/')[2]}/providers/{PROVIDER}"
        f"/locations/local/mfeOperationsStatus/oe:{operation.id}",
        "name": f"oe:{operation.id}",
        "status": operation.state.value,
        "startTime": operation.started_at,
        "percentComplete": percent_complete(operation),
        "resourceId": operation.resource_id,
        "properties": {"phase": operation.phase, "phaseTimes": dict(operation.phase_times or {})},
    }
    if operation.ended_at is not None:
        shown["endTime"] = operation.ended_at
    if operation.error is not None:
        shown["error"] = dict(operation.error)
    return shown
