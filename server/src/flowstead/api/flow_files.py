"""The files of a flow, each with an ETag of its own, so that two editors don't lose work."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from flowstead.api.context import Context, Here
from flowstead.api.flow_bodies import show_file, show_files
from flowstead.api.flow_saving import check_path, save
from flowstead.api.flows import FLOW, Reader, Writer, files_of
from flowstead.api.preconditions import IfMatch, IfNoneMatch, check_match, names
from flowstead.errors import ResourceNotFound
from flowstead.resources.flow import FlowFile, Tree
from flowstead.store.records import Kind
from flowstead_runtime.flow.problems import is_secret_file

_FILES = FLOW + "/files"
_FILE = _FILES + "/{path:path}"
_OCTETS = "application/octet-stream"
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BYTES = {"requestBody": {"required": True, "content": {_OCTETS: _BINARY}}}
router = APIRouter(tags=["flows"])


@router.get(_FILES, dependencies=[Reader])
def list_flow_files(flow: str, here: Here, version: str | None = None) -> dict[str, Any]:
    """All files, sorted by path; of a version, or as they are now."""
    _, tree = files_of(here, flow, version)
    return show_files(tree)


@router.get(
    _FILE, dependencies=[Reader], response_class=Response, responses={200: {"content": {_OCTETS: _BINARY}}, 304: {}}
)
def get_flow_file(
    flow: str, path: str, here: Here, version: str | None = None, if_none_match: IfNoneMatch = None
) -> Response:
    """A file's bytes."""
    _, tree = files_of(here, flow, version)
    file = tree.get(path)
    if file is None:
        raise ResourceNotFound(f"The flow {flow} has no file {path}.", target=path)
    headers = {"ETag": file.etag, "Content-Disposition": "attachment"}
    if if_none_match is not None and names(if_none_match, file.etag):
        return Response(status_code=304, headers=headers)
    return Response(here.flow_files.read(file), media_type=_OCTETS, headers=headers)


@router.put(_FILE, status_code=201, openapi_extra=_BYTES)
async def put_flow_file(
    flow: str,
    path: str,
    request: Request,
    here: Here,
    caller: Writer,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> JSONResponse:
    """Save a file. With `If-Match` only while it is what was read, with `If-None-Match: *` only when it is new. The
    answer warns of files that usually hold secrets."""
    check_path(path)
    data = await request.body()
    return await to_thread.run_sync(lambda: _put(here, flow, path, data, caller.name, if_match, if_none_match))


@router.delete(_FILE)
def delete_flow_file(
    flow: str,
    path: str,
    here: Here,
    caller: Writer,
    if_match: IfMatch = None,
) -> Response:
    """Delete a file. 204 when there is none."""
    found = False

    def without(tree: dict[str, FlowFile]) -> Tree:
        nonlocal found
        found = path in tree
        check_match(tree[path].etag if found else None, if_match, None, path)
        return {name: file for name, file in tree.items() if name != path}

    save(here, flow, without, note=f"deleted {path}", by=caller.name)
    return Response(status_code=200 if found else 204)


def _put(
    here: Context, flow: str, path: str, data: bytes, by: str, if_match: str | None, if_none_match: str | None
) -> JSONResponse:
    with here.store.reading() as tx:
        tx.get(Kind.FLOW, here.workspace.flow(flow))  # before the bytes are kept
    file = here.flow_files.put(data)
    created = False

    def with_file(tree: dict[str, FlowFile]) -> Tree:
        nonlocal created
        created = path not in tree
        check_match(None if created else tree[path].etag, if_match, if_none_match, path)
        return {**tree, path: file}

    save(here, flow, with_file, note=f"saved {path}", by=by)
    body = show_file(path, file)
    if is_secret_file(path):
        body["warning"] = "Files of this name hold secrets, and go wherever the flow goes. Use a connection instead."
    return JSONResponse(body, status_code=201 if created else 200, headers={"ETag": file.etag})
