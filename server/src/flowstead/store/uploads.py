"""Files that clients upload: one folder a container, written by the blob routes. Nothing is ever run from
here."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from flowstead.errors import BadArgument, PayloadTooLarge, ResourceConflict
from flowstead.resources.clock import iso
from flowstead.resources.upload_rules import MAX_BLOB_BYTES as MAX_BLOB_BYTES  # the API's bound of a body too
from flowstead.resources.upload_rules import path_problem

MAX_METADATA_BYTES = 8 * 1024
"""Azure Blob Storage's bound."""

_CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")


@dataclass(frozen=True)
class Blob:
    """What is known of an uploaded file. md5: base64, as the header Content-MD5 has it."""

    path: Path
    size: int
    etag: str
    md5: str
    modified_at: str
    metadata: Mapping[str, str] = field(default_factory=dict)


def check_path(container: str, path: str) -> tuple[str, ...]:
    """The segments of a blob's path. Raises BadArgument for a name that is none, or that would leave its
    folder."""
    if not _CONTAINER.fullmatch(container):
        raise BadArgument(
            f"{container!r} is not a container's name.",
            hint="Use 3 to 63 lower-case letters, digits and single dashes.",
            target="container",
        )
    problem = path_problem(path)
    if problem:
        raise _bad_path(path, problem)
    return tuple(path.split("/"))


class Uploads:
    """The uploaded files under one directory. Properties lie apart, so that no file name can collide with
    them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._properties = root / ".properties"
        self._incoming = root / ".incoming"

    def locate(self, container: str, path: str) -> Path:
        """Where that file or folder lies, whether it is there or not. Raises BadArgument."""
        return self._root.joinpath(container, *check_path(container, path))

    def find(self, container: str, path: str) -> Blob | None:
        """The uploaded file, or None."""
        file = self.locate(container, path)
        try:
            known = json.loads(self._properties_of(container, path).read_bytes())
            size = file.stat().st_size if file.is_file() and not file.is_symlink() else -1
        except (FileNotFoundError, NotADirectoryError):
            return None
        if size < 0:
            return None
        return Blob(file, size, known["etag"], known["md5"], known["modified_at"], known["metadata"])

    def begin(self, container: str, path: str) -> Incoming:
        """Start to take a file in; it appears, whole, with `commit`."""
        check_path(container, path)
        self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Incoming(self, container, path, self._incoming / uuid.uuid4().hex)

    def set_metadata(self, container: str, path: str, metadata: Mapping[str, str], *, now: datetime) -> Blob | None:
        """Replace the file's metadata; None when there is no such file. Raises BadArgument above 8 KiB."""
        blob = self.find(container, path)
        if blob is None:
            return None
        self._write_properties(container, path, md5=blob.md5, metadata=metadata, now=now)
        return self.find(container, path)

    def discard_incomplete(self) -> None:
        """Throw away what a server that died was taking in. Only when no other server uses this directory."""
        if self._incoming.is_dir():
            for draft in self._incoming.iterdir():
                draft.unlink(missing_ok=True)

    def accept(
        self, draft: Path, container: str, path: str, *, md5: str, metadata: Mapping[str, str], now: datetime
    ) -> Blob:
        """Put a complete draft in its place; called by `Incoming.commit`."""
        file = self.locate(container, path)
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write_properties(container, path, md5=md5, metadata=metadata, now=now)
            draft.replace(file)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise ResourceConflict(
                f"{path} cannot be both a file and a folder.", hint="Use another name.", target="blob"
            ) from None
        blob = self.find(container, path)
        if blob is None:
            raise ResourceConflict(f"{path} was changed by another upload.", hint="Send it again.", target="blob")
        return blob

    def _properties_of(self, container: str, path: str) -> Path:
        return self._properties / (hashlib.sha256(f"{container}/{path}".encode()).hexdigest() + ".json")

    def _write_properties(
        self, container: str, path: str, *, md5: str, metadata: Mapping[str, str], now: datetime
    ) -> None:
        if sum(len(name) + len(value) for name, value in metadata.items()) > MAX_METADATA_BYTES:
            raise BadArgument(f"The metadata of {path} is over {MAX_METADATA_BYTES} bytes.", target="x-ms-meta")
        self._properties.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = {"etag": f'"0x{uuid.uuid4().hex[:16].upper()}"', "md5": md5, "modified_at": iso(now)}
        draft = self._properties / f".{uuid.uuid4().hex}"
        draft.write_text(json.dumps({**known, "metadata": dict(metadata)}))
        draft.replace(self._properties_of(container, path))


class Incoming:
    """A file on its way in. Used as a context: what was not committed is thrown away."""

    def __init__(self, uploads: Uploads, container: str, path: str, draft: Path) -> None:
        self._uploads, self._container, self._path, self._draft = uploads, container, path, draft
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._size = 0
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        self._file = self._draft.open("xb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        self._draft.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Raises PayloadTooLarge above 256 MiB."""
        self._size += len(data)
        if self._size > MAX_BLOB_BYTES:
            raise PayloadTooLarge(f"{self._path} is over {MAX_BLOB_BYTES} bytes.", target="blob")
        if self._file is None:
            raise ValueError("not entered")
        self._file.write(data)
        self._md5.update(data)

    def commit(self, *, metadata: Mapping[str, str], expected_md5: str | None = None, now: datetime) -> Blob:
        """Make it the file of that name. Raises BadArgument when it is not what the sender's digest says."""
        if self._file is None:
            raise ValueError("not entered")
        self._file.close()
        md5 = base64.b64encode(self._md5.digest()).decode()
        if expected_md5 is not None and expected_md5 != md5:
            raise BadArgument(
                f"{self._path} arrived with another MD5 than Content-MD5 says.",
                hint="Send it again.",
                target="Content-MD5",
            )
        return self._uploads.accept(self._draft, self._container, self._path, md5=md5, metadata=metadata, now=now)


def _bad_path(path: str, problem: str) -> BadArgument:
    shown = path if len(path) <= 80 else path[:77] + "…"
    return BadArgument(
        f"The path {shown!r} {problem}.", hint="Send paths relative to the flow's folder.", target="path"
    )


def utc(text: str) -> datetime:
    """The moment that `iso` wrote."""
    return datetime.fromisoformat(text).astimezone(UTC)
