"""Model YAML → what a model version's REST body holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowstead.azure_yaml.document import Document, Entry
from flowstead.azure_yaml.fields import IGNORED_AT_TOP, Choice, NotHere, Section, as_entry, filled_text, text, texts
from flowstead.azure_yaml.references import InlineModel

_TYPES = Choice({"custom_model": "custom_model", "mlflow_model": "mlflow_model", "triton_model": "triton_model"})
_MODEL = Section(
    {
        "name": filled_text,
        "version": filled_text,
        "path": as_entry,
        "type": _TYPES,
        "description": text,
        "tags": texts,
        "properties": texts,
        "stage": text,
        "flavors": NotHere("flavors are read from the MLmodel file.", "Remove the key."),
    },
    required=("path",),
    ignored=(*IGNORED_AT_TOP, "creation_context", "resourceGroup", "job_name", "latest_version"),
)


def read_model(document: Document) -> InlineModel:
    """The model that a file (or an entry inside a deployment's file) defines. Raises BadArgument."""
    return model_from(document.top, document.directory)


def model_from(entry: Entry, directory: Path) -> InlineModel:
    read = _MODEL(entry)
    return InlineModel(
        path=_local(read["path"], directory),
        name=read.get("name"),
        version=read.get("version"),
        properties=model_properties(
            type=read.get("type", "custom_model"),
            description=read.get("description", ""),
            tags=read.get("tags", {}),
            properties=read.get("properties", {}),
        ),
    )


def model_properties(
    *, type: str = "custom_model", description: str = "", tags: dict[str, str], properties: dict[str, str]
) -> dict[str, Any]:
    """`properties` of the REST body, without `modelUri`."""
    return {
        "description": description,
        "tags": tags,
        "properties": properties,
        "modelType": type,
        "isAnonymous": False,
        "isArchived": False,
    }


def _local(entry: Entry, directory: Path) -> Path:
    written = entry.text
    if "://" in written or written.startswith("azureml:"):
        raise entry.wrong(f"{written!r} is not a folder of this machine.", hint="Name a local folder; it is uploaded.")
    path = (directory / Path(written).expanduser()).resolve()
    if not path.exists():
        raise entry.wrong(f"there is nothing at {path}.", hint="Paths start from the folder of the YAML file.")
    return path
