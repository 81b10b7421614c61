"""Connections and their secrets."""

from __future__ import annotations

import requests
from azure.ai.ml import load_connection
from azure.ai.ml.entities import (
    APIKeyConnection,
    AzureAISearchConnection,
    AzureAIServicesConnection,
    AzureContentSafetyConnection,
    AzureOpenAIConnection,
    AzureSpeechServicesConnection,
    OpenAIConnection,
    SerpConnection,
    ServerlessConnection,
    UsernamePasswordConfiguration,
    WorkspaceConnection,
)
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from tests.sdk.traveller import Journey, refused

ADDRESS = "https://somewhere.example/"
RESOURCE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a"


def step_connections_of_every_kind(j: Journey) -> None:
    made = [
        AzureOpenAIConnection(name="aoai", azure_endpoint=ADDRESS, api_key="k-aoai", api_version="2024-02-01"),
        OpenAIConnection(name="oai", api_key="k-oai"),
        ServerlessConnection(name="less", endpoint=ADDRESS, api_key="k-less"),
        APIKeyConnection(name="key", api_base=ADDRESS, api_key="k-key"),
        SerpConnection(name="serp", api_key="k-serp"),
        AzureAISearchConnection(name="search", endpoint=ADDRESS, api_key="k-search"),
        AzureContentSafetyConnection(name="safety", endpoint=ADDRESS, api_key="k-safety"),
        AzureSpeechServicesConnection(name="speech", endpoint=ADDRESS, api_key="k-speech"),
        AzureAIServicesConnection(
            name="services", endpoint=ADDRESS, api_key="k-services", ai_services_resource_id=RESOURCE
        ),
    ]
    for each in made:
        shown = j.ml.connections.create_or_update(each)
        assert (shown.name, type(shown)) == (each.name, type(each)), shown
        assert f"k-{each.name}" not in str(shown), each.name
        assert f"k-{each.name}" not in str(j.ml.connections.get(each.name)), each.name
        assert j.ml.connections.get(each.name, populate_secrets=True).api_key == f"k-{each.name}", each.name
    assert {each.name for each in j.ml.connections.list()} >= {each.name for each in made}
    known = {each.name: each.api_key for each in j.ml.connections.list(populate_secrets=True) if each.type != "custom"}
    assert known["oai"] == "k-oai", "secrets are listed for those who may"


def step_connections_are_listed_by_kind(j: Journey) -> None:
    for kind, name in (
        ("azure_open_ai", "aoai"),
        ("serverless", "less"),
        ("serp", "serp"),
        ("azure_ai_search", "search"),
    ):
        assert name in [each.name for each in j.ml.connections.list(connection_type=kind)], kind
    assert "oai" not in [each.name for each in j.ml.connections.list(connection_type="azure_open_ai")]


def step_what_belongs_to_a_connection_is_kept(j: Journey) -> None:
    aoai = j.ml.connections.get("aoai")
    assert (aoai.azure_endpoint, aoai.api_version) == (ADDRESS, "2024-02-01")
    assert j.ml.connections.get("services").ai_services_resource_id == RESOURCE


def step_a_connection_is_changed(j: Journey) -> None:
    j.ml.connections.create_or_update(OpenAIConnection(name="oai", api_key="k-new", metadata={"team": "search"}))
    assert j.ml.connections.get("oai", populate_secrets=True).api_key == "k-new"
    assert j.ml.connections.get("oai").metadata["team"] == "search"


def step_a_connection_that_signs_in_with_entra(j: Journey) -> None:
    wanted = AzureOpenAIConnection(name="by-entra", azure_endpoint=ADDRESS, api_version="2024-02-01")
    made = j.ml.connections.create_or_update(wanted)
    assert made.credentials.type == "aad", made.credentials
    assert j.ml.connections.get("by-entra", populate_secrets=True).api_key is None


def step_a_connection_with_a_user_and_a_password(j: Journey) -> None:
    wanted = WorkspaceConnection(
        name="feed",
        type="python_feed",
        target="https://feed.example/simple",
        credentials=UsernamePasswordConfiguration(username="me", password="k-feed"),
    )
    j.ml.connections.create_or_update(wanted)
    assert "k-feed" not in str(j.ml.connections.get("feed"))
    assert j.ml.connections.get("feed").credentials.type == "username_password"


def step_sample_connection_files_apply(j: Journey) -> None:
    schema = "$schema: https://azuremlschemas.azureedge.net/latest/workspaceConnection.schema.json\n"
    files = {
        "file-aoai": f"type: azure_open_ai\nazure_endpoint: {ADDRESS}\napi_key: k-file\napi_version: '2024-02-01'\n",
        "file-git": "type: git\ntarget: https://git.example/x\ncredentials:\n  type: pat\n  pat: k-git\n",
        "file-custom": f"type: custom\ntarget: {ADDRESS}\ncredentials:\n  type: api_key\n  key: k-custom\n"
        "metadata:\n  region: here\n",
    }
    for name, text in files.items():
        file = j.folder / f"{name}.yaml"
        file.write_text(f"{schema}name: {name}\n{text}")
        assert j.ml.connections.create_or_update(load_connection(file)).name == name
    assert j.ml.connections.get("file-custom").metadata["region"] == "here"


def step_a_custom_connection_that_others_made_without_a_target_is_loaded(j: Journey) -> None:
    kind = {"category": "CustomKeys", "authType": "CustomKeys"}
    subscription, group, workspace = j.place
    site = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices"
    made = requests.put(
        f"{j.settings['url']}{site}/workspaces/{workspace}/connections/no-target",
        json={"properties": {**kind, "credentials": {"keys": {"pin": "k-pin"}}}},
        headers={"Authorization": f"Bearer {j.settings['token']}"},
        timeout=30,
    )
    assert made.status_code == 200, made.text
    assert j.ml.connections.get("no-target").target == "_"
    assert "no-target" in [each.name for each in j.ml.connections.list()]


def step_connections_are_deleted(j: Journey) -> None:
    for each in list(j.ml.connections.list()):
        if each.name != "chat_connection":
            j.ml.connections.delete(each.name)
    assert [each.name for each in j.ml.connections.list()] == ["chat_connection"]
    refused(lambda: j.ml.connections.delete("chat_connection"), ResourceExistsError)  # a deployment uses it
    refused(lambda: j.ml.connections.get("aoai"), ResourceNotFoundError)
