"""What surrounds the workspace, so that roles can be granted on it: the subscription, the resource group, the registry
of images and the storage account."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from flowstead.api.context import Here, Needs
from flowstead.errors import ResourceNotFound
from flowstead.resources.names import LOCATION, Workspace

_RESOURCES, _REGISTRY, _STORAGE = "Microsoft.Resources", "Microsoft.ContainerRegistry", "Microsoft.Storage"
_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUPS = f"{_SUBSCRIPTION}/resourceGroups"
_GROUP = f"{_GROUPS}/{{group}}"
_REGISTRIES = f"{_GROUP}/providers/{_REGISTRY}/registries"
_ACCOUNTS = f"{_GROUP}/providers/{_STORAGE}/storageAccounts"
router = APIRouter(tags=["site"])


@router.get(_SUBSCRIPTION, dependencies=[Depends(Needs("subscriptions/read", _RESOURCES))])
def get_subscription(here: Here) -> dict[str, Any]:
    workspace = here.workspace
    return {
        "id": workspace.subscription_path,
        "subscriptionId": workspace.subscription,
        "tenantId": here.access.tenant_id,
        "displayName": "Flowstead",
        "state": "Enabled",
    }


@router.get(_GROUPS, dependencies=[Depends(Needs("subscriptions/resourceGroups/read", _RESOURCES))])
def list_resource_groups(here: Here) -> dict[str, Any]:
    return {"value": [_group(here.workspace)]}


@router.get(_GROUP, dependencies=[Depends(Needs("subscriptions/resourceGroups/read", _RESOURCES))])
def get_resource_group(here: Here) -> dict[str, Any]:
    return _group(here.workspace)


@router.get(_REGISTRIES, dependencies=[Depends(Needs("registries/read", _REGISTRY))])
def list_registries(here: Here) -> dict[str, Any]:
    return {"value": [_shown(here.workspace.registry)]}


@router.get(f"{_REGISTRIES}/{{name}}", dependencies=[Depends(Needs("registries/read", _REGISTRY))])
def get_registry(request: Request, here: Here) -> dict[str, Any]:
    return _found(request, here.workspace.registry)


@router.get(_ACCOUNTS, dependencies=[Depends(Needs("storageAccounts/read", _STORAGE))])
def list_storage_accounts(here: Here) -> dict[str, Any]:
    return {"value": [_shown(here.workspace.storage)]}


@router.get(f"{_ACCOUNTS}/{{name}}", dependencies=[Depends(Needs("storageAccounts/read", _STORAGE))])
def get_storage_account(request: Request, here: Here) -> dict[str, Any]:
    return _found(request, here.workspace.storage)


def _found(request: Request, id: str) -> dict[str, Any]:
    asked: str = request.scope["path"]
    if asked.lower() != id.lower():
        raise ResourceNotFound(f"There is no resource {asked}.", hint=f"This server has one: {id}.", target=asked)
    return _shown(id)


def _shown(id: str) -> dict[str, Any]:
    provider, kind, name = id.rsplit("/", 3)[1:]
    return {
        "id": id,
        "name": name,
        "type": f"{provider}/{kind}",
        "location": LOCATION,
        "tags": {},
        "properties": {"provisioningState": "Succeeded"},
    }


def _group(workspace: Workspace) -> dict[str, Any]:
    return {
        "id": workspace.group_path,
        "name": workspace.resource_group,
        "type": f"{_RESOURCES}/resourceGroups",
        "location": LOCATION,
        "tags": {},
        "properties": {"provisioningState": "Succeeded"},
    }
