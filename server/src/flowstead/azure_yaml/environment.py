"""Environment YAML → what an environment version's REST body holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from flowstead.azure_yaml.document import Document, text_of
from flowstead.azure_yaml.entry import Entry
from flowstead.azure_yaml.fields import (
    IGNORED_AT_TOP,
    IGNORED_OF_ASSETS,
    Choice,
    NotHere,
    Number,
    Section,
    as_entry,
    as_written,
    filled_text,
    text,
    texts,
    untouched,
)
from flowstead.azure_yaml.paths import check_datastore, inner_path, is_address, local_file, local_path
from flowstead.azure_yaml.references import BuildContext, InlineEnvironment
from flowstead.azure_yaml.requirements import requirement_lines
from flowstead.azure_yaml.schemas import check_schema
from flowstead.azure_yaml.tree import tree_of

RUNTIME_IMAGE = "promptflow-runtime:latest"
"""What an environment that names no image starts from: prompt flow's, for which our own runtime stands in."""
_ROUTE = Section({"path": filled_text, "port": Number(1, 65535)}, required=("path", "port"))
ROUTES = {"liveness_route": "livenessRoute", "readiness_route": "readinessRoute", "scoring_route": "scoringRoute"}
"""Keys of `inference_config` → REST's names."""
_CONDA_FILE = NotHere(
    "is a key of a conda file; this file describes an environment.",
    "Write `conda_file:` with the conda file's path, and `image:`.",
)


_ENVIRONMENT = Section(
    {
        "name": filled_text,
        "version": filled_text,
        "description": text,
        "tags": texts,
        "properties": texts,
        "image": filled_text,
        "conda_file": untouched,
        "python_requirements_txt": as_entry,
        "build": Section({"path": as_entry, "dockerfile_path": as_entry}, required=("path",)),
        "inference_config": Section(dict.fromkeys(ROUTES, _ROUTE), required=tuple(ROUTES)),
        "os_type": Choice({"linux": "Linux"}),
        "datastore": as_entry,
        "channels": _CONDA_FILE,
        "dependencies": _CONDA_FILE,
    },
    ignored=(*IGNORED_AT_TOP, *IGNORED_OF_ASSETS),
)


def read_environment(document: Document) -> InlineEnvironment:
    """The environment that a file defines. Raises BadArgument."""
    check_schema(document, "environment")
    return environment_from(document.top, document.directory)


def environment_from(entry: Entry, directory: Path) -> InlineEnvironment:
    """The environment that an entry inside a deployment's file defines. Raises BadArgument."""
    read = _ENVIRONMENT(entry)
    check_datastore(read.get("datastore"))
    _check_base(entry, read)
    properties: dict[str, Any] = {
        "description": read.get("description", ""),
        "tags": read.get("tags", {}),
        "properties": read.get("properties", {}),
        "isAnonymous": False,
        "isArchived": False,
    }
    build = _build(read["build"], directory) if "build" in read else None
    if build is None:
        properties["image"] = read.get("image", RUNTIME_IMAGE)
    if "conda_file" in read:
        properties["condaFile"] = _conda_text(read["conda_file"], directory)
    if "python_requirements_txt" in read:
        properties["condaFile"] = _conda_of(requirement_lines(read["python_requirements_txt"], directory))
    if "inference_config" in read:
        properties["inferenceConfig"] = {ROUTES[key]: route for key, route in read["inference_config"].items()}
    if "os_type" in read:
        properties["osType"] = read["os_type"]
    return InlineEnvironment(properties, build, read.get("name"), read.get("version"))


_PACKAGES = ("conda_file", "python_requirements_txt")


def _check_base(entry: Entry, read: Mapping[str, Any]) -> None:
    given = [key for key in ("image", "build", *_PACKAGES) if key in read]
    if not given:
        raise entry.wrong(
            "the environment says nothing of what is in it.", hint="Write `image:`, `conda_file:` or `build:`."
        )
    for one, other in (("image", "build"), *((key, "build") for key in _PACKAGES), _PACKAGES):
        if one in given and other in given:
            raise entry.wrong(f"{one} and {other} exclude each other.", hint="Remove one of the two.")


def _build(read: Mapping[str, Entry], directory: Path) -> BuildContext:
    written = read["path"]
    if is_address(written.text):
        raise written.wrong(f"{written.text!r} is not a folder of this machine.", hint="Name a local folder.")
    folder = local_path(written, directory)
    if not folder.is_dir():
        raise written.wrong(f"{folder} is not a folder.", hint="Name the folder that holds the Dockerfile.")
    dockerfile = read.get("dockerfile_path", Entry("Dockerfile", "Dockerfile", written.origin, written.path))
    return BuildContext(folder, inner_path(dockerfile, folder, "the build context"))


def _conda_text(entry: Entry, directory: Path) -> str:
    """A conda file's text: of the file that is named, or of what is written on the spot."""
    if isinstance(entry.value, Mapping):
        return _dumped(as_written(entry))
    path = local_file(as_entry(entry), directory)
    content = text_of(path)
    top = tree_of(content, str(path))
    if not isinstance(top.value, Mapping) or not isinstance(top.value.get("dependencies", top).value, Sequence):
        raise top.wrong("a conda file with a list of `dependencies` is expected.")
    return content


def _conda_of(requirements: Sequence[str]) -> str:
    return _dumped({"dependencies": ["pip", {"pip": list(requirements)}]})


def _dumped(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True))
