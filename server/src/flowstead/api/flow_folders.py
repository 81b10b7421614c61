"""Flows that lie as folders in a directory of the server's machine: which there are, and taking one in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from flowstead.api.arm import resource_answer
from flowstead.api.context import SITE, Context, Here
from flowstead.api.flow_bodies import show_flow
from flowstead.api.flow_saving import check_tree
from flowstead.api.flows import Reader, Writer, take_in
from flowstead.errors import FlowsteadError, ResourceNotFound
from flowstead.resources.flow import Tree, bytes_of
from flowstead.resources.names import check_asset_name
from flowstead.resources.settings import ServerSettings
from flowstead.store.flow_directory import FlowDirectory
from flowstead.store.records import Kind
from flowstead_runtime.flow.load import DEFINITION_FILES

_FOLDERS = SITE + "/flowFolders"
router = APIRouter(tags=["flows"])


def directory_of(settings: ServerSettings) -> FlowDirectory | None:
    if not settings.flow_directory:
        return None
    return FlowDirectory(
        Path(settings.flow_directory), lambda name: name in DEFINITION_FILES or name.endswith(".prompty")
    )


@router.get(_FOLDERS, dependencies=[Reader])
def list_flow_folders(here: Here) -> dict[str, Any]:
    """The folders of flows in the directory that `flowstead up --flow-directory` named, as they are now; directory is
    null where none was named.

    state: `New` where there is no flow of the folder's name, `Unchanged` where the flow has the same files, `Behind`
    where it had them once and was changed here since, `Changed` where the folder has others, `Refused` where it cannot
    be taken in, and why."""
    if here.flow_directory is None:
        return {"directory": None, "value": []}
    folders = here.flow_directory.folders()
    return {
        "directory": str(here.flow_directory.path),
        "value": [_shown(here, here.flow_directory, each) for each in folders],
    }


@router.post(_FOLDERS + "/{folder}/import")
def import_flow_folder(folder: str, here: Here, caller: Writer, flow: str | None = None) -> JSONResponse:
    """Make a folder's files those of a flow; what it had before stays as a version. flow: its name, the folder's unless
    given."""
    directory = here.flow_directory
    if directory is None:
        raise ResourceNotFound(
            "The server watches no directory of flows.",
            hint="Name one: flowstead up --flow-directory DIR.",
            target=folder,
        )
    name = check_asset_name(flow or folder, "flow")
    if folder not in directory.folders():
        hint = "GET flowFolders lists those that hold a flow."
        raise ResourceNotFound(f"There is no folder {folder} with a flow.", hint=hint, target=folder)
    tree = directory.read(folder, here.flow_files.put)
    check_tree(tree)
    record = take_in(here, name, lambda _: tree, note=f"imported from the folder {folder}", by=caller.name)
    return resource_answer(record, show_flow(record))


def _shown(here: Context, directory: FlowDirectory, folder: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"folder": folder, "flow": folder, "files": 0, "bytes": 0}
    try:
        check_asset_name(folder, "flow")
        tree = directory.look(folder)
        check_tree(tree)
    except FlowsteadError as problem:
        return {**shown, "state": "Refused", "problem": problem.message}
    return {**shown, "state": _state(here, folder, tree), "files": len(tree), "bytes": bytes_of(tree)}


def _state(here: Context, folder: str, tree: Tree) -> str:
    hash = here.flow_files.tree_hash(tree)
    with here.store.reading() as tx:
        record = tx.find(Kind.FLOW, here.workspace.flow(folder))
        if record is None:
            return "New"
        if record.spec.tree == hash:
            return "Unchanged"
        versions = tx.list(Kind.FLOW_VERSION, record.id)
    return "Behind" if any(each.spec.tree == hash for each in versions) else "Changed"
