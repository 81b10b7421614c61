"""Models: containers and their versions, which are the registered files of flows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from flowstead.api.arm import ordered, page, put_answer, resource_answer
from flowstead.api.context import SITE, Context, Here, Needs
from flowstead.api.model_bodies import (
    ModelBody,
    ModelVersionBody,
    container_spec,
    show_container,
    show_version,
    version_spec,
    with_version,
)
from flowstead.api.model_uris import uploaded_at
from flowstead.errors import BadArgument, ImmutableAsset, ResourceConflict
from flowstead.resources.model import ModelContainerSpec, ModelVersionSpec
from flowstead.resources.names import check_asset_name, check_asset_version
from flowstead.resources.principal import Principal
from flowstead.store import Reading, Writing
from flowstead.store.records import AnyRecord, Kind, ModelVersionRecord

_MODELS = SITE + "/models"
_MODEL = _MODELS + "/{model}"
_VERSIONS = _MODEL + "/versions"
_VERSION = _VERSIONS + "/{version}"
router = APIRouter(tags=["models"])

ContainerReader = Depends(Needs("workspaces/models/read"))
VersionReader = Depends(Needs("workspaces/models/versions/read"))


@router.get(_MODELS, dependencies=[ContainerReader])
def list_models(request: Request, here: Here) -> dict[str, Any]:
    """The containers; those of anonymous models are left out."""
    with here.store.reading() as tx:
        containers = tx.list(Kind.MODEL, here.workspace.path)
        versions = tx.list(Kind.MODEL_VERSION)
    anonymous = {version.parent_id for version in versions if version.spec.is_anonymous}
    shown = [container for container in _viewed(request, containers) if container.id not in anonymous]
    return page(request, ordered(request, shown), show_container)


@router.get(_MODEL, dependencies=[ContainerReader])
def get_model(model: str, here: Here) -> JSONResponse:
    with here.store.reading() as tx:
        record = tx.get(Kind.MODEL, here.workspace.model(model))
    return resource_answer(record, show_container(record))


@router.put(_MODEL, status_code=201)
def put_model(
    model: str,
    body: ModelBody,
    here: Here,
    caller: Annotated[Principal, Depends(Needs("workspaces/models/write"))],
) -> JSONResponse:
    """Describe or archive a container; its versions stay."""
    check_asset_name(model)
    with here.store.transaction() as tx:
        before = tx.find(Kind.MODEL, here.workspace.model(model))
        spec = container_spec(body, before.spec if before else ModelContainerSpec())
        id = before.id if before else here.workspace.model(model)
        name = before.name if before else model
        record, _ = tx.put(Kind.MODEL, id, here.workspace.path, name, spec, by=caller.name, operation=None)
    return put_answer(here, record, show_container(record), None, created=before is None)


@router.delete(_MODEL)
def delete_model(
    model: str, here: Here, caller: Annotated[Principal, Depends(Needs("workspaces/models/delete"))]
) -> Response:
    """Delete a container and its versions, none of which may be deployed. 204 when there is none."""
    return _delete(here, Kind.MODEL, here.workspace.model(model), caller)


@router.get(_VERSIONS, dependencies=[VersionReader])
def list_model_versions(model: str, request: Request, here: Here) -> dict[str, Any]:
    """Its versions; empty for a model that does not exist, as the SDK asks before the first one."""
    with here.store.reading() as tx:
        versions = tx.list(Kind.MODEL_VERSION, here.workspace.model(model))
    return page(request, ordered(request, _viewed(request, versions)), show_version)


@router.get(_VERSION, dependencies=[VersionReader])
def get_model_version(model: str, version: str, here: Here) -> JSONResponse:
    with here.store.reading() as tx:
        record = tx.get(Kind.MODEL_VERSION, here.workspace.model(model, version))
    return resource_answer(record, show_version(record))


@router.put(_VERSION, status_code=201)
def put_model_version(
    model: str,
    version: str,
    body: ModelVersionBody,
    here: Here,
    caller: Annotated[Principal, Depends(Needs("workspaces/models/versions/write"))],
) -> JSONResponse:
    """Register uploaded files as a version, or change what is said of a version; its files never change."""
    check_asset_name(model)
    check_asset_version(version)
    container, path = uploaded_at(body.properties.model_uri, here.workspace)
    with here.store.reading() as tx:
        before = tx.find(Kind.MODEL_VERSION, here.workspace.model(model, version))
    # Files are copied outside of the transaction, and only for a version that does not exist.
    content_hash = before.spec.content_hash if before else here.contents.register(here.uploads.locate(container, path))
    spec = version_spec(body, content_hash)
    with here.store.transaction() as tx:
        before = tx.find(Kind.MODEL_VERSION, here.workspace.model(model, version))
        if before is not None:
            _demand_same_content(before, spec)
        record = _write_version(tx, here, model, version, spec, caller.name)
    return put_answer(here, record, show_version(record), None, created=before is None)


@router.delete(_VERSION)
def delete_model_version(
    model: str,
    version: str,
    here: Here,
    caller: Annotated[Principal, Depends(Needs("workspaces/models/versions/delete"))],
) -> Response:
    """Delete a version, which must not be deployed. 204 when there is none."""
    return _delete(here, Kind.MODEL_VERSION, here.workspace.model(model, version), caller)


def _write_version(
    tx: Writing, here: Context, model: str, version: str, spec: ModelVersionSpec, by: str
) -> ModelVersionRecord:
    container = tx.find(Kind.MODEL, here.workspace.model(model))
    container_id = container.id if container else here.workspace.model(model)
    before = tx.find(Kind.MODEL_VERSION, f"{container_id}/versions/{version}")
    if before is None:
        described = with_version(container.spec if container else ModelContainerSpec(), version)
        tx.put(
            Kind.MODEL,
            container_id,
            here.workspace.path,
            container.name if container else model,
            described,
            by=by,
            operation=None,
        )
    id = before.id if before else f"{container_id}/versions/{version}"
    name = before.name if before else version
    tx.put(Kind.MODEL_VERSION, id, container_id, name, spec, by=by, operation=None)
    return tx.get(Kind.MODEL_VERSION, id)


def _demand_same_content(before: ModelVersionRecord, spec: ModelVersionSpec) -> None:
    if before.spec.uri != spec.uri and before.spec.content_hash == spec.content_hash:
        raise ImmutableAsset(
            f"Version {before.name} is registered with other files ({before.spec.uri}).", target="properties.modelUri"
        )
    if before.spec.content_hash != spec.content_hash:
        raise ImmutableAsset(
            f"Version {before.name} has just been registered with other files.", target="properties.modelUri"
        )


def _delete(here: Context, kind: Kind, id: str, caller: Principal) -> Response:
    with here.store.transaction() as tx:
        record = tx.find(kind, id)
        if record is None:
            return Response(status_code=204)
        _demand_not_deployed(tx, record)
        tx.remove(record.id, caller.name)
        if kind is Kind.MODEL_VERSION:
            _forget_version(tx, record, caller.name)
    return Response(status_code=200)


def _demand_not_deployed(tx: Reading, record: AnyRecord) -> None:
    prefix = record.id.lower()
    for deployment in tx.list(Kind.DEPLOYMENT):
        used = deployment.spec.model.lower()
        if used == prefix or used.startswith(prefix + "/"):
            place = deployment.id.partition("/onlineEndpoints/")[2].replace("/deployments/", "/")
            raise ResourceConflict(
                f"The deployment {place} uses it.", hint="Delete the deployment first.", target=record.id
            )


def _forget_version(tx: Writing, record: ModelVersionRecord, by: str) -> None:
    """The container no longer names it as its latest. The next version stays: a number is not given twice."""
    container = tx.get(Kind.MODEL, record.parent_id)
    left = tx.list(Kind.MODEL_VERSION, container.id)
    spec = replace(container.spec, latest_version=left[-1].name if left else None)
    tx.put(Kind.MODEL, container.id, container.parent_id, container.name, spec, by=by, operation=None)


def _viewed(request: Request, records: Sequence[AnyRecord]) -> Sequence[AnyRecord]:
    """Those that `listViewType` asks for: ActiveOnly (as when it is absent), ArchivedOnly or All."""
    wanted = request.query_params.get("listViewType", "ActiveOnly").lower()
    if wanted == "all":
        return records
    if wanted not in ("activeonly", "archivedonly"):
        raise BadArgument("listViewType is none of ActiveOnly, ArchivedOnly, All.", target="listViewType")
    return [record for record in records if record.spec.is_archived == (wanted == "archivedonly")]
