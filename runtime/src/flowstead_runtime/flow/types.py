"""Turning what a caller sent into what a flow input's type says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from flowstead_runtime.flow.definition import ValueType


def convert(value: Any, to: ValueType) -> Any:
    """The value as `to`. Raises ValueError or TypeError when it cannot be; json.JSONDecodeError (a ValueError)
    when a text given for a list is not JSON."""
    return CONVERSIONS[to](value)


def _to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError("not a boolean")


def _to_list(value: Any) -> list[Any]:
    if isinstance(value, str):
        value = json.loads(value)
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _to_object(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _as_it_is(value: Any) -> Any:
    return value


CONVERSIONS: Mapping[ValueType, Callable[[Any], Any]] = MappingProxyType(
    {
        ValueType.INT: int,
        ValueType.DOUBLE: float,
        ValueType.BOOL: _to_bool,
        ValueType.STRING: str,
        ValueType.LIST: _to_list,
        ValueType.OBJECT: _to_object,
        ValueType.IMAGE: _as_it_is,
    }
)
"""Images are loaded by `inputs.convert_inputs`, which knows the flow's message format."""
