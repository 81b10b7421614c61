"""What models, environments and data assets have in common: a container of versions under one name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class AssetContainerSpec:
    """All versions of one name. next_version: what a version that is added without a number gets. data_type: of data
    assets, `uri_folder` and the like, which all versions share; "" for other kinds."""

    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    is_archived: bool = False
    latest_version: str | None = None
    next_version: str = "1"
    data_type: str = ""
