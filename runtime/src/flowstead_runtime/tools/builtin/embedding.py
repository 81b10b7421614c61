"""`promptflow.tools.embedding.embedding`: a text's vector."""

from __future__ import annotations

from typing import Any

from flowstead_runtime.errors import FlowLoadError
from flowstead_runtime.tools.llm import provider_for
from flowstead_runtime.tools.resolved import Mode, Surroundings, Tool, ToolRequest


def resolve_embedding(request: ToolRequest, surroundings: Surroundings) -> Tool:
    """Inputs: connection, input, and deployment_name (Azure OpenAI) or model (OpenAI)."""
    name = request.connection or request.literals.get("connection")
    if not isinstance(name, str):
        raise FlowLoadError(f"node '{request.node}': the embedding tool needs a connection")
    provider = provider_for(name, surroundings)
    model_name = "deployment_name" if provider.azure else "model"

    async def embedding(input: str = "", deployment_name: str = "", model: str = "", **others: Any) -> list[float]:
        chosen = deployment_name if model_name == "deployment_name" else model
        response = await provider.call(
            lambda: provider.client.embeddings.create(input=input, model=chosen, encoding_format="float")
        )
        return list(response.data[0].embedding)

    constants = {key: value for key, value in request.literals.items() if key != "connection"}
    return Tool(embedding, Mode.COROUTINE, constants=constants, function="embedding")
