"""Connections and their secrets."""

from __future__ import annotations

from azure.ai.ml.entities import APIKeyConnection, AzureOpenAIConnection, OpenAIConnection, ServerlessConnection
from azure.core.exceptions import ResourceNotFoundError

from tests.sdk.traveller import Journey, refused


def step_connections(j: Journey) -> None:
    made = [
        AzureOpenAIConnection(name="aoai", azure_endpoint="https://a.example/", api_key="k1", api_version="2024-02-01"),
        OpenAIConnection(name="oai", api_key="k2"),
        ServerlessConnection(name="less", endpoint="https://s.example/", api_key="k3"),
        APIKeyConnection(name="key", api_base="https://k.example/", api_key="k4"),
    ]
    for each in made:
        assert j.ml.connections.create_or_update(each).name == each.name
    assert {each.name for each in j.ml.connections.list()} >= {each.name for each in made}
    assert j.ml.connections.get("aoai").api_key != "k1"
    assert j.ml.connections.get("aoai", populate_secrets=True).api_key == "k1"
    assert [each.name for each in j.ml.connections.list(connection_type="azure_open_ai")] == ["aoai"]
    for each in made:
        j.ml.connections.delete(each.name)
    refused(lambda: j.ml.connections.get("aoai"), ResourceNotFoundError)
