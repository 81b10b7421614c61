"""All deployments of all endpoints in one list, in short: for who watches many of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request

from flowstead.api.arm import envelope, ordered, page
from flowstead.api.context import SITE, Here, Needs
from flowstead.api.deployment_bodies import shown_power, shown_progress
from flowstead.api.list_filters import online
from flowstead.engines.protocol import InstanceState
from flowstead.resources.deployment import wanted_instances
from flowstead.resources.endpoint import EndpointSpec
from flowstead.store.records import DeploymentRecord, Kind

_TYPE = "workspaces/onlineEndpoints/deployments"
router = APIRouter(tags=["deployments"])


@router.get(SITE + "/onlineDeployments", dependencies=[Depends(Needs(f"{_TYPE}/read"))])
def list_online_deployments(request: Request, here: Here) -> dict[str, Any]:
    """The deployments of all endpoints, by `name`, `tags`, `properties` and `computeType`: their state, their share of
    the traffic, how many of their instances are ready or asleep, how many requests they answered in the last hour."""
    with here.store.reading() as tx:
        found = tx.list(Kind.DEPLOYMENT)
        endpoints = {each.id.lower(): each.spec for each in tx.list(Kind.ENDPOINT, here.workspace.path)}
    requests = here.requests.last_hour(here.clock.now().timestamp())
    ready = here.instances.count(InstanceState.READY)
    asleep = here.instances.count(InstanceState.DORMANT, InstanceState.WAKING)

    def show(record: DeploymentRecord) -> dict[str, Any]:
        counts = {"ready": ready.get(record.uid, 0), "asleep": asleep.get(record.uid, 0)}
        endpoint = endpoints.get(record.parent_id.lower(), EndpointSpec())
        return _show(record, endpoint, counts, requests.get(record.uid, 0))

    return page(request, ordered(request, online(request, found)), show)


def _show(record: DeploymentRecord, endpoint: EndpointSpec, counts: Mapping[str, int], requests: int) -> dict[str, Any]:
    spec, status = record.spec, record.status
    properties: dict[str, Any] = {
        "endpoint": record.parent_id.rpartition("/")[2],
        "provisioningState": shown_progress(record),
        "state": shown_power(spec),
        "model": spec.model,
        "environmentId": spec.environment_id,
        "instanceType": spec.instance_type,
        "traffic": endpoint.traffic.get(record.name, 0),
        "mirrorTraffic": endpoint.mirror_traffic.get(record.name, 0),
        "instances": {**counts, "wanted": wanted_instances(spec, status)},
        "requestsLastHour": requests,
    }
    if status.error is not None:
        properties["provisioningError"] = dict(status.error)
    return envelope(record, _TYPE, properties, location=spec.location, tags=dict(spec.tags))
