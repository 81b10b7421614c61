"""What a deployment chooses of its flow by variables: the outputs in the response, what its connections stand for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flowstead.errors import BadArgument, FlowInvalid
from flowstead.resources.connection_use import Named
from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.flow.connections_named import connections_named
from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.flow.entry_signature import with_entry_signature

INCLUDED_OUTPUTS = ("PROMPTFLOW_RESPONSE_INCLUDED_FIELDS", "PF_RESPONSE_INCLUDED_FIELDS")
"""promptflow's variable, by both of its names; the first that is set holds."""
_LONGEST = 200
"""Characters of what is said of a connection's user."""
INIT = "PF_FLOW_INIT_CONFIG"
"""The arguments of a flex flow's class, as promptflow has it."""


def named_by(definition: FlowDefinition, variables: Mapping[str, str]) -> Sequence[Named]:
    """The connections that the flow names when it runs with these variables. Reads its files."""
    try:
        found = connections_named(definition, variables, _init(variables))
    except RuntimeFailure as problem:
        raise FlowInvalid(f"The flow is not valid: {problem.message}", target="properties.model") from None
    return [Named(each.name, tuple(map(_sayable, each.by)), each.required) for each in found]


def included_outputs(variables: Mapping[str, str]) -> list[str] | None:
    """The outputs that are in the response, None for all. Raises BadArgument when the variable holds no JSON list of
    names."""
    name = next((each for each in INCLUDED_OUTPUTS if variables.get(each, "").strip()), None)
    if name is None:
        return None
    try:
        value: Any = json.loads(variables[name])
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadArgument(
            f"{name} holds no JSON list of output names.",
            hint='Write ["answer"], or leave the variable out for all outputs.',
            target=f"properties.environmentVariables.{name}",
        )
    return value


def shown_outputs(variables: Mapping[str, str]) -> list[str] | None:
    """As `included_outputs`; None too for a variable that says nothing."""
    try:
        return included_outputs(variables)
    except BadArgument:
        return None


def check_outputs(definition: FlowDefinition, variables: Mapping[str, str]) -> None:
    """Raises BadArgument for an output that the flow does not have. A flow whose files declare none may have any."""
    wanted = included_outputs(variables)
    known = with_entry_signature(definition).outputs if wanted is not None else {}
    if wanted is None or not known:
        return
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise BadArgument(
            f"The flow has no output {', '.join(repr(name[:80]) for name in unknown)}.",
            hint=f"Its outputs are {', '.join(known)}.",
            target=f"properties.environmentVariables.{INCLUDED_OUTPUTS[0]}",
        )


def _sayable(words: str) -> str:
    """A name out of a YAML file may hold half a surrogate pair, which no answer could be encoded with."""
    return words.encode("utf-8", "replace").decode()[:_LONGEST]


def _init(variables: Mapping[str, str]) -> dict[str, Any]:
    try:
        value = json.loads(variables.get(INIT) or "null")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
