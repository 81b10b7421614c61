"""Model YAML → what a model version's REST body holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowstead.azure_yaml.document import Document
from flowstead.azure_yaml.entry import Entry
from flowstead.azure_yaml.fields import (
    IGNORED_AT_TOP,
    IGNORED_OF_ASSETS,
    Choice,
    Section,
    anything,
    as_entry,
    filled_text,
    text,
    texts,
)
from flowstead.azure_yaml.paths import check_datastore, datastore_address, is_address, local_path
from flowstead.azure_yaml.references import InlineModel
from flowstead.azure_yaml.schemas import check_schema

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
        "flavors": anything,
        "datastore": as_entry,
    },
    required=("path",),
    ignored=(*IGNORED_AT_TOP, *IGNORED_OF_ASSETS, "job_name", "default_deployment_template"),
)


def read_model(document: Document) -> InlineModel:
    """The model that a file defines. Raises BadArgument."""
    check_schema(document, "model")
    return model_from(document.top, document.directory)


def model_from(entry: Entry, directory: Path) -> InlineModel:
    """The model that an entry inside a deployment's file defines. Raises BadArgument."""
    read = _MODEL(entry)
    check_datastore(read.get("datastore"))
    path: Entry = read["path"]
    properties = model_properties(
        type=read.get("type", "custom_model"),
        description=read.get("description", ""),
        tags=read.get("tags", {}),
        properties=read.get("properties", {}),
    )
    for key in ("stage", "flavors"):
        if key in read:
            properties[key] = read[key]
    return InlineModel(
        path=datastore_address(path) if is_address(path.text) else local_path(path, directory),
        name=read.get("name"),
        version=read.get("version"),
        properties=properties,
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
