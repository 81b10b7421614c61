"""The part of Azure Blob Storage's REST API that Azure's clients use to send, list and fetch folders.

Only path-style addresses: `/flowstead.blob.core.private/{container}/{path}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from flowstead.access.signatures import check
from flowstead.api.blob_answers import METADATA, VERSION, content, properties, stamp, unmet_condition
from flowstead.api.blob_lists import MAX_BLOCK_LIST_BYTES, block_ids, listing, page_size
from flowstead.api.context import Context, Here, context_of
from flowstead.api.datastores import ACCOUNT
from flowstead.api.discovery import STORAGE_SUFFIX
from flowstead.api.failures import blob_error
from flowstead.api.upload_areas import blobs, find_blob, folder_of, open_blob
from flowstead.errors import PayloadTooLarge
from flowstead.store.drafts import Draft
from flowstead.store.uploads import check_container, check_path

_ACCOUNT = f"/{ACCOUNT}.blob.{STORAGE_SUFFIX}"
_CONTAINER = _ACCOUNT + "/{container}"
_BLOB = _CONTAINER + "/{path:path}"
_WRITE_AT_ONCE = 1024 * 1024
router = APIRouter(tags=["blobs"])


class Signed:
    """A dependency: the container on the disk (`upload_areas`) in which the path lies, on which the query's signature
    gives one of these permissions. Raises UploadRefused."""

    def __init__(self, permissions: str) -> None:
        self.permissions = permissions

    def __call__(self, container: str, path: str, request: Request) -> str:
        # Clients ask for `folder/` to learn whether it is a file.
        check_path(container, path.removesuffix("/"))
        return _signed_for(request, container, path, self.permissions)


class SignedContainer:
    """The same for a container's own routes: holds for all names that begin with the `prefix` that is asked for."""

    def __init__(self, permissions: str) -> None:
        self.permissions = permissions

    def __call__(self, container: str, request: Request) -> str:
        check_container(container)
        return _signed_for(request, container, request.query_params.get("prefix", ""), self.permissions)


@router.get(_CONTAINER, response_model=None)
def list_container(
    container: str, request: Request, here: Here, folder: Annotated[str, Depends(SignedContainer("l"))]
) -> Response:
    """The files whose names begin with `prefix`, in the order of names; with `delimiter=/`, folders instead of what
    is in them."""
    query = request.query_params
    if query.get("restype") != "container":
        return blob_error(400, "InvalidQueryParameterValue", "Ask for restype=container.")
    if query.get("comp") is None:
        return Response(headers={"x-ms-version": VERSION})
    if query["comp"] != "list" or query.get("delimiter", "") not in ("", "/"):
        return blob_error(400, "InvalidQueryParameterValue", "Only comp=list is known, and only the delimiter /.")
    page = blobs(
        here,
        folder,
        prefix=query.get("prefix", ""),
        folders=bool(query.get("delimiter")),
        marker=query.get("marker", ""),
        count=page_size(query),
    )
    url = f"{here.base_url}{_ACCOUNT}/"
    body = listing(url, container, query, page)
    return Response(body, headers={"x-ms-version": VERSION}, media_type="application/xml")


@router.head(_CONTAINER, dependencies=[Depends(SignedContainer("l"))])
def head_container(container: str) -> Response:
    """Any container is there as soon as it is written to."""
    return Response(headers={"x-ms-version": VERSION})


@router.put(_CONTAINER, dependencies=[Depends(SignedContainer("cw"))], response_model=None)
def put_container(container: str) -> Response:
    """Containers need not be made."""
    return blob_error(409, "ContainerAlreadyExists", f"{container} is there as soon as it is written to.")


@router.put(_BLOB, status_code=201, response_model=None)
async def put_blob(path: str, request: Request, here: Here, folder: Annotated[str, Depends(Signed("cw"))]) -> Response:
    """Store a file; or, by `comp`, a `block` of one, the file made of its blocks (`blocklist`), or `metadata`."""
    comp = request.query_params.get("comp", "")
    put = _PUTS.get(comp)
    if put is None:
        return blob_error(400, "InvalidQueryParameterValue", f"comp={comp[:40]} is not supported.")
    if "x-ms-copy-source" in request.headers:
        return blob_error(400, "UnsupportedHeader", "Copies are not supported; send the bytes.")
    kind = request.headers.get("x-ms-blob-type", "BlockBlob")
    if kind != "BlockBlob":
        return blob_error(400, "InvalidHeaderValue", f"x-ms-blob-type is {kind[:40]!r}; only BlockBlob is supported.")
    unmet = None
    if comp != "block":
        found = await to_thread.run_sync(here.uploads.find, folder, path)
        unmet = unmet_condition(found, request.headers, reading=False)
    return unmet or await put(here, folder, path, request)


@router.delete(_BLOB, status_code=202, response_model=None)
def delete_blob(path: str, request: Request, here: Here, folder: Annotated[str, Depends(Signed("d"))]) -> Response:
    """Remove the file; what was registered of it stays as it is."""
    unmet = unmet_condition(here.uploads.find(folder, path), request.headers, reading=False)
    if unmet is not None:
        return unmet
    if not here.uploads.remove(folder, path):
        return _missing(path)
    return Response(status_code=202, headers={"x-ms-version": VERSION})


@router.head(_BLOB)
def head_blob(path: str, request: Request, here: Here, folder: Annotated[str, Depends(Signed("r"))]) -> Response:
    """Whether the file is there, with its metadata."""
    blob = find_blob(here, folder, path)
    if blob is None:
        return _missing(path)
    unmet = unmet_condition(blob, request.headers, reading=True)
    if unmet is not None:
        return unmet
    md5 = {"Content-MD5": blob.md5} if blob.md5 else {}
    return Response(headers={**properties(blob), "Content-Length": str(blob.size), **md5})


@router.get(_BLOB, response_model=None)
def get_blob(path: str, request: Request, here: Here, folder: Annotated[str, Depends(Signed("r"))]) -> Response:
    """The file, whole, or the part that `Range` or `x-ms-range` asks for."""
    opened = open_blob(here, folder, path)
    if opened is None:
        return _missing(path)
    blob, file = opened
    unmet = unmet_condition(blob, request.headers, reading=True)
    if unmet is not None:
        file.close()
        return unmet
    if request.query_params.get("comp") == "metadata":
        file.close()
        return Response(headers=properties(blob))
    return content(blob, file, request.headers)


async def _put_whole(here: Context, container: str, path: str, request: Request) -> Response:
    with here.uploads.begin(container, path) as incoming:
        await _take_in(request, incoming)
        blob = await to_thread.run_sync(
            lambda: incoming.commit(
                metadata=_metadata(request.headers),
                expected_md5=request.headers.get("Content-MD5"),
                now=here.clock.now(),
            )
        )
    return Response(status_code=201, headers={**stamp(blob), "Content-MD5": blob.md5})


async def _put_block(here: Context, container: str, path: str, request: Request) -> Response:
    id = request.query_params.get("blockid", "")
    with here.uploads.begin_block(container, path, id) as incoming:
        await _take_in(request, incoming)
        md5 = await to_thread.run_sync(
            lambda: incoming.commit(expected_md5=request.headers.get("Content-MD5"), now=here.clock.now())
        )
    return Response(status_code=201, headers={"Content-MD5": md5, "x-ms-version": VERSION})


async def _put_block_list(here: Context, container: str, path: str, request: Request) -> Response:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BLOCK_LIST_BYTES:
            raise PayloadTooLarge(f"A block list has at most {MAX_BLOCK_LIST_BYTES} bytes.")
    blob = await to_thread.run_sync(
        lambda: here.uploads.commit_blocks(
            container,
            path,
            block_ids(bytes(body)),
            metadata=_metadata(request.headers),
            md5=request.headers.get("x-ms-blob-content-md5", "")[:64],
            now=here.clock.now(),
        )
    )
    # No Content-MD5: the client would compare the file's with the one of the list that it sent.
    return Response(status_code=201, headers=stamp(blob))


async def _put_metadata(here: Context, container: str, path: str, request: Request) -> Response:
    metadata = _metadata(request.headers)
    blob = await to_thread.run_sync(lambda: here.uploads.set_metadata(container, path, metadata, now=here.clock.now()))
    return _missing(path) if blob is None else Response(headers=stamp(blob))


_PUTS = {"": _put_whole, "block": _put_block, "blocklist": _put_block_list, "metadata": _put_metadata}


def _signed_for(request: Request, container: str, path: str, permissions: str) -> str:
    here = context_of(request)
    area = check(
        here.upload_key,
        request.query_params,
        container=container,
        path=path,
        permissions=permissions,
        now=here.clock.now(),
    )
    return folder_of(container, path, area)


async def _take_in(request: Request, draft: Draft) -> None:
    pending = bytearray()
    async for chunk in request.stream():
        pending += chunk
        if len(pending) >= _WRITE_AT_ONCE:
            await to_thread.run_sync(draft.write, bytes(pending))
            pending.clear()
    await to_thread.run_sync(draft.write, bytes(pending))


def _missing(path: str) -> Response:
    return blob_error(404, "BlobNotFound", f"There is no {path}.")


def _metadata(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix(METADATA): value for name, value in headers.items() if name.startswith(METADATA)}
