"""What was changed, by whom and with what outcome. Nothing here, or anywhere else, changes a record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request

from flowstead.api.context import PROVIDER, SITE, Context, Here, Needs
from flowstead.api.moments import to_moment
from flowstead.api.readable import readable
from flowstead.errors import BadArgument, ResourceNotFound
from flowstead.resources.principal import Principal
from flowstead.store.records import AuditQuery, AuditRecord

MAX_PAGE = 200
_LONGEST_NUMBER = 18
_RECORDS = SITE + "/auditRecords"
router = APIRouter(tags=["audit"])

Reader = Annotated[Principal, Depends(Needs("workspaces/auditRecords/read"))]


@router.get(_RECORDS)
def list_audit_records(
    request: Request,
    here: Here,
    reader: Reader,
    resource: str = "",
    principal: str = "",
    action: str = "",
    outcome: str = "",
    since: str = "",
    until: str = "",
    top: Annotated[int, Query(alias="$top", ge=1, le=MAX_PAGE)] = MAX_PAGE,
    skip_token: Annotated[str, Query(alias="$skipToken")] = "",
) -> dict[str, Any]:
    """The records, newest first, page by page.

    resource: an ARM id, or the part of one below the workspace, for it and what lies below it. principal: a name or an
    object id. outcome: InProgress, Succeeded, Failed or Canceled. since, until: ISO 8601; since is included, until is
    not. `$top`: of one page."""
    wanted = AuditQuery(
        resource_id=_resource_id(here, resource),
        by=principal,
        action=action,
        outcome=outcome,
        since=to_moment(since, "since"),
        until=to_moment(until, "until"),
        before=None if not skip_token else _number(skip_token, "$skipToken"),
    )
    found, last = _page(here, reader, wanted, top)
    answer: dict[str, Any] = {"value": [_show(here, record) for record in found]}
    if last is not None:
        query = {**request.query_params, "$skipToken": str(last)}
        answer["nextLink"] = f"{here.base_url}{request.url.path}?{urlencode(query)}"
    return answer


@router.get(_RECORDS + "/{record}")
def get_audit_record(record: str, here: Here, reader: Reader) -> dict[str, Any]:
    """One record, by its number."""
    with here.store.reading() as tx:
        found = tx.history.audit_record(int(record)) if _is_number(record) else None
    if found is None or not readable(reader, found.resource_id):
        raise ResourceNotFound(f"There is no audit record {record[:40]}.")
    return _show(here, found)


def _page(here: Context, reader: Principal, wanted: AuditQuery, size: int) -> tuple[Sequence[AuditRecord], int | None]:
    """So many records that the reader may read, and the number after which it goes on, None at the end."""
    shown: list[AuditRecord] = []
    for record in _all(here, wanted):
        if len(shown) == size:
            return shown, shown[-1].sequence
        if readable(reader, record.resource_id):
            shown.append(record)
    return shown, None


def _all(here: Context, wanted: AuditQuery) -> Iterator[AuditRecord]:
    before = wanted.before
    while True:
        with here.store.reading() as tx:
            found = tx.history.audit(replace(wanted, before=before), limit=MAX_PAGE + 1)
        yield from found
        if len(found) <= MAX_PAGE:
            return
        before = found[-1].sequence


def _resource_id(here: Context, given: str) -> str:
    if not given or given.startswith("/subscriptions"):
        return given.rstrip("/")
    return f"{here.workspace.path}/{given.strip('/')}"


def _number(given: str, name: str) -> int:
    if not _is_number(given):
        raise BadArgument(f"{name}={given[:40]} is not what a nextLink holds.", target=name)
    return int(given)


def _is_number(given: str) -> bool:
    return given.isascii() and given.isdecimal() and len(given) <= _LONGEST_NUMBER


def _show(here: Context, record: AuditRecord) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "time": record.at,
        "principal": record.by,
        "principalId": record.principal_id,
        "action": record.action,
        "resourceId": record.resource_id,
        "outcome": record.outcome,
        "before": record.before,
        "after": record.after,
    }
    said = {"detail": record.detail, "requestId": record.request_id, "operationId": record.operation_id}
    properties |= {name: value for name, value in said.items() if value}
    if record.error is not None:
        properties["error"] = dict(record.error)
    return {
        "id": f"{here.workspace.path}/auditRecords/{record.sequence}",
        "name": str(record.sequence),
        "type": f"{PROVIDER}/workspaces/auditRecords",
        "properties": properties,
    }
