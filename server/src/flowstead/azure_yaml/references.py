"""How one resource names another: `azureml:NAME:VERSION`, `azureml:NAME@latest`, an ARM id, or a definition on the
spot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from flowstead.azure_yaml.entry import Entry

_VERSIONED = re.compile(r"(?:azureml:)?(?P<name>[A-Za-z0-9][-_.A-Za-z0-9]*):(?P<version>[A-Za-z0-9][-_.A-Za-z0-9]*)")
_LABELLED = re.compile(r"(?:azureml:)?(?P<name>[A-Za-z0-9][-_.A-Za-z0-9]*)@(?P<label>[A-Za-z0-9][-_A-Za-z0-9]*)")
_RUNTIME = re.compile(r"azureml://registries/[^/]+/environments/promptflow-runtime[^/]*/.+", re.I)
_HINT = "Write azureml:NAME:VERSION or azureml:NAME@latest."


@dataclass(frozen=True)
class NamedAsset:
    """A registered asset. version None: the latest."""

    name: str
    version: str | None


@dataclass(frozen=True)
class AssetId:
    """An asset by its full id: ARM, or `azureml://registries/…`."""

    id: str


@dataclass(frozen=True)
class InlineModel:
    """A model defined where it is used. path: of this machine, absolute, or the address of what was uploaded before;
    name and version: None when not given."""

    path: Path | str
    name: str | None = None
    version: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    """What the model's REST body holds beside `modelUri`."""


@dataclass(frozen=True)
class BuildContext:
    """A folder with a Dockerfile. dockerfile: path from the folder."""

    folder: Path
    dockerfile: str


@dataclass(frozen=True)
class InlineEnvironment:
    """An environment defined where it is used. properties: of the REST body, without `build`, which needs an upload;
    name and version: None when not given."""

    properties: Mapping[str, Any]
    build: BuildContext | None = None
    name: str | None = None
    version: str | None = None


ModelReference: TypeAlias = NamedAsset | AssetId | InlineModel
EnvironmentReference: TypeAlias = NamedAsset | AssetId | InlineEnvironment


def asset(entry: Entry, *, registries: bool = False) -> NamedAsset | AssetId:
    """A reference by name or id. registries: whether one in a registry may be meant. Raises BadArgument."""
    written = entry.text if isinstance(entry.value, str) else ""
    if not written:
        raise entry.wrong("must name an asset.", hint=_HINT)
    bare = written.removeprefix("azureml:")
    if bare.startswith("/subscriptions/"):
        return AssetId(bare)
    if bare.startswith("//registries/"):
        return _of_registry(entry, taken=registries)
    if match := _VERSIONED.fullmatch(written):
        return NamedAsset(match["name"], match["version"])
    if match := _LABELLED.fullmatch(written):
        if match["label"] != "latest":
            raise entry.wrong(f"the label {match['label']!r} is unknown; there is only latest.", hint=_HINT)
        return NamedAsset(match["name"], None)
    raise entry.wrong(f"{written!r} does not name an asset.", hint=_HINT)


def _of_registry(entry: Entry, *, taken: bool) -> AssetId:
    """Of registries there is but what our own runtime stands in for."""
    if not taken or not _RUNTIME.fullmatch(entry.text):
        raise entry.wrong(
            f"{entry.text!r} is in a registry, and there are none here.",
            hint=f"{_HINT} Of registries, only environments called promptflow-runtime are taken.",
        )
    return AssetId(entry.text)
