"""Code assets on the wire and in the store."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from flowstead.api.arm import envelope
from flowstead.api.bodies import Body, TextMap
from flowstead.resources.code import CodeVersionSpec
from flowstead.store.records import CodeVersionRecord


class CodeVersionProperties(Body):
    code_uri: str = Field(max_length=4096)
    description: str | None = None
    tags: TextMap = Field(default_factory=dict)
    properties: TextMap = Field(default_factory=dict)
    is_anonymous: bool = True
    is_archived: bool = False


class CodeVersionBody(Body):
    properties: CodeVersionProperties


def version_spec(body: CodeVersionBody, content_hash: str, snapshot_hash: str) -> CodeVersionSpec:
    given = body.properties
    return CodeVersionSpec(
        uri=given.code_uri,
        content_hash=content_hash,
        snapshot_hash=snapshot_hash,
        description=given.description or "",
        tags=given.tags,
        properties=given.properties,
        is_anonymous=given.is_anonymous,
        is_archived=given.is_archived,
    )


def show_version(record: CodeVersionRecord) -> dict[str, Any]:
    """contentHash is ours: what the files are, whatever the address and the properties say."""
    spec = record.spec
    properties = {
        "description": spec.description,
        "tags": dict(spec.tags),
        "properties": dict(spec.properties),
        "codeUri": spec.uri,
        "isAnonymous": spec.is_anonymous,
        "isArchived": spec.is_archived,
        "provisioningState": "Succeeded",
        "contentHash": spec.content_hash,
    }
    return envelope(record, "workspaces/codes/versions", properties)
