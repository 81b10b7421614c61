"""What the store hands out and takes: frozen records, never ORM rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

Spec = TypeVar("Spec")
Status = TypeVar("Status")


class Kind(StrEnum):
    ENDPOINT = "endpoint"
    DEPLOYMENT = "deployment"
    MODEL = "model"
    MODEL_VERSION = "modelVersion"


@dataclass(frozen=True)
class Record(Generic[Spec, Status]):
    """A resource as it stands in the table.

    id: ARM id in its exact casing (looked up without regard to case). uid: random, given once, never to another
    resource, not even to one of the same name. generation: grows with each change of the specification;
    observed_generation: the one that status speaks of. deleting: the user wants it gone. Times: ISO 8601 with Z.
    """

    id: str
    kind: Kind
    parent_id: str
    name: str
    uid: str
    spec: Spec
    status: Status
    generation: int
    observed_generation: int
    etag: str
    deleting: bool
    created_at: str
    created_by: str
    modified_at: str
    modified_by: str
