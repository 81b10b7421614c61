"""Code assets: source files that Azure's clients register for a deployment."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.responses import JSONResponse

from flowstead.api.arm import put_answer
from flowstead.api.assets import Asset, demand_not_deployed, registered
from flowstead.api.code_bodies import CodeVersionBody, show_version, version_spec
from flowstead.api.context import SITE, Here, Needs
from flowstead.api.preconditions import ForPut
from flowstead.api.upload_areas import own_upload
from flowstead.api.upload_uris import demand_own_files, uploaded_at
from flowstead.errors import ImmutableAsset
from flowstead.resources.deployment import DeploymentSpec
from flowstead.resources.names import check_asset_name, check_asset_version
from flowstead.resources.principal import Principal
from flowstead.store import Reading
from flowstead.store.records import AnyRecord, Kind
from flowstead.store.snapshot_hash import snapshot_hash


def _demand_unused(tx: Reading, record: AnyRecord) -> None:
    demand_not_deployed(tx, record, _code_of)


def _code_of(spec: DeploymentSpec) -> tuple[str, ...]:
    configuration = spec.extra.get("codeConfiguration")
    return (str(configuration.get("codeId", "")),) if isinstance(configuration, dict) else ()


CODES = Asset(
    "code asset", "codes", Kind.CODE, Kind.CODE_VERSION, show_version, _demand_unused, lambda spec: spec.snapshot_hash
)
router = CODES.router()


@router.put(SITE + "/codes/{name}/versions/{version}", status_code=201)
def put_code_version(
    name: str,
    version: str,
    body: CodeVersionBody,
    here: Here,
    only_if: ForPut,
    caller: Annotated[Principal, Depends(Needs("workspaces/codes/versions/write"))],
) -> JSONResponse:
    """Register uploaded files as a version, or change what is said of a version; its files never change."""
    check_asset_name(name, "code asset")
    check_asset_version(version, "code asset")
    container, path = uploaded_at(body.properties.code_uri, here.workspace, "codeUri")
    demand_own_files(path, "codeUri")
    with here.store.reading() as tx:
        before = CODES.version_before(tx, here, name, version, only_if)
    with registered(here, before, own_upload(here, caller, container, path), "codeUri") as content_hash:
        hashed = before.spec.snapshot_hash if before else snapshot_hash(here.contents.locate(content_hash))
        spec = version_spec(body, content_hash, hashed)
        with here.store.transaction() as tx:
            before = CODES.version_before(tx, here, name, version, only_if)
            if before is not None and (before.spec.uri, before.spec.content_hash) != (spec.uri, spec.content_hash):
                raise ImmutableAsset(
                    f"Version {before.name} is registered with other files ({before.spec.uri}).",
                    target="properties.codeUri",
                )
            record = CODES.write_version(tx, here, name, version, spec, caller.name)
    return put_answer(here, record, show_version(record), None, created=before is None)
