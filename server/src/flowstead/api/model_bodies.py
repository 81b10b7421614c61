"""Models on the wire and in the store."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from flowstead.api.arm import envelope
from flowstead.api.bodies import Body, TextMap
from flowstead.resources.model import ModelVersionSpec
from flowstead.store.records import ModelVersionRecord


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
    stage: str | None = Field(default=None, max_length=256)
    is_anonymous: bool = False
    is_archived: bool = False


class ModelVersionBody(Body):
    properties: ModelVersionProperties


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
        stage=given.stage or "",
        is_anonymous=given.is_anonymous,
        is_archived=given.is_archived,
    )


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
        "stage": spec.stage or None,
        "isAnonymous": spec.is_anonymous,
        "isArchived": spec.is_archived,
        "provisioningState": "Succeeded",
        "contentHash": spec.content_hash,
    }
    return envelope(record, "workspaces/models/versions", properties)
