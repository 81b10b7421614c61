"""Environments on the wire and in the store."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from flowstead.api.arm import envelope
from flowstead.api.bodies import Body, TextMap
from flowstead.resources.environment import EnvironmentVersionSpec
from flowstead.store.records import AnyRecord, EnvironmentVersionRecord

DEFAULT_ENVIRONMENT = "flowstead-runtime"
_MAX_TEXT = 1024 * 1024


class BuildBody(Body):
    context_uri: str = Field(max_length=4096)
    dockerfile_path: str | None = Field(default=None, max_length=1024)


class EnvironmentVersionProperties(Body):
    image: str | None = Field(default=None, max_length=1024)
    conda_file: str | None = Field(default=None, max_length=_MAX_TEXT)
    build: BuildBody | None = None
    inference_config: dict[str, Any] | None = None
    os_type: str | None = Field(default=None, max_length=32)
    description: str | None = None
    tags: TextMap = Field(default_factory=dict)
    properties: TextMap = Field(default_factory=dict)
    is_anonymous: bool = False
    is_archived: bool = False


class EnvironmentVersionBody(Body):
    properties: EnvironmentVersionProperties


def version_spec(body: EnvironmentVersionBody, context_hash: str) -> EnvironmentVersionSpec:
    """context_hash: of the build context's files, "" without one."""
    given = body.properties
    build = given.build
    return EnvironmentVersionSpec(
        image=given.image or "",
        conda_file=given.conda_file or "",
        context_uri=build.context_uri if build else "",
        context_hash=context_hash,
        dockerfile_path=(build.dockerfile_path or "Dockerfile") if build else "",
        inference_config=given.inference_config or {},
        os_type=(given.os_type or "Linux").capitalize(),  # the SDK sends it back in lower case
        description=given.description or "",
        tags=given.tags,
        properties=given.properties,
        is_anonymous=given.is_anonymous,
        is_archived=given.is_archived,
    )


def is_curated(record: AnyRecord) -> bool:
    """Whether the container or version is the runtime's own."""
    return record.id.partition("/environments/")[2].partition("/")[0].lower() == DEFAULT_ENVIRONMENT


def show_version(record: EnvironmentVersionRecord) -> dict[str, Any]:
    spec = record.spec
    properties: dict[str, Any] = {
        "description": spec.description,
        "tags": dict(spec.tags),
        "properties": dict(spec.properties),
        "environmentType": "Curated" if is_curated(record) else "UserCreated",
        "osType": spec.os_type,
        "isAnonymous": spec.is_anonymous,
        "isArchived": spec.is_archived,
        "provisioningState": "Succeeded",
    }
    if spec.image:
        properties["image"] = spec.image
    if spec.conda_file:
        properties["condaFile"] = spec.conda_file
    if spec.context_uri:
        properties["build"] = {"contextUri": spec.context_uri, "dockerfilePath": spec.dockerfile_path}
    if spec.inference_config:
        properties["inferenceConfig"] = dict(spec.inference_config)
    return envelope(record, "workspaces/environments/versions", properties)
