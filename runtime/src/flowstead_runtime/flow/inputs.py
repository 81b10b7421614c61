"""From a decoded request body to the inputs a flow runs with."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from flowstead_runtime.errors import InputError, InternalFailure
from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, ValueType
from flowstead_runtime.flow.types import convert
from flowstead_runtime.tools.multimedia import load_image, load_nested

_SHOWN_DATA = 2000
"""Characters of the request's data that an error quotes."""


def convert_inputs(definition: FlowDefinition, data: Any) -> dict[str, Any]:
    """Every input of the flow, converted to its type: the given ones, and the absent ones from their defaults; unknown
    names are dropped. data: the decoded body, usually a mapping.

    Raises InputError naming all missing inputs, or the first that does not fit its type; for a list or text where all
    inputs have defaults InternalFailure, as promptflow's server answers.
    """
    given = _as_mapping(definition, data)
    converted = {}
    for name, spec in definition.inputs.items():
        value = given.get(name, spec.default)
        if value is spec.default and isinstance(value, list | dict):
            # A flow may change what it gets; the next request shall not see that.
            value = copy.deepcopy(value)
        converted[name] = _converted(name, spec, value, definition)
    return converted


def missing_inputs(definition: FlowDefinition, data: Any) -> list[str]:
    """The names of required inputs that `data` does not have, in declaration order."""
    return [name for name, spec in definition.inputs.items() if spec.default is None and name not in data]


def _as_mapping(definition: FlowDefinition, data: Any) -> Mapping[str, Any]:
    if data is None or not definition.inputs:
        data = {}
    if isinstance(data, int | float):
        raise InputError(f"The request data must be a JSON object with the flow's inputs, not {_shown(data)}")
    missing = missing_inputs(definition, data)
    if missing:
        raise InputError(f"Required input fields {missing} are missing in request data {_shown(data)}")
    if not isinstance(data, Mapping):
        raise InternalFailure(f"The request data must be a JSON object with the flow's inputs, not {_shown(data)}")
    return data


def _converted(name: str, spec: FlowInput, value: Any, definition: FlowDefinition) -> Any:
    try:
        converted = convert(value, spec.type)
    except json.JSONDecodeError as error:
        raise InputError(
            f"Failed to parse the flow input. The value for flow input '{name}' was interpreted as JSON string "
            f"since its type is '{spec.type}'. However, the value '{_shown(value, plain=True)}' is invalid for "
            f"JSON parsing. Error details: (JSONDecodeError) {error}. Please make sure your inputs are properly "
            "formatted."
        ) from None
    except (ValueError, TypeError, OverflowError):
        raise InputError(
            f"The input for flow is incorrect. The value for flow input '{name}' does not match the expected type "
            f"'{spec.type}'. Please change flow input type or adjust the input value in your input data."
        ) from None
    if spec.type not in (ValueType.IMAGE, ValueType.LIST, ValueType.OBJECT):
        return converted
    try:
        load = load_image if spec.type is ValueType.IMAGE else load_nested
        return load(converted, definition.message_format)
    except InputError as error:
        raise InputError(f"Failed to load image for input '{name}': {error.message}") from None
    except RecursionError:
        raise InputError(f"The value for flow input '{name}' is nested too deeply.") from None


def _shown(data: Any, *, plain: bool = False) -> str:
    text = str(data) if plain else repr(data)
    return text if len(text) <= _SHOWN_DATA else text[:_SHOWN_DATA] + "…"
