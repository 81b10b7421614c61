"""What commands on resources send, and what they print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.cli import az_command
from flowstead.cli.running import run
from flowstead.client import FlowsteadClient
from flowstead.errors import BadArgument
from server.tests.unit.scripted_server import WORKSPACE, ScriptedServer

FILES = Path(__file__).parent.parent / "azure_ml"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    server = ScriptedServer()
    monkeypatch.setattr(FlowsteadClient, "of", lambda home: server.client())
    return server


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run([*arguments, "-o", "json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out or "null")


def failed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(arguments) != 0
    return capsys.readouterr().err


def test_an_environment_becomes_the_next_version_unless_the_latest_is_the_same(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    def changed(method: str, path: str, body: Any) -> httpx.Response | None:
        if method != "PUT" or path != "environments/env/versions/4":
            return None
        return httpx.Response(409, json={"error": {"code": "Conflict", "message": "It differs.\nTake the next."}})

    file = ("-f", str(FILES / "environments" / "image.yaml"))
    assert printed(capsys, "environment", "create", *file)["version"] == "1"
    server.resources["environments/env"] = {"properties": {"latestVersion": "4", "nextVersion": "7"}}
    assert printed(capsys, "environment", "create", *file)["version"] == "4"
    server.refuse = changed
    assert printed(capsys, "environment", "create", *file, "--tags", "c=d", "e=f")["version"] == "7"
    assert server.put("environments/env/versions/7")["properties"]["tags"] == {"a": "b", "c": "d", "e": "f"}
    assert printed(capsys, "environment", "create", *file, "-v", "9", "-n", "other")["name"] == "other"


def test_an_environment_can_be_made_of_options(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    conda = str(FILES / "environments" / "conda.yml")
    printed(capsys, "environment", "create", "-n", "e", "-i", "promptflow-runtime:1", "-c", conda)
    assert "numpy" in server.put("environments/e/versions/1")["properties"]["condaFile"]
    context = str(FILES / "environments" / "context")
    shown = printed(capsys, "environment", "create", "-n", "b", "-b", context, "-d", "Dockerfile")
    build = server.put("environments/b/versions/1")["properties"]["build"]
    assert build["dockerfilePath"] == "Dockerfile"
    assert build["contextUri"].startswith("http://127.0.0.1:8080/azureml/LocalUpload/")
    assert build["contextUri"].endswith("/context/")
    assert shown["build"]["path"] == build["contextUri"]
    assert sorted(name.rpartition("/")[2] for name in server.blobs) == ["Dockerfile", "requirements.txt"]


def test_a_data_asset_is_uploaded_or_named_by_its_address(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = printed(capsys, "data", "create", "-f", str(FILES / "data" / "file.yaml"))
    assert shown["path"].endswith("/folder/rows.jsonl") or shown["path"].endswith("/rows.jsonl/rows.jsonl")
    assert (shown["type"], shown["version"]) == ("uri_file", "1")
    address = "azureml://datastores/workspaceblobstore/paths/x"
    assert printed(capsys, "data", "create", "-n", "d", "-v", "2", "-p", address)["path"] == address
    folder = str(FILES / "data" / "folder")
    assert printed(capsys, "data", "create", "-n", "f", "-p", folder, "-t", "uri_folder")["type"] == "uri_folder"
    assert [each["version"] for each in printed(capsys, "data", "list", "-n", "d")] == ["2"]


def test_a_connections_secret_is_sent_and_not_shown(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    file = ("-f", str(FILES / "connections" / "azure_open_ai.yaml"))
    shown = printed(capsys, "connection", "create", *file, "-n", "mine", "--set", "api_key=hush")
    assert server.put("connections/mine")["properties"]["credentials"] == {"key": "hush"}
    assert "hush" not in json.dumps(shown)
    assert (shown["type"], shown["credentials"]) == ("azure_open_ai", {"type": "api_key"})
    changed = printed(capsys, "connection", "update", "-n", "mine", "--set", "target=https://other")
    assert changed["target"] == "https://other"
    assert server.puts[-1][1]["properties"]["credentials"] == {"key": "hush"}
    assert server.puts[-1][1]["properties"]["metadata"]["ApiVersion"] == "2024-02-01"
    assert printed(capsys, "connection", "show", "-n", "mine")["credentials"] == {"type": "api_key"}
    told = printed(capsys, "connection", "show", "-n", "mine", "--populate-secrets")
    assert told["credentials"] == {"type": "api_key", "key": "hush"}
    assert [each["name"] for each in printed(capsys, "connection", "list", "--type", "azure_open_ai")] == ["mine"]
    assert (
        run(["connection", "update", "-n", "mine", "--set", "auth_mode=meid_token", "--set", "api_key=unwanted"]) == 0
    )
    assert "--set: api_key: is not kept" in capsys.readouterr().err
    assert server.puts[-1][1]["properties"]["authType"] == "AAD"
    assert "unwanted" not in json.dumps(server.puts[-1][1])
    assert run(["connection", "delete", "-n", "mine", "-y"]) == 0
    assert server.resources == {}


def test_a_deployment_registers_all_that_its_file_defines(
    server: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = FILES / "deploy-flow"
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "notes.txt").write_text("words")
    server.resources["onlineEndpoints/basic-flow-endpoint"] = {"name": "basic-flow-endpoint", "properties": {}}
    server.resources["data/mine/versions/2"] = {"id": "/data/mine/2"}
    collected = "{a: {enabled: true}, b: {enabled: 'False', data: {name: n, version: 3, path: azureml://p}}, "
    values = (
        f"code_configuration.code={tmp_path / 'code'}",
        f"data_collector.collections={collected}c: {{enabled: true, data: 'azureml:mine:2'}}}}",
    )
    file = str(folder / "deployment-with-docker-context.yaml")
    printed(capsys, "online-deployment", "create", "-f", file, "--no-wait", "--set", *values)
    path = "onlineEndpoints/basic-flow-endpoint/deployments/basic-flow-docker"
    properties = server.put(path)["properties"]
    (model,) = [where for where, _ in server.puts if where.startswith("models/")]
    (environment,) = [where for where, _ in server.puts if where.startswith("environments/CliV2Anonymous")]
    (code,) = [where for where, _ in server.puts if where.startswith("codes/")]
    assert server.put(model)["properties"]["isAnonymous"]
    assert server.put(environment)["properties"]["isAnonymous"]
    assert properties["model"] == f"{WORKSPACE.path}/{model}"
    assert properties["environmentId"] == f"{WORKSPACE.path}/{environment}"
    assert properties["codeConfiguration"] == {"codeId": f"{WORKSPACE.path}/{code}"}
    assert server.put(code)["properties"]["codeUri"] == "http://127.0.0.1:8080/code/place/code"
    assert {name: one.get("dataId") for name, one in properties["dataCollector"]["collections"].items()} == {
        "a": None,
        "b": f"{WORKSPACE.path}/data/n/versions/3",
        "c": "/data/mine/2",
    }
    assert server.put("data/n/versions/3")["properties"]["dataUri"] == "azureml://p"
    sent = len(server.puts)
    printed(capsys, "online-deployment", "create", "-f", file, "--no-wait", "--set", *values)
    again = [where for where, _ in server.puts[sent:]]
    assert code not in again, "a code asset is known by its content"
    assert {model, environment} <= set(again)


def test_code_assets_and_models_that_are_named_are_looked_up(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.resources["onlineEndpoints/e-e"] = {"name": "e-e", "properties": {}}
    for kind in ("models", "environments"):
        server.resources[f"{kind}/x/versions/5"] = {"id": f"/the/{kind}/5", "name": "5"}
    code = f"{WORKSPACE.path}/codes/c/versions/1"
    values = ("model=azureml:x@latest", "environment=azureml:x:5", f"code_configuration.code={code}")
    printed(capsys, "online-deployment", "create", "-n", "blue", "-e", "e-e", "--no-wait", "--set", *values)
    properties = server.put("onlineEndpoints/e-e/deployments/blue")["properties"]
    assert (properties["model"], properties["environmentId"]) == ("/the/models/5", "/the/environments/5")
    assert properties["codeConfiguration"] == {"codeId": code}
    said = failed(capsys, "online-deployment", "create", "-n", "blue", "-e", "e-e", "--set", "model=azureml:gone:1")
    assert "error: ResourceNotFound" in said


@pytest.mark.parametrize("key", ["target", "azure_endpoint", "api_base", "endpoint"])
def test_an_address_is_changed_by_whichever_key_it_is_named(
    server: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    file = tmp_path / "connection.yml"
    file.write_text("name: mine\ntype: azure_open_ai\nazure_endpoint: https://first\napi_key: hush\n")
    assert printed(capsys, "connection", "create", "-f", str(file))["target"] == "https://first"
    changed = printed(capsys, "connection", "update", "-n", "mine", "--set", f"{key}=https://second")
    assert changed["target"] == "https://second"
    assert printed(capsys, "connection", "create", "-f", str(file), "--set", f"{key}=https://third")["target"] == (
        "https://third"
    )


def test_two_addresses_of_one_connection_are_refused(
    server: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "connection.yml"
    text = "name: mine\ntype: azure_open_ai\nazure_endpoint: https://first\napi_key: hush\napi_base: https://{}\n"
    file.write_text(text.format("second"))
    said = failed(capsys, "connection", "create", "-f", str(file))
    assert f"{file}:3: azure_endpoint: api_base names another address" in said
    assert "Write one of api_base and azure_endpoint." in said
    file.write_text(text.format("first"))
    assert printed(capsys, "connection", "create", "-f", str(file))["target"] == "https://first"


def test_what_nothing_follows_from_is_kept_and_told_of(
    server: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.resources["onlineEndpoints/e-e"] = {"name": "e-e", "properties": {}}
    server.resources["models/x/versions/5"] = {"id": f"{WORKSPACE.path}/models/x/versions/5", "name": "5"}
    file = tmp_path / "deployment.yml"
    code = f"{WORKSPACE.path}/codes/c/versions/1"
    file.write_text(
        f"name: blue\nendpoint_name: e-e\nmodel: azureml:x:5\ncode_configuration:\n  code: {code}\n"
        "  scoring_script: score.py\nmodel_mount_path: /var/models\negress_public_network_access: disabled\n"
    )
    assert run(["online-deployment", "create", "-f", str(file), "--no-wait"]) == 0
    told = capsys.readouterr().err
    for line, key in (
        (6, "code_configuration.scoring_script is kept and not run"),
        (7, "model_mount_path is kept and not in force"),
        (8, "egress_public_network_access is kept and not in force"),
    ):
        assert f"warning: {file}:{line}: {key}" in told
    sent = server.put("onlineEndpoints/e-e/deployments/blue")["properties"]
    assert sent["codeConfiguration"] == {"codeId": code, "scoringScript": "score.py"}
    assert (sent["modelMountPath"], sent["egressPublicNetworkAccess"]) == ("/var/models", "Disabled")

    assert run(["online-deployment", "update", "-n", "blue", "-e", "e-e", "--set", "instance_count=2"]) == 0
    assert "warning" not in capsys.readouterr().err, "nobody has said it anew"
    kept = server.puts[-1][1]["properties"]["codeConfiguration"]
    assert kept == {"codeId": code, "scoringScript": "score.py"}
    create = ["online-endpoint", "create", "-n", "e-e", "--no-wait", "--set", "public_network_access=disabled"]
    assert run(create) == 0
    assert "warning: --set: public_network_access is kept and not in force" in capsys.readouterr().err


def test_an_endpoint_elsewhere_is_refused_by_its_line(
    server: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "endpoint.yml"
    file.write_text("name: e-e\ntype: online\n")
    assert run(["online-endpoint", "create", "-f", str(file), "--no-wait"]) == 0
    file.write_text("name: e-e\n\ntype: kubernetes\n")
    said = failed(capsys, "online-endpoint", "create", "-f", str(file))
    assert f"{file}:3: type: 'kubernetes' is no type that there is here" in said


def test_a_models_files_come_back_and_nothing_leaves_the_folder(
    server: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed(capsys, "model", "create", "-f", str(FILES / "deploy-flow" / "model.yaml"))
    download = ("model", "download", "-n", "basic-flow-model", "-v", "1", "-p", str(tmp_path))
    assert run(download) == 0
    assert "2 files are in" in capsys.readouterr().err
    source = FILES / "deploy-flow" / "basic-flow"
    for file in source.iterdir():
        assert (tmp_path / "basic-flow-model" / file.name).read_bytes() == file.read_bytes()
    assert "is there already" in failed(capsys, *download)
    place = next(iter(server.blobs)).rpartition("/")[0]
    for evil in ("../../evil", "a/../../evil", "/evil", "a//b"):
        server.blobs = {f"{place}/{evil}": b"x"}
        said = failed(capsys, *download[:-1], str(tmp_path / "elsewhere"))
        assert "would lie outside of" in said
    (tmp_path / "linked" / "basic-flow-model").mkdir(parents=True)
    (tmp_path / "linked" / "basic-flow-model" / "sub").symlink_to(tmp_path)
    server.blobs = {f"{place}/sub/evil": b"x"}
    assert "would lie outside of" in failed(capsys, *download[:-1], str(tmp_path / "linked"))
    assert not list(tmp_path.rglob("evil"))


def test_what_the_disk_has_no_room_for_is_not_fetched(
    server: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed(capsys, "model", "create", "-f", str(FILES / "deploy-flow" / "model.yaml"))
    server.blob_sizes = {next(iter(server.blobs)): 8 << 40}
    download = ("model", "download", "-n", "basic-flow-model", "-v", "1", "-p", str(tmp_path))
    assert "has room for" in failed(capsys, *download)
    assert not list(tmp_path.rglob("*.py"))


def test_a_folder_without_a_flow_is_a_model_and_no_deployment(
    server: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "weights.bin").write_bytes(b"\0")
    printed(capsys, "model", "create", "-n", "m", "-p", str(tmp_path), "-t", "custom_model")
    server.resources["onlineEndpoints/e-e"] = {"name": "e-e", "properties": {}}
    where = ("-n", "blue", "-e", "e-e", "--set", f"model.path={tmp_path}")
    assert "error: FlowInvalid" in failed(capsys, "online-deployment", "create", *where)


@pytest.mark.parametrize(
    ("mode", "credentials"),
    [
        ("Key", {"primaryKey": "first", "secondaryKey": "second"}),
        ("AMLToken", {"accessToken": "of the endpoint", "expiryTimeUtc": 1}),
        ("AADToken", {"accessToken": "a token", "tokenType": "Bearer"}),
    ],
)
def test_credentials_are_those_of_the_endpoints_mode(
    server: ScriptedServer, mode: str, credentials: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    server.resources["onlineEndpoints/e-e"] = {"name": "e-e", "properties": {"authMode": mode}}
    assert printed(capsys, "online-endpoint", "get-credentials", "-n", "e-e") == credentials


def test_single_values_are_put_into_what_was_read_and_nothing_else(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in ("onlineEndpoints/e-e", "onlineEndpoints/e-e/deployments/blue"):
        server.resources[path] = {
            "id": f"{WORKSPACE.path}/{path}",
            "name": path.rpartition("/")[2],
            "properties": {
                "authMode": "Key",
                "model": WORKSPACE.model("m", "1"),
                "environmentVariables": {"KEY": "********"},
            },
        }
    printed(capsys, "online-endpoint", "update", "-n", "e-e", "--set", "tags.a=b")
    printed(capsys, "online-deployment", "update", "-n", "blue", "-e", "e-e", "--instance-count", "3")
    assert server.matches == ['"read"', '"read"']
    sent = server.put("onlineEndpoints/e-e/deployments/blue")
    assert sent["sku"]["capacity"] == 3
    assert sent["properties"]["environmentVariables"] == {"KEY": "********"}
    file = str(FILES / "deploy-flow" / "endpoint-system-identity.yaml")
    printed(capsys, "online-endpoint", "update", "-n", "e-e", "-f", file)
    assert server.matches[2:] == [""]


def test_what_yaml_has_no_words_for_stays_when_single_values_are_put_in(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "onlineEndpoints/e-e/deployments/blue"
    probe = {"initialDelay": "PT0.5S", "period": "PT10S", "timeout": "PT1.5S", "failureThreshold": 30}
    rates = (("a", 1), ("b", 0.1))
    collections = {name: {"dataCollectionMode": "Enabled", "samplingRate": rate} for name, rate in rates}
    properties = {
        "model": WORKSPACE.model("m", "1"),
        "readinessProbe": probe,
        "dataCollector": {"collections": collections},
        "startupProbe": {"period": "PT7S"},
    }
    server.resources[path] = {"id": f"{WORKSPACE.path}/{path}", "name": "blue", "properties": properties}
    changed = ("--set", "tags.a=b", "readiness_probe.failure_threshold=5", "request_settings.request_timeout_ms=9000")
    printed(capsys, "online-deployment", "update", "-n", "blue", "-e", "e-e", *changed)
    sent = server.put(path)
    assert sent["tags"] == {"a": "b"}
    assert sent["properties"] == {
        **properties,
        "readinessProbe": {**probe, "failureThreshold": 5},
        "requestSettings": {"requestTimeout": "PT9S", "queueLength": None, "requestsPerSecond": 0},
    }


@pytest.mark.parametrize(
    ("arguments", "rest", "scope"),
    [
        (["-n", "x", "-g", "rg", "--workspace-name=w"], ["-n", "x"], {"resource_group": "rg", "workspace": "w"}),
        (["--subscription", "s", "--debug", "-o", "json"], ["-o", "json"], {"subscription": "s"}),
        (["--set", "a=-g"], ["--set", "a=-g"], {}),
    ],
)
def test_where_a_resource_is_may_be_said_as_az_says_it(
    arguments: list[str], rest: list[str], scope: dict[str, str]
) -> None:
    assert az_command.without_scope(arguments) == (rest, scope)


def test_formats_of_az_are_taken(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.resources["onlineEndpoints/e-e"] = {"name": "e-e", "properties": {"authMode": "Key"}}
    command = ["online-endpoint", "get-credentials", "-n", "e-e"]
    assert run([*command, "-o", "none"]) == 0
    assert capsys.readouterr().out == ""
    assert run([*command, "--output", "yamlc"]) == 0
    assert capsys.readouterr().out == "primaryKey: first\nsecondaryKey: second\n"
    assert run([*command, "-o", "jsonc", "--query", "primaryKey"]) == 0
    assert capsys.readouterr().out == '"first"\n'
    assert az_command.without_formats(["--set", "none", "--description", ""]) == (
        ["--set", "none", "--description", ""],
        False,
    )


def test_local_endpoints_are_refused() -> None:
    with pytest.raises(BadArgument, match="flowstead serve FOLDER"):
        az_command.without_scope(["-n", "x", "--local"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["model", "create"], "error: BadArgument: command line: the key path is missing."),
        (["model", "show", "-n", "x", "-l", "stable"], "--label stable: there is only latest."),
        (["model", "show", "-n", "x", "-l", "latest", "-v", "1"], "--version and --label exclude each other."),
        (["data", "create", "-n", "a b", "-p", "azureml://x/paths/y"], "The data asset name 'a b' is not allowed."),
        (["environment", "create", "-n", "e"], "says nothing of what is in it"),
        (["connection", "create", "--set", "type=serp", "api_key=k"], "The connection has no name."),
        (["online-deployment", "update", "-n", "blue"], "The deployment names no endpoint."),
        (["online-endpoint", "update", "--traffic", "a=1"], "The endpoint has no name."),
        (["online-endpoint", "update", "-n", "e", "--traffic", "blue"], "'blue' is no share."),
        (["connection", "create", "-n", "c", "--set", "type=git", "target"], "there is no `=`"),
    ],
)
def test_what_is_missing_is_told(
    server: ScriptedServer, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in failed(capsys, *arguments)


def test_a_file_is_data_of_its_kind_without_saying_so(
    server: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "q.json").write_text("{}")
    assert run(["data", "create", "-n", "d1", "-p", str(tmp_path / "q.json")]) == 0, capsys.readouterr().err
    assert server.put("data/d1/versions/1")["properties"]["dataType"] == "uri_file"
    assert run(["data", "create", "-n", "d2", "-p", str(tmp_path)]) == 0, capsys.readouterr().err
    assert server.put("data/d2/versions/1")["properties"]["dataType"] == "uri_folder"


def test_revisions_are_listed_and_gone_back_to(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    posted: list[tuple[str, Any]] = []
    revision = {
        "number": 2, "state": "Failed", "createdAt": "2026-01-01T00:00:00Z", "createdBy": "ann", "model": "m",
        "instanceType": "s", "requestSettings": {}, "changes": [{"field": "model", "before": "l", "after": "m"}],
        "error": {"code": "FlowInvalid", "message": "no"},
    }  # fmt: skip
    blue = "onlineEndpoints/e-e/deployments/blue"

    def rolling_back(method: str, path: str, body: Any) -> httpx.Response | None:
        if path != f"{blue}/rollback":
            return None
        posted.append((method, body))
        return httpx.Response(202)

    server.refuse = rolling_back
    server.resources[f"{blue}/revisions/2"] = {"id": "2", "name": "abc", "properties": revision}
    server.resources[blue] = {"id": blue, "name": "blue", "properties": {"model": "m"}}
    where = ("-n", "blue", "-e", "e-e")
    [shown] = printed(capsys, "online-deployment", "list-revisions", *where)
    assert (shown["number"], shown["name"], shown["state"], shown["error"]["message"]) == (2, "abc", "Failed", "no")
    assert run(["online-deployment", "list-revisions", *where, "-o", "table"]) == 0
    assert "Changes" not in capsys.readouterr().out
    printed(capsys, "online-deployment", "rollback", *where)
    printed(capsys, "online-deployment", "rollback", *where, "--revision", "1", "--no-wait")
    assert posted == [("POST", {}), ("POST", {"revision": "1"})]
    # A variable of a script that is not set: the server says that it is no revision.
    assert run(["online-deployment", "rollback", *where, "--revision", "", "--no-wait"]) == 0
    assert posted[-1] == ("POST", {"revision": ""})
