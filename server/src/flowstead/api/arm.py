"""The shapes that all ARM answers share: resources, lists, long-running operations."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from flowstead.api.context import PROVIDER, Context, context_of
from flowstead.errors import BadArgument
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.operation import Operation
from flowstead.store.records import AnyRecord

RETRY_AFTER = "1"
"""Seconds between polls; without the header the SDK polls an endpoint every 30 s, and takes 0 for none."""
_MAX_PAGE = 200
_ORDER = re.compile(r"(?P<what>created|updated)(?:at|time)? ?(?P<way>asc|desc)")
Item = TypeVar("Item")


def envelope(record: AnyRecord, type_below: str, properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A resource as ARM shows it. type_below: `workspaces/onlineEndpoints`."""
    return {
        "id": record.id,
        "name": record.name,
        "type": f"{PROVIDER}/{type_below}",
        **more,
        "properties": dict(properties),
        # Both times or none at all: half of it breaks the SDK.
        "systemData": {
            "createdBy": record.created_by,
            "createdByType": "Application",
            "createdAt": record.created_at,
            "lastModifiedBy": record.modified_by,
            "lastModifiedByType": "Application",
            "lastModifiedAt": record.modified_at,
        },
    }


def shown_state(record: AnyRecord) -> str:
    """provisioningState: what the status says, unless the user has asked for something since."""
    if record.deleting:
        return ProvisioningState.DELETING.value
    if record.observed_generation == 0:
        return ProvisioningState.CREATING.value
    if record.observed_generation < record.generation:
        return ProvisioningState.UPDATING.value
    state: ProvisioningState = record.status.provisioning_state
    return state.value


def page(request: Request, items: Sequence[Item], show: Callable[[Item], dict[str, Any]]) -> dict[str, Any]:
    """`{"value": […][, "nextLink"]}`. `$skip` (or `skip`) says how many to leave out, `$top` how many there shall be
    then on all pages together, `count` how many on this one."""
    given = dict(request.query_params)
    skip = _number(request, "$skip" if "$skip" in given else "skip", 0, least=0)
    top = _number(request, "$top", len(items), least=1)
    count = min(_number(request, "count", _MAX_PAGE, least=1), _MAX_PAGE)
    wanted = items[skip : skip + top]
    answer: dict[str, Any] = {"value": [show(item) for item in wanted[:count]]}
    if len(wanted) > count:
        given.pop("skip", None)
        query = {**given, "$skip": str(skip + count)} | ({"$top": str(top - count)} if "$top" in given else {})
        answer["nextLink"] = f"{context_of(request).base_url}{request.url.path}?{urlencode(query)}"
    return answer


def accepted(context: Context, operation: Operation) -> Response:
    """202 to a DELETE or POST whose work is still to be done."""
    return Response(status_code=202, headers=_operation_headers(context, operation, location=True))


def put_answer(
    context: Context, record: AnyRecord, body: Mapping[str, Any], operation: Operation | None, *, created: bool
) -> JSONResponse:
    """201 or 200 to a PUT; with an operation, also where to poll it."""
    headers = {"ETag": record.etag}
    if operation is not None:
        headers |= _operation_headers(context, operation, location=False)
    return JSONResponse(body, status_code=201 if created else 200, headers=headers)


def resource_answer(record: AnyRecord, body: Mapping[str, Any]) -> JSONResponse:
    return JSONResponse(body, headers={"ETag": record.etag})


def operation_url(context: Context, operation: Operation, kind: str = "mfeOperationsStatus") -> str:
    """kind: mfeOperationsStatus or mfeOperationResults."""
    workspace = context.workspace
    return (
        f"{context.base_url}/subscriptions/{workspace.subscription}/providers/{PROVIDER}"
        f"/locations/local/{kind}/oe:{operation.id}"
    )


def _operation_headers(context: Context, operation: Operation, *, location: bool) -> dict[str, str]:
    headers = {
        "Azure-AsyncOperation": operation_url(context, operation),
        "x-ms-async-operation-timeout": "PT1H",
        "Retry-After": RETRY_AFTER,
    }
    if location:
        headers["Location"] = operation_url(context, operation, "mfeOperationResults")
    return headers


def _number(request: Request, name: str, default: int, *, least: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if not given.isascii() or not given.isdigit() or len(given) > 9 or int(given) < least:
        raise BadArgument(f"{name}={given[:40]} is not a number of at least {least}.", target=name)
    return int(given)


def ordered(request: Request, records: Sequence[AnyRecord]) -> Sequence[AnyRecord]:
    """Sorted as `orderBy` or `$orderBy` asks: `CreatedAtDesc`, `createdtime desc`, `UpdatedAtAsc` …; else
    oldest first. Raises BadArgument."""
    asked = request.query_params.get("$orderBy") or request.query_params.get("orderBy")
    if not asked:
        return records
    match = _ORDER.fullmatch(asked.strip().lower())
    if match is None:
        raise BadArgument(
            f"orderBy={asked[:40]} is no order.",
            hint="Use CreatedAtAsc, CreatedAtDesc, UpdatedAtAsc or UpdatedAtDesc.",
            target="orderBy",
        )
    by_creation = match["what"] == "created"
    return sorted(
        records,
        key=lambda record: record.created_at if by_creation else record.modified_at,
        reverse=match["way"] == "desc",
    )
