"""The `data_collector` of a deployment, and the data assets that its collections are written to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowstead.azure_yaml.entry import Entry
from flowstead.azure_yaml.fields import IGNORED_AT_TOP, Choice, Each, Fraction, Named, Section, filled_text, flag, text
from flowstead.azure_yaml.paths import DATASTORE_PATHS
from flowstead.azure_yaml.references import AssetId, NamedAsset, asset

_COLLECTED_PATHS = f"{DATASTORE_PATHS}/modelDataCollector"
"""Where Azure ML's clients have collections written unless told otherwise."""
_RATES = {word: word.capitalize() for word in ("minute", "hour", "day", "month", "year")}
_DATA = Section(
    {"name": filled_text, "version": filled_text, "path": filled_text},
    ignored=(*IGNORED_AT_TOP, "type", "description", "tags", "properties"),
)


def _data(entry: Entry) -> NamedAsset | AssetId | dict[str, Any]:
    """A data asset by name or id, or what is to be said of a new one."""
    return _DATA(entry) if isinstance(entry.value, Mapping) else asset(entry)


COLLECTOR = Section(
    {
        "collections": Named(Section({"enabled": flag, "data": _data, "client_id": text}, ignored=("sampling_rate",))),
        "sampling_rate": Fraction(),
        "rolling_rate": Choice(_RATES),
        "request_logging": Section({"capture_headers": Each(text)}),
    }
)


@dataclass(frozen=True)
class CollectedData:
    """The data asset of a collection, which is registered with the deployment."""

    name: str
    version: str
    path: str


def collector_body(read: Mapping[str, Any]) -> dict[str, Any]:
    """`properties.dataCollector` of the REST body; its collections lack `dataId`. read: what COLLECTOR made.

    The sampling rate goes into each collection, where the service expects it."""
    collections = {}
    for name, one in (read.get("collections") or {}).items():
        collections[name] = {"dataCollectionMode": "enabled" if one.get("enabled") else "disabled"}
        if "sampling_rate" in read:
            collections[name]["samplingRate"] = read["sampling_rate"]
        if "client_id" in one:
            collections[name]["clientId"] = one["client_id"]
    body: dict[str, Any] = {"collections": collections}
    if "rolling_rate" in read:
        body["rollingRate"] = read["rolling_rate"]
    if "request_logging" in read:
        body["requestLogging"] = {"captureHeaders": read["request_logging"].get("capture_headers", [])}
    return body


def collected_data(
    read: Mapping[str, Any], endpoint: str, deployment: str
) -> dict[str, CollectedData | NamedAsset | AssetId]:
    """Collection → its data asset, of those of which the file says something; what it leaves out follows the names of
    endpoint, deployment and collection. The others keep theirs, or get Azure's default from the server."""
    found: dict[str, CollectedData | NamedAsset | AssetId] = {}
    for name, one in (read.get("collections") or {}).items():
        said = one.get("data")
        if isinstance(said, NamedAsset | AssetId):
            found[name] = said
        elif said is not None:
            found[name] = CollectedData(
                said.get("name", f"{endpoint}-{deployment}-{name}"),
                said.get("version", "1"),
                said.get("path", f"{_COLLECTED_PATHS}/{endpoint}/{deployment}/{name}"),
            )
    return found
