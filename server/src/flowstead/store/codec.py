"""Specification and status ↔ JSON, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cattrs.preconf.json import make_converter

from flowstead.resources.deployment import DeploymentSpec, DeploymentStatus
from flowstead.resources.endpoint import EndpointSpec, EndpointStatus
from flowstead.resources.model import ModelContainerSpec, ModelVersionSpec
from flowstead.store.records import Kind

_SPECS: Mapping[Kind, type[Any]] = {
    Kind.ENDPOINT: EndpointSpec,
    Kind.DEPLOYMENT: DeploymentSpec,
    Kind.MODEL: ModelContainerSpec,
    Kind.MODEL_VERSION: ModelVersionSpec,
}
_STATUSES: Mapping[Kind, type[Any] | None] = {
    Kind.ENDPOINT: EndpointStatus,
    Kind.DEPLOYMENT: DeploymentStatus,
    Kind.MODEL: None,
    Kind.MODEL_VERSION: None,
}
RECONCILED = tuple(kind for kind, status in _STATUSES.items() if status is not None)
"""Kinds that the reconciler looks after; the others are done as soon as they are written."""

_converter = make_converter()
_converter.register_structure_hook_func(lambda wanted: wanted is object, lambda value, _: value)


def to_json(value: Any) -> dict[str, Any]:
    """A specification or status as JSON values."""
    unstructured: dict[str, Any] = _converter.unstructure(value)
    return unstructured


def sealed_name(revision: str) -> str:
    """The name under which a revision's secrets are sealed."""
    return f"revisions/{revision}"


def spec_from_json(kind: Kind, value: Mapping[str, Any]) -> Any:
    """The specification; a field that an older row lacks takes its default."""
    return _converter.structure(value, _SPECS[kind])


def status_from_json(kind: Kind, value: Mapping[str, Any] | None) -> Any:
    """The status; a row at which the reconciler has not looked yet has its kind's first one."""
    status = _STATUSES[kind]
    if status is None:
        return None
    return status() if value is None else _converter.structure(value, status)
