"""The data assets that a deployment's collections are read as: each has one, registered when it is not there."""

from __future__ import annotations

import re
from dataclasses import replace

from flowstead.api.context import Context
from flowstead.api.data import DATA
from flowstead.api.paths import canonical
from flowstead.api.upload_uris import uploaded_at
from flowstead.errors import BadArgument
from flowstead.resources.data import DataVersionSpec
from flowstead.resources.data_collector import Collection, DataCollector, collected_asset, collected_path
from flowstead.resources.datastore import datastore_uri
from flowstead.resources.names import check_asset_name
from flowstead.store import Writing
from flowstead.store.records import DataVersionRecord, Kind

_VERSION = "1"
_ID = re.compile(r"(?P<site>/subscriptions/.+)/data/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")


def with_data_assets(
    tx: Writing,
    here: Context,
    wanted: DataCollector,
    before: DataCollector | None,
    endpoint: str,
    deployment: str,
    by: str,
) -> DataCollector:
    """The collector with the data asset of each enabled collection: the one that the body names, else the one that it
    had before, else Azure's default, which is registered. endpoint, deployment: names in exact casing.

    Raises BadArgument for an asset that does not exist, or that lies elsewhere than the records."""
    had = before.collections if before is not None else {}
    collections = {
        name: _with_data_asset(tx, here, each, had.get(name), (endpoint, deployment, name), by)
        for name, each in wanted.collections.items()
    }
    return replace(wanted, collections=collections)


def _with_data_asset(
    tx: Writing, here: Context, wanted: Collection, before: Collection | None, place: tuple[str, str, str], by: str
) -> Collection:
    if not wanted.enabled:
        return wanted
    target = f"properties.dataCollector.collections.{place[2]}.dataId"
    if wanted.data_id:
        found = tx.find(Kind.DATA_VERSION, _checked_id(here, wanted.data_id, target))
        if found is None:
            raise BadArgument(
                f"There is no data asset {wanted.data_id[:300]!r}.",
                hint="Register it first, or leave dataId out: then it is registered with the deployment.",
                target=target,
            )
    else:
        found = tx.find(Kind.DATA_VERSION, before.data_id) if before is not None and before.data_id else None
        found = found or _default_asset(tx, here, place, by)
    _demand_place(here, found, collected_path(*place), target)
    return replace(wanted, data_id=found.id)


def _default_asset(tx: Writing, here: Context, place: tuple[str, str, str], by: str) -> DataVersionRecord:
    name = check_asset_name(collected_asset(*place), "data asset")
    found = tx.find(Kind.DATA_VERSION, DATA.version_id(here, name, _VERSION))
    if found is not None:
        return found
    spec = DataVersionSpec(uri=datastore_uri(collected_path(*place)))
    return DATA.write_version(tx, here, name, _VERSION, spec, by, data_type=spec.type)


def _checked_id(here: Context, given: str, target: str) -> str:
    match = _ID.fullmatch(canonical(given.removeprefix("azureml:"), here.workspace))
    if match is None or match["site"] != here.workspace.path:
        raise BadArgument(
            f"{given[:300]!r} is no version of a data asset of this workspace.",
            hint=f"It looks like {here.workspace.data('NAME', 'VERSION')}.",
            target=target,
        )
    return match[0]


def _demand_place(here: Context, asset: DataVersionRecord, path: str, target: str) -> None:
    uri = asset.spec.uri
    if not asset.spec.content_hash and uri.startswith("azureml:") and uploaded_at(uri, here.workspace)[1] == path:
        return
    raise BadArgument(
        f"The data asset {asset.parent_id.rpartition('/')[2]}:{asset.name} is {uri[:300]}, "
        f"but the records will lie at {datastore_uri(path)}.",
        hint="Register an asset with that address, or leave dataId out: then one is registered.",
        target=target,
    )
