"""Operations that are stages of a deployment's: its endpoint's creation, and that it is given the traffic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from flowstead.resources.operation import Operation, OperationKind
from flowstead.store.records import AuditRecord


def stages_of_others(
    kept: Sequence[Operation], changes_by: Callable[[Sequence[str]], Mapping[str, AuditRecord]]
) -> dict[str, str]:
    """By the operation's id, the id of the one whose stage it is. kept: newest first; changes_by: from the ids of
    operations to what they have changed."""
    first: dict[str, Operation] = {}
    for each in kept:  # the oldest comes last
        endpoint, _, deployment = each.resource_id.partition("/deployments/")
        if deployment and each.kind is OperationKind.CREATE:
            first[endpoint.lower()] = each
    of_endpoints = [(each, first[each.resource_id.lower()]) for each in kept if each.resource_id.lower() in first]
    wholes = {
        each.id: whole.id
        for each, whole in of_endpoints
        if each.kind is OperationKind.CREATE and each.started_at <= whole.started_at
    }
    # Few: the audit is not searched for each update that there ever was.
    meanwhile = {
        each.id: whole for each, whole in of_endpoints if each.kind is OperationKind.UPDATE and _is_during(each, whole)
    }
    if not meanwhile:
        return wholes
    changes = changes_by(list(meanwhile))
    given = {id: whole.id for id, whole in meanwhile.items() if id in changes and _gives_traffic(changes[id], whole)}
    return wholes | given


def _is_during(operation: Operation, creation: Operation) -> bool:
    if operation.started_at < creation.started_at:
        return False
    return creation.ended_at is None or operation.started_at <= creation.ended_at


def _gives_traffic(change: AuditRecord, creation: Operation) -> bool:
    """The endpoint has had no traffic, and the deployment gets all of it with nothing else changed."""
    before, after = dict(change.before or {}), dict(change.after or {})
    had, has = before.pop("traffic", None) or {}, after.pop("traffic", None) or {}
    deployment = creation.resource_id.rpartition("/")[2].lower()
    gets_all = {name.lower(): share for name, share in has.items()} == {deployment: 100}
    return before == after and not any(had.values()) and gets_all
