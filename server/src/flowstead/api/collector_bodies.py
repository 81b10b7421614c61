"""A deployment's data collector on the wire and in the store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from flowstead.api.bodies import Body
from flowstead.resources.data_collector import MAX_COLLECTIONS, Collection, DataCollector, RollingRate

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""Each becomes a part of a path, and of an asset's name."""
_ENABLED, _DISABLED = "Enabled", "Disabled"
"""As Azure's client reads them; it writes them in lower case."""
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")


def _mode(value: Any) -> bool:
    text = str(value).lower()
    if text not in (_ENABLED.lower(), _DISABLED.lower()):
        raise ValueError("neither enabled nor disabled")
    return text == _ENABLED.lower()


def _rolling_rate(value: Any) -> RollingRate:
    found = next((rate for rate in RollingRate if rate.value.lower() == str(value).lower()), None)
    if found is None:
        raise ValueError(f"none of {', '.join(RollingRate)}")
    return found


def _collection_names(value: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in value:
        if not _NAME.fullmatch(name):
            raise ValueError("a collection's name has letters, digits, dots, dashes and underscores")
    return value


def _header_names(value: list[str]) -> list[str]:
    if not all(_HEADER.fullmatch(name) for name in value):
        raise ValueError("not the name of a header")
    return value


class CollectionBody(Body):
    data_collection_mode: Annotated[bool, BeforeValidator(_mode)] = False
    sampling_rate: Annotated[float, Field(ge=0, le=1)] | None = None
    data_id: Annotated[str, Field(max_length=1024)] | None = None
    client_id: Annotated[str, Field(max_length=64)] | None = None


class RequestLoggingBody(Body):
    capture_headers: Annotated[list[str], Field(max_length=50), AfterValidator(_header_names)] | None = None


class DataCollectorBody(Body):
    collections: Annotated[
        dict[str, CollectionBody], Field(max_length=MAX_COLLECTIONS), AfterValidator(_collection_names)
    ] = Field(default_factory=dict)
    rolling_rate: Annotated[RollingRate, BeforeValidator(_rolling_rate)] | None = None
    request_logging: RequestLoggingBody | None = None

    def to_collector(self) -> DataCollector:
        """data_id: as they were given, not looked at yet."""
        collections = {
            name: Collection(
                enabled=each.data_collection_mode,
                sampling_rate=each.sampling_rate,
                data_id=each.data_id or "",
                client_id=each.client_id or "",
            )
            for name, each in self.collections.items()
        }
        headers = (self.request_logging or RequestLoggingBody()).capture_headers or ()
        return DataCollector(collections, self.rolling_rate or RollingRate.HOUR, tuple(headers))


def show_collector(collector: DataCollector) -> dict[str, Any]:
    """As GET shows it: without the ids of data assets, since Azure's client cannot send back a collection that it has
    read with one."""
    shown: dict[str, Any] = {
        "collections": {name: _show_collection(each) for name, each in collector.collections.items()},
        "rollingRate": collector.rolling_rate.value,
    }
    if collector.capture_headers:
        shown["requestLogging"] = {"captureHeaders": list(collector.capture_headers)}
    return shown


def _show_collection(collection: Collection) -> dict[str, Any]:
    shown: dict[str, Any] = {"dataCollectionMode": _ENABLED if collection.enabled else _DISABLED}
    if collection.sampling_rate is not None:
        shown["samplingRate"] = collection.sampling_rate
    if collection.client_id:
        shown["clientId"] = collection.client_id
    return shown
