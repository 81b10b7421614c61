"""A home made of a backup: all of it, or nothing.

It is laid out beside the home, under a name of its own, compared with what the backup says of itself, and only then
becomes the home by one rename.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from flowstead.errors import CommandFailed, HomeNotWritable, HostProblem
from flowstead.launch.backup import DATABASE, FORMAT, MANIFEST, Manifest
from flowstead.resources.file_tree import remove_tree
from flowstead.resources.home import Home
from flowstead.store.copies import is_known

_CHUNK = 1024 * 1024
_LARGEST_MANIFEST = 256 * 1024 * 1024
_FOLDERS = ("models", "flows", "uploads", "keys", "tls")
_FILES = (DATABASE, "settings.json", "credentials.json")


def restore(backup: Path, home: Home) -> Manifest:
    """Make the home, which is not there yet or an empty folder.

    Raises CommandFailed when there is something in it, a disk is mounted there, or the file is no whole backup or of a
    newer Flowstead, and HomeNotWritable."""
    if home.root.exists() and any(home.root.iterdir()):
        raise CommandFailed(f"{home.root} is not empty.", hint="Name a --home that is not there yet.")
    if home.root.is_mount():
        raise CommandFailed(
            f"A disk is mounted at {home.root}, so that nothing can be put in its place as a whole.",
            hint=f"Name a folder in it: --home {home.root / 'flowstead'}.",
        )
    try:
        with _staging(home) as staging:
            manifest = _unpacked(backup, staging)
            _settle(staging)
            staging.rename(home.root)
            _keep_entry(home.root.parent)
    except (tarfile.TarError, EOFError, zlib.error) as failure:
        raise _no_backup(backup, str(failure)) from failure
    except OSError as failure:
        if failure.filename == str(backup):
            raise CommandFailed(f"Cannot read {backup}: {failure.strerror}.", hint="Name a backup.") from failure
        if isinstance(failure, tarfile.ReadError) or not failure.errno:
            raise _no_backup(backup, str(failure)) from failure  # gzip's own complaints
        raise HomeNotWritable(f"Cannot write {home.root}: {failure.strerror}.") from failure
    return manifest


@contextmanager
def _staging(home: Home) -> Iterator[Path]:
    """An empty folder beside the home, gone after the block unless it has another name by then. What one that was
    killed has left is removed first."""
    home.root.parent.mkdir(parents=True, exist_ok=True)
    place = home.root.with_name(f".{home.root.name}.restoring")
    lock = os.open(place.with_name(f"{place.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandFailed(
                f"Another restore into {home.root} is under way.", hint="Wait until it has ended."
            ) from None
        remove_tree(place)
        place.mkdir(mode=0o700)
        try:
            yield place
        finally:
            remove_tree(place)
            place.with_name(f"{place.name}.lock").unlink(missing_ok=True)
    finally:
        os.close(lock)


def _unpacked(backup: Path, folder: Path) -> Manifest:
    """Raises CommandFailed when the backup is not what it says of itself."""
    found: dict[str, str] = {}
    manifest: Manifest | None = None
    with backup.open("rb") as file, tarfile.open(fileobj=file, mode="r|gz") as archive:
        for member in archive:
            reader = archive.extractfile(member) if member.isreg() else None
            if reader is None:
                raise _no_backup(backup, f"{member.name} is no file")
            if member.name == MANIFEST:
                manifest = _manifest(backup, reader, member.size)
                continue
            if not _belongs(member.name) or member.name in found:
                raise _no_backup(backup, f"{member.name} is no part of a home")
            found[member.name] = _unpack(reader, folder / member.name, member.mode)
    if manifest is None:
        raise _no_backup(backup, "its end is missing")
    if found != manifest.files:
        differing = sorted(name for name, _ in found.items() ^ manifest.files.items())
        raise _no_backup(backup, f"{differing[0]} is not what was written")
    return manifest


def _manifest(backup: Path, reader: IO[bytes], size: int) -> Manifest:
    try:
        manifest = Manifest.of(reader.read(min(size, _LARGEST_MANIFEST)))
    except (ValueError, TypeError) as failure:
        raise _no_backup(backup, "its list of contents cannot be read") from failure
    if manifest.format != FORMAT or not is_known(manifest.schema):
        raise HostProblem(
            f"{backup} was made by Flowstead {manifest.version}, which is newer than this one.",
            hint="Install that version, then restore it.",
        )
    return manifest


def _belongs(name: str) -> bool:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or str(path) != name or "\0" in name:
        return False
    return name in _FILES or (len(path.parts) > 1 and path.parts[0] in _FOLDERS)


def _unpack(reader: IO[bytes], target: Path, mode: int) -> str:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while chunk := reader.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
        os.fchmod(descriptor, mode & 0o755)
    return digest.hexdigest()


def _settle(folder: Path) -> None:
    """Registered content is read-only, its folders too; the folder of keys is there for the one that is to come."""
    (folder / "keys").mkdir(mode=0o700, exist_ok=True)
    models = folder / "models"
    for inner, _, _ in os.walk(models, topdown=False):
        if inner != str(models):
            Path(inner).chmod(0o555)
    _keep_entry(folder)


def _no_backup(backup: Path, why: str) -> CommandFailed:
    return CommandFailed(
        f"{backup} is no backup, or it is damaged: {why}.", hint="Name a file that `flowstead backup` has made."
    )


def _keep_entry(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
