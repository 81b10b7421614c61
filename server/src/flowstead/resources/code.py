"""Code asset: an immutable version of source files, as Azure's clients register a deployment's code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CodeVersionSpec:
    """uri: where the client uploaded it, echoed. content_hash: SHA-256 over paths and bytes, computed at registration;
    the files lie under `Home.models / content_hash`, read-only. snapshot_hash: the same by Azure's rule, by which
    clients ask for code that is there already; computed here too, so that nobody can pass one code off as another."""

    uri: str
    content_hash: str
    snapshot_hash: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    is_anonymous: bool = True
    is_archived: bool = False
