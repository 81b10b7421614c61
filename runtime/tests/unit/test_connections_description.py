"""The forms in which a connection is described."""

from __future__ import annotations

from typing import Any

import pytest

from flowstead_runtime.connections.description import describe
from flowstead_runtime.connections.types import (
    AzureAIServicesConnection,
    AzureContentSafetyConnection,
    AzureOpenAIConnection,
    CognitiveSearchConnection,
    Connection,
    CustomConnection,
    FormRecognizerConnection,
    OpenAIConnection,
    QdrantConnection,
    SerpConnection,
    ServerlessConnection,
    WeaviateConnection,
)
from flowstead_runtime.errors import ConnectionInvalid


def made(raw: dict[str, Any]) -> Connection:
    description = describe("c", raw)
    return description.make("c", description.fields)


def azure_ml(category: str, *, auth: str = "ApiKey", metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    credentials = {"key": "k"} if auth == "ApiKey" else None
    properties = {"category": category, "authType": auth, "target": "http://t", "credentials": credentials}
    return {"name": "c", "properties": {**properties, "metadata": metadata or {}}}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            azure_ml("AzureOpenAI", metadata={"ApiVersion": "v", "ApiType": "azure", "ResourceId": "/r"}),
            AzureOpenAIConnection("http://t", "k", api_version="v", resource_id="/r", name="c"),
        ),
        (azure_ml("AzureOpenAI", auth="AAD"), AzureOpenAIConnection("http://t", auth_mode="meid_token", name="c")),
        (azure_ml("OpenAI", metadata={"organization": "o"}), OpenAIConnection("k", "o", "http://t", name="c")),
        (azure_ml("Serp"), SerpConnection("k", name="c")),
        (azure_ml("Serverless"), ServerlessConnection("k", "http://t", name="c")),
        (azure_ml("AIServices"), AzureAIServicesConnection("http://t", "k", name="c")),
        (
            azure_ml("CognitiveSearch", metadata={"apiversion": "v"}),
            CognitiveSearchConnection("http://t", "k", "v", name="c"),
        ),
        (
            azure_ml("CognitiveService", metadata={"Kind": "Content Safety"}),
            AzureContentSafetyConnection("k", "http://t", name="c"),
        ),
        (
            azure_ml("CognitiveService", metadata={"kind": "Form Recognizer"}),
            FormRecognizerConnection("k", "http://t", name="c"),
        ),
        (
            azure_ml("cognitive_services", metadata={"Kind": "Content Safety"}),
            AzureContentSafetyConnection("k", "http://t", name="c"),
        ),
        (azure_ml("ContentSafety"), AzureContentSafetyConnection("k", "http://t", name="c")),
        (azure_ml("FormRecognizer"), FormRecognizerConnection("k", "http://t", name="c")),
        (azure_ml("azure_ai_search"), CognitiveSearchConnection("http://t", "k", name="c")),
        (azure_ml("Qdrant"), QdrantConnection("k", "http://t", name="c")),
        (azure_ml("Weaviate"), WeaviateConnection("k", "http://t", name="c")),
        (
            azure_ml("CustomKeys", auth="None", metadata={"azureml.flow.connection_type": "Qdrant"})
            | {"keys": {"api_key": "k"}},
            QdrantConnection("k", "http://t", name="c"),
        ),
        (
            azure_ml("ApiKey", metadata={"zone": "z"}),
            CustomConnection({"api_key": "k"}, {"api_base": "http://t", "zone": "z"}, name="c"),
        ),
        (azure_ml("CustomKeys"), CustomConnection({"api_key": "k"}, {"api_base": "http://t"}, name="c")),
    ],
)
def test_azure_mls_own_form(raw: dict[str, Any], expected: Connection) -> None:
    keys = raw.pop("keys", None)
    if keys:
        raw["properties"]["credentials"] = {"keys": keys}
    assert made(raw) == expected


def test_custom_keys_of_azure_ml_are_secret_and_its_metadata_is_not() -> None:
    metadata = {"place": "here", "azureml.flow.module": "promptflow.connections"}
    properties = {"category": "CustomKeys", "credentials": {"keys": {"pin": "1234"}}, "metadata": metadata}
    assert made({"properties": properties}) == CustomConnection({"pin": "1234"}, {"place": "here"}, name="c")
    typed = {**metadata, "azureml.flow.connection_type": "OpenAI"}
    keys = {"keys": {"api_key": "k"}}
    assert made({"properties": {**properties, "credentials": keys, "metadata": typed}}).api_key == "k"


def test_promptflows_template_of_a_users_own_class() -> None:
    raw = {
        "type": "custom",
        "custom_type": "Mine",
        "module": "my.connections",
        "configs": {"a": "1"},
        "secrets": {"b": "2"},
    }
    found = made(raw)
    assert found.secrets == {"b": "2"}
    assert found.configs == {
        "a": "1",
        "promptflow.connection.custom_type": "Mine",
        "promptflow.connection.module": "my.connections",
    }


@pytest.mark.parametrize("raw", [azure_ml("CognitiveService"), azure_ml("Snowflake"), {"type": "snowflake"}, {}])
def test_an_unknown_type_is_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(ConnectionInvalid, match="Connection 'c' has the unknown type"):
        describe("c", raw)


def test_a_users_own_class_as_azure_ml_keeps_it() -> None:
    metadata = {
        "azureml.flow.connection_type": "Custom",
        "azureml.flow.module": "promptflow.connections",
        "promptflow.connection.custom_type": "Mine",
        "promptflow.connection.module": "my.connections",
        "promptflow.connection.package": "mine",
        "place": "here",
    }
    properties = {"category": "CustomKeys", "credentials": {"keys": {"pin": "1234"}}, "metadata": metadata}
    connection = made({"properties": properties})
    assert connection.secrets == {"pin": "1234"}
    assert connection.configs == {key: value for key, value in metadata.items() if not key.startswith("azureml.")}
