"""Data YAML → what a data version's REST body holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowstead.azure_yaml.document import Document
from flowstead.azure_yaml.entry import Entry
from flowstead.azure_yaml.fields import (
    IGNORED_AT_TOP,
    IGNORED_OF_ASSETS,
    Choice,
    Section,
    as_entry,
    filled_text,
    text,
    texts,
)
from flowstead.azure_yaml.paths import check_datastore, is_address, local_path
from flowstead.azure_yaml.schemas import check_schema

FOLDER = "uri_folder"
_FILE, _TABLE = "uri_file", "mltable"
_DATA = Section(
    {
        "name": filled_text,
        "version": filled_text,
        "type": Choice({kind: kind for kind in (_FILE, FOLDER, _TABLE)}),
        "path": as_entry,
        "description": text,
        "tags": texts,
        "properties": texts,
        "datastore": as_entry,
    },
    required=("path",),
    ignored=(*IGNORED_AT_TOP, *IGNORED_OF_ASSETS),
)


@dataclass(frozen=True)
class DataDocument:
    """name, version: "" and None when neither file nor option gives them. path: of this machine, to be uploaded, or an
    address. properties: of the REST body, without `dataUri`."""

    name: str
    version: str | None
    path: Path | str
    properties: dict[str, Any]


def read_data(document: Document) -> DataDocument:
    """Raises BadArgument naming file, line and key."""
    check_schema(document, "data")
    read = _DATA(document.top)
    check_datastore(read.get("datastore"))
    written: Entry = read["path"]
    path: Path | str = written.text if is_address(written.text) else local_path(written, document.directory)
    kind = read.get("type") or (_FILE if isinstance(path, Path) and path.is_file() else FOLDER)
    if isinstance(path, Path):
        _check_kind(written, path, kind)
    properties = data_properties(
        kind,
        description=read.get("description", ""),
        tags=read.get("tags", {}),
        properties=read.get("properties", {}),
    )
    return DataDocument(read.get("name", ""), read.get("version"), path, properties)


def data_properties(
    kind: str = FOLDER,
    *,
    description: str = "",
    tags: dict[str, str] | None = None,
    properties: dict[str, str] | None = None,
) -> dict[str, Any]:
    """`properties` of the REST body, without `dataUri`."""
    return {
        "description": description,
        "tags": tags or {},
        "properties": properties or {},
        "dataType": kind,
        "isAnonymous": False,
        "isArchived": False,
    }


def _check_kind(entry: Entry, path: Path, kind: str) -> None:
    if kind == _FILE and not path.is_file():
        raise entry.wrong(f"{path} is not a file, and the type is {kind}.", hint=f"Write `type: {FOLDER}`.")
    if kind != _FILE and not path.is_dir():
        raise entry.wrong(f"{path} is not a folder, and the type is {kind}.", hint=f"Write `type: {_FILE}`.")
    if kind == _TABLE and not (path / "MLTable").is_file():
        raise entry.wrong(f"there is no file MLTable in {path}.", hint=f"Add it, or write `type: {FOLDER}`.")
