"""From a decoded request body to the inputs a flow runs with."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flowstead_runtime.errors import InputError, InternalFailure
from flowstead_runtime.flow.conversion import converted_input, shown
from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, FlowKind, ValueType
from flowstead_runtime.flow.flex_inputs import flex_arguments
from flowstead_runtime.tools.multimedia import ImageRules, RemoteImage, load_image, load_nested

_MAY_HOLD_IMAGES = frozenset({ValueType.IMAGE, ValueType.LIST, ValueType.OBJECT})


def convert_inputs(definition: FlowDefinition, data: Any, *, remote: list[RemoteImage] | None = None) -> dict[str, Any]:
    """Every input of the flow, converted to its type: the given ones, and the absent ones from their defaults; unknown
    names are dropped. data: the decoded body, usually a mapping; remote: gets the images that are still to be fetched,
    which without it are refused.

    Raises InputError naming all missing inputs, or the first that does not fit its type; for a list or text where all
    inputs of a DAG flow have defaults InternalFailure, as promptflow's server answers.
    """
    given = _as_mapping(definition, data)
    if definition.flex is not None:
        return flex_arguments(definition, definition.flex, given)
    converted = {}
    for name, spec in definition.inputs.items():
        value = given.get(name, spec.default)
        if value is spec.default and isinstance(value, list | dict):
            # A flow may change what it gets; the next request shall not see that.
            value = copy.deepcopy(value)
        converted[name] = _converted(name, spec, value, definition, remote)
    return converted


def image_rules(definition: FlowDefinition) -> ImageRules:
    """How the flow's images are written and found."""
    return ImageRules(definition.message_format, definition.directory, definition.confined)


def missing_inputs(definition: FlowDefinition, data: Any) -> list[str]:
    """The names of required inputs that `data` does not have, in declaration order."""
    return [name for name, spec in definition.inputs.items() if spec.default is None and name not in data]


def _as_mapping(definition: FlowDefinition, data: Any) -> Mapping[str, Any]:
    if data is None or not definition.inputs:
        data = {}
    if isinstance(data, (int, float)):
        raise InputError(
            f"The request data must be a JSON object with the flow's inputs, not {shown(data)}", quoted=shown(data)
        )
    missing = missing_inputs(definition, data)
    if missing:
        raise InputError(
            f"Required input fields {missing} are missing in request data {shown(data)}", quoted=shown(data)
        )
    if type(data) is not dict and not isinstance(data, Mapping):
        if not data:
            return {}  # an empty list or text holds no inputs, as for promptflow's server
        kind = InternalFailure if definition.kind is FlowKind.DAG else InputError
        raise kind(
            f"The request data must be a JSON object with the flow's inputs, not {shown(data)}", quoted=shown(data)
        )
    return data


def _converted(
    name: str, spec: FlowInput, value: Any, definition: FlowDefinition, remote: list[RemoteImage] | None
) -> Any:
    converted = converted_input(name, spec, value)
    if definition.kind is FlowKind.PROMPTY:
        # Images of a prompty are texts (`multimedia.image_in_text`).
        return converted
    if spec.type not in _MAY_HOLD_IMAGES:
        return converted
    try:
        load = load_image if spec.type is ValueType.IMAGE else load_nested
        loaded = load(converted, replace(image_rules(definition), remote=remote))
    except InputError as error:
        raise InputError(f"Failed to load image for input '{name}': {error.message}") from None
    except RecursionError:
        raise InputError(f"The value for flow input '{name}' is nested too deeply.") from None
    for image in remote or ():
        image.input = image.input or name
    return loaded
