"""What is said to a deployment's author before anything is sent: overrides that the flow does not name, aggregation."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from flowstead.cli.connection_overrides import check_overrides
from flowstead.cli.deploy import notes_on
from flowstead.cli.running import run
from flowstead.client import FlowsteadClient
from flowstead.errors import BadArgument
from flowstead_runtime.flow.load import read_definition
from server.tests.unit.scripted_server import WORKSPACE, ScriptedServer

FLOW = """\
inputs: {text: {type: string}}
outputs: {said: {type: string, reference: "${chat.output}"}}
nodes:
- {name: chat, type: llm, source: {type: code, path: chat.jinja2}, connection: my llm, api: chat}
"""
AGGREGATION = """\
- {name: total, type: prompt, source: {type: code, path: chat.jinja2}, aggregation: true}
"""
PLAN = {"accepted": True, "resources": [], "quota": {"taken": 0, "takenAfter": 1, "limit": 9, "left": 8}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flow.dag.yaml").write_text(FLOW)
    (tmp_path / "chat.jinja2").write_text("user:\n{{text}}\n")
    return tmp_path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    server = ScriptedServer()
    server.resources["onlineEndpoints/foo"] = {"name": "foo", "properties": {}}
    monkeypatch.setattr(FlowsteadClient, "of", lambda home: server.client())
    return server


@pytest.mark.parametrize(
    ("overrides", "variables"),
    [
        ([], {}),
        (["my llm=other"], {}),
        (["my_llm=other"], {}),
        (["my_llm=their_llm", "their_llm=third"], {}),
        (["conn=other"], {"PF_FLOW_INIT_CONFIG": '{"connection": "conn"}'}),
    ],
)
def test_what_the_flow_names_is_overridden(folder: Path, overrides: list[str], variables: dict[str, str]) -> None:
    check_overrides(read_definition(folder), overrides, variables)


def test_what_it_does_not_name_is_refused(folder: Path) -> None:
    with pytest.raises(BadArgument, match="--connection-override wrong: the flow names no such") as caught:
        check_overrides(read_definition(folder), ["my_llm=other", "wrong=other"], {})
    assert "It names my llm." in caught.value.next_step
    (folder / "flow.dag.yaml").write_text("nodes: []\n")
    with pytest.raises(BadArgument) as caught:
        check_overrides(read_definition(folder), ["wrong=other"], {})
    assert "Its files name none." in caught.value.next_step


def test_deploy_refuses_it_before_anything_is_sent(
    server: ScriptedServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["deploy", str(folder), "-e", "foo", "--connection-override", "wrong=other"]) != 0
    assert "--connection-override wrong" in capsys.readouterr().err
    assert server.puts == []


@pytest.mark.parametrize("verb", ["create", "update"])
def test_a_registered_models_flow_is_asked_for(
    server: ScriptedServer, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = f"{WORKSPACE.path}/models/m/versions/1"
    server.resources["models/m/versions/1"] = {"id": model, "name": "1"}
    server.resources["models/m/versions/1/flow"] = {"properties": {"connections": [{"name": "my_llm"}]}}
    server.resources["onlineEndpoints/foo/deployments/blue"] = {
        "id": f"{WORKSPACE.path}/onlineEndpoints/foo/deployments/blue", "name": "blue", "tags": {},
        "properties": {"model": model}, "sku": {"capacity": 1},
    }  # fmt: skip
    command = ["online-deployment", verb, "-n", "blue", "-e", "foo", "--set", "model=azureml:m:1", "--no-wait"]
    assert run([*command, "--connection-override", "wrong=other"]) != 0
    assert "It names my_llm." in capsys.readouterr().err
    assert server.puts == []
    assert run([*command, "--connection-override", "my_llm=other"]) == 0, capsys.readouterr().err
    (sent,) = [body for _, body in server.puts]
    assert sent["properties"]["environmentVariables"] == {"my_llm": "other"}


def test_a_definition_on_the_spot_is_looked_at(
    server: ScriptedServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["online-deployment", "create", "-n", "blue", "-e", "foo", "--set", f"model.path={folder}"]
    assert run([*command, "--connection-override", "wrong=other"]) != 0
    assert "It names my llm." in capsys.readouterr().err
    assert server.puts == []


def test_a_plan_does_not_tell_of_uploads_that_it_does_not_make(
    server: ScriptedServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.refuse = lambda method, path, body: httpx.Response(200, json=PLAN) if path == "plan" else None
    command = ["online-deployment", "create", "-n", "blue", "-e", "foo", "--set", f"model.path={folder}", "--plan"]
    assert run(command) == 0, capsys.readouterr().err
    said = capsys.readouterr()
    assert said.err == ""
    assert "Nothing has been changed." in said.out
    assert server.blobs == {}


def test_an_evaluation_flow_is_warned_of(
    server: ScriptedServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(notes_on(read_definition(folder))) == []
    (folder / "flow.dag.yaml").write_text(FLOW + AGGREGATION)
    server.refuse = lambda method, path, body: httpx.Response(200, json=PLAN) if path == "plan" else None
    assert run(["deploy", str(folder), "-e", "foo", "--plan"]) == 0, capsys.readouterr().err
    assert "warning: total: aggregation over many rows" in capsys.readouterr().err
