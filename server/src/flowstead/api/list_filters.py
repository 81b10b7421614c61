"""Which of the resources a list asks for, by the parameters of Azure ML. What a parameter does not name passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import Request

from flowstead.errors import BadArgument
from flowstead.store.records import AnyRecord

Item = TypeVar("Item", bound=AnyRecord)
_COMPUTE_TYPES = ("managed", "kubernetes", "azuremlcompute")


def tagged(request: Request, records: Sequence[Item]) -> Sequence[Item]:
    """Those that have the tags in `$tags` or `tags`: `name` or `name=value`, with commas between."""
    return _having(request.query_params.get("$tags", request.query_params.get("tags", "")), records, _tags)


def online(request: Request, records: Sequence[Item]) -> Sequence[Item]:
    """Endpoints or deployments by `name`, `tags`, `properties` (as tags are) and `computeType`. Raises BadArgument."""
    asked = request.query_params
    if asked.get("name"):
        records = [record for record in records if record.name.lower() == asked["name"].lower()]
    compute = asked.get("computeType", "").lower()
    if compute and compute not in _COMPUTE_TYPES:
        raise BadArgument(
            f"computeType={asked['computeType'][:40]} is none of Managed, Kubernetes, AzureMLCompute.",
            target="computeType",
        )
    if compute not in ("", "managed"):
        return []
    return _having(asked.get("properties", ""), tagged(request, records), _properties)


def _having(asked: str, records: Sequence[Item], of: Callable[[Any], Mapping[str, str]]) -> Sequence[Item]:
    for each in filter(None, asked.split(",")):
        name, given, value = each.partition("=")
        records = [
            record for record in records if name in of(record.spec) and (not given or of(record.spec)[name] == value)
        ]
    return records


def _tags(spec: Any) -> Mapping[str, str]:
    tags: Mapping[str, str] = spec.tags
    return tags


def _properties(spec: Any) -> Mapping[str, str]:
    properties: Mapping[str, str] = spec.properties
    return properties
