"""The flow in a registered model, as a wizard needs it: what goes in and comes out, and what it uses."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from flowstead.api.context import PROVIDER, SITE, Here, Needs
from flowstead.api.deployment_rules import check_flow
from flowstead.api.flow_choices import named_by
from flowstead.api.models import MODELS
from flowstead.store.records import Kind
from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, FlowOutput
from flowstead_runtime.flow.entry_signature import with_entry_signature

router = APIRouter(tags=["models"])


@router.get(
    SITE + "/models/{name}/versions/{version}/flow", dependencies=[Depends(Needs("workspaces/models/versions/read"))]
)
def get_model_flow(name: str, version: str, here: Here) -> Response:
    """Inputs and outputs with their types, the chat's parts, and the connections with who uses them. Read from the
    files, none of which is run: what a flex flow's code alone decides stays out."""
    with here.store.reading() as tx:
        record = tx.get(Kind.MODEL_VERSION, MODELS.version_id(here, name, version))
    definition = check_flow(
        here.contents.locate(record.spec.content_hash),
        f"{name}:{record.name}",
        from_environment=True,
        adds_packages=True,
    )
    body = {
        "id": f"{record.id}/flow",
        "name": "flow",
        "type": f"{PROVIDER}/workspaces/models/versions/flow",
        "properties": _described(definition),
    }
    return Response(_as_json(body), media_type="application/json")


def _as_json(body: Any) -> str:
    """YAML knows values that JSON has no word for: what is no number becomes null, a date its text."""
    return json.dumps(json.loads(json.dumps(body, default=str), parse_constant=lambda _: None))


def _described(definition: FlowDefinition) -> dict[str, Any]:
    flow = with_entry_signature(definition)
    return {
        "kind": flow.kind.value,
        "inputs": [_input(name, each) for name, each in flow.inputs.items()],
        "outputs": [_output(name, each) for name, each in flow.outputs.items()],
        "chat": _chat(flow) if flow.is_chat else None,
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
