"""`additional_includes`: files and folders from elsewhere that belong into the flow's folder.

Resolved where the author's files are (`flowstead serve`, the command line before it uploads), never in a hosted
instance or the server: there a path could lead out of the uploaded folder.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.yaml_file import read_yaml_file

_DEFINITIONS = ("flow.dag.yaml", "flow.flex.yaml", "flow.flex.yml")


@contextmanager
def assembled(flow: Path) -> Iterator[Path]:
    """The flow with its includes merged: the folder itself when there are none, else a temporary copy of the same
    name, gone afterwards. flow: the folder or its definition file; what is yielded is of the same sort.

    Raises FlowDefinitionError when an include does not exist, cannot be copied or would replace a file of the flow.
    """
    folder = flow if flow.is_dir() else flow.parent
    missing = _not_yet_there(folder, _includes(flow))
    if not missing:
        yield flow
        return
    with tempfile.TemporaryDirectory(prefix="flowstead-flow-") as scratch:
        copy = Path(scratch) / folder.resolve().name
        try:
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__", ".git"))
            for source, target in missing:
                _merge(source, copy / target)
        except OSError as error:  # shutil.Error is one: (source, target, reason) of each file
            first = error.args[0][0] if isinstance(error, shutil.Error) else (error.filename, "", error.strerror)
            raise FlowDefinitionError(
                f"additional_includes: {str(first[0])!r} cannot be copied: {first[2]}", file=str(folder)
            ) from None
        yield copy if flow.is_dir() else copy / flow.name


def _includes(flow: Path) -> list[str]:
    """The entries as written; none when the file cannot be read as a mapping: reading the definition says so better."""
    candidates = [flow / name for name in _DEFINITIONS] if flow.is_dir() else [flow]
    file = next((candidate for candidate in candidates if candidate.is_file()), None)
    if file is None or file.suffix not in (".yaml", ".yml"):
        return []
    try:
        document = read_yaml_file(file, shown=file.name)
    except FlowDefinitionError:
        return []
    entries = document.get("additional_includes") if isinstance(document, dict) else None
    return [str(entry) for entry in entries] if isinstance(entries, list) else []


def _not_yet_there(folder: Path, entries: list[str]) -> list[tuple[Path, str]]:
    """(source, name in the flow's folder) of each include. One whose name is in the folder already has been merged
    before, by an upload or a build, unless its source is here too: then which of them is meant cannot be known."""
    pairs: list[tuple[Path, str]] = []
    for entry in entries:
        source = folder / entry
        target = source.resolve().name if Path(entry).name in ("", "..", ".") else Path(entry).name
        present = (folder / target).exists()
        exists = source.exists() or _folder_to_zip(source) is not None
        if present and not exists:
            continue
        if not exists:
            raise FlowDefinitionError(f"additional_includes names {entry!r}, which does not exist.", file=str(folder))
        if present and source.resolve() != (folder / target).resolve():
            raise FlowDefinitionError(
                f"additional_includes would bring in {entry!r}, but the flow has a {target!r} of its own.",
                file=str(folder),
            )
        if not present:
            pairs.append((source, target))
    return pairs


def _folder_to_zip(source: Path) -> Path | None:
    """`x.zip` that is not there, beside a folder `x` that is, means: that folder, zipped."""
    folder = source.with_suffix("")
    return folder if source.suffix == ".zip" and not source.exists() and folder.is_dir() else None


def _merge(source: Path, target: Path) -> None:
    folder = _folder_to_zip(source)
    if folder is not None:
        shutil.make_archive(str(target.with_suffix("")), "zip", root_dir=folder.parent, base_dir=folder.name)
    elif source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".git"))
    else:
        shutil.copy2(source, target)
