"""What is in a container, in the order of names, a page at a time: a walk that leaves out whole folders which are not
asked for, so that a page costs what is on it."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from flowstead.resources.upload_rules import path_problem
from flowstead.store.uploads import Blob, Uploads, open_folder

MAX_RESULTS = 5000
"""Azure Blob Storage's bound of a page."""


@dataclass(frozen=True)
class BlobPage:
    """items: files, and, as texts that end in the delimiter, what stands for all names that begin so. marker: where
    the next page goes on; "" at the end."""

    items: tuple[Blob | str, ...]
    marker: str


def list_blobs(
    uploads: Uploads,
    container: str,
    *,
    prefix: str = "",
    folders: bool = False,
    marker: str = "",
    count: int,
    below: tuple[Path, str] | None = None,
) -> BlobPage:
    """Names that begin with prefix. folders: those with a slash after the prefix are shown as one entry for each
    folder (Azure's delimiter `/`). marker: of the page before. below: as for `Uploads.open`. Raises BadArgument for a
    bad container's name."""
    items: list[Blob | str] = []
    place, path = below or (uploads.container(container), "")
    root = open_folder(None, place)
    if root is None:
        return BlobPage((), "")
    walk = _Walk(uploads, container, prefix, folders, marker).items(root, path)
    try:
        for item in walk:
            if len(items) == count:
                return BlobPage(tuple(items), _name_of(item))
            items.append(item)
    finally:
        walk.close()
    return BlobPage(tuple(items), "")


@dataclass(frozen=True)
class _Walk:
    uploads: Uploads
    container: str
    prefix: str
    folders: bool
    marker: str

    def items(self, folder: int, path: str) -> Generator[Blob | str, None, None]:
        """path: of the open folder below the container, with its slash. Closes the folder."""
        try:
            with os.scandir(folder) as opened:
                entries = [(each.name, each.is_dir(follow_symlinks=False), each) for each in opened]
            # As if all names of the container were sorted: a folder counts with its slash.
            for name, is_folder, entry in sorted(entries, key=lambda each: each[0] + "/" * each[1]):
                whole = path + name
                if is_folder:
                    yield from self._folder(folder, name, f"{whole}/")
                elif entry.is_file(follow_symlinks=False) and self._wanted(whole):
                    try:
                        known = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    yield self.uploads.describe(self.container, whole, known)
        finally:
            os.close(folder)

    def _folder(self, parent: int, name: str, whole: str) -> Iterator[Blob | str]:
        if not (whole.startswith(self.prefix) or self.prefix.startswith(whole)) or path_problem(whole[:-1]):
            return
        if whole < self.marker and not self.marker.startswith(whole):
            return
        below = "/" in whole[len(self.prefix) :] and whole.startswith(self.prefix)
        if self.folders and below:
            yield whole[: whole.index("/", len(self.prefix)) + 1]
            return
        inner = open_folder(parent, name)
        if inner is not None:
            yield from self.items(inner, whole)

    def _wanted(self, name: str) -> bool:
        # What an instance's user code has named as no blob can be named is left out.
        return name.startswith(self.prefix) and name >= self.marker and not path_problem(name)


def _name_of(item: Blob | str) -> str:
    return item if isinstance(item, str) else item.name
