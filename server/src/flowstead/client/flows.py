"""Flows, by REST; and their folders as archives."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flowstead.client.files import files_of
from flowstead.client.resources import Body, pages
from flowstead.client.session import Session
from flowstead.errors import BadArgument, ResourceNotFound


class Flows:
    """Names were checked, or the server refuses them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, name: str) -> Body:
        """Raises ResourceNotFound."""
        return dict(self._session.request("GET", self._path(name)).json())

    def find(self, name: str) -> Body | None:
        try:
            return self.get(name)
        except ResourceNotFound:
            return None

    def all(self) -> list[Body]:
        return pages(self._session, f"{self._session.workspace.path}/flows")

    def put(self, name: str, properties: Body) -> Body:
        return dict(self._session.request("PUT", self._path(name), body={"properties": properties}).json())

    def delete(self, name: str) -> None:
        self._session.request("DELETE", self._path(name))

    def files(self, name: str) -> list[Body]:
        """`{"path", "size", "etag"}` of each."""
        return list(self._session.request("GET", f"{self._path(name)}/files").json()["value"])

    def versions(self, name: str) -> list[Body]:
        return pages(self._session, f"{self._path(name)}/versions")

    def validate(self, name: str) -> Body:
        """`{"valid", "problems", "flow"}`."""
        return dict(self._session.request("POST", f"{self._path(name)}/validate").json())

    def take_in(self, name: str, archive: bytes, *, merge: bool = False) -> Body:
        """Replace the flow's files by those of the archive, or add them; the flow is made when it is not there."""
        mode = "merge" if merge else "replace"
        return dict(self._session.request("POST", f"{self._path(name)}/import", content=archive, mode=mode).json())

    def folders(self) -> Body:
        """`{"directory", "value"}`: the folders of flows on the server's machine; directory is None where it looks
        into none."""
        return dict(self._session.request("GET", f"{self._session.workspace.path}/flowFolders").json())

    def take_in_folder(self, folder: str, name: str = "") -> Body:
        """Make the files of a folder on the server's machine those of a flow. name: its own, the folder's unless
        given."""
        path = f"{self._session.workspace.path}/flowFolders/{quote(folder, safe='')}/import"
        return dict(self._session.request("POST", path, **({"flow": name} if name else {})).json())

    def give_out(self, name: str, version: str = "") -> bytes:
        """The flow's files, of a version or as they are now, as an archive."""
        query = {"version": version} if version else {}
        return self._session.request("POST", f"{self._path(name)}/export", **query).content

    def test(
        self, name: str, inputs: Mapping[str, Any], variables: Mapping[str, str]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """What happens while the flow runs once, as it does. Raises what keeps it from running at all."""
        body = {"inputs": dict(inputs), "environmentVariables": dict(variables)}
        return self._session.events(f"{self._path(name)}/test", body)

    def _path(self, name: str) -> str:
        return f"{self._session.workspace.path}/flows/{quote(name, safe='')}"


def pack(folder: Path) -> bytes:
    """The folder's files, but for what is ignored, as an archive. Raises BadArgument and PayloadTooLarge."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as opened:
        for file in files_of(folder):
            opened.write(file.path, file.name)
    return archive.getvalue()


def names_in(archive: bytes) -> list[str]:
    """The paths of its files."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.namelist()


def unpack(archive: bytes, folder: Path) -> None:
    """Write the archive's files into a folder that is not there, or empty. Raises BadArgument."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadArgument(f"{folder} is there, and not an empty folder.", hint="Name another one, or a .zip file.")
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        opened.extractall(folder)
