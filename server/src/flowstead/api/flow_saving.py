"""Changing the files of a flow: every change is a version, and no writer's work is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flowstead.api.context import Context
from flowstead.api.preconditions import check_match
from flowstead.errors import BadArgument, PayloadTooLarge, PreconditionFailed, ResourceConflict
from flowstead.resources.flow import (
    KEPT_VERSIONS,
    MAX_BYTES,
    MAX_FILES,
    FlowFile,
    FlowSpec,
    FlowType,
    FlowVersionSpec,
    Tree,
    bytes_of,
    path_conflict,
)
from flowstead.resources.upload_rules import path_problem
from flowstead.store import Writing
from flowstead.store.records import FlowRecord, Kind
from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.flow.load import DEFINITION_FILES
from flowstead_runtime.yaml_file import MAX_YAML_BYTES, parse_yaml

_TRIES = 100
"""How often a change is made anew because another one came first."""

Change = Callable[[dict[str, FlowFile]], Tree]


def save(here: Context, flow: str, change: Change, *, note: str, by: str, if_match: str | None = None) -> FlowRecord:
    """Change the files of a flow. change: from what there is to what there will be; it may be called again, and may
    refuse. if_match: of the flow as a whole.

    Files are written before the row that names them. Raises PreconditionFailed, ResourceNotFound, ResourceConflict,
    PayloadTooLarge."""
    for _ in range(_TRIES):
        with here.store.reading() as tx:
            record = tx.get(Kind.FLOW, here.workspace.flow(flow))
        check_match(record.etag, if_match, None, f"The flow {record.name}")
        tree = change(here.flow_files.tree(record.spec.tree))
        check_tree(tree)
        hash = here.flow_files.put_tree(tree)
        if hash == record.spec.tree:
            return record
        spec = replace(with_tree(record.spec, tree, hash), type=type_of(here, tree, record.spec.type))
        try:
            with here.store.transaction() as tx:
                return write(tx, record, spec, note=note, by=by)
        except PreconditionFailed:
            continue  # somebody else was quicker: the change is made to what is there now
    raise ResourceConflict(f"The flow {flow} is being changed all the time.", hint="Try again in a moment.")


def write(tx: Writing, record: FlowRecord, spec: FlowSpec, *, note: str, by: str) -> FlowRecord:
    """Write the flow's row as a new version of it. Raises PreconditionFailed when it is another one by now."""
    if tx.find(Kind.FLOW, record.id) is None:
        raise PreconditionFailed(f"The flow {record.name} is gone.")
    saved, _ = tx.put(
        Kind.FLOW, record.id, record.parent_id, record.name, spec, by=by, still=record.etag, operation=None
    )
    keep_version(tx, saved, note=note, by=by)
    return saved


def keep_version(tx: Writing, record: FlowRecord, *, note: str, by: str) -> None:
    """Remember the flow's files as its latest version, and forget the oldest beyond what is kept."""
    spec, number = record.spec, record.spec.next_version - 1
    version = FlowVersionSpec(spec.tree, spec.files, spec.bytes, note)
    id = f"{record.id}/versions/{number}"
    tx.put(Kind.FLOW_VERSION, id, record.id, str(number), version, by=by, operation=None)
    oldest = number - KEPT_VERSIONS
    if oldest > 0 and tx.find(Kind.FLOW_VERSION, f"{record.id}/versions/{oldest}") is not None:
        tx.remove(f"{record.id}/versions/{oldest}")


def with_tree(spec: FlowSpec, tree: Tree, hash: str) -> FlowSpec:
    """The flow with other files."""
    return replace(spec, tree=hash, files=len(tree), bytes=bytes_of(tree), next_version=spec.next_version + 1)


def check_path(path: str) -> str:
    """The path of a flow's file. Raises BadArgument."""
    problem = path_problem(path)
    if problem:
        shown = path.encode("utf-8", "replace").decode()[:80]
        raise BadArgument(f"The path {shown!r} {problem}.", hint="Send paths relative to the flow's folder.")
    return path


def check_tree(tree: Tree) -> None:
    """Raises ResourceConflict and PayloadTooLarge."""
    conflict = path_conflict(tree)
    if conflict:
        raise ResourceConflict(f"{conflict} cannot be both a file and a folder.", hint="Use another name.")
    if len(tree) > MAX_FILES or bytes_of(tree) > MAX_BYTES:
        raise PayloadTooLarge(
            f"A flow has at most {MAX_FILES} files of {MAX_BYTES >> 20} MiB together.",
            hint="Let the flow read what is larger from where it lies.",
        )


def type_of(here: Context, tree: Tree, before: FlowType) -> FlowType:
    """What the flow is for, as its definition says; as before when that says nothing."""
    name = next((name for name in DEFINITION_FILES if name in tree), None)
    if name is None or tree[name].size > MAX_YAML_BYTES:
        return before
    try:
        document: Any = parse_yaml(here.flow_files.read(tree[name]).decode("utf-8-sig"), shown=name)
    except (FlowDefinitionError, UnicodeDecodeError):
        return before
    if not isinstance(document, dict):
        return before
    inputs, nodes = document.get("inputs"), document.get("nodes")
    if isinstance(inputs, dict) and any(_has(each, "is_chat_input") for each in inputs.values()):
        return FlowType.CHAT
    if isinstance(nodes, list) and any(_has(each, "aggregation") for each in nodes):
        return FlowType.EVALUATION
    return FlowType.STANDARD


def _has(value: Any, key: str) -> bool:
    return isinstance(value, dict) and value.get(key) is True
