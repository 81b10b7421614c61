"""Blocks that wait for the others of their file: a folder for each file, a file for each block.

What waits is bounded for all files together, so that block ids without end fill neither disk nor memory."""

from __future__ import annotations

import base64
import binascii
import hashlib
import shutil
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from flowstead.errors import BadArgument, PayloadTooLarge
from flowstead.resources.upload_rules import (
    KEEP_BLOCKS_S,
    MAX_BLOCKS,
    MAX_FILE_BYTES,
    MAX_WAITING_BLOCKS,
    MAX_WAITING_BYTES,
)
from flowstead.store.drafts import demand_room

_MAX_ID_BYTES = 64
"""Azure Blob Storage's bound."""


class Blocks:
    """Safe to use from several threads; the directory belongs to one process. key: names a file, `block_key`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._sizes: dict[str, dict[str, int]] = {}
        if root.is_dir():
            self._sizes = {folder.name: _sizes(folder) for folder in root.iterdir() if folder.is_dir()}
        self._count = sum(len(each) for each in self._sizes.values())
        self._bytes = sum(sum(each.values()) for each in self._sizes.values())

    def check(self, key: str, id: str) -> None:
        """To be asked before a block's bytes are taken. Raises BadArgument for an id that is none, PayloadTooLarge
        when too much is waiting already."""
        name = _name_of(id)
        with self._lock:
            self._demand_room(key, name, 0)

    def add(self, key: str, id: str, draft: Path, size: int, *, now: datetime) -> None:
        """Let a complete draft wait as the file's block of that id, instead of what waited under it."""
        name = _name_of(id)
        with self._lock:
            if key not in self._sizes:
                self._drop_old(now)
            self._demand_room(key, name, size)
            folder = self._root / key
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.replace(folder / name)
            own = self._sizes.setdefault(key, {})
            self._count += name not in own
            self._bytes += size - own.get(name, 0)
            own[name] = size

    def assemble(self, key: str, ids: Sequence[str], draft: Path) -> None:
        """Write the blocks of these ids, one after another, to draft. Raises BadArgument for an id that does not wait,
        PayloadTooLarge for a file that would be too large."""
        if len(ids) > MAX_BLOCKS:
            raise PayloadTooLarge(f"A file has at most {MAX_BLOCKS} blocks.", target="blocklist")
        with self._lock:
            known = dict(self._sizes.get(key, {}))
        names = [_name_of(id) for id in ids]
        if not known.keys() >= set(names):
            raise BadArgument(
                "The list names a block that was not sent.", hint="Send the blocks again.", target="blocklist"
            )
        # One block may be named many times: few bytes on the disk, very many in the list.
        size = sum(known[name] for name in names)
        if size > MAX_FILE_BYTES:
            raise PayloadTooLarge(f"A file has at most {MAX_FILE_BYTES >> 30} GiB; this one would have {size} bytes.")
        draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        demand_room(draft.parent, size)
        try:
            with draft.open("xb") as writer:
                for name in names:
                    with (self._root / key / name).open("rb") as block:
                        shutil.copyfileobj(block, writer, 1024 * 1024)
        except FileNotFoundError:
            raise BadArgument(
                "Another upload of this file has ended meanwhile.", hint="Send it again.", target="blocklist"
            ) from None

    def forget(self, key: str) -> None:
        """The file is complete, or was replaced: nothing waits for it any more."""
        with self._lock:
            self._remove(key)

    def drop_old(self, now: datetime) -> None:
        """Forget what has waited for a day."""
        with self._lock:
            self._drop_old(now)

    def _drop_old(self, now: datetime) -> None:
        for key in list(self._sizes):
            with suppress(FileNotFoundError):
                if now.timestamp() - (self._root / key).stat().st_mtime > KEEP_BLOCKS_S:
                    self._remove(key)

    def _remove(self, key: str) -> None:
        sizes = self._sizes.pop(key, None)
        if sizes is not None:
            self._count -= len(sizes)
            self._bytes -= sum(sizes.values())
            shutil.rmtree(self._root / key, ignore_errors=True)

    def _demand_room(self, key: str, name: str, size: int) -> None:
        own = self._sizes.get(key, {})
        more, larger = name not in own, size - own.get(name, 0)
        waiting = self._count + more > MAX_WAITING_BLOCKS or self._bytes + larger > MAX_WAITING_BYTES
        if waiting or len(own) + more > MAX_BLOCKS:
            raise PayloadTooLarge(
                f"More than {MAX_BLOCKS} blocks of one file, or {MAX_WAITING_BLOCKS} blocks or "
                f"{MAX_WAITING_BYTES >> 30} GiB in all, wait for their files to be completed.",
                hint="Complete the uploads that have begun; what is left of others goes after a day.",
            )


def block_key(container: str, path: str) -> str:
    """What stands for a file among the folders of blocks."""
    return hashlib.sha256(f"{container}/{path}".encode()).hexdigest()


def _name_of(id: str) -> str:
    """A block's file name: whatever is in an id, it leads nowhere."""
    try:
        raw = base64.b64decode(id, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not 0 < len(raw) <= _MAX_ID_BYTES:
        raise BadArgument(f"A block's id is base64 of 1 to {_MAX_ID_BYTES} bytes.", target="blockid")
    return raw.hex()


def _sizes(folder: Path) -> dict[str, int]:
    return {block.name: block.stat().st_size for block in folder.iterdir()}
