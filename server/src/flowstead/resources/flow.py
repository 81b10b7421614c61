"""Flow: source files that can be edited, with the versions that were saved before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_FILES = 2000
MAX_BYTES = 128 * 1024 * 1024
"""Bounds of a flow's sources; what is larger belongs into a data asset or a store that the flow reads from."""
MAX_ARCHIVE_BYTES = 128 * 1024 * 1024
"""Of an archive as it is sent."""
KEPT_VERSIONS = 100
"""Versions that are kept of a flow; an older one goes when another is saved."""


class FlowType(StrEnum):
    """What a flow is for. A chat flow has a chat input, an evaluation flow an aggregation."""

    CHAT = "chat"
    STANDARD = "standard"
    EVALUATION = "evaluation"


@dataclass(frozen=True)
class FlowFile:
    """hash: SHA-256 of its bytes. size: how many."""

    hash: str
    size: int

    @property
    def etag(self) -> str:
        return f'"{self.hash[:32]}"'


Tree = Mapping[str, FlowFile]
"""A flow's files by their POSIX paths below its folder."""


@dataclass(frozen=True)
class FlowSpec:
    """tree: hash of its files as they are now, "" for none; versions have those of before. template: what it was made
    from, "" for nothing. is_scratch: the command line's, for a folder that is tried out; lists leave it out, and it is
    gone after the next start of the server."""

    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    type: FlowType = FlowType.STANDARD
    tree: str = ""
    files: int = 0
    bytes: int = 0
    next_version: int = 1
    is_scratch: bool = False


@dataclass(frozen=True)
class FlowVersionSpec:
    """Files as they were saved. note: how they came to be."""

    tree: str
    files: int
    bytes: int
    note: str = ""


def path_conflict(tree: Tree) -> str:
    """A path that is both a file and a folder, "" when there is none."""
    for path in tree:
        folder = path.rpartition("/")[0]
        while folder:
            if folder in tree:
                return folder
            folder = folder.rpartition("/")[0]
    return ""


def bytes_of(tree: Tree) -> int:
    return sum(each.size for each in tree.values())
