"""The datastore that models are uploaded to, and signatures for it."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from flowstead.access.signatures import sign
from flowstead.api.arm import page
from flowstead.api.bodies import Body
from flowstead.api.context import PROVIDER, SITE, Context, Here, Needs
from flowstead.api.discovery import STORAGE_SUFFIX
from flowstead.errors import BadArgument, ResourceNotFound
from flowstead.resources.datastore import COLLECTED, CONTAINER, DATASTORE, UPLOADS
from flowstead.resources.principal import Principal
from flowstead.store.uploads import check_path

ACCOUNT = "flowstead"
PREFIXES = (UPLOADS, "az-ml-artifacts/")
"""Where the SDK puts what it uploads, and where else it looks for the same content."""
_PERMISSIONS = "racwl"
_DATASTORES = SITE + "/datastores"
router = APIRouter(tags=["datastores"])
Reader = Depends(Needs("workspaces/datastores/read"))


class SecretsBody(Body):
    """prefix: opens this folder below `LocalUpload/` only."""

    expire_after_hours: Annotated[float, Field(gt=0, le=24)] = 1
    prefix: str | None = None


@router.get(_DATASTORES, dependencies=[Reader])
def list_datastores(request: Request, here: Here) -> dict[str, Any]:
    return page(request, [DATASTORE], lambda _: _show(here))


@router.get(_DATASTORES + "/{datastore}", dependencies=[Reader])
def get_datastore(datastore: str, here: Here) -> dict[str, Any]:
    _check(datastore)
    return _show(here)


@router.post(
    _DATASTORES + "/{datastore}/listSecrets",
)
def list_datastore_secrets(
    datastore: str,
    here: Here,
    caller: Annotated[Principal, Depends(Needs("workspaces/datastores/listSecrets/action"))],
    body: SecretsBody | None = None,
) -> dict[str, str]:
    """A signature that opens the caller's uploads for a short time."""
    _check(datastore)
    wanted = body or SecretsBody()
    token = sign(
        here.upload_key,
        container=CONTAINER,
        prefixes=PREFIXES if wanted.prefix is None else (_checked_prefix(wanted.prefix),),
        read_only=(COLLECTED,) if wanted.prefix is None else (),
        permissions=_PERMISSIONS,
        area=area_of(caller),
        expires=here.clock.now() + timedelta(hours=wanted.expire_after_hours),
    )
    return {"secretsType": "Sas", "sasToken": token}


def area_of(principal: Principal) -> str:
    """The container on the disk that holds what it uploads."""
    return f"of-{hashlib.sha256(principal.object_id.encode()).hexdigest()[:40]}"


def container_url(here: Context, container: str) -> str:
    """The path-style address of a container."""
    return f"{here.base_url}/{ACCOUNT}.blob.{STORAGE_SUFFIX}/{container}"


def _checked_prefix(prefix: str) -> str:
    check_path(CONTAINER, prefix.rstrip("/"))
    if not prefix.startswith(UPLOADS) or len(prefix) <= len(UPLOADS) or "," in prefix:
        raise BadArgument(f"prefix is not a folder below {UPLOADS}.", target="prefix")
    return prefix.rstrip("/") + "/"


def _check(datastore: str) -> None:
    if datastore.lower() != DATASTORE:
        raise ResourceNotFound(f"There is no datastore {datastore}.", hint=f"This workspace has one: {DATASTORE}.")


def _show(here: Context) -> dict[str, Any]:
    public = urlsplit(here.base_url)
    return {
        "id": f"{here.workspace.path}/datastores/{DATASTORE}",
        "name": DATASTORE,
        "type": f"{PROVIDER}/workspaces/datastores",
        "properties": {
            "datastoreType": "AzureBlob",
            # A path-style address: the client makes `ACCOUNT.blob.SUFFIX` of it, so no DNS entry is needed.
            "accountName": f"{public.netloc}/{ACCOUNT}",
            "containerName": CONTAINER,
            "endpoint": STORAGE_SUFFIX,
            "protocol": public.scheme,
            "isDefault": True,
            "credentials": {"credentialsType": "Sas"},
            "tags": {},
            "properties": {},
        },
    }
