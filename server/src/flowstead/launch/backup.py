"""A copy of a home in one file, taken while its server works.

The database is of one moment. What it names is only ever added under names that tell the content, and is kept from
removal, so it is copied afterwards and then compared: should something be missing all the same, all is done once
more.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from flowstead.errors import CommandFailed, HostProblem
from flowstead.resources.file_tree import files_below
from flowstead.resources.home import Home
from flowstead.store.content import kept
from flowstead.store.copies import DatabaseCopy, copy_of, missing_blobs

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "flowstead.db"
_TRIES = 3
_CHUNK = 1024 * 1024
_COMPRESSION = 3
"""Twice as fast as the default and hardly larger, for what is mostly text."""


class Copied:
    """Reads a file that may still be written to: `size` bytes of it, and what they hash to. Raises _Changed when it
    got shorter."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left, self.digest = file, size, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        if len(data) < wanted:
            raise _Changed("a file became shorter")
        self._left -= len(data)
        self.digest.update(data)
        return data


@dataclass(frozen=True)
class Manifest:
    """What a backup holds; its last member, so that a backup that has one is whole. format: of the archive; version: of
    Flowstead; schema: of the database; master_key_id: under which its secrets are sealed, "" without any; keys: whether
    keys and credentials are in it; master_key: whether the master key is; files: path → SHA-256."""

    format: int
    version: str
    made_at: str
    schema: str
    master_key_id: str
    keys: bool
    master_key: bool
    files: dict[str, str]

    def text(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def of(cls, text: bytes) -> Manifest:
        """Raises ValueError, TypeError."""
        return cls(**json.loads(text))


class _Changed(Exception):
    """Something that the database names went away while it was copied."""


def back_up(home: Home, output: Path, *, keys: bool, version: str, now: str) -> Manifest:
    """Write the backup; the file is there when all of it is. keys: put the master key, the token issuer's key, the TLS
    authority and the owner's credentials in, too. now: ISO.

    Raises CommandFailed when the file is there already or cannot be written, and HostProblem."""
    if not home.database.exists():
        raise HostProblem(f"There is no database in {home.root}.", hint="Name another --home.")
    if output.exists():
        raise CommandFailed(f"{output} is there already.", hint="Name another --output.")
    try:
        with _draft(output) as draft, kept(home.models):
            manifest = _written(home, draft, keys=keys, version=version, now=now)
            os.link(draft.name, output)  # which replaces nothing, unlike a rename
    except OSError as failure:
        raise CommandFailed(f"Cannot write {output}: {failure.strerror}.", hint="Name another --output.") from failure
    _keep_entry(output.parent)
    return manifest


@contextmanager
def _draft(output: Path) -> Iterator[IO[bytes]]:
    """What one that was killed has left is written over."""
    place = output.with_name(f".{output.name}.part")
    descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(place, "r+b", opener=lambda *_: descriptor) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandFailed(f"Another backup to {output} is being made.", hint="Wait until it has ended.") from None
        os.fchmod(file.fileno(), 0o600)
        try:
            yield file
        finally:
            place.unlink(missing_ok=True)


def _written(home: Home, draft: IO[bytes], *, keys: bool, version: str, now: str) -> Manifest:
    for _ in range(_TRIES):
        draft.seek(0)
        draft.truncate()
        copy = copy_of(home.database)
        try:
            with tarfile.open(fileobj=draft, mode="w:gz", compresslevel=_COMPRESSION) as archive:
                files = _add_all(archive, home, copy, keys=keys)
                has_key = keys and (home.keys / "master.key").exists()
                manifest = Manifest(FORMAT, version, now, copy.schema, copy.master_key_id, keys, has_key, files)
                _add(archive, MANIFEST, manifest.text())
        except _Changed:
            continue
        draft.flush()
        os.fsync(draft.fileno())
        return manifest
    raise HostProblem("Files were removed while they were copied, again and again.", hint="Try again in a minute.")


def _add_all(archive: tarfile.TarFile, home: Home, copy: DatabaseCopy, *, keys: bool) -> dict[str, str]:
    """Everything but the manifest; path → SHA-256. Raises _Changed."""
    files = {DATABASE: hashlib.sha256(copy.content).hexdigest()}
    _add(archive, DATABASE, copy.content)
    for path in _paths(home, keys=keys):
        name = path.relative_to(home.root).as_posix()
        if digest := _add_file(archive, path, name, lasting=name.startswith(("models/", "flows/"))):
            files[name] = digest
    folders = {name.split("/")[1] for name in files if name.startswith("models/")}
    blobs = home.flows / "blobs"

    def read(hash: str) -> bytes | None:
        return (blobs / hash).read_bytes() if f"flows/blobs/{hash}" in files else None

    try:
        if copy.folders - folders or missing_blobs(copy.trees, read):
            raise _Changed
    except FileNotFoundError:
        raise _Changed from None
    return files


def _paths(home: Home, *, keys: bool) -> Iterator[Path]:
    """What cannot be made anew: not the sockets, environments, caches and logs, nor what is only just coming in."""
    yield home.settings
    if keys:
        yield home.credentials
    roots = (home.models, home.flows / "blobs", home.uploads, *((home.keys, home.tls) if keys else ()))
    for root in roots:
        for path in sorted(path for path, _ in files_below(root)):
            if not path.relative_to(root).parts[0].startswith("."):
                yield path


def _add_file(archive: tarfile.TarFile, path: Path, name: str, *, lasting: bool) -> str:
    """The file's digest, "" for what is not there. lasting: it may not go away. Raises _Changed."""
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            copied = Copied(file, about.st_size)
            member = tarfile.TarInfo(name)  # without its owner: who restores it owns it
            member.size, member.mtime, member.mode = about.st_size, int(about.st_mtime), about.st_mode & 0o777
            archive.addfile(member, copied)
            return copied.digest.hexdigest()
    except FileNotFoundError:
        if lasting:
            raise _Changed(name) from None
        return ""


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _keep_entry(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
