"""How one resource names another: `azureml:NAME:VERSION`, `azureml:NAME@latest`, an ARM id, or a definition on the
spot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from flowstead.azure_yaml.document import Entry
from flowstead.azure_yaml.fields import anything

_VERSIONED = re.compile(r"(?:azureml:)?(?P<name>[A-Za-z0-9][-_.A-Za-z0-9]*):(?P<version>[A-Za-z0-9][-_.A-Za-z0-9]*)")
_LABELLED = re.compile(r"(?:azureml:)?(?P<name>[A-Za-z0-9][-_.A-Za-z0-9]*)@(?P<label>[A-Za-z0-9][-_A-Za-z0-9]*)")
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
    """A model defined where it is used. path: absolute; name and version: None when not given."""

    path: Path
    name: str | None = None
    version: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    """What the model's REST body holds beside `modelUri`."""


@dataclass(frozen=True)
class InlineEnvironment:
    """An environment defined where it is used: `image`, `conda_file`, `build`, `inference_config`, … as written."""

    fields: Mapping[str, Any]

    @property
    def image(self) -> str:
        return str(self.fields.get("image") or "")


ModelReference: TypeAlias = NamedAsset | AssetId | InlineModel
EnvironmentReference: TypeAlias = NamedAsset | AssetId | InlineEnvironment


def asset(entry: Entry) -> NamedAsset | AssetId:
    """A reference by name or id. Raises BadArgument."""
    written = entry.text if isinstance(entry.value, str) else ""
    if not written:
        raise entry.wrong("must name an asset.", hint=_HINT)
    bare = written.removeprefix("azureml:")
    if bare.startswith(("/subscriptions/", "//registries/")):
        return AssetId(bare if bare.startswith("/subscriptions/") else written)
    if match := _VERSIONED.fullmatch(written):
        return NamedAsset(match["name"], match["version"])
    if match := _LABELLED.fullmatch(written):
        if match["label"] != "latest":
            raise entry.wrong(f"the label {match['label']!r} is unknown; there is only latest.", hint=_HINT)
        return NamedAsset(match["name"], None)
    raise entry.wrong(f"{written!r} does not name an asset.", hint=_HINT)


def environment(entry: Entry) -> EnvironmentReference:
    """By name, by id, or defined on the spot."""
    if isinstance(entry.value, Mapping):
        return InlineEnvironment(anything(entry))
    return asset(entry)
