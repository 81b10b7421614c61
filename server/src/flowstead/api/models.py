"""Models: containers and their versions, which are the registered files of flows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import Depends
from fastapi.responses import JSONResponse

from flowstead.api.arm import put_answer
from flowstead.api.assets import Asset, demand_not_deployed, registered
from flowstead.api.context import SITE, Context, Here, Needs
from flowstead.api.flow_models import of_flow
from flowstead.api.model_bodies import ModelVersionBody, show_version, version_spec
from flowstead.api.preconditions import ForPut
from flowstead.api.upload_areas import own_upload
from flowstead.api.upload_uris import demand_own_files, uploaded_at
from flowstead.errors import ImmutableAsset
from flowstead.resources.model import ModelVersionSpec
from flowstead.resources.names import check_asset_name, check_asset_version
from flowstead.resources.principal import Principal
from flowstead.store import Reading
from flowstead.store.records import AnyRecord, Kind, ModelVersionRecord


def _demand_unused(tx: Reading, record: AnyRecord) -> None:
    demand_not_deployed(tx, record, lambda spec: (spec.model,))


MODELS = Asset(
    "model", "models", Kind.MODEL, Kind.MODEL_VERSION, show_version, _demand_unused, stage_of=lambda spec: spec.stage
)
router = MODELS.router()


@router.put(SITE + "/models/{name}/versions/{version}", status_code=201)
def put_model_version(
    name: str,
    version: str,
    body: ModelVersionBody,
    here: Here,
    only_if: ForPut,
    caller: Annotated[Principal, Depends(Needs("workspaces/models/versions/write"))],
) -> JSONResponse:
    """Register uploaded files, or those of a flow (`azureml://flows/NAME`), as a version, or change what is said of a
    version; its files never change."""
    check_asset_name(name)
    check_asset_version(version)
    body, source = of_flow(here, body, caller) or (body, _uploaded(here, caller, body))
    with here.store.reading() as tx:
        before = MODELS.version_before(tx, here, name, version, only_if)
    # Files are copied outside of the transaction, and only for a version that does not exist.
    with registered(here, before, source, "modelUri") as content_hash:
        spec = version_spec(body, content_hash)
        with here.store.transaction() as tx:
            before = MODELS.version_before(tx, here, name, version, only_if)
            if before is not None:
                _demand_same_content(before, spec)
            record = MODELS.write_version(tx, here, name, version, spec, caller.name)
    return put_answer(here, record, show_version(record), None, created=before is None)


def _uploaded(here: Context, caller: Principal, body: ModelVersionBody) -> Path:
    container, path = uploaded_at(body.properties.model_uri, here.workspace)
    demand_own_files(path, "modelUri")
    return own_upload(here, caller, container, path)


def _demand_same_content(before: ModelVersionRecord, spec: ModelVersionSpec) -> None:
    if before.spec.uri != spec.uri and before.spec.content_hash == spec.content_hash:
        raise ImmutableAsset(
            f"Version {before.name} is registered with other files ({before.spec.uri}).", target="properties.modelUri"
        )
    if before.spec.content_hash != spec.content_hash:
        raise ImmutableAsset(
            f"Version {before.name} has just been registered with other files.", target="properties.modelUri"
        )
