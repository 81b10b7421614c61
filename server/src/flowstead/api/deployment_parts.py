"""What a deployment consists of: its instances, how far it can be scaled."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from flowstead.api.arm import page
from flowstead.api.context import PROVIDER, Context, Here, Needs
from flowstead.api.endpoints import ENDPOINTS
from flowstead.api.shown_instances import shown_properties
from flowstead.engines.protocol import ObservedInstance
from flowstead.resources.names import MAX_INSTANCES_PER_DEPLOYMENT
from flowstead.store import Reading
from flowstead.store.records import DeploymentRecord, Kind

_DEPLOYMENT = ENDPOINTS + "/{endpoint}/deployments/{deployment}"
_TYPE = "workspaces/onlineEndpoints/deployments"
router = APIRouter(tags=["deployments"])


@router.get(_DEPLOYMENT + "/instances", dependencies=[Depends(Needs(f"{_TYPE}/instances/read"))])
def list_instances(endpoint: str, deployment: str, request: Request, here: Here) -> dict[str, Any]:
    """Its instances as they were seen last, some tenths of a second ago: what they are held to and by what, how each
    one's worker ended last and what helps, and in which share of the last minutes it had to wait for its cores."""
    with here.store.reading() as tx:
        record = _get(tx, here, endpoint, deployment)
    return page(request, here.instances.of(record.uid), lambda each: _show_instance(here, record, each))


@router.get(_DEPLOYMENT + "/skus", dependencies=[Depends(Needs(f"{_TYPE}/skus/read"))])
def list_skus(endpoint: str, deployment: str, request: Request, here: Here) -> dict[str, Any]:
    """How many instances it may have, in Azure's shape."""
    with here.store.reading() as tx:
        _get(tx, here, endpoint, deployment)
    sku = {
        "resourceType": f"{PROVIDER}/{_TYPE}",
        "sku": {"name": "Default", "tier": "Standard"},
        "capacity": {"minimum": 1, "maximum": MAX_INSTANCES_PER_DEPLOYMENT, "default": 1, "scaleType": "Manual"},
    }
    return page(request, [sku], lambda each: each)


def _get(tx: Reading, here: Context, endpoint: str, deployment: str) -> DeploymentRecord:
    return tx.get(Kind.DEPLOYMENT, here.workspace.deployment(endpoint, deployment))


def _show_instance(here: Context, record: DeploymentRecord, instance: ObservedInstance) -> dict[str, Any]:
    return {
        "id": f"{record.id}/instances/{instance.id}",
        "name": instance.id,
        "type": f"{PROVIDER}/{_TYPE}/instances",
        "properties": shown_properties(instance, here.throttling.share(instance.id)),
    }
