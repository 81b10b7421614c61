"""Operations that are stages of a deployment's: its endpoint's creation, and that it is given the traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from flowstead.resources.operation import Operation, OperationKind
from flowstead.store.records import AuditRecord

SOON = timedelta(minutes=1)
"""After a deployment is ready, its creation's traffic is set within this time."""


def stages_of_others(kept: Sequence[Operation], changes: Mapping[str, AuditRecord]) -> dict[str, str]:
    """By the operation's id, the id of the one whose stage it is. kept: newest first; changes: what the operations of
    `may_give_traffic` have changed."""
    first: dict[str, Operation] = {}
    for each in kept:  # the oldest comes last
        endpoint, _, deployment = each.resource_id.partition("/deployments/")
        if deployment and each.kind is OperationKind.CREATE:
            first[endpoint.lower()] = each
    wholes = {}
    for each in kept:
        whole = first.get(each.resource_id.lower())
        if whole is None:
            continue
        begins = each.kind is OperationKind.CREATE and each.started_at <= whole.started_at
        change = changes.get(each.id)
        if begins or (change is not None and _gives_traffic(each, change, whole)):
            wholes[each.id] = whole.id
    return wholes


def may_give_traffic(operation: Operation) -> bool:
    return operation.kind is OperationKind.UPDATE and "/deployments/" not in operation.resource_id


def _gives_traffic(operation: Operation, change: AuditRecord, creation: Operation) -> bool:
    """The endpoint has had no traffic, and the deployment gets all of it with nothing else changed, as soon as it is
    being created or is ready."""
    before, after = dict(change.before or {}), dict(change.after or {})
    had, has = before.pop("traffic", None) or {}, after.pop("traffic", None) or {}
    deployment = creation.resource_id.rpartition("/")[2].lower()
    if (
        before != after
        or any(had.values())
        or {name.lower(): share for name, share in has.items()} != {deployment: 100}
    ):
        return False
    if operation.started_at < creation.started_at:
        return False
    return creation.ended_at is None or _time(operation.started_at) - _time(creation.ended_at) <= SOON


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
