"""One input of a flow, converted to its type, or the words for why it cannot be."""

from __future__ import annotations

import json
from typing import Any

from flowstead_runtime.errors import InputError
from flowstead_runtime.flow.definition import FlowInput
from flowstead_runtime.flow.types import convert

_SHOWN_DATA = 2000
"""Characters of the request's data that an error quotes."""


def converted_input(name: str, spec: FlowInput, value: Any) -> Any:
    """Raises InputError naming the input and its type."""
    try:
        return convert(value, spec.type)
    except json.JSONDecodeError as error:
        raise InputError(
            f"Failed to parse the flow input. The value for flow input '{name}' was interpreted as JSON string "
            f"since its type is '{spec.type}'. However, the value '{shown(value, plain=True)}' is invalid for "
            f"JSON parsing. Error details: (JSONDecodeError) {error}. Please make sure your inputs are properly "
            "formatted.",
            quoted=shown(value, plain=True),
        ) from None
    except (ValueError, TypeError, OverflowError):
        raise InputError(
            f"The input for flow is incorrect. The value for flow input '{name}' does not match the expected type "
            f"'{spec.type}'. Please change flow input type or adjust the input value in your input data."
        ) from None


def shown(data: Any, *, plain: bool = False) -> str:
    """The start of the data, as an error quotes it."""
    text = str(data) if plain else repr(data)
    return text if len(text) <= _SHOWN_DATA else text[:_SHOWN_DATA] + "…"
