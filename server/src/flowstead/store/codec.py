"""Specification and status ↔ JSON, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cattrs.preconf.json import make_converter

from flowstead.store.records import Kind, Spec, Status

_converter = make_converter()
_converter.register_structure_hook_func(lambda wanted: wanted is object, lambda value, _: value)


def to_json(value: Any) -> dict[str, Any]:
    """A specification or status as JSON values."""
    unstructured: dict[str, Any] = _converter.unstructure(value)
    return unstructured


def sealed_name(revision: str) -> str:
    """The name under which a revision's secrets are sealed."""
    return f"revisions/{revision}"


def spec_from_json(kind: Kind[Spec, Status], value: Mapping[str, Any]) -> Spec:
    """The specification; a field that an older row lacks takes its default."""
    return _converter.structure(value, kind.spec)


def status_from_json(kind: Kind[Spec, Status], value: Mapping[str, Any] | None) -> Status:
    """The status; a row at which the reconciler has not looked yet has its kind's first one."""
    if value is None or not kind.reconciled:
        return kind.status()
    return _converter.structure(value, kind.status)
