"""The files of a flow's folder that belong to its model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pathspec

from flowstead.errors import BadArgument

_NEVER = ("__pycache__/", ".git/", ".promptflow/", ".runs/", ".DS_Store")
"""Left out always: they are made by tools and belong to no flow. Patterns as in .gitignore."""
_IGNORE_FILES = (".amlignore", ".gitignore")
"""The first that is in the folder's top counts, alone, as with Azure ML; patterns as in .gitignore. Ignore files in
folders below or above are not read."""
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class LocalFile:
    """name: POSIX path below the folder."""

    name: str
    path: Path


def files_of(folder: Path) -> Sequence[LocalFile]:
    """The files below a folder (or the one file) without what is ignored, sorted by name.

    A link to a file or folder counts as what it leads to, as long as that is in the folder. Raises BadArgument."""
    if folder.is_file():
        return [LocalFile(folder.name, folder)]
    if not folder.is_dir():
        raise BadArgument(f"There is no folder {folder}.", hint="Name the flow's folder.")
    ignored = _ignored(folder)
    found = sorted(_walk(folder, "", folder.resolve(), ignored), key=lambda file: file.name)
    if not found:
        raise BadArgument(f"The folder {folder} holds no file.", hint="Name the flow's folder.")
    return found


def content_hash(files: Sequence[LocalFile]) -> str:
    """SHA-256 over names and bytes: where the upload goes, so that equal content is sent once. The server computes
    its own when it registers the files."""
    digest = hashlib.sha256()
    for file in files:
        name = os.fsencode(file.name)
        digest.update(len(name).to_bytes(4, "big") + name + _hash_of(file.path))
    return digest.hexdigest()


def _ignored(folder: Path) -> pathspec.GitIgnoreSpec:
    patterns = list(_NEVER)
    for name in _IGNORE_FILES:
        if (folder / name).is_file():
            patterns += (folder / name).read_text("utf-8", "replace").splitlines()
            break
    return pathspec.GitIgnoreSpec.from_lines(patterns)


def _walk(folder: Path, prefix: str, root: Path, ignored: pathspec.GitIgnoreSpec) -> Iterator[LocalFile]:
    for path in sorted(folder.iterdir()):
        name = prefix + path.name
        if ignored.match_file(f"{name}/" if path.is_dir() else name):
            continue
        if path.is_symlink():
            _check_link(path, root)
        if path.is_dir():
            yield from _walk(path, f"{name}/", root, ignored)
        elif path.is_file():
            yield LocalFile(name, path)
        else:
            raise BadArgument(f"{path} is neither a file nor a folder.", hint="Remove it or ignore it in .amlignore.")


def _check_link(link: Path, root: Path) -> None:
    target = link.resolve()
    if not target.is_relative_to(root):
        raise BadArgument(
            f"{link} is a link that leads out of the folder.",
            hint="Put a copy in its place, name it under additional_includes, or ignore it in .amlignore.",
        )
    if link.parent.resolve().is_relative_to(target):
        raise BadArgument(f"{link} is a link to a folder that holds it.", hint="Remove the link.")


def _hash_of(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()
