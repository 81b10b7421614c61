"""Data asset: a file or folder under a name and a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DATA_TYPES = ("uri_file", "uri_folder", "mltable")


@dataclass(frozen=True)
class DataVersionSpec:
    """uri: where it lies, as the client says, echoed. content_hash: SHA-256 over paths and bytes of the copy that was
    made at registration, under `Home.models / content_hash`; "" for what is read where it lies, since it grows (a
    collection of a deployment) or is not ours (a web address)."""

    uri: str
    type: str = "uri_folder"
    content_hash: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    referenced_uris: tuple[str, ...] = ()
    is_anonymous: bool = False
    is_archived: bool = False
