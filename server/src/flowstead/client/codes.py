"""Code assets: folders without a name, known by their content."""

from __future__ import annotations

import uuid
from pathlib import Path
from urllib.parse import urlsplit

from flowstead.client.files import content_hash, files_of
from flowstead.client.session import Session
from flowstead.client.uploads import send_files
from flowstead.errors import ResourceNotFound

_HASH_VERSION = 202208
"""Azure ML's name for the way a folder is hashed."""


class Codes:
    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, folder: Path) -> str:
        """Upload a folder unless it is there already; returns the code asset's id. Raises BadArgument and
        UploadRefused."""
        files = files_of(folder)
        content = content_hash(files)
        path = f"{self._session.workspace.path}/codes/{uuid.UUID(content[:32])}/versions/1"
        try:
            return str(self._session.request("GET", path).json()["id"])
        except ResourceNotFound:
            pass
        wanted = {"pendingUploadType": "TemporaryBlobReference"}
        pending = self._session.request("POST", f"{path}/startPendingUpload", body=wanted).json()
        place = pending["blobReferenceForConsumption"]
        signed = urlsplit(place["credential"]["sasUri"])
        name = folder.resolve().name
        send_files(self._session, signed.path, signed.query, name, files)
        properties = {
            "codeUri": f"{place['blobUri']}/{name}",
            "isAnonymous": True,
            "properties": {"hash_sha256": content, "hash_version": _HASH_VERSION},
        }
        return str(self._session.request("PUT", path, body={"properties": properties}).json()["id"])
