"""Paths in YAML files: they start from the file's folder."""

from __future__ import annotations

from pathlib import Path

from flowstead.azure_yaml.entry import Entry

_DATASTORE = "workspaceblobstore"
DATASTORE_PATHS = f"azureml://datastores/{_DATASTORE}/paths"


def local_path(entry: Entry, directory: Path) -> Path:
    """The existing file or folder that is meant, links followed. Raises BadArgument."""
    path = _resolved(entry, directory)
    if not path.exists():
        raise entry.wrong(f"there is nothing at {path}.", hint="Paths start from the folder of the YAML file.")
    return path


def local_file(entry: Entry, directory: Path) -> Path:
    """The existing file that is meant, links followed. Raises BadArgument."""
    path = local_path(entry, directory)
    if path.is_dir():
        raise entry.wrong(f"{path} is a folder; a file is expected.", hint="Name the file.")
    return path


def inner_path(entry: Entry, folder: Path, what: str) -> str:
    """A file below the folder, as a path from there. Raises BadArgument when it leads out of it, by a link too, or
    is not there. what: the folder as errors call it."""
    path = _resolved(entry, folder)
    if not path.is_relative_to(folder.resolve()):
        raise entry.wrong(f"{entry.text!r} leads out of {what}.", hint=f"Name a file of {what}, {folder}.")
    if not path.is_file():
        raise entry.wrong(f"there is no file {entry.text!r} in {what}.", hint=f"Name a file of {what}, {folder}.")
    return Path(entry.text).as_posix()


def is_address(text: str) -> bool:
    """Whether it names something elsewhere, and no path of this machine."""
    return "://" in text or text.startswith("azureml:")


def datastore_address(entry: Entry) -> str:
    """An address of what was uploaded to the workspace before. Raises BadArgument for any other address."""
    written = entry.text
    if written.startswith("azureml://") and "/paths/" in written:
        return written
    raise entry.wrong(
        f"{written!r} is neither a path of this machine nor an address of the workspace's datastore.",
        hint=f"Name a local folder, which is uploaded, or {DATASTORE_PATHS}/PATH.",
    )


def check_datastore(entry: Entry | None) -> None:
    """The key `datastore`. Raises BadArgument unless it names the one that there is."""
    if entry is not None and entry.text.removeprefix("azureml:").rpartition("/")[2] != _DATASTORE:
        raise entry.wrong(f"there is no datastore {entry.text!r}.", hint=f"There is one: {_DATASTORE}.")


def _resolved(entry: Entry, base: Path) -> Path:
    """Absolute, links followed. Raises BadArgument for what no path can be."""
    try:
        path = (base / Path(entry.text).expanduser()).resolve()
        path.exists()
    except (OSError, ValueError, RuntimeError) as problem:  # too long, a NUL, links in a circle, an unknown user
        raise entry.wrong(f"{entry.text[:60]!r} is not a path that can be followed: {problem}.") from None
    return path
