"""The workspace: this server has one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from flowstead.api.context import PROVIDER, SITE, Context, Here, Needs
from flowstead.resources.names import LOCATION

router = APIRouter(tags=["workspaces"], dependencies=[Depends(Needs("workspaces/read"))])


@router.get(SITE)
def get_workspace(here: Here) -> dict[str, Any]:
    return _show(here)


@router.get(SITE.rpartition("/")[0])
def list_workspaces_of_resource_group(here: Here) -> dict[str, Any]:
    return {"value": [_show(here)]}


@router.get(f"/subscriptions/{{subscription}}/providers/{PROVIDER}/workspaces")
def list_workspaces_of_subscription(here: Here) -> dict[str, Any]:
    return {"value": [_show(here)]}


def _show(here: Context) -> dict[str, Any]:
    """maxRequestBytes and requestsPerSecond are ours: what the door holds requests to, the latter those of an endpoint
    that says nothing of it; 0 for any number."""
    workspace, settings = here.workspace, here.settings
    return {
        "id": workspace.path,
        "name": workspace.name,
        "type": f"{PROVIDER}/workspaces",
        "location": LOCATION,
        "kind": "Default",
        "tags": {},
        "properties": {
            "friendlyName": workspace.name,
            "provisioningState": "Succeeded",
            "maxRequestBytes": settings.max_request_bytes,
            "requestsPerSecond": settings.requests_per_second,
        },
    }
