"""What the workspace has to give: sizes of instances, and how much of its quota is used."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from flowstead.api.arm import page
from flowstead.api.context import PROVIDER, SITE, Here, Needs
from flowstead.api.quota import cores_asked, cores_taken, instances_that_fit
from flowstead.limits.host import Host, host_here
from flowstead.resources.deployment import wanted_instances
from flowstead.resources.names import MAX_DEPLOYMENTS_PER_ENDPOINT, MAX_INSTANCES_PER_DEPLOYMENT
from flowstead.resources.sizes import whole
from flowstead.resources.vm_sizes import VM_SIZES, VmSize
from flowstead.store.records import Kind

router = APIRouter(tags=["capacity"])


@router.get(SITE + "/instanceTypes", dependencies=[Depends(Needs("workspaces/instanceTypes/read"))])
def list_instance_types(request: Request, here: Here) -> dict[str, Any]:
    """The sizes that a page offers, each with how many more instances the quota is enough for. A size is a ceiling:
    `exceedsHost` says of one that this machine has less of something than an instance may use."""
    with here.store.reading() as tx:
        left = here.settings.quota_cores - cores_taken(tx)

    def show(size: VmSize) -> dict[str, Any]:
        fitting = min(instances_that_fit(size.name, left), MAX_INSTANCES_PER_DEPLOYMENT)
        return {
            "id": f"{here.workspace.path}/instanceTypes/{size.name}",
            "name": size.name,
            "type": f"{PROVIDER}/workspaces/instanceTypes",
            "properties": {
                "cores": size.cores,
                "memoryGiB": size.memory_gib,
                "gpus": size.gpus,
                "exceedsHost": _exceeds(size, host_here()),
                "quotaLeft": {"cores": max(0, whole(left)), "instances": fitting},
            },
        }

    return page(request, VM_SIZES, show)


@router.get(SITE + "/usage", dependencies=[Depends(Needs("workspaces/usage/read"))])
def list_usage(request: Request, here: Here) -> dict[str, Any]:
    """Counts beside their limits, in the shape of Azure's usages; no `limit` where there is none."""
    with here.store.reading() as tx:
        endpoints, deployments = tx.list(Kind.ENDPOINT), tx.list(Kind.DEPLOYMENT)
        taken, asked = cores_taken(tx), cores_asked(tx)
    instances = [wanted_instances(each.spec, each.status) for each in deployments]
    per_endpoint = [sum(each.parent_id == endpoint.id for each in deployments) for endpoint in endpoints]
    rows: tuple[tuple[str, str, float, int | None], ...] = (
        ("cores", "Cores of all deployments, with the upgrade reserve", taken, here.settings.quota_cores),
        ("reservedCores", "Cores that are reserved for upgrades", whole(taken - asked), None),
        ("endpoints", "Endpoints", len(endpoints), None),
        ("deployments", "Deployments", len(deployments), None),
        (
            "deploymentsPerEndpoint",
            "Deployments of the endpoint that has most",
            max(per_endpoint, default=0),
            MAX_DEPLOYMENTS_PER_ENDPOINT,
        ),
        ("instances", "Instances", sum(instances), None),
    )
    return page(request, rows, lambda row: _usage(here.workspace.path, *row))


def _exceeds(size: VmSize, host: Host) -> bool:
    return size.cores > len(host.processors) or size.memory_bytes > host.memory_bytes or size.gpus > host.gpus


def _usage(workspace: str, name: str, spoken: str, current: float, limit: int | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": f"{workspace}/usage/{name}",
        "type": f"{PROVIDER}/workspaces/usage",
        "name": {"value": name, "localizedValue": spoken},
        "unit": "Count",
        "currentValue": current,
    }
    return shown if limit is None else {**shown, "limit": limit}
