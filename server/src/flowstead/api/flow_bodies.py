"""Flows on the wire."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import Field

from flowstead.api.arm import envelope
from flowstead.api.bodies import Body, TextMap
from flowstead.resources.flow import FlowFile, FlowSpec, Tree
from flowstead.store.records import FlowRecord, FlowVersionRecord

_TYPE = "workspaces/flows"


class FlowProperties(Body):
    """template: what a new flow begins as, chat, standard or evaluation; empty without one. is_scratch: it is left out
    of lists, and goes with the next start of the server."""

    description: str | None = Field(default=None, max_length=10_000)
    tags: TextMap | None = None
    template: str | None = None
    is_scratch: bool | None = None


class FlowBody(Body):
    """What the body does not name stays."""

    properties: FlowProperties = Field(default_factory=FlowProperties)


class FlowTestBody(Body):
    """inputs: the flow's, as for scoring. environment_variables: of the instance that runs it. version: of the flow,
    its present state unless given."""

    inputs: dict[str, Any] = Field(default_factory=dict)
    environment_variables: TextMap = Field(default_factory=dict)
    version: str | None = None


def described(body: FlowBody, before: FlowSpec) -> FlowSpec:
    given = body.properties
    return replace(
        before,
        description=before.description if given.description is None else given.description,
        tags=before.tags if given.tags is None else given.tags,
        is_scratch=before.is_scratch if given.is_scratch is None else given.is_scratch,
    )


def show_flow(record: FlowRecord) -> dict[str, Any]:
    """version: the latest one, which has the files as they are; None while there are none."""
    spec = record.spec
    properties = {
        "description": spec.description,
        "tags": dict(spec.tags),
        "template": spec.template,
        "type": spec.type.value,
        "version": str(spec.next_version - 1) if spec.next_version > 1 else None,
        "files": spec.files,
        "bytes": spec.bytes,
        "contentHash": spec.tree,
        "isScratch": spec.is_scratch,
    }
    return envelope(record, _TYPE, properties)


def show_version(record: FlowVersionRecord) -> dict[str, Any]:
    spec = record.spec
    properties = {"note": spec.note, "files": spec.files, "bytes": spec.bytes, "contentHash": spec.tree}
    return envelope(record, f"{_TYPE}/versions", properties)


def show_files(tree: Tree) -> dict[str, Any]:
    return {"value": [show_file(path, tree[path]) for path in sorted(tree)]}


def show_file(path: str, file: FlowFile) -> dict[str, Any]:
    return {"path": path, "size": file.size, "etag": file.etag}
