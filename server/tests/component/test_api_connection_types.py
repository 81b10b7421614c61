"""Every type of connection, from Azure ML's YAML through the API to the runtime's own object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstead.azure_yaml import read_connection, read_document
from flowstead.resources.connection_use import INSTANCE_PREFIX
from flowstead.store.records import Kind
from flowstead.testing.in_process_api import InProcessApi
from flowstead_runtime.connections.sources import Connections

KEY = {"api_key": "the-key"}
AT = {"api_base": "https://at.test"}
ENDPOINT = {"endpoint": "https://at.test"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path_factory.mktemp("home")) as api:
        yield api


def as_instances_have_it(api: InProcessApi, body: dict[str, Any]) -> Any:
    assert api.call("PUT", "connections/c", body).is_success
    with api.store.reading() as tx:
        record = tx.get(Kind.CONNECTION, api.workspace.connection("c"))
        text = tx.connection_document(record)
    return Connections({f"{INSTANCE_PREFIX}c": text}).get("c")


@pytest.mark.parametrize(
    ("yaml", "type_name", "fields"),
    [
        (
            "type: azure_open_ai\nazure_endpoint: https://at.test\napi_key: the-key\napi_version: v1\n",
            "AzureOpenAIConnection",
            {**AT, **KEY, "api_version": "v1", "auth_mode": "key"},
        ),
        (
            "type: azure_open_ai\nazure_endpoint: https://at.test\n",
            "AzureOpenAIConnection",
            {**AT, "auth_mode": "meid_token"},
        ),
        ("type: open_ai\napi_key: the-key\norganization: o\n", "OpenAIConnection", {**KEY, "organization": "o"}),
        ("type: serverless\nendpoint: https://at.test\napi_key: the-key\n", "ServerlessConnection", {**AT, **KEY}),
        ("type: serp\napi_key: the-key\n", "SerpConnection", KEY),
        (
            "type: azure_ai_search\nendpoint: https://at.test\napi_key: the-key\napi_version: v1\n",
            "CognitiveSearchConnection",
            {**AT, **KEY, "api_version": "v1"},
        ),
        (
            "type: azure_content_safety\nendpoint: https://at.test\napi_key: the-key\n",
            "AzureContentSafetyConnection",
            {**ENDPOINT, **KEY},
        ),
        (
            "type: form_recognizer\nendpoint: https://at.test\napi_key: the-key\n",
            "FormRecognizerConnection",
            {**ENDPOINT, **KEY},
        ),
        (
            (
                "type: azure_ai_services\nendpoint: https://at.test\napi_key: the-key\n"
                "ai_services_resource_id: /subscriptions/s/resourceGroups/g/providers/p/accounts/a\n"
            ),
            "AzureAIServicesConnection",
            {**ENDPOINT, **KEY},
        ),
        ("type: qdrant\napi_base: https://at.test\napi_key: the-key\n", "QdrantConnection", {**AT, **KEY}),
        ("type: weaviate\napi_base: https://at.test\napi_key: the-key\n", "WeaviateConnection", {**AT, **KEY}),
        ("type: api_key\napi_base: https://at.test\napi_key: the-key\n", "CustomConnection", {**AT, **KEY}),
        (
            "type: custom\nconfigs: {place: here}\nsecrets: {pin: '1234'}\n",
            "CustomConnection",
            {"place": "here", "pin": "1234"},
        ),
        (
            "type: custom\ncredentials: {type: custom_keys, keys: {pin: '1234'}}\nmetadata: {place: here}\n",
            "CustomConnection",
            {"place": "here", "pin": "1234"},
        ),
    ],
)
def test_each_type_reaches_the_runtime(
    api: InProcessApi, tmp_path: Path, yaml: str, type_name: str, fields: dict[str, str]
) -> None:
    file = tmp_path / "connection.yml"
    file.write_text(f"name: c\n{yaml}")
    api.call("DELETE", "connections/c")
    connection = as_instances_have_it(api, read_connection(read_document(file)).body)
    assert type(connection).__name__ == type_name
    assert {name: connection[name] for name in fields} == fields
    assert {"api_key", "pin"} & set(connection.configs) == set()


@pytest.mark.parametrize("kind", ["azure_open_ai", "cognitive_search", "azure_ai_services"])
def test_entra_id_where_it_is_asked_for_and_never_a_key(api: InProcessApi, tmp_path: Path, kind: str) -> None:
    """The same from YAML and on the wire, and for the connection that has a key already."""
    file = tmp_path / "connection.yml"
    file.write_text(f"name: c\ntype: {kind}\ntarget: https://at.test\napi_key: the-key\nauth_mode: meid_token\n")
    read = read_connection(read_document(file))
    assert read.notes == (f"{file}:4: api_key: is not kept: auth_mode is meid_token, so the connection has no key.",)
    file.write_text(f"name: c\ntype: {kind}\ntarget: https://at.test\napi_key: the-key\nauth_mode: key\n")
    by_key = read_connection(read_document(file))
    assert by_key.notes == ()
    on_the_wire = {"properties": {**by_key.body["properties"], "metadata": {"auth_mode": "meid_token"}}}
    for body in (read.body, on_the_wire):
        assert as_instances_have_it(api, by_key.body)["api_key"] == "the-key"
        connection = as_instances_have_it(api, body)
        assert (connection["auth_mode"], connection.secrets) == ("meid_token", {})
        shown = api.call("GET", "connections/c").json()["properties"]
        assert (shown["authType"], "auth_mode" in shown["metadata"]) == ("AAD", False)
    as_instances_have_it(api, by_key.body)
    changed = api.call("PATCH", "connections/c", {"properties": {"metadata": {"auth_mode": "meid_token"}}})
    assert changed.json()["properties"]["authType"] == "AAD"
    assert (
        "credentials" not in api.call("POST", "connections/c/listSecrets").json()["properties"]
        or not (api.call("POST", "connections/c/listSecrets").json()["properties"]["credentials"])
    )


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"authType": "AAD", "metadata": {"auth_mode": "key"}}, "metadata.auth_mode is key"),
        ({"metadata": {"auth_mode": "key"}}, "ApiKey needs credentials"),
        ({"metadata": {"auth_mode": "bogus"}}, "neither key nor meid_token"),
    ],
)
def test_a_mode_that_is_not_so_is_refused(api: InProcessApi, properties: dict[str, Any], message: str) -> None:
    body = {"properties": {"category": "AzureOpenAI", "target": "https://at.test", **properties}}
    answer = api.call("PUT", "connections/refused", body)
    assert (answer.status_code, message in answer.text) == (400, True), answer.text
    custom = {"category": "CustomKeys", "metadata": {"auth_mode": "bogus"}, "credentials": {"keys": {"a": "b"}}}
    assert api.call("PUT", "connections/other", {"properties": custom}).is_success, "a config of its own"


def test_a_users_own_class_reaches_the_runtime(api: InProcessApi) -> None:
    metadata = {
        "azureml.flow.connection_type": "Custom",
        "azureml.flow.module": "promptflow.connections",
        "promptflow.connection.custom_type": "Mine",
        "promptflow.connection.module": "mine.connections",
        "promptflow.connection.package": "mine",
        "place": "here",
    }
    credentials = {"keys": {"pin": "1234"}}
    properties = {"category": "CustomKeys", "authType": "CustomKeys", "metadata": metadata, "credentials": credentials}
    connection = as_instances_have_it(api, {"properties": properties})
    assert connection["promptflow.connection.custom_type"] == "Mine"
    assert (connection.configs["place"], connection.secrets) == ("here", {"pin": "1234"})
