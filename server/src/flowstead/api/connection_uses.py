"""Who uses the workspace's connections: deployments, as they are wanted or as they still serve, and flows that name
them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request

from flowstead.api.arm import page
from flowstead.api.context import PROVIDER, SITE, Context, Here, Needs
from flowstead.api.flow_choices import named_by
from flowstead.errors import FlowsteadError
from flowstead.resources.connection_use import ConnectionUse, uses_of
from flowstead.resources.deployment import DeploymentSpec
from flowstead.store.records import DeploymentRecord, FlowRecord, Kind
from flowstead_runtime.flow.problems import examine

_TYPE = "workspaces/connectionUses"
_MOST_REMEMBERED = 2000
"""Flows' states of which it is known what they name."""
router = APIRouter(tags=["connections"])


@router.get(SITE + "/connectionUses", dependencies=[Depends(Needs("workspaces/connections/read"))])
def list_connection_uses(request: Request, here: Here, connection: str | None = None) -> dict[str, Any]:
    """Each use of a connection by a deployment or a flow, of all connections or of the one that is named, whether it
    is there or not. Flows are read and not run; one that is not valid yet names nothing."""
    with here.store.reading() as tx:
        deployments, serving = tx.list(Kind.DEPLOYMENT), tx.revisions.serving_specs()
        found = [use for each in deployments for use in _of_deployment(each, serving.get(each.id.lower(), each.spec))]
        flows = [
            each for each in tx.list(Kind.FLOW, here.workspace.path) if each.spec.tree and not each.spec.is_scratch
        ]
    found += [use for each in flows for use in _of_flow(here, each)]
    wanted = [each for each in found if not connection or each["name"].lower() == connection.lower()]
    return page(request, wanted, lambda each: each)


def _of_deployment(record: DeploymentRecord, serving: DeploymentSpec) -> Iterator[dict[str, Any]]:
    if record.deleting:
        return
    by_connection: dict[str, list[ConnectionUse]] = {}
    for use in (*record.spec.connections, *serving.connections):
        by_connection.setdefault(use.connection.lower(), []).append(use)
    for key, uses in by_connection.items():
        wanted = any(use.connection.lower() == key for use in record.spec.connections)
        serves = any(use.connection.lower() == key for use in serving.connections)
        yield _show(record.id, "workspaces/onlineEndpoints/deployments", uses, wanted=wanted, serves=serves)


def _of_flow(here: Context, record: FlowRecord) -> Iterator[dict[str, Any]]:
    try:
        uses = _named_in(here.flow_files.snapshot(record.spec.tree))
    except FlowsteadError:  # its files went in this very moment
        return
    for use in uses:
        yield _show(record.id, "workspaces/flows", [use], wanted=True, serves=False)


@lru_cache(_MOST_REMEMBERED)
def _named_in(folder: Path) -> Sequence[ConnectionUse]:
    """folder: named by its content, which never changes."""
    definition = examine(folder).definition
    if definition is None:
        return ()
    try:
        return uses_of(named_by(definition, {}), {})
    except FlowsteadError:
        return ()


def _show(user: str, kind: str, uses: Iterable[ConnectionUse], *, wanted: bool, serves: bool) -> dict[str, Any]:
    """One use. called: by which names the user knows the connection; by: which of its parts use it."""
    known = list(uses)
    name = known[0].connection
    return {
        "id": f"{user}/connectionUses/{name}",
        "name": name,
        "type": f"{PROVIDER}/{_TYPE}",
        "properties": {
            "userId": user,
            "userType": f"{PROVIDER}/{kind}",
            "called": sorted({use.name for use in known if use.name}),
            "by": sorted({part for use in known for part in use.by}),
            "wanted": wanted,
            "serving": serves,
        },
    }
