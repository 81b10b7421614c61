"""The files of flows: each content once, under its hash; a tree names those of one state of a flow.

    blobs/{hash}       a file's bytes, or a tree as JSON; written whole or not at all, never changed
    snapshots/{hash}   folders that instances run; made of trees, read-only, where no client can write
    incoming/          what is only just being taken in

What a flow's row names was written before the row was, so a server that dies leaves at most something that nothing
refers to; the next one sweeps it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from flowstead.errors import ArtifactMissing
from flowstead.resources.flow import FlowFile, Tree
from flowstead.store.content import Contents
from flowstead.store.drafts import demand_room


class FlowFiles:
    """Safe to use from several threads."""

    def __init__(self, root: Path) -> None:
        self._blobs, self._incoming = root / "blobs", root / "incoming"
        self._snapshots = root / "snapshots"
        self._contents = Contents(self._snapshots)
        self._known: dict[str, str] = {}
        for folder in (self._blobs, self._incoming, self._snapshots):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, data: bytes) -> FlowFile:
        """Keep these bytes. Raises PayloadTooLarge when the disk is full."""
        file = FlowFile(hashlib.sha256(data).hexdigest(), len(data))
        place = self._blobs / file.hash
        if not place.exists():
            demand_room(self._incoming, len(data))
            draft = self._incoming / uuid.uuid4().hex
            with draft.open("xb") as writer:
                writer.write(data)
                writer.flush()
                os.fsync(writer.fileno())
            draft.replace(place)
        return file

    def put_tree(self, tree: Tree) -> str:
        """Keep the state; its hash, "" for no files."""
        if not tree:
            return ""
        return self.put(_to_json(tree)).hash

    def tree_hash(self, tree: Tree) -> str:
        """What `put_tree` would give, with nothing kept."""
        return hashlib.sha256(_to_json(tree)).hexdigest() if tree else ""

    def read(self, file: FlowFile) -> bytes:
        """Raises ArtifactMissing."""
        return self._read(file.hash)

    def tree(self, hash: str) -> dict[str, FlowFile]:
        """Raises ArtifactMissing."""
        return _from_json(self._read(hash)) if hash else {}

    def draft(self) -> BinaryIO:
        """A file without a name, for what is too large for memory."""
        demand_room(self._incoming)
        return tempfile.TemporaryFile(dir=self._incoming)

    def copy_to(self, hash: str, folder: Path) -> None:
        """Write the tree's files into a folder that is there and empty."""
        for path, file in self.tree(hash).items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.read(file))

    def snapshot(self, hash: str) -> Path:
        """The folder with the tree's files, which never changes. hash: not "". Raises ArtifactMissing."""
        known = self._known.get(hash)
        if known is None or not self._contents.locate(known).is_dir():
            with self._folder() as folder:
                self.copy_to(hash, Path(folder))
                known = self._known[hash] = self._contents.register(Path(folder))
        return self._contents.locate(known)

    def sweep(self, trees: Iterable[str]) -> None:
        """Remove all that these trees do not name, and all snapshots. Only while nobody else uses the flows."""
        self._contents.discard_incomplete()
        self._contents.sweep(tuple)
        self._known.clear()
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept: set[str] = set()
        for tree in {each for each in trees if each}:
            if (self._blobs / tree).exists():
                kept |= {tree, *(file.hash for file in self.tree(tree).values())}
        for blob in self._blobs.iterdir():
            if blob.name not in kept:
                blob.unlink(missing_ok=True)

    def _folder(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(dir=self._incoming)

    def _read(self, hash: str) -> bytes:
        try:
            return (self._blobs / hash).read_bytes()
        except FileNotFoundError:
            raise ArtifactMissing("Files of the flow are not in the store.", hint="Import the flow again.") from None


def _to_json(tree: Tree) -> bytes:
    return json.dumps({path: [tree[path].hash, tree[path].size] for path in sorted(tree)}).encode()


def _from_json(text: bytes) -> dict[str, FlowFile]:
    entries: Mapping[str, tuple[str, int]] = json.loads(text)
    return {path: FlowFile(hash, size) for path, (hash, size) in entries.items()}
