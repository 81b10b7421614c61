"""What a deployment consists of: its instances, how far it can be scaled."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Depends, Request

from flowstead.api.arm import page
from flowstead.api.context import PROVIDER, Context, Here, Needs
from flowstead.api.endpoints import ENDPOINTS
from flowstead.engines.protocol import ObservedInstance
from flowstead.resources.clock import iso
from flowstead.resources.names import MAX_INSTANCES_PER_DEPLOYMENT
from flowstead.store import Reading
from flowstead.store.records import DeploymentRecord, Kind

_DEPLOYMENT = ENDPOINTS + "/{endpoint}/deployments/{deployment}"
_TYPE = "workspaces/onlineEndpoints/deployments"
router = APIRouter(tags=["deployments"])


@router.get(_DEPLOYMENT + "/instances", dependencies=[Depends(Needs(f"{_TYPE}/instances/read"))])
def list_instances(endpoint: str, deployment: str, request: Request, here: Here) -> dict[str, Any]:
    """Its instances as they were seen last, some tenths of a second ago."""
    with here.store.reading() as tx:
        record = _get(tx, here, endpoint, deployment)
    return page(request, here.instances.of(record.uid), lambda each: _show_instance(record, each))


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


def _show_instance(record: DeploymentRecord, instance: ObservedInstance) -> dict[str, Any]:
    """Its address is nobody's business: requests go through the gateway."""
    properties: dict[str, Any] = {
        "state": instance.state.value,
        "revision": instance.revision,
        "restarts": instance.restarts,
    }
    if instance.isolation:
        properties["isolation"] = instance.isolation
    if instance.started_at:
        properties["since"] = iso(datetime.fromtimestamp(instance.started_at, UTC))
    return {
        "id": f"{record.id}/instances/{instance.id}",
        "name": instance.id,
        "type": f"{PROVIDER}/{_TYPE}/instances",
        "properties": properties,
    }
