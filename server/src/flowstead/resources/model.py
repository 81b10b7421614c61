"""Model: an immutable version of a flow's files, addressed by content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ModelVersionSpec:
    """uri: where the client uploaded it, echoed. content_hash: SHA-256 over paths and bytes, computed at registration;
    the files lie under `Home.models / content_hash`, read-only. stage: a word of the user's, as in `Production`."""

    uri: str
    content_hash: str
    type: str = "custom_model"
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    flavors: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    stage: str = ""
    is_anonymous: bool = False
    is_archived: bool = False
