"""The workspace: this server has one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from flowstead.api.context import PROVIDER, SITE, Here, Needs
from flowstead.resources.names import LOCATION, Workspace

router = APIRouter(tags=["workspaces"], dependencies=[Depends(Needs("workspaces/read"))])


@router.get(SITE)
def get_workspace(here: Here) -> dict[str, Any]:
    return _show(here.workspace)


@router.get(SITE.rpartition("/")[0])
def list_workspaces_of_resource_group(here: Here) -> dict[str, Any]:
    return {"value": [_show(here.workspace)]}


@router.get(f"/subscriptions/{{subscription}}/providers/{PROVIDER}/workspaces")
def list_workspaces_of_subscription(here: Here) -> dict[str, Any]:
    return {"value": [_show(here.workspace)]}


def _show(workspace: Workspace) -> dict[str, Any]:
    return {
        "id": workspace.path,
        "name": workspace.name,
        "type": f"{PROVIDER}/workspaces",
        "location": LOCATION,
        "kind": "Default",
        "tags": {},
        "properties": {"friendlyName": workspace.name, "provisioningState": "Succeeded"},
    }
