"""The files and commands by which a flow is deployed on Azure ML do the same here."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.installation import ROOT, Installation

FILES = ROOT / "server" / "tests" / "azure_ml" / "deploy-flow"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy in which each test's names are its own."""
    return Path(shutil.copytree(FILES, tmp_path / "deploy-flow"))


def test_model_endpoint_and_deployment_from_their_files(flowstead: Installation, files: Path) -> None:
    request = files / "request.json"
    request.write_text('{"question": "Are you there?"}')
    where = ("-g", "flowstead", "-w", "default")
    model = flowstead.json("model", "create", "-f", str(files / "model.yaml"), *where)
    assert (model["name"], model["version"]) == ("basic-flow-model", "1")
    endpoint = ("online-endpoint", "create", "-f", str(files / "endpoint-system-identity.yaml"))
    assert flowstead.json(*endpoint, *where)["auth_mode"] == "key"
    create = ("online-deployment", "create", "-f", str(files / "deployment.yaml"), "--all-traffic")
    made = flowstead.json(*create, "--tags", "team=search", "stage=test", "--set", "instance_type=Standard_DS2_v2")
    assert made["provisioning_state"] == "Succeeded"
    assert made["instance_type"] == "Standard_DS2_v2"
    assert made["tags"] == {"team": "search", "stage": "test"}
    assert "/environments/CliV2AnonymousEnvironment/versions/" in made["environment"]
    invoke = ("online-endpoint", "invoke", "-n", "basic-flow-endpoint", "-r", str(request))
    assert json.loads(flowstead.run(*invoke).stdout) == {"answer": "You asked: Are you there?"}

    changed = _update(flowstead, "--set", "request_settings.request_timeout_ms=90000", "tags.stage=live")
    assert changed["request_settings"]["request_timeout_ms"] == 90_000
    assert changed["tags"] == {"team": "search", "stage": "live"}
    assert changed["environment_variables"] == made["environment_variables"]
    assert json.loads(flowstead.run(*invoke, "-d", "basic-flow-deployment").stdout)["answer"]

    which = ("online-endpoint", "update", "-n", "basic-flow-endpoint")
    none = flowstead.json(*which, "--traffic", "basic-flow-deployment=0")
    assert none["traffic"] == {}
    assert none["properties"] == {"enforce_access_to_default_secret_stores": "enabled"}
    mirrored = ("--traffic", "", "--mirror-traffic", "basic-flow-deployment=10", "--set", "tags.a=b")
    shown = flowstead.json(*which, *mirrored)
    assert (shown["mirror_traffic"], shown["tags"]) == ({"basic-flow-deployment": 10}, {"a": "b"})
    names = flowstead.run("online-endpoint", "list", "--query", "[].name", "-o", "tsv").stdout.split()
    assert "basic-flow-endpoint" in names
    flowstead.run("online-endpoint", "delete", "-n", "basic-flow-endpoint", "-y")


def _update(flowstead: Installation, *options: str) -> Any:
    which = ("-n", "basic-flow-deployment", "-e", "basic-flow-endpoint")
    return flowstead.json("online-deployment", "update", *which, *options)


def test_models_are_described_anew_archived_and_restored(flowstead: Installation, files: Path) -> None:
    create = ("model", "create", "-f", str(files / "model.yaml"), "-n", "archived-flow", "-v", "3")
    flowstead.run(*create)
    which = ("-n", "archived-flow", "-v", "3")
    changed = flowstead.json("model", "update", *which, "--set", "tags.a=b", "--description", "words")
    assert (changed["tags"], changed["description"]) == ({"a": "b"}, "words")
    assert changed["properties"]["azureml.promptflow.chat_input"] == "question"
    refused = flowstead.run("model", "update", *which, "--set", "path=elsewhere", check=False)
    assert "archived-flow 3: path: no such key" in refused.stderr or "--set: path: no such key" in refused.stderr
    flowstead.run("model", "archive", "-n", "archived-flow")
    listed = ("--query", "[].name", "-o", "tsv")
    assert "archived-flow" not in flowstead.run("model", "list", *listed).stdout
    assert "archived-flow" in flowstead.run("model", "list", "--archived-only", *listed).stdout
    flowstead.run("model", "restore", "-n", "archived-flow")
    assert "archived-flow" in flowstead.run("model", "list", *listed).stdout
    assert flowstead.json("model", "show", "-n", "archived-flow", "-l", "latest")["version"] == "3"


def test_a_models_files_come_back_large_ones_too(flowstead: Installation, files: Path, tmp_path: Path) -> None:
    flow = files / "basic-flow"
    (flow / "weights.bin").write_bytes(os.urandom(1024 * 1024) * 65)
    flowstead.run("model", "create", "-n", "large-flow", "-p", str(flow))
    flowstead.run("model", "download", "-n", "large-flow", "-p", str(tmp_path))
    fetched = tmp_path / "large-flow"
    assert sorted(file.name for file in fetched.iterdir()) == ["flow.dag.yaml", "say.py", "weights.bin"]
    for file in fetched.iterdir():
        assert file.read_bytes() == (flow / file.name).read_bytes()
    again = flowstead.run("model", "download", "-n", "large-flow", "-p", str(tmp_path), check=False)
    assert "is there already" in again.stderr


def test_a_wrong_place_is_told(flowstead: Installation) -> None:
    refused = flowstead.run("online-endpoint", "list", "-w", "elsewhere", check=False)
    assert refused.returncode == 3
    assert "There is no workspace" in refused.stderr
    assert flowstead.json("workspace", "show")["name"] == "default"
    assert [each["name"] for each in flowstead.json("workspace", "list")] == ["default"]


def test_another_machines_server_is_worked_on_after_login(flowstead: Installation, files: Path, tmp_path: Path) -> None:
    known = json.loads((flowstead.home / "credentials.json").read_text())
    other = Installation(tmp_path / "elsewhere")
    ca = ("--ca", str(flowstead.home / "tls" / "ca.pem"))
    login = ("login", flowstead.tls_url, "--client-id", known["client_id"], "--tenant", known["tenant_id"])
    secret = ("--client-secret", known["client_secret"])
    assert "cannot be trusted" in other.run(*login, *secret, check=False).stderr
    assert "error: invalid_client" in other.run(*login, *ca, "--client-secret", "wrong", check=False).stderr
    assert not (other.home / "login.json").exists()
    done = other.run(*login, *ca, *secret)
    assert known["client_secret"] not in done.stdout + done.stderr
    assert (other.home / "login.json").stat().st_mode & 0o777 == 0o600
    assert other.json("workspace", "show") == flowstead.json("workspace", "show")
    other.run("deploy", str(files / "basic-flow"), "--endpoint", "from-elsewhere")
    (files / "request.json").write_text('{"question": "Are you there?"}')
    invoke = ("online-endpoint", "invoke", "-n", "from-elsewhere", "-r", str(files / "request.json"))
    assert json.loads(other.run(*invoke).stdout) == {"answer": "You asked: Are you there?"}
    assert json.loads(flowstead.run(*invoke).stdout) == {"answer": "You asked: Are you there?"}
    other.run("online-endpoint", "delete", "-n", "from-elsewhere", "-y")
    other.run("logout")
    assert other.run("workspace", "show", check=False).returncode == 3


def test_connections_are_kept_changed_and_shown_without_their_secrets(flowstead: Installation) -> None:
    files = FILES.parent / "connections"
    for name in ("azure_ai_search", "promptflow_azure_open_ai", "custom_keys"):
        made = flowstead.json("connection", "create", "-f", str(files / f"{name}.yaml"), "-n", name)
        assert list(made["credentials"]) == ["type"]
    names = {each["name"]: each["type"] for each in flowstead.json("connection", "list")}
    assert (names["promptflow_azure_open_ai"], names["custom_keys"]) == ("azure_open_ai", "custom")
    searches = flowstead.json("connection", "list", "--type", "azure_ai_search")
    assert [each["name"] for each in searches] == ["azure_ai_search"]
    which = ("-n", "custom_keys")
    changed = flowstead.json("connection", "update", *which, "--set", "credentials.keys.first=new", "metadata.a=b")
    assert changed["metadata"] == {"region": "north", "a": "b"}
    told = flowstead.json("connection", "show", *which, "--populate-secrets")
    assert told["credentials"] == {"type": "custom_keys", "keys": {"first": "new", "second": "k2"}}
    flowstead.run("connection", "delete", *which, "-y")
    assert flowstead.run("connection", "show", *which, check=False).returncode == 3


def test_data_is_uploaded_named_and_shown(flowstead: Installation, tmp_path: Path) -> None:
    folder = FILES.parent / "data"
    file = flowstead.json("data", "create", "-f", str(folder / "file.yaml"))
    assert (file["name"], file["version"], file["type"]) == ("a-file", "1", "uri_file")
    assert file["path"].endswith("/rows.jsonl")
    again = flowstead.json("data", "create", "-f", str(folder / "folder.yaml"), "--tags", "team=search")
    assert (again["type"], again["tags"]) == ("uri_folder", {"team": "search"})
    address = flowstead.json("data", "create", "-f", str(folder / "address.yaml"))
    assert address["path"].endswith("/modelDataCollector/an-endpoint/blue/model_inputs")
    assert flowstead.json("data", "create", "-f", str(folder / "file.yaml"))["version"] == "2"
    assert [each["version"] for each in flowstead.json("data", "list", "-n", "a-file")]
    changed = flowstead.json("data", "update", "-n", "a-file", "-v", "1", "--set", "tags.x=y", "--description", "words")
    assert (changed["tags"], changed["description"], changed["path"]) == ({"x": "y"}, "words", file["path"])
    flowstead.run("data", "download", "-n", "a-file", "-v", "1", "-p", str(tmp_path))
    assert (tmp_path / "a-file" / "rows.jsonl").read_bytes() == (folder / "folder" / "rows.jsonl").read_bytes()
    flowstead.run("data", "delete", "-n", "a-file", "-v", "2", "-y")
    assert flowstead.json("data", "show", "-n", "a-file", "-l", "latest")["version"] == "1"


def test_a_deployments_collections_and_code_are_registered_with_it(flowstead: Installation, files: Path) -> None:
    flowstead.run("online-endpoint", "create", "-n", "collected")
    (files / "notes").mkdir()
    (files / "notes" / "why.txt").write_text("words")
    values = (
        f"model.path={files / 'basic-flow'}",
        "code_configuration.code=" + str(files / "notes"),
        "data_collector.collections={model_inputs: {enabled: true}, model_outputs: {enabled: 'false'}}",
        "data_collector.sampling_rate=0.5",
    )
    create = ("online-deployment", "create", "-n", "blue", "-e", "collected", "--set", *values)
    made = flowstead.json(*create)
    assert made["provisioning_state"] == "Succeeded"
    assert made["data_collector"]["sampling_rate"] == 0.5
    assert made["data_collector"]["collections"]["model_inputs"]["enabled"] == "true"
    assert "/codes/" in made["code_configuration"]["code"]
    asset = flowstead.json("data", "show", "-n", "collected-blue-model_inputs", "-v", "1")
    assert asset["path"].endswith("/paths/modelDataCollector/collected/blue/model_inputs")
    changed = flowstead.json("online-deployment", "update", "-n", "blue", "-e", "collected", "--tags", "a=b")
    assert changed["data_collector"] == made["data_collector"]
    assert changed["code_configuration"] == made["code_configuration"]
    assert flowstead.json(*create)["code_configuration"] == made["code_configuration"]
    flowstead.run("online-endpoint", "delete", "-n", "collected", "-y")


def test_environments_of_all_kinds_are_registered_and_deployed_from(flowstead: Installation, files: Path) -> None:
    folder = FILES.parent / "environments"
    for name in ("image", "conda_on_the_spot", "conda_file", "requirements", "build"):
        made = flowstead.json("environment", "create", "-f", str(folder / f"{name}.yaml"), "-n", name.replace("_", "-"))
        again = flowstead.json("environment", "create", "-f", str(folder / f"{name}.yaml"), "-n", made["name"])
        assert again["version"] == made["version"], "what is the same is no new version"
    changed = ("environment", "create", "-n", "image", "-i", "promptflow-runtime:1")
    assert flowstead.json(*changed)["version"] == "2"
    assert flowstead.json("environment", "show", "-n", "build")["build"]["dockerfile_path"] == "Dockerfile"
    flowstead.run("online-endpoint", "create", "-f", str(files / "endpoint-system-identity.yaml"), "-n", "of-docker")
    create = ("online-deployment", "create", "-f", str(files / "deployment-with-docker-context.yaml"))
    made = flowstead.json(*create, "-e", "of-docker", "--all-traffic")
    assert "/environments/CliV2AnonymousEnvironment/versions/" in made["environment"]
    assert flowstead.json(*create, "-e", "of-docker")["environment"] == made["environment"]
    request = files / "request.json"
    request.write_text('{"question": "Are you there?"}')
    invoke = ("online-endpoint", "invoke", "-n", "of-docker", "-r", str(request))
    assert json.loads(flowstead.run(*invoke).stdout) == {"answer": "You asked: Are you there?"}
    names = flowstead.run("environment", "list", "--query", "[].name", "-o", "tsv").stdout.split()
    assert "image" in names
    assert "CliV2AnonymousEnvironment" not in names
    flowstead.run("online-endpoint", "delete", "-n", "of-docker", "-y")
