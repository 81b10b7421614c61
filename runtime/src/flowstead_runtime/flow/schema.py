"""The OpenAPI description of a flow's `/score`, a pure function of its definition.

Its shape is what `promptflow` serves, its oddities included: every input counts as required, a falsy default
is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, FlowOutput, ValueType

_ANY_OBJECT: Mapping[str, Any] = {"type": "object", "additionalProperties": {}}
_SCHEMAS: Mapping[ValueType, Mapping[str, Any]] = {
    ValueType.INT: {"type": "integer"},
    ValueType.DOUBLE: {"type": "number"},
    ValueType.BOOL: {"type": "boolean"},
    ValueType.STRING: {"type": "string"},
    ValueType.LIST: {"type": "array", "items": _ANY_OBJECT},
    ValueType.OBJECT: _ANY_OBJECT,
    ValueType.IMAGE: {"type": "object"},
}
_FAILURES: Mapping[str, Any] = {
    "400": {"description": "Invalid input"},
    "default": {"description": "unexpected error"},
}


def openapi(definition: FlowDefinition, *, included_outputs: Collection[str] | None = None) -> dict[str, Any]:
    """The document at `/swagger.json`. included_outputs: names of the outputs that are answered, None for all;
    evaluation-only ones are left out of it even when they are answered."""
    return {
        "openapi": "3.0.0",
        "info": _info(definition),
        "components": {"securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer"}}},
        "security": [{"bearerAuth": []}],
        "paths": {"/score": {"post": _score(definition, included_outputs)}, "/feedback": _feedback()},
    }


def _info(definition: FlowDefinition) -> dict[str, str]:
    info = {
        "title": f"Promptflow[{definition.name}] API",
        "version": "1.0.0",
        "x-flow-name": definition.name,
    }
    for name, value in definition.inputs.items():
        if value.is_chat_input:
            info["x-flow-type"] = "chat"
            info["x-chat-input"] = name
        if value.is_chat_history:
            info["x-chat-history"] = name
    for name, output in definition.outputs.items():
        if output.is_chat_output and not output.evaluation_only:
            info["x-chat-output"] = name
    return info


def _score(definition: FlowDefinition, included: Collection[str] | None) -> dict[str, Any]:
    request: dict[str, Any] = {"type": "object"}
    if definition.inputs:
        request["properties"] = {name: _input(value) for name, value in definition.inputs.items()}
        request["required"] = list(definition.inputs)
    answer: dict[str, Any] = {"type": "object"}
    if definition.outputs:
        answer["properties"] = {
            name: _described(value)
            for name, value in definition.outputs.items()
            if not value.evaluation_only and (included is None or name in included)
        }
    return {
        "summary": f"run promptflow: {definition.name} with an given input",
        "requestBody": {
            "description": "promptflow input data",
            "required": bool(definition.inputs),
            "content": {"application/json": {"schema": request, "example": dict(definition.sample)}},
        },
        "responses": {"200": _success(answer), **_FAILURES},
    }


def _feedback() -> dict[str, Any]:
    body = {"application/json": {"schema": _ANY_OBJECT}}
    flatten = {
        "name": "flatten",
        "in": "query",
        "description": "flatten the feedback data into traced data",
        "required": False,
        "schema": {"type": "boolean"},
    }
    return {
        "parameters": [flatten],
        "post": {
            "summary": "collect promptflow feedback",
            "requestBody": {"description": "promptflow feedback data", "required": True, "content": body},
            "responses": {"200": _success(_ANY_OBJECT), **_FAILURES},
        },
    }


def _success(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": "successful operation", "content": {"application/json": {"schema": schema}}}


def _input(value: FlowInput) -> dict[str, Any]:
    described = _described(value)
    if value.default:
        described["default"] = value.default
    return described


def _described(value: FlowInput | FlowOutput) -> dict[str, Any]:
    described = dict(_SCHEMAS[value.type])
    if value.description:
        described["description"] = value.description
    return described
