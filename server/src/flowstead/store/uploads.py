"""Files that clients upload: one folder a container, written by the blob routes. Nothing is ever run from
here.

Beside them lies what instances collect, which their user code may write to: so nothing here is reached through a
link, whoever has put it there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from flowstead.errors import BadArgument, ResourceConflict
from flowstead.resources.clock import iso
from flowstead.resources.upload_rules import path_problem
from flowstead.store.blocks import Blocks, block_key
from flowstead.store.drafts import Draft

MAX_METADATA_BYTES = 8 * 1024
"""Azure Blob Storage's bound."""

_CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
_TRIES = 3
"""How often a file is put in its place when its folder is just being removed."""


@dataclass(frozen=True)
class Blob:
    """What is known of an uploaded file. name: its path in the container. md5: base64, as the header Content-MD5 has
    it; "" where nobody has computed it."""

    path: Path
    name: str
    size: int
    etag: str
    md5: str
    modified_at: str
    metadata: Mapping[str, str] = field(default_factory=dict)


def check_container(container: str) -> None:
    """Raises BadArgument for a name that is none."""
    if not _CONTAINER.fullmatch(container) or len(container) > 63:
        raise BadArgument(
            f"{container!r} is not a container's name.",
            hint="Use 3 to 63 lower-case letters, digits and single dashes.",
            target="container",
        )


def check_path(container: str, path: str) -> tuple[str, ...]:
    """The segments of a blob's path. Raises BadArgument for a name that is none, or that would leave its
    folder."""
    check_container(container)
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
        self._blocks = Blocks(root / ".blocks")

    def locate(self, container: str, path: str) -> Path:
        """Where that file or folder lies, whether it is there or not. Raises BadArgument."""
        return self._root.joinpath(container, *check_path(container, path))

    def container(self, container: str) -> Path:
        """Where the container's files lie, whether there are any or not. Raises BadArgument."""
        check_container(container)
        return self._root / container

    def find(self, container: str, path: str) -> Blob | None:
        """The uploaded file, or None."""
        opened = self.open(container, path)
        if opened is None:
            return None
        blob, file = opened
        file.close()
        return blob

    def open(self, container: str, path: str, below: tuple[Path, str] | None = None) -> tuple[Blob, BinaryIO] | None:
        """The file and its bytes, or None. What is replaced or removed meanwhile is read to its end. below: another
        folder to look in, and what names in the container begin with that are in it."""
        if path.endswith("/"):
            return None  # a folder, if anything
        segments = check_path(container, path)
        root, names = (self._root, (container, *segments))
        if below is not None:
            root, names = below[0], tuple(path.removeprefix(below[1]).split("/"))
        file = _open_file(root, names)
        if file is None:
            return None
        return self.describe(container, path, os.fstat(file.fileno())), file

    def describe(self, container: str, path: str, known: os.stat_result) -> Blob:
        """What is known of a file that was found there."""
        file = self._root.joinpath(container, *path.split("/"))
        try:
            said = json.loads(self._properties_of(container, path).read_bytes())
        except FileNotFoundError:
            # An instance wrote it, perhaps while we look.
            etag = f'"0x{known.st_mtime_ns:X}{known.st_size:X}"'
            modified = iso(datetime.fromtimestamp(known.st_mtime, UTC))
            return Blob(file, path, known.st_size, etag, "", modified)
        return Blob(file, path, known.st_size, said["etag"], said["md5"], said["modified_at"], said["metadata"])

    def begin(self, container: str, path: str) -> Incoming:
        """Start to take a file in; it appears, whole, with `commit`."""
        check_path(container, path)
        return Incoming(self, container, path, self._draft())

    def begin_block(self, container: str, path: str, id: str) -> IncomingBlock:
        """Start to take a block of a file in. Raises BadArgument and PayloadTooLarge."""
        check_path(container, path)
        key = block_key(container, path)
        self._blocks.check(key, id)
        return IncomingBlock(self._blocks, key, id, self._draft(), path)

    def commit_blocks(
        self,
        container: str,
        path: str,
        ids: Sequence[str],
        *,
        metadata: Mapping[str, str],
        md5: str = "",
        now: datetime,
    ) -> Blob:
        """Make the file of its blocks, in this order. md5: what the client says of the whole, kept for readers.

        Raises BadArgument and PayloadTooLarge."""
        check_path(container, path)
        key, draft = block_key(container, path), self._draft()
        try:
            self._blocks.assemble(key, ids, draft)
            return self.accept(draft, container, path, md5=md5, metadata=metadata, now=now)
        finally:
            draft.unlink(missing_ok=True)

    def set_metadata(self, container: str, path: str, metadata: Mapping[str, str], *, now: datetime) -> Blob | None:
        """Replace the file's metadata; None when there is no such file. Raises BadArgument above 8 KiB."""
        blob = self.find(container, path)
        if blob is None:
            return None
        self._write_properties(container, path, md5=blob.md5, metadata=metadata, now=now)
        return self.find(container, path)

    def remove(self, container: str, path: str) -> bool:
        """Remove the file, and the folders that are empty without it. False when it is not there."""
        blob = self.find(container, path)
        if blob is None:
            return False
        blob.path.unlink(missing_ok=True)
        self._properties_of(container, path).unlink(missing_ok=True)
        folder = blob.path.parent
        with suppress(OSError):  # not empty: the usual end
            while folder != self._root:
                folder.rmdir()
                folder = folder.parent
        return True

    def containers(self) -> Sequence[str]:
        """Those that something was written to."""
        return sorted(each.name for each in self._root.iterdir() if _CONTAINER.fullmatch(each.name))

    def remove_container(self, container: str) -> None:
        """Remove a container with all that is in it; no error when it is not there."""
        root = self.container(container)
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder, name).relative_to(root).as_posix()
                self._properties_of(container, path).unlink(missing_ok=True)
        shutil.rmtree(root, ignore_errors=True)

    def discard_incomplete(self, now: datetime) -> None:
        """Throw away what a server that died was taking in, and blocks that have waited too long. Only when no other
        server uses this directory."""
        self._blocks.drop_old(now)
        if self._incoming.is_dir():
            for draft in self._incoming.iterdir():
                draft.unlink(missing_ok=True)

    def accept(
        self, draft: Path, container: str, path: str, *, md5: str, metadata: Mapping[str, str], now: datetime
    ) -> Blob:
        """Put a complete draft in its place; called by `Incoming.commit`."""
        file = self.locate(container, path)
        try:
            self._write_properties(container, path, md5=md5, metadata=metadata, now=now)
            _put_in_place(draft, file)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise ResourceConflict(
                f"{path} cannot be both a file and a folder.", hint="Use another name.", target="blob"
            ) from None
        self._blocks.forget(block_key(container, path))
        blob = self.find(container, path)
        if blob is None:
            raise ResourceConflict(f"{path} was changed by another upload.", hint="Send it again.", target="blob")
        return blob

    def _draft(self) -> Path:
        return self._incoming / uuid.uuid4().hex

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


class Incoming(Draft):
    """A file on its way in."""

    def __init__(self, uploads: Uploads, container: str, path: str, draft: Path) -> None:
        super().__init__(draft, path)
        self._uploads, self._container, self._name = uploads, container, path

    def commit(self, *, metadata: Mapping[str, str], expected_md5: str | None = None, now: datetime) -> Blob:
        """Make it the file of that name. Raises BadArgument when it is not what the sender's digest says."""
        md5 = self.complete(expected_md5)
        return self._uploads.accept(self.path, self._container, self._name, md5=md5, metadata=metadata, now=now)


class IncomingBlock(Draft):
    """A block on its way in."""

    def __init__(self, blocks: Blocks, key: str, id: str, draft: Path, path: str) -> None:
        super().__init__(draft, f"A block of {path}")
        self._blocks, self._key, self._id = blocks, key, id

    def commit(self, *, expected_md5: str | None = None, now: datetime) -> str:
        """Let it wait for the others; returns its MD5 in base64. Raises BadArgument and PayloadTooLarge."""
        md5 = self.complete(expected_md5)
        self._blocks.add(self._key, self._id, self.path, self.size, now=now)
        return md5


def open_folder(parent: int | None, name: str | Path) -> int | None:
    """A descriptor of a folder, or None when there is none of that name. parent: a descriptor of the folder that it is
    in, where a link counts for nothing; None for a path."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if parent is None else os.O_NOFOLLOW)
    try:
        return os.open(name, flags, dir_fd=parent)
    except OSError:
        return None


def utc(text: str) -> datetime:
    """The moment that `iso` wrote."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _open_file(root: Path, segments: Sequence[str]) -> BinaryIO | None:
    """Step by step, so that no folder on the way can be a link."""
    folder = open_folder(None, root)
    for segment in segments[:-1]:
        if folder is None:
            return None
        inner = open_folder(folder, segment)
        os.close(folder)
        folder = inner
    if folder is None:
        return None
    try:
        # A pipe that somebody put there must not keep us waiting.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(segments[-1], flags, dir_fd=folder)
    except OSError:
        return None
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        return None
    return os.fdopen(file, "rb")


def _put_in_place(draft: Path, file: Path) -> None:
    for attempt in range(_TRIES):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            draft.replace(file)
        except FileNotFoundError:
            if attempt + 1 == _TRIES:
                raise
        else:
            return


def _bad_path(path: str, problem: str) -> BadArgument:
    shown = path if len(path) <= 80 else path[:77] + "…"
    return BadArgument(
        f"The path {shown!r} {problem}.", hint="Send paths relative to the flow's folder.", target="path"
    )
