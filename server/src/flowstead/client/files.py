"""The files of a flow's folder that belong to its model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pathspec

from flowstead.errors import BadArgument, PayloadTooLarge
from flowstead.resources.upload_rules import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, path_problem

_NEVER = ("__pycache__/", ".git/", ".promptflow/", ".runs/", ".DS_Store")
"""Left out always: they are made by tools and belong to no flow. Patterns as in .gitignore."""
_IGNORE_FILES = (".amlignore", ".gitignore")
"""The first that is in the folder's top counts, alone, as with Azure ML; patterns as in .gitignore. Ignore files in
folders below or above are not read."""
RENAME_HINT = "Rename it, or ignore it in .amlignore."
LEAVE_OUT_HINT = "Ignore it in .amlignore; what the flow needs of it, let the flow fetch from where it lies."
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class LocalFile:
    """name: POSIX path below the folder."""

    name: str
    path: Path


def files_of(folder: Path) -> Sequence[LocalFile]:
    """The files below a folder (or the one file) without what is ignored, sorted by name.

    A link to a file or folder counts as what it leads to, as long as that is in the folder. Raises BadArgument and
    PayloadTooLarge for what the server would refuse: names, sizes, what is no file."""
    if folder.is_file():
        found = [LocalFile(folder.name, folder)]
    elif folder.is_dir():
        root = folder.resolve()
        found = sorted(_walk(folder, "", (root,), _ignored(folder)), key=lambda file: file.name)
    else:
        raise BadArgument(f"There is no folder {str(folder)!r}.", hint="Name the flow's folder.")
    if not found:
        raise BadArgument(f"The folder {str(folder)!r} holds no file.", hint="Name the flow's folder.")
    _check_names(found, folder.resolve().name)
    _check_sizes(found)
    return found


def place_of(content: str, name: str) -> str:
    """Where a folder of that content hash and name lies in the container, as Azure ML's clients have it."""
    return f"LocalUpload/{content}/{name}"


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


def _walk(folder: Path, prefix: str, above: tuple[Path, ...], ignored: pathspec.GitIgnoreSpec) -> Iterator[LocalFile]:
    """above: the real folders that lead here, the flow's first, this one last."""
    for path in sorted(folder.iterdir()):
        name = prefix + path.name
        if ignored.match_file(f"{name}/" if path.is_dir() else name):
            continue
        if path.is_symlink():
            _check_link(path, above)
        if path.is_dir():
            yield from _walk(path, f"{name}/", (*above, path.resolve()), ignored)
        elif path.is_file():
            yield LocalFile(name, path)
        else:
            raise BadArgument(
                f"{str(path)!r} is neither a file nor a folder.", hint="Remove it or ignore it in .amlignore."
            )


def _check_link(link: Path, above: tuple[Path, ...]) -> None:
    try:
        target = link.resolve()
    except (OSError, RuntimeError):  # Python before 3.13 says RuntimeError
        raise BadArgument(f"{str(link)!r} is a link that leads back to itself.", hint="Remove the link.") from None
    if not target.is_relative_to(above[0]):
        raise BadArgument(
            f"{str(link)!r} is a link that leads out of the folder.",
            hint="Put a copy in its place, name it under additional_includes, or ignore it in .amlignore.",
        )
    if any(folder.is_relative_to(target) for folder in above):
        raise BadArgument(f"{str(link)!r} is a link to a folder that holds it.", hint="Remove the link.")


def _check_names(files: Sequence[LocalFile], folder: str) -> None:
    problem = path_problem(folder)
    if problem:
        raise BadArgument(f"The folder's name {folder!r} {problem}.", hint="Rename the folder.")
    place = place_of("0" * 64, folder)  # as long as the real one: the whole path is bounded
    for file in files:
        problem = path_problem(f"{place}/{file.name}")
        if problem:
            raise BadArgument(f"The file {file.name!r} cannot be uploaded: its path {problem}.", hint=RENAME_HINT)


def _check_sizes(files: Sequence[LocalFile]) -> None:
    total = 0
    for file in files:
        size = file.path.stat().st_size
        total += size
        if size > MAX_FILE_BYTES:
            raise PayloadTooLarge(
                f"The file {file.name!r} has {size} bytes; an upload takes files of at most {MAX_FILE_BYTES} bytes "
                f"({MAX_FILE_BYTES >> 30} GiB).",
                hint=LEAVE_OUT_HINT,
            )
    if len(files) > MAX_FILES or total > MAX_BYTES:
        raise PayloadTooLarge(
            f"The folder has {len(files)} files of {total} bytes together; a model has at most {MAX_FILES} files and "
            f"{MAX_BYTES >> 30} GiB.",
            hint="Leave out what the flow does not need; .amlignore names it.",
        )


def _hash_of(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()
