"""A folder on its way to the server: datastore → signature → one PUT a file → a completion mark."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import httpx

from flowstead.client.failures import failure_from, failure_of
from flowstead.client.files import LEAVE_OUT_HINT, RENAME_HINT, LocalFile, content_hash, files_of, place_of
from flowstead.client.session import Session
from flowstead.errors import BadArgument, FlowsteadError, PayloadTooLarge, UploadRefused
from flowstead.resources.names import Workspace

_DATASTORE = "workspaceblobstore"
_AT_ONCE = 4
WHOLE_BYTES = 64 * 1024 * 1024
"""Of a file that is sent in one request; larger ones go in blocks, as with Azure's clients."""
BLOCK_BYTES = 8 * 1024 * 1024
_COMPLETED = "completed"
_MESSAGE = re.compile(r"<Message>(.*?)</Message>", re.S)


@dataclass(frozen=True)
class Uploaded:
    """Where a folder, or a single file, lies on the server. path: in the container. content: the hash of all."""

    workspace: Workspace
    container: str
    path: str
    content: str

    @property
    def uri(self) -> str:
        """As models and data assets name it."""
        return (
            f"azureml://subscriptions/{self.workspace.subscription}/resourcegroups/{self.workspace.resource_group}"
            f"/workspaces/{self.workspace.name}/datastores/{_DATASTORE}/paths/{self.path}"
        )

    def address(self, server: str) -> str:
        """As build contexts and code assets name it: below the server's URL."""
        return f"{server}/{self.container}/{self.path}"


@dataclass(frozen=True)
class Datastore:
    """The workspace's own. root: path of its container on the server; signature: the query that opens it."""

    container: str
    root: str
    signature: str = field(repr=False)


def datastore(session: Session) -> Datastore:
    """Where it is, with a fresh signature."""
    store = f"{session.workspace.path}/datastores/{_DATASTORE}"
    properties = session.request("GET", store).json()["properties"]
    secrets = session.request("POST", f"{store}/listSecrets", body={"expirableSecret": True}).json()
    container = str(properties["containerName"])
    return Datastore(container, _blob_root(properties, container), str(secrets["sasToken"]))


def upload(session: Session, folder: Path) -> Uploaded:
    """Send a folder's files, or the one file, unless the same content is there already.

    Raises BadArgument, PayloadTooLarge and UploadRefused."""
    files = files_of(folder)
    store = datastore(session)
    uploaded = _uploaded(session, store.container, folder, files)
    place = uploaded.path if folder.is_dir() else uploaded.path.rpartition("/")[0]
    send_files(session, store.root, store.signature, place, files)
    return uploaded


def planned_upload(session: Session, folder: Path) -> Uploaded:
    """Where `upload` would put it; nothing is sent. Raises BadArgument and PayloadTooLarge."""
    store = f"{session.workspace.path}/datastores/{_DATASTORE}"
    container = str(session.request("GET", store).json()["properties"]["containerName"])
    return _uploaded(session, container, folder, files_of(folder))


def _uploaded(session: Session, container: str, folder: Path, files: Sequence[LocalFile]) -> Uploaded:
    content = content_hash(files)
    place = place_of(content, folder.resolve().name)
    path = place if folder.is_dir() else f"{place}/{files[0].name}"
    return Uploaded(session.workspace, container, path, content)


def send_files(session: Session, root: str, signature: str, place: str, files: Sequence[LocalFile]) -> None:
    """Send files unless they are there already. root: path of a container; place: of the folder inside it."""
    _Upload(session, root, signature, place).send(files)


class _Upload:
    """root: path of the container on the server; place: of the folder inside it."""

    def __init__(self, session: Session, root: str, signature: str, place: str) -> None:
        self._session = session
        self._root = root
        self._query = dict(parse_qsl(signature, keep_blank_values=True))
        self._place = place

    def send(self, files: Sequence[LocalFile]) -> None:
        first = files[0]
        if self._is_complete(first):
            return
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="upload") as pool:
            for _ in pool.map(self._put, files):
                pass
        mark = {"x-ms-meta-upload_status": _COMPLETED}
        query = {**self._query, "comp": "metadata"}
        _check(self._session.send("PUT", self._path(first), params=query, headers=mark), first)

    def _is_complete(self, first: LocalFile) -> bool:
        answer = self._session.send("HEAD", self._path(first), params=self._query)
        return answer.is_success and answer.headers.get("x-ms-meta-upload_status") == _COMPLETED

    def _put(self, file: LocalFile) -> None:
        if file.path.stat().st_size > WHOLE_BYTES:
            self._put_in_blocks(file)
            return
        headers = {
            "x-ms-blob-type": "BlockBlob",
            "Content-Type": "application/octet-stream",
            "Content-MD5": _md5(file.path),
            "Content-Length": str(file.path.stat().st_size),
        }
        with file.path.open("rb") as content:
            answer = self._session.send("PUT", self._path(file), params=self._query, headers=headers, content=content)
        _check(answer, file)

    def _put_in_blocks(self, file: LocalFile) -> None:
        ids: list[str] = []
        with file.path.open("rb") as content:
            while block := content.read(BLOCK_BYTES):
                ids.append(base64.b64encode(f"{len(ids):08d}".encode()).decode())
                query = {**self._query, "comp": "block", "blockid": ids[-1]}
                _check(self._session.send("PUT", self._path(file), params=query, content=block), file)
        listed = "".join(f"<Latest>{id}</Latest>" for id in ids)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'
        query = {**self._query, "comp": "blocklist"}
        _check(self._session.send("PUT", self._path(file), params=query, content=body.encode()), file)

    def _path(self, file: LocalFile) -> str:
        return f"{self._root}/{quote(f'{self._place}/{file.name}')}"


def _check(answer: httpx.Response, file: LocalFile) -> None:
    if not answer.is_error:
        return
    code = answer.headers.get("x-ms-error-code", "")
    raise _refusal(answer, code, file) if code else failure_of(answer)


def _refusal(answer: httpx.Response, code: str, file: LocalFile) -> FlowsteadError:
    """The error of a blob route, with the file's name: the route's own words may be about the request alone."""
    found = _MESSAGE.search(answer.text)
    reason, _, next_step = html.unescape(found[1]).strip().partition("\n") if found else ("", "", "")
    refused = f"The upload of the file {file.name!r} was refused with {answer.status_code} {code}" + (
        f": {reason}" if reason else "."
    )
    if answer.status_code in (401, 403):
        return UploadRefused(refused)
    if answer.status_code == 413:
        return PayloadTooLarge(refused, hint=LEAVE_OUT_HINT)
    if answer.status_code == 400:
        return BadArgument(refused, hint=f"{next_step} If its name is at fault: {RENAME_HINT}".lstrip())
    return failure_from({"code": code, "message": f"{refused}\n{next_step}".strip()})


def _blob_root(properties: dict[str, Any], container: str) -> str:
    """Path of the container: the account's host, or its path below our own host, whatever the account's name says."""
    account = str(properties["accountName"]).rpartition("/")[2]
    return f"/{account}.blob.{properties['endpoint']}/{container}"


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return base64.b64encode(hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()).decode()
