"""Whole files of Azure ML become the REST bodies that azure-ai-ml 1.35 makes of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from flowstead.azure_yaml import (
    InlineEnvironment,
    InlineModel,
    document_of,
    read_connection,
    read_data,
    read_deployment,
    read_document,
    read_endpoint,
    read_environment,
    read_model,
    shown_connection,
    shown_deployment,
    shown_endpoint,
    shown_environment,
    shown_with_secrets,
)
from flowstead.azure_yaml.connection_types import TYPES
from flowstead.errors import BadArgument
from flowstead.resources.names import Workspace

FILES = Path(__file__).parent.parent / "azure_ml"
GOLDEN = Path(__file__).parent / "golden" / "rest"
WORKSPACE = Workspace()


def check_golden(name: str, body: Any) -> None:
    """Paths of this checkout are left out of it."""
    text = json.dumps(body, indent=2, default=str).replace(str(FILES), "FILES") + "\n"
    golden = GOLDEN / f"{name}.json"
    if os.environ.get("FLOWSTEAD_REFRESH_GOLDEN") == "1":
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def files(kind: str) -> list[Path]:
    return sorted((FILES / kind).glob("*.yaml"))


@pytest.mark.parametrize("file", files("connections"), ids=lambda file: file.stem)
def test_a_connection(file: Path) -> None:
    connection = read_connection(read_document(file))
    check_golden(f"connections/{file.stem}", connection.body)
    assert "'k'" not in repr(connection), "secrets have no place in what may be printed"


@pytest.mark.parametrize("file", files("connections"), ids=lambda file: file.stem)
def test_a_connection_comes_back_as_a_file_of_the_same_meaning(file: Path) -> None:
    body = read_connection(read_document(file)).body
    got = {"name": "a-name", "id": f"{WORKSPACE.path}/connections/a-name", **body}
    assert read_connection(document_of(shown_with_secrets(got), "a-name")).body == body
    bare = {**body["properties"]}
    bare.pop("credentials", None)
    assert read_connection(document_of(shown_connection(got), "a-name")).body == {"properties": bare}
    shown = json.dumps(shown_connection(got))
    for secret in (body["properties"].get("credentials") or {}).values():
        assert f'"{secret}"' not in shown


@pytest.mark.parametrize("key", ["open_ai_resource_id", "resource_id"])
def test_the_resource_of_an_azure_open_ai_connection_goes_by_both_names(tmp_path: Path, key: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"type: azure_open_ai\ntarget: t\napi_key: k\n{key}: /the/resource\n")
    assert read_connection(read_document(file)).body["properties"]["metadata"]["ResourceId"] == "/the/resource"


def test_every_type_of_connection_has_a_file() -> None:
    written = {
        line[6:] for file in files("connections") for line in file.read_text().splitlines() if line[:6] == "type: "
    }
    untested = {"azure_synapse_analytics", "azure_my_sql_db", "azure_postgres_db", "weaviate"}
    assert set(TYPES) - written == untested, "these are made as others are that have one"


@pytest.mark.parametrize("file", files("environments"), ids=lambda file: file.stem)
def test_an_environment(file: Path) -> None:
    found = read_environment(read_document(file))
    build = found.build and {"folder": found.build.folder, "dockerfile": found.build.dockerfile}
    check_golden(f"environments/{file.stem}", {"version": found.version, **found.properties, "build": build})


@pytest.mark.parametrize("file", files("data"), ids=lambda file: file.stem)
def test_a_data_asset(file: Path) -> None:
    found = read_data(read_document(file))
    check_golden(f"data/{file.stem}", {"name": found.name, "path": found.path, **found.properties})


def test_the_files_by_which_a_flow_is_deployed() -> None:
    folder = FILES / "deploy-flow"
    model = read_model(read_document(folder / "model.yaml"))
    check_golden("deploy-flow/model", {"name": model.name, "path": model.path, **model.properties})
    for name in ("endpoint-system-identity", "endpoint-user-identity"):
        check_golden(f"deploy-flow/{name}", read_endpoint(read_document(folder / f"{name}.yaml")).body)
    for name in ("deployment", "deployment-with-docker-context"):
        found = read_deployment(read_document(folder / f"{name}.yaml"))
        environment = found.environment
        assert isinstance(environment, InlineEnvironment)
        spoken = {"model": vars(found.model), "environment": environment.properties, "build": environment.build}
        check_golden(f"deploy-flow/{name}", {**found.body, **spoken})


def test_a_deployment_comes_back_as_a_file_of_the_same_meaning() -> None:
    body = read_deployment(read_document(FILES / "deploy-flow" / "deployment.yaml")).body
    properties = {
        **body["properties"],
        "model": WORKSPACE.model("m", "1"),
        "environmentId": WORKSPACE.environment("e", "2"),
        "requestSettings": {
            "requestTimeout": "PT1M30S",
            "maxConcurrentRequestsPerInstance": 4,
            "maxQueueWait": "PT0.5S",
            "queueLength": 3,
            "requestsPerSecond": 7,
        },
        "livenessProbe": {
            "initialDelay": "PT30S",
            "period": "PT10S",
            "timeout": "PT5S",
            "successThreshold": 1,
            "failureThreshold": 30,
        },
        "modelMountPath": "/m",
        "egressPublicNetworkAccess": "Disabled",
        "dataCollector": {
            "collections": {
                "model_inputs": {"dataCollectionMode": "enabled", "samplingRate": 0.5, "clientId": "c"},
                "model_outputs": {"dataCollectionMode": "disabled", "samplingRate": 0.5},
            },
            "rollingRate": "Hour",
            "requestLogging": {"captureHeaders": ["a"]},
        },
        "conditions": [{"type": "Ready"}],
        "connections": {"a": "b"},
        "includedOutputs": ["answer"],
        "scaling": {"reason": "utilisation 92 % for 10 s: 2 → 3"},
        "provisioningError": {"code": "c", "message": "m"},
    }
    got = {**body, "properties": properties, "id": WORKSPACE.deployment("an-endpoint", "blue"), "name": "blue"}
    found = read_deployment(document_of(shown_deployment(got), "an-endpoint/blue"))
    assert (found.name, found.endpoint_name) == ("blue", "an-endpoint")
    sent = {"model", "environmentId", "conditions", "provisioningError", "connections", "includedOutputs", "scaling"}
    assert found.body["properties"] == {key: value for key, value in properties.items() if key not in sent}
    assert vars(found.model) == {"id": properties["model"]}
    assert vars(found.environment) == {"id": properties["environmentId"]}
    assert {key: found.body[key] for key in ("sku", "tags", "location")} == {
        key: body[key] for key in ("sku", "tags", "location")
    }


def test_an_endpoint_comes_back_as_a_file_of_the_same_meaning() -> None:
    body = read_endpoint(read_document(FILES / "deploy-flow" / "endpoint-user-identity.yaml")).body
    body["identity"]["type"] = "SystemAssigned,UserAssigned"
    properties = {
        **body["properties"],
        "traffic": {"blue": 90, "green": 10},
        "mirrorTraffic": {"red": 10},
        "publicNetworkAccess": "Disabled",
    }
    got = {**body, "properties": properties, "id": WORKSPACE.endpoint("an-endpoint"), "name": "an-endpoint"}
    assert read_endpoint(document_of(shown_endpoint(got), "an-endpoint")).body == {**body, "properties": properties}


def test_an_environment_is_shown_with_the_keys_of_its_yaml() -> None:
    properties = dict(read_environment(read_document(FILES / "environments" / "image.yaml")).properties)
    got = {"id": WORKSPACE.environment("e", "3"), "name": "3", "properties": properties}
    shown = shown_environment(got)
    assert (shown["name"], shown["version"], shown["image"]) == ("e", "3", "promptflow-runtime:latest")
    again = read_environment(document_of(shown, "e"))
    assert again.properties == properties


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: a\n", [":1: the key type is missing", "It is one of azure_open_ai"]),
        ("type: azure_openai\n", ["type: 'azure_openai' is no type of connection"]),
        ("type: open_ai\n", ["needs api_key", "Add `api_key:`"]),
        ("type: serverless\napi_key: hush\n", ["the key endpoint is missing"]),
        ("type: azure_blob\nurl: u\n", ["the key account_name is missing"]),
        ("type: git\ntarget: t\ncredentials: {type: sas, sas_token: hush}\n", ["does not take the credentials SAS"]),
        ("type: custom\ncredentials: hush\n", ["credentials: must hold keys"]),
        ("type: custom\ncredentials: {type: hush}\n", ["credentials.type: is no type of credentials"]),
        ("type: custom\ncredentials: {key: hush}\n", ["credentials: the key type is missing"]),
        ("type: custom\ncredentials: {type: api_key, kye: hush}\n", ["credentials.kye: no such key"]),
        (
            "type: s3\ntarget: t\ncredentials: {type: access_key, access_key_id: hush}\n",
            ["secret_access_key is missing"],
        ),
        ("type: custom\nsecrets: [hush]\n", ["secrets: must be a mapping"]),
        ("type: serp\napi_key: [hush]\n", ["api_key: must be a text, not a list"]),
        ("type: azure_one_lake\nendpoint: e\nartifact: {name: n}\n", ["one_lake_workspace_name"]),
        ("type: custom\nmetadata: hush\n", ["metadata must be a mapping"]),
        ("type: azure_open_ai\ntarget: t\nauth_mode: key\n", [":3: auth_mode: is key, and there is no key"]),
        ("type: azure_open_ai\ntarget: t\napi_key: hush\nauth_mode: x\n", ["must be one of key, meid_token"]),
        ("type: azure_open_ai\ntarget: t\nopen_ai_resource_id: a\nresource_id: b\n", ["another value of the same"]),
        ("type: serp\napi_key: hush\nauth_mode: meid_token\n", ["auth_mode: no such key"]),
    ],
)
def test_a_wrong_connection_is_refused_by_file_line_and_key_without_its_secrets(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(BadArgument) as caught:
        read_connection(read_document(file))
    assert str(caught.value).startswith(f"{file}:")
    for word in words:
        assert word in str(caught.value)
    assert "hush" not in str(caught.value).replace("'hush'", "") or "type: hush" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: d\n", ["the key path is missing"]),
        ("path: gone\n", ["path: there is nothing at"]),
        ("path: .\ntype: uri_file\n", ["is not a file, and the type is uri_file", "type: uri_folder"]),
        ("path: d.yaml\ntype: uri_folder\n", ["is not a folder, and the type is uri_folder", "type: uri_file"]),
        ("path: .\ntype: mltable\n", ["there is no file MLTable in"]),
        ("path: .\ntype: uri\n", ["type: must be one of uri_file, uri_folder, mltable"]),
    ],
)
def test_a_wrong_data_asset_is_refused(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "d.yaml").write_text(text)
    with pytest.raises(BadArgument) as caught:
        read_data(read_document(tmp_path / "d.yaml"))
    for word in words:
        assert word in str(caught.value)


def test_packages_that_need_other_files_and_build_contexts_that_are_left_are_refused(tmp_path: Path) -> None:
    (tmp_path / "packages.txt").write_text("-r other.txt\n")
    (tmp_path / "e.yaml").write_text("name: e\npython_requirements_txt: packages.txt\n")
    with pytest.raises(BadArgument, match=r"the line '-r other\.txt' needs another file"):
        read_environment(read_document(tmp_path / "e.yaml"))
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "Dockerfile").symlink_to("/etc/passwd")
    (tmp_path / "e.yaml").write_text("name: e\nbuild: {path: context}\n")
    with pytest.raises(BadArgument, match="leads out of the build context"):
        read_environment(read_document(tmp_path / "e.yaml"))
    (tmp_path / "packages.txt").write_text("- not conda\n")
    (tmp_path / "e.yaml").write_text("name: e\nconda_file: packages.txt\n")
    with pytest.raises(BadArgument, match=r"packages\.txt:1: a conda file with a list of `dependencies` is expected"):
        read_environment(read_document(tmp_path / "e.yaml"))


def test_a_model_may_be_what_was_uploaded_before(tmp_path: Path) -> None:
    address = "azureml://datastores/workspaceblobstore/paths/LocalUpload/aa/flow"
    (tmp_path / "m.yaml").write_text(f"name: m\npath: {address}\nstage: Production\ndatastore: workspaceblobstore\n")
    found = read_model(read_document(tmp_path / "m.yaml"))
    assert isinstance(found, InlineModel)
    assert found.path == address
    assert found.properties["stage"] == "Production"
