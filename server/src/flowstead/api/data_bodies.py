"""Data assets on the wire and in the store."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from flowstead.api.arm import envelope
from flowstead.api.bodies import Body, TextMap
from flowstead.resources.data import DataVersionSpec
from flowstead.store.records import DataVersionRecord

Address = Annotated[str, Field(max_length=4096)]


class DataVersionProperties(Body):
    data_uri: Address
    data_type: Literal["uri_file", "uri_folder", "mltable"] = "uri_folder"
    referenced_uris: Annotated[list[Address], Field(max_length=1000)] | None = None
    description: str | None = None
    tags: TextMap = Field(default_factory=dict)
    properties: TextMap = Field(default_factory=dict)
    is_anonymous: bool = False
    is_archived: bool = False


class DataVersionBody(Body):
    properties: DataVersionProperties


def version_spec(body: DataVersionBody, content_hash: str) -> DataVersionSpec:
    given = body.properties
    return DataVersionSpec(
        uri=given.data_uri,
        type=given.data_type,
        content_hash=content_hash,
        description=given.description or "",
        tags=given.tags,
        properties=given.properties,
        referenced_uris=tuple(given.referenced_uris or ()),
        is_anonymous=given.is_anonymous,
        is_archived=given.is_archived,
    )


def show_version(record: DataVersionRecord) -> dict[str, Any]:
    """contentHash is ours: of the copy that was made at registration; absent where there is none."""
    spec = record.spec
    properties: dict[str, Any] = {
        "description": spec.description,
        "tags": dict(spec.tags),
        "properties": dict(spec.properties),
        "dataType": spec.type,
        "dataUri": spec.uri,
        "isAnonymous": spec.is_anonymous,
        "isArchived": spec.is_archived,
        "provisioningState": "Succeeded",
    }
    if spec.type == "mltable":
        properties["referencedUris"] = list(spec.referenced_uris)
    if spec.content_hash:
        properties["contentHash"] = spec.content_hash
    return envelope(record, "workspaces/data/versions", properties)
