"""What the routes of models, environments and data assets share: containers of versions that never change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from flowstead.api.arm import envelope, ordered, page, put_answer, resource_answer
from flowstead.api.bodies import Body, TextMap
from flowstead.api.context import SITE, Context, Here, Needs
from flowstead.api.list_filters import tagged
from flowstead.api.pending_uploads import PendingUploadBody, pending_upload
from flowstead.api.preconditions import ForChange, ForPut, Preconditions
from flowstead.errors import BadArgument, ResourceConflict
from flowstead.resources.asset import AssetContainerSpec
from flowstead.resources.deployment import DeploymentSpec
from flowstead.resources.names import check_asset_name, check_asset_version
from flowstead.resources.principal import Principal
from flowstead.store import Reading, Writing
from flowstead.store.records import AnyRecord, AssetContainerRecord, Kind, Record


class VersionSpec(Protocol):
    """What every version's specification holds."""

    @property
    def is_anonymous(self) -> bool: ...

    @property
    def is_archived(self) -> bool: ...


class CopiedSpec(Protocol):
    """What a version's specification holds whose files were copied."""

    @property
    def content_hash(self) -> str: ...


Copied = TypeVar("Copied", bound=CopiedSpec)
Version = TypeVar("Version", bound=VersionSpec)
Item = TypeVar("Item", bound=AnyRecord)


class AssetProperties(Body):
    description: str | None = None
    tags: TextMap | None = None
    properties: TextMap | None = None
    is_archived: bool | None = None
    data_type: Literal["uri_file", "uri_folder", "mltable"] | None = None


class AssetBody(Body):
    """A container; what the body does not name stays."""

    properties: AssetProperties


@dataclass(frozen=True)
class Asset(Generic[Version]):
    """One kind of asset. noun: `model`; plural: the path's segment, `models`. show: a version as GET shows it.
    demand_unused: raises ResourceConflict for a container or version that something needs. hash_of: what a version is
    found by when a list asks for `hash`, whatever its name; stage_of: what a list compares with `stage`, whatever
    its case; None for a kind whose lists do not."""

    noun: str
    plural: str
    container: Kind[AssetContainerSpec, None]
    version: Kind[Version, None]
    show: Callable[[Record[Version, None]], dict[str, Any]]
    demand_unused: Callable[[Reading, AnyRecord], None]
    hash_of: Callable[[Version], str] | None = None
    stage_of: Callable[[Version], str] | None = None

    def container_id(self, here: Context, name: str) -> str:
        return f"{here.workspace.path}/{self.plural}/{name}"

    def version_id(self, here: Context, name: str, version: str) -> str:
        return f"{self.container_id(here, name)}/versions/{version}"

    def version_before(
        self, tx: Reading, here: Context, name: str, version: str, only_if: Preconditions
    ) -> Record[Version, None] | None:
        """The version as it is, None when there is none. Raises PreconditionFailed. A registration asks twice: before
        files are copied, and in the transaction that writes."""
        found = tx.find(self.version, self.version_id(here, name, version))
        only_if.check(found, f"Version {version} of the {self.noun} {name}")
        return found

    def write_version(
        self, tx: Writing, here: Context, name: str, version: str, spec: Version, by: str, *, data_type: str = ""
    ) -> Record[Version, None]:
        """Create the version, and its container when there is none; or change what is said of the version.
        data_type: of data assets."""
        container = tx.find(self.container, self.container_id(here, name))
        container_id = container.id if container else self.container_id(here, name)
        before = tx.find(self.version, f"{container_id}/versions/{version}")
        if before is None:
            described = _with_version(container.spec if container else AssetContainerSpec(), version, data_type)
            shown = container.name if container else name
            tx.put(self.container, container_id, here.workspace.path, shown, described, by=by, operation=None)
        id = before.id if before else f"{container_id}/versions/{version}"
        exact = before.name if before else version
        record, _ = tx.put(self.version, id, container_id, exact, spec, by=by, operation=None)
        return record

    def router(self) -> APIRouter:
        """All routes but the one that registers a version, which each kind of asset has its own of."""
        return _router(self)


def _router(asset: Asset[Version]) -> APIRouter:
    containers = f"{SITE}/{asset.plural}"
    router = APIRouter(tags=[asset.plural])
    reader = [Depends(Needs(f"workspaces/{asset.plural}/read"))]
    version_reader = [Depends(Needs(f"workspaces/{asset.plural}/versions/read"))]
    writer = Depends(Needs(f"workspaces/{asset.plural}/write"))
    version_writer = Depends(Needs(f"workspaces/{asset.plural}/versions/write"))
    deleter = Depends(Needs(f"workspaces/{asset.plural}/delete"))
    version_deleter = Depends(Needs(f"workspaces/{asset.plural}/versions/delete"))

    def list_containers(request: Request, here: Here) -> dict[str, Any]:
        """The containers; those of anonymous versions are left out."""
        with here.store.reading() as tx:
            found = tx.list(asset.container, here.workspace.path)
            versions = tx.list(asset.version)
        anonymous = {version.parent_id for version in versions if version.spec.is_anonymous}
        shown = [each for each in viewed(request, found) if each.id not in anonymous]
        return page(request, ordered(request, shown), lambda each: _show_container(asset, each))

    def get_container(name: str, here: Here) -> JSONResponse:
        with here.store.reading() as tx:
            record = tx.get(asset.container, asset.container_id(here, name))
        return resource_answer(record, _show_container(asset, record))

    def put_container(
        name: str, body: AssetBody, here: Here, only_if: ForPut, caller: Principal = writer
    ) -> JSONResponse:
        """Describe or archive a container; its versions stay."""
        check_asset_name(name, asset.noun)
        with here.store.transaction() as tx:
            before = tx.find(asset.container, asset.container_id(here, name))
            only_if.check(before, f"The {asset.noun} {name}")
            spec = _described(body, before.spec if before else AssetContainerSpec())
            id = before.id if before else asset.container_id(here, name)
            exact = before.name if before else name
            record, _ = tx.put(asset.container, id, here.workspace.path, exact, spec, by=caller.name, operation=None)
        return put_answer(here, record, _show_container(asset, record), None, created=before is None)

    def delete_container(name: str, here: Here, only_if: ForChange, caller: Principal = deleter) -> Response:
        """Delete a container and its versions, none of which may be in use. 204 when there is none."""
        with here.store.transaction() as tx:
            record = tx.find(asset.container, asset.container_id(here, name))
            if record is None:
                return Response(status_code=204)
            only_if.check(record, f"The {asset.noun} {record.name}")
            asset.demand_unused(tx, record)
            tx.remove(record.id, caller.name)
        return Response(status_code=200)

    def list_versions(name: str, request: Request, here: Here) -> dict[str, Any]:
        """Its versions; empty for a name that does not exist, as the SDK asks before the first one."""
        with here.store.reading() as tx:
            versions = _versions(tx, asset, asset.container_id(here, name), request)
        return page(request, ordered(request, viewed(request, versions)), asset.show)

    def get_version(name: str, version: str, here: Here) -> JSONResponse:
        with here.store.reading() as tx:
            record = tx.get(asset.version, asset.version_id(here, name, version))
        return resource_answer(record, asset.show(record))

    def delete_version(
        name: str, version: str, here: Here, only_if: ForChange, caller: Principal = version_deleter
    ) -> Response:
        """Delete a version, which must not be in use. 204 when there is none."""
        with here.store.transaction() as tx:
            record = tx.find(asset.version, asset.version_id(here, name, version))
            if record is None:
                return Response(status_code=204)
            only_if.check(record, f"Version {record.name} of the {asset.noun} {name}")
            asset.demand_unused(tx, record)
            tx.remove(record.id, caller.name)
            _forget_version(tx, asset, record, caller.name)
        return Response(status_code=200)

    def start_upload(
        name: str, version: str, here: Here, body: PendingUploadBody | None = None, _: Principal = version_writer
    ) -> dict[str, Any]:
        """A place of its own for the version's files, and a signature for it."""
        check_asset_name(name, asset.noun)
        check_asset_version(version, asset.noun)
        return pending_upload(here, body or PendingUploadBody())

    noun, versions = asset.noun.replace(" ", "_"), f"{containers}/{{name}}/versions"
    add = router.add_api_route
    add(containers, list_containers, name=f"list_{noun}s", dependencies=reader)
    add(f"{containers}/{{name}}", get_container, name=f"get_{noun}", dependencies=reader, response_model=None)
    add(f"{containers}/{{name}}", put_container, name=f"put_{noun}", methods=["PUT"], status_code=201)
    add(f"{containers}/{{name}}", delete_container, name=f"delete_{noun}", methods=["DELETE"])
    add(versions, list_versions, name=f"list_{noun}_versions", dependencies=version_reader)
    add(f"{versions}/{{version}}", get_version, name=f"get_{noun}_version", dependencies=version_reader)
    add(f"{versions}/{{version}}", delete_version, name=f"delete_{noun}_version", methods=["DELETE"])
    add(f"{versions}/{{version}}/startPendingUpload", start_upload, name=f"start_{noun}_upload", methods=["POST"])
    return router


def viewed(request: Request, records: Sequence[Item]) -> Sequence[Item]:
    """Those that `listViewType` asks for: ActiveOnly (as when it is absent), ArchivedOnly or All; and of these those
    that have the tags in `$tags`."""
    records = tagged(request, records)
    wanted = request.query_params.get("listViewType", "ActiveOnly").lower()
    if wanted == "all":
        return records
    if wanted not in ("activeonly", "archivedonly"):
        raise BadArgument("listViewType is none of ActiveOnly, ArchivedOnly, All.", target="listViewType")
    return [record for record in records if record.spec.is_archived == (wanted == "archivedonly")]


def _versions(
    tx: Reading, asset: Asset[Version], container_id: str, request: Request
) -> Sequence[Record[Version, None]]:
    """Those of the container, or of any when `hash` asks for a content; of these those of the `stage`."""
    content, stage = request.query_params.get("hash", ""), request.query_params.get("stage", "").lower()
    if content and asset.hash_of is not None:
        found = [each for each in tx.list(asset.version) if asset.hash_of(each.spec) == content]
    else:
        found = list(tx.list(asset.version, container_id))
    if stage and asset.stage_of is not None:
        return [each for each in found if asset.stage_of(each.spec).lower() == stage]
    return found


@contextmanager
def registered(here: Context, before: Record[Copied, None] | None, source: Path, field: str) -> Iterator[str]:
    """The hash of the files at source, copied in, and safe from being swept away while the block writes down who
    refers to it. before: the version as it is already; its files never change. field: of the body, that names
    the source. Raises BadArgument and PayloadTooLarge."""
    if before is not None:
        yield before.spec.content_hash
        return
    with here.contents.held(source, field) as content_hash:
        yield content_hash


def demand_not_deployed(tx: Reading, record: AnyRecord, used_by: Callable[[DeploymentSpec], Iterable[str]]) -> None:
    """Raises ResourceConflict when a deployment uses the container or version, as it is wanted or as it still serves.
    used_by: ids that a deployment uses."""
    prefix = record.id.lower()
    serving = tx.revisions.serving_specs()
    for deployment in tx.list(Kind.DEPLOYMENT):
        for spec in (deployment.spec, serving.get(deployment.id.lower(), deployment.spec)):
            if any(f"{used.lower()}/".startswith(f"{prefix}/") for used in used_by(spec)):
                place = deployment.id.partition("/onlineEndpoints/")[2].replace("/deployments/", "/")
                raise ResourceConflict(
                    f"The deployment {place} uses it.", hint="Delete the deployment first.", target=record.id
                )


def _described(body: AssetBody, before: AssetContainerSpec) -> AssetContainerSpec:
    given = body.properties
    return replace(
        before,
        description=before.description if given.description is None else given.description,
        tags=before.tags if given.tags is None else given.tags,
        properties=before.properties if given.properties is None else given.properties,
        is_archived=before.is_archived if given.is_archived is None else given.is_archived,
        data_type=before.data_type or given.data_type or "",
    )


def _with_version(container: AssetContainerSpec, version: str, data_type: str) -> AssetContainerSpec:
    """The container with a new version: the latest, and the next one's number."""
    number = int(version) + 1 if version.isdecimal() else 0
    return replace(
        container,
        latest_version=version,
        next_version=str(max(number, int(container.next_version))),
        data_type=container.data_type or data_type,
    )


def _forget_version(tx: Writing, asset: Asset[Version], record: Record[Version, None], by: str) -> None:
    """The container no longer names it as its latest. The next version stays: a number is not given twice."""
    container = tx.get(asset.container, record.parent_id)
    left = tx.list(asset.version, container.id)
    spec = replace(container.spec, latest_version=left[-1].name if left else None)
    tx.put(asset.container, container.id, container.parent_id, container.name, spec, by=by, operation=None)


def _show_container(asset: Asset[Version], record: AssetContainerRecord) -> dict[str, Any]:
    spec = record.spec
    properties = {
        "description": spec.description,
        "tags": dict(spec.tags),
        "properties": dict(spec.properties),
        "isArchived": spec.is_archived,
        "latestVersion": spec.latest_version,
        "nextVersion": spec.next_version,
        **({"dataType": spec.data_type} if spec.data_type else {}),
    }
    return envelope(record, f"workspaces/{asset.plural}", properties)
