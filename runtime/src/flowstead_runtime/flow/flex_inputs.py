"""From a decoded request body to the arguments of a flex flow's entry.

The signature says which inputs there are and which may be left out; the YAML, where it declares an input, its type and
a default that goes before the signature's own. What the YAML does not declare is passed as it came.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from flowstead_runtime.errors import InputError
from flowstead_runtime.flow.conversion import converted_input
from flowstead_runtime.flow.definition import FlexPart, FlowDefinition


def flex_arguments(definition: FlowDefinition, part: FlexPart, given: Mapping[str, Any]) -> dict[str, Any]:
    """given: has all required inputs. Raises InputError for a declared one that is absent or does not fit."""
    # An empty default in the YAML means that the author left it to the code.
    declared = {name: spec for name, spec in part.declared.items() if spec.default != ""}
    defaults = {name: spec.default for name, spec in declared.items() if spec.default is not None}
    # A flow may change what it gets; the next request shall not see that.
    values = {**copy.deepcopy(defaults), **(given or copy.deepcopy(part.sample_inputs))}
    arguments = {name: values[name] for name in definition.inputs if name in values}
    for name, spec in declared.items():
        if name not in arguments:
            raise InputError(
                f"The input for flow is incorrect. The value for flow input '{name}' is not provided in input data. "
                "Please review your input data or remove this input in your flow if it's no longer needed."
            )
        arguments[name] = converted_input(name, spec, arguments[name])
    return arguments
