"""What goes into a flow and comes out, and what it uses, on the wire: read from its files, none of which is run."""

from __future__ import annotations

import json
from typing import Any

from flowstead.api.flow_choices import named_by
from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, FlowOutput
from flowstead_runtime.flow.entry_signature import with_entry_signature


def as_json(body: Any) -> str:
    """YAML knows values that JSON has no word for: what is no number becomes null, a date its text."""
    return json.dumps(json.loads(json.dumps(body, default=str), parse_constant=lambda _: None))


def described(definition: FlowDefinition) -> dict[str, Any]:
    """Raises FlowInvalid."""
    flow = with_entry_signature(definition)
    return {
        "kind": flow.kind.value,
        "inputs": [_input(name, each) for name, each in flow.inputs.items()],
        "outputs": [_output(name, each) for name, each in flow.outputs.items()],
        "chat": _chat(flow) if flow.is_chat else None,
        # How its messages hold pictures.
        "messageFormat": flow.message_format.value,
        "connections": [
            {"name": each.name, "usedBy": list(each.by), "required": each.required} for each in named_by(flow, {})
        ],
        # Their values may be secrets.
        "environmentVariables": sorted(flow.environment_variables),
        "image": flow.environment.get("image"),
        "sample": dict(flow.sample),
    }


def _input(name: str, given: FlowInput) -> dict[str, Any]:
    return {
        "name": name,
        "type": given.type.value,
        "required": given.default is None,
        "default": given.default,
        "description": given.description,
        "isChatInput": given.is_chat_input,
        "isChatHistory": given.is_chat_history,
    }


def _output(name: str, given: FlowOutput) -> dict[str, Any]:
    return {
        "name": name,
        "type": given.type.value,
        "description": given.description,
        "isChatOutput": given.is_chat_output,
        "evaluationOnly": given.evaluation_only,
    }


def _chat(flow: FlowDefinition) -> dict[str, str | None]:
    return {
        "input": next((name for name, each in flow.inputs.items() if each.is_chat_input), None),
        "history": next((name for name, each in flow.inputs.items() if each.is_chat_history), None),
        "output": next((name for name, each in flow.outputs.items() if each.is_chat_output), None),
    }
