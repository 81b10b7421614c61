"""The part of Azure Blob Storage's REST API that uploading a folder needs."""

from __future__ import annotations

from email.utils import format_datetime
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, Response

from flowstead.access.signatures import check
from flowstead.api.context import Context, Here, context_of
from flowstead.api.datastores import ACCOUNT
from flowstead.api.discovery import STORAGE_SUFFIX
from flowstead.api.failures import blob_error
from flowstead.store.uploads import Blob, Incoming, check_path, utc

_BLOB = f"/{ACCOUNT}.blob.{STORAGE_SUFFIX}/{{container}}/{{path:path}}"
_VERSION = "2026-10-06"
_WRITE_AT_ONCE = 1024 * 1024
_METADATA = "x-ms-meta-"
router = APIRouter(tags=["blobs"])


class Signed:
    """A dependency: the query's signature gives one of these permissions on this path. Raises
    UploadRefused."""

    def __init__(self, permissions: str) -> None:
        self.permissions = permissions

    def __call__(self, container: str, path: str, request: Request) -> None:
        here = context_of(request)
        check_path(container, path)
        check(
            here.upload_key,
            request.query_params,
            container=container,
            path=path,
            permissions=self.permissions,
            now=here.clock.now(),
        )


Metadata = Annotated[dict[str, str], Depends(lambda request: _metadata(request))]


@router.put(_BLOB, status_code=201, dependencies=[Depends(Signed("cw"))], response_model=None)
async def put_blob(container: str, path: str, request: Request, here: Here) -> Response:
    """Store a file, or, with `comp=metadata`, its metadata."""
    comp = request.query_params.get("comp")
    if comp == "metadata":
        return await to_thread.run_sync(_put_metadata, here, container, path, _metadata(request))
    if comp is not None:
        return blob_error(400, "InvalidQueryParameterValue", f"comp={comp[:40]} is not supported; send files whole.")
    if request.headers.get("If-None-Match") == "*" and here.uploads.find(container, path) is not None:
        return blob_error(409, "BlobAlreadyExists", f"{path} exists.")
    with here.uploads.begin(container, path) as incoming:
        await _take_in(request, incoming)
        blob = await to_thread.run_sync(
            lambda: incoming.commit(
                metadata=_metadata(request),
                expected_md5=request.headers.get("Content-MD5"),
                now=here.clock.now(),
            )
        )
    return Response(status_code=201, headers={**_stamp(blob), "Content-MD5": blob.md5})


@router.head(_BLOB, dependencies=[Depends(Signed("r"))])
def head_blob(container: str, path: str, here: Here) -> Response:
    """Whether the file is there, with its metadata."""
    blob = here.uploads.find(container, path)
    if blob is None:
        return Response(status_code=404, headers={"x-ms-error-code": "BlobNotFound"})
    return Response(headers={**_properties(blob), "Content-Length": str(blob.size)})


@router.get(_BLOB, dependencies=[Depends(Signed("r"))], response_model=None)
def get_blob(container: str, path: str, request: Request, here: Here) -> Response:
    """The file, whole, or the part that `Range` or `x-ms-range` asks for."""
    blob = here.uploads.find(container, path)
    if blob is None:
        return blob_error(404, "BlobNotFound", f"There is no {path}.")
    wanted = request.headers.get("x-ms-range")
    if blob.size == 0 and (wanted or "range" in request.headers):
        return blob_error(416, "InvalidRange", f"{path} is empty.")
    if wanted is not None:
        # The answer reads the standard header.
        request.scope["headers"] = [*request.scope["headers"], (b"range", wanted.encode("latin-1"))]
    return FileResponse(blob.path, headers=_properties(blob), media_type="application/octet-stream")


async def _take_in(request: Request, incoming: Incoming) -> None:
    pending = bytearray()
    async for chunk in request.stream():
        pending += chunk
        if len(pending) >= _WRITE_AT_ONCE:
            await to_thread.run_sync(incoming.write, bytes(pending))
            pending.clear()
    await to_thread.run_sync(incoming.write, bytes(pending))


def _put_metadata(here: Context, container: str, path: str, metadata: dict[str, str]) -> Response:
    blob = here.uploads.set_metadata(container, path, metadata, now=here.clock.now())
    if blob is None:
        return blob_error(404, "BlobNotFound", f"There is no {path}.")
    return Response(headers=_stamp(blob))


def _metadata(request: Request) -> dict[str, str]:
    return {
        name.removeprefix(_METADATA): value for name, value in request.headers.items() if name.startswith(_METADATA)
    }


def _stamp(blob: Blob) -> dict[str, str]:
    return {
        "ETag": blob.etag,
        "Last-Modified": format_datetime(utc(blob.modified_at), usegmt=True),
        "x-ms-version": _VERSION,
    }


def _properties(blob: Blob) -> dict[str, str]:
    metadata = {_METADATA + name: value for name, value in blob.metadata.items()}
    return {
        **_stamp(blob),
        **metadata,
        "x-ms-blob-type": "BlockBlob",
        "Content-Type": "application/octet-stream",
        "Content-MD5": blob.md5,
        "Accept-Ranges": "bytes",
    }
