"""Data assets: files and folders by name and version, those that deployments collect among them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends
from fastapi.responses import JSONResponse

from flowstead.api.arm import put_answer
from flowstead.api.assets import Asset, demand_not_deployed, registered
from flowstead.api.context import SITE, Context, Here, Needs
from flowstead.api.data_bodies import DataVersionBody, show_version, version_spec
from flowstead.api.datastores import ACCOUNT
from flowstead.api.pending_uploads import is_pending
from flowstead.api.preconditions import ForPut
from flowstead.api.upload_areas import own_upload
from flowstead.api.upload_uris import demand_no_credentials, is_collected, uploaded_at
from flowstead.errors import BadArgument, ImmutableAsset
from flowstead.resources.data import DataVersionSpec
from flowstead.resources.datastore import CONTAINER
from flowstead.resources.deployment import DeploymentSpec
from flowstead.resources.names import check_asset_name, check_asset_version
from flowstead.resources.principal import Principal
from flowstead.store import Reading
from flowstead.store.records import AnyRecord, AssetContainerRecord, DataVersionRecord, Kind

_FIELD = "dataUri"
_TARGET = f"properties.{_FIELD}"


def _demand_unused(tx: Reading, record: AnyRecord) -> None:
    demand_not_deployed(tx, record, _data_of)


def _data_of(spec: DeploymentSpec) -> tuple[str, ...]:
    """Those that its collections are read as, while they are on."""
    return tuple(each.data_id for each in spec.data_collector.enabled.values()) if spec.data_collector else ()


DATA = Asset("data asset", "data", Kind.DATA, Kind.DATA_VERSION, show_version, _demand_unused)
router = DATA.router()


@router.put(SITE + "/data/{name}/versions/{version}", status_code=201)
def put_data_version(
    name: str,
    version: str,
    body: DataVersionBody,
    here: Here,
    only_if: ForPut,
    caller: Annotated[Principal, Depends(Needs("workspaces/data/versions/write"))],
) -> JSONResponse:
    """Register a file or folder as a version, or change what is said of a version.

    What was uploaded is copied, and never changes. What deployments collect grows, and is read where it lies."""
    check_asset_name(name, "data asset")
    check_asset_version(version, "data asset")
    with here.store.reading() as tx:
        before = DATA.version_before(tx, here, name, version, only_if)
    if before is not None:
        _demand_same_place(here, before, body.properties.data_uri)
    with _content(here, caller, before, body) as content_hash:
        spec = version_spec(body, content_hash)
        with here.store.transaction() as tx:
            before = DATA.version_before(tx, here, name, version, only_if)
            if before is not None:
                _demand_same_place(here, before, spec.uri)
                _demand_same_content(before, spec)
            _demand_same_type(tx.find(Kind.DATA, DATA.container_id(here, name)), spec)
            record = DATA.write_version(tx, here, name, version, spec, caller.name, data_type=spec.type)
    return put_answer(here, record, show_version(record), None, created=before is None)


@contextmanager
def _content(
    here: Context, caller: Principal, before: DataVersionRecord | None, body: DataVersionBody
) -> Iterator[str]:
    """The hash of the copy; "" for what is not copied."""
    if before is not None:
        yield before.spec.content_hash
        return
    uri = body.properties.data_uri
    demand_no_credentials(uri, _FIELD)
    if _is_elsewhere(here, uri):
        yield ""
        return
    container, path = uploaded_at(uri, here.workspace, _FIELD)
    source = own_upload(here, caller, container, path)
    if container == CONTAINER and is_collected(path):
        yield ""  # perhaps there is nothing yet
        return
    _demand_type(source, body.properties.data_type)
    with registered(here, None, source, _FIELD) as content_hash:
        yield content_hash


def _is_elsewhere(here: Context, uri: str) -> bool:
    """Whether it is a web address of somebody else's, which is noted and never asked for from here."""
    parts = urlsplit(uri)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        return False
    first = parts.path.strip("/").partition("/")[0].lower()
    ours = parts.hostname == urlsplit(here.base_url).hostname
    return not (ours or first.startswith(f"{ACCOUNT}.blob.") or first == CONTAINER or is_pending(first))


def _demand_type(source: Path, data_type: str) -> None:
    if data_type == "uri_file" and source.is_dir():
        raise BadArgument("A folder is no uri_file.", hint="Register it as uri_folder.", target="properties.dataType")
    if data_type == "mltable" and source.is_dir() and not (source / "MLTable").is_file():
        raise BadArgument(
            "An mltable is a folder with a file named MLTable.",
            hint="Add it, or register a uri_folder.",
            target=_TARGET,
        )


def _demand_same_place(here: Context, before: DataVersionRecord, uri: str) -> None:
    if before.spec.uri != uri and _place(here, before.spec.uri) != _place(here, uri):
        # Azure's client looks for these words before it sends a deployment that collects data.
        said = f"Version {before.name} already exists with other data ({before.spec.uri})."
        raise ImmutableAsset(said, target=_TARGET)


def _place(here: Context, uri: str) -> tuple[str, str]:
    """Equal for all ways to write one place in the datastore."""
    return ("", uri) if _is_elsewhere(here, uri) else uploaded_at(uri, here.workspace, _FIELD)


def _demand_same_content(before: DataVersionRecord, spec: DataVersionSpec) -> None:
    if (before.spec.content_hash, before.spec.type) != (spec.content_hash, spec.type):
        raise ImmutableAsset(f"Version {before.name} already exists with other data or another type.", target=_TARGET)


def _demand_same_type(container: AssetContainerRecord | None, spec: DataVersionSpec) -> None:
    if container is not None and container.spec.data_type not in ("", spec.type):
        raise BadArgument(
            f"The versions of {container.name} are of the type {container.spec.data_type}, not {spec.type}.",
            hint="Use another name for data of another type.",
            target="properties.dataType",
        )
