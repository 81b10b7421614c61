"""Models on the wire and in the store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from flowstead.api.arm import envelope
from flowstead.api.bodies import Body, TextMap
from flowstead.resources.model import ModelContainerSpec, ModelVersionSpec
from flowstead.store.records import ModelRecord, ModelVersionRecord


class ModelProperties(Body):
    description: str | None = None
    tags: TextMap | None = None
    properties: TextMap | None = None
    is_archived: bool | None = None


class ModelBody(Body):
    properties: ModelProperties


class ModelVersionProperties(Body):
    # `model_` is a prefix that pydantic keeps for itself unless told otherwise.
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, hide_input_in_errors=True, protected_namespaces=()
    )

    model_uri: str = Field(max_length=4096)
    model_type: str | None = Field(default=None, max_length=64)
    description: str | None = None
    tags: TextMap = Field(default_factory=dict)
    properties: TextMap = Field(default_factory=dict)
    flavors: dict[str, dict[str, Any]] | None = None
    is_anonymous: bool = False
    is_archived: bool = False


class ModelVersionBody(Body):
    properties: ModelVersionProperties


def container_spec(body: ModelBody, before: ModelContainerSpec) -> ModelContainerSpec:
    """The container as the body changes it; what the body does not name stays."""
    given = body.properties
    return replace(
        before,
        description=before.description if given.description is None else given.description,
        tags=before.tags if given.tags is None else given.tags,
        properties=before.properties if given.properties is None else given.properties,
        is_archived=before.is_archived if given.is_archived is None else given.is_archived,
    )


def with_version(container: ModelContainerSpec, version: str) -> ModelContainerSpec:
    """The container with a new version: the latest, and the next one's number."""
    number = int(version) + 1 if version.isdecimal() else 0
    return replace(container, latest_version=version, next_version=str(max(number, int(container.next_version))))


def version_spec(body: ModelVersionBody, content_hash: str) -> ModelVersionSpec:
    given = body.properties
    return ModelVersionSpec(
        uri=given.model_uri,
        content_hash=content_hash,
        type=given.model_type or "custom_model",
        description=given.description or "",
        tags=given.tags,
        properties=given.properties,
        flavors=given.flavors or {},
        is_anonymous=given.is_anonymous,
        is_archived=given.is_archived,
    )


def show_container(record: ModelRecord) -> dict[str, Any]:
    spec = record.spec
    properties = {
        "description": spec.description,
        "tags": dict(spec.tags),
        "properties": dict(spec.properties),
        "isArchived": spec.is_archived,
        "latestVersion": spec.latest_version,
        "nextVersion": spec.next_version,
    }
    return envelope(record, "workspaces/models", properties)


def show_version(record: ModelVersionRecord) -> dict[str, Any]:
    """contentHash is ours: what the files are, whatever the address says."""
    spec = record.spec
    properties = {
        "description": spec.description,
        "tags": dict(spec.tags),
        "properties": dict(spec.properties),
        "modelType": spec.type,
        "modelUri": spec.uri,
        "flavors": {name: dict(flavor) for name, flavor in spec.flavors.items()},
        "isAnonymous": spec.is_anonymous,
        "isArchived": spec.is_archived,
        "provisioningState": "Succeeded",
        "contentHash": spec.content_hash,
    }
    return envelope(record, "workspaces/models/versions", properties)
