"""Registered content: what was uploaded, copied to where no client can write, addressed by its SHA-256."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import stat
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from flowstead.errors import BadArgument, PayloadTooLarge
from flowstead.resources.upload_rules import MAX_BYTES, MAX_FILES
from flowstead.store.drafts import demand_room

_CHUNK = 1024 * 1024
_HASH = re.compile(r"[0-9a-f]{64}")
_LEFTOVER = ".incoming-"
"""What the names of folders begin with that are being made or removed."""


@dataclass(frozen=True)
class _Entry:
    """relative: POSIX path below the root, the name under which it is registered; source: where its bytes
    are."""

    relative: str
    source: Path


@dataclass(frozen=True)
class Unused:
    """Content that nothing refers to. size: bytes."""

    content_hash: str
    size: int


class Contents:
    """Folders named by their hash, read-only. Safe to use from several threads; the directory belongs to one
    process."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    def locate(self, content_hash: str) -> Path:
        """Where that content lies, whether it is there or not."""
        if not _HASH.fullmatch(content_hash):
            raise ValueError(f"not a content hash: {content_hash}")
        return self._root / content_hash

    @contextmanager
    def held(self, source: Path, field: str = "") -> Iterator[str]:
        """Copy a folder (or one file) in, and give its hash: over the sorted relative paths and the bytes
        that were read here, never over what somebody says of them. Content that is there already is not
        copied again.

        Until the block ends nothing sweeps it away: time to write down who refers to it.
        field: of the body, that named the source. Raises BadArgument (nothing there, or a link that leaves the folder)
        and PayloadTooLarge."""
        entries = _entries(source, field)
        content_hash = _digest(entries)
        with self._pinned(content_hash):
            if self.locate(content_hash).is_dir():
                yield content_hash
                return
        content_hash, draft = self._copy(entries)
        with self._pinned(content_hash):
            try:
                self._settle(draft, content_hash)
            finally:
                if draft.exists():
                    _remove(draft)
            yield content_hash

    def register(self, source: Path) -> str:
        """Copy a folder in as `held` does, while nothing sweeps."""
        with self.held(source) as content_hash:
            return content_hash

    def unused(self, used: Callable[[], Collection[str]]) -> Sequence[Unused]:
        """What `sweep` would remove now."""
        with self._lock:
            folders = self._unused(used())
        return [Unused(folder.name, _size(folder)) for folder in folders]

    def sweep(self, used: Callable[[], Collection[str]]) -> Sequence[Unused]:
        """Remove content that nothing refers to, and say what was removed; nothing while all is `kept`. used: asks for
        the hashes that something refers to; asked while nobody can begin to refer to another one."""
        moved = []
        with self._lock, _marked(self._root, fcntl.LOCK_EX) as free:
            for folder in self._unused(used()) if free else ():
                # Out of the way at once, so that who registers it meanwhile copies it anew.
                trash = self._root / f"{_LEFTOVER}{uuid.uuid4().hex}"
                folder.rename(trash)
                moved.append((folder.name, trash))
        removed = []
        for name, trash in moved:
            removed.append(Unused(name, _size(trash)))
            _remove(trash)
        return removed

    def discard_incomplete(self) -> None:
        """Remove what a server that died was copying or removing. Only when no other uses this directory."""
        for folder in self._root.glob(f"{_LEFTOVER}*"):
            _remove(folder)

    @contextmanager
    def _pinned(self, content_hash: str) -> Iterator[None]:
        with self._lock:
            self._held[content_hash] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[content_hash] -= 1
                self._held += Counter()  # forgets those that nobody holds

    def _copy(self, entries: Sequence[_Entry]) -> tuple[str, Path]:
        demand_room(self._root, sum(entry.source.stat().st_size for entry in entries))
        draft = self._root / f"{_LEFTOVER}{uuid.uuid4().hex}"
        draft.mkdir(mode=0o700)
        try:
            # Hashed once more while copying: the client may have written in between.
            return _digest(entries, copy_to=draft), draft
        except BaseException:
            _remove(draft)
            raise

    def _unused(self, used: Collection[str]) -> Sequence[Path]:
        """Called with the lock."""
        kept = {*used, *self._held}
        return [each for each in sorted(self._root.iterdir()) if _HASH.fullmatch(each.name) and each.name not in kept]

    def _settle(self, draft: Path, content_hash: str) -> None:
        for folder, _, files in os.walk(draft):
            for name in files:
                Path(folder, name).chmod(0o444)
            if folder != str(draft):
                Path(folder).chmod(0o555)
        final = self.locate(content_hash)
        try:
            draft.rename(final)
        except OSError:
            if not final.is_dir():
                raise
            return  # another registration of the same content was quicker
        final.chmod(0o555)


@contextmanager
def kept(root: Path) -> Iterator[None]:
    """Until the block ends no process removes content of this directory."""
    with _marked(root, fcntl.LOCK_SH, wait=True):
        yield


@contextmanager
def _marked(root: Path, how: int, *, wait: bool = False) -> Iterator[bool]:
    """Hold a lock on the directory itself; whether it could be had at once."""
    mark = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(mark, how | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(mark)


def check_source(source: Path, field: str = "") -> None:
    """Raises what `Contents.held` does for what cannot be registered, without reading the files."""
    _entries(source, field)


def _entries(source: Path, field: str) -> Sequence[_Entry]:
    try:
        return _walk(source)
    except (BadArgument, PayloadTooLarge) as refusal:
        refusal.target = f"properties.{field}" if field else ""
        raise


def _walk(source: Path) -> Sequence[_Entry]:
    """All files below source, sorted by name; a link counts as what it leads to, if that is inside."""
    if source.is_symlink() or not source.exists():
        raise BadArgument("Nothing was uploaded there.", hint="Upload the files first, then register them.")
    if source.is_file():
        return [_Entry(source.name, source)]
    root = source.resolve()
    entries: list[_Entry] = []
    size = 0
    for entry in _files(source, root, PurePosixPath()):
        size += entry.source.stat().st_size
        entries.append(entry)
        if len(entries) > MAX_FILES or size > MAX_BYTES:
            raise PayloadTooLarge(
                f"The folder has more than {MAX_FILES} files or {MAX_BYTES >> 30} GiB.",
                hint="Leave out what is not needed; .amlignore names it.",
            )
    if not entries:
        raise BadArgument("The folder is empty.", hint="Upload the files first, then register them.")
    return sorted(entries, key=lambda entry: entry.relative)


def _files(folder: Path, root: Path, relative: PurePosixPath) -> Iterator[_Entry]:
    with os.scandir(folder) as opened:
        items = list(opened)
    for item in items:
        name = relative / item.name
        path = Path(item.path)
        if item.is_symlink():
            yield _Entry(str(name), _inside(path, root, name))
        elif item.is_dir():
            yield from _files(path, root, name)
        elif item.is_file():
            yield _Entry(str(name), path)
        else:
            raise BadArgument(f"{name} is neither a file nor a folder.", hint="Remove it.")


def _inside(link: Path, root: Path, name: PurePosixPath) -> Path:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        target = None
    if target is None or not target.is_relative_to(root) or not target.is_file():
        raise BadArgument(
            f"The link {name} does not lead to a file inside the folder.",
            hint="Put a copy of the file in its place.",
        )
    return target


def _digest(entries: Sequence[_Entry], *, copy_to: Path | None = None) -> str:
    """SHA-256 over each file's path and bytes, and, when asked, a copy of what was hashed."""
    digest = hashlib.sha256()
    for entry in entries:
        path = entry.relative.encode("utf-8", "surrogateescape")
        target = None if copy_to is None else copy_to / entry.relative
        digest.update(len(path).to_bytes(4, "big") + path + _digest_file(entry.source, target))
    return digest.hexdigest()


def _digest_file(source: Path, target: Path | None) -> bytes:
    own = hashlib.sha256()
    with ExitStack() as stack:
        # Not through a link that has been put there since the walk.
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
        reader = stack.enter_context(os.fdopen(descriptor, "rb"))
        writer = None
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            writer = stack.enter_context(target.open("xb"))
        while chunk := reader.read(_CHUNK):
            own.update(chunk)
            if writer is not None:
                writer.write(chunk)
    return own.digest()


def _size(folder: Path) -> int:
    return sum(Path(inner, name).lstat().st_size for inner, _, names in os.walk(folder) for name in names)


def _remove(folder: Path) -> None:
    """Remove a read-only tree."""
    for inner, _, _ in os.walk(folder):
        Path(inner).chmod(stat.S_IRWXU)
    shutil.rmtree(folder)
