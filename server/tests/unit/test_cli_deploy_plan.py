"""What `deploy` makes of a folder and its options."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowstead.cli.asking import curl_line, sample_body
from flowstead.cli.deploy_plan import DeployOptions, endpoint_name_from, model_name_from, plan_deploy
from flowstead.cli.documents import pairs
from flowstead.cli.traffic import is_first, read_split, with_traffic
from flowstead.cli.variables import choice_variables, connection_variables, variables_from
from flowstead.errors import BadArgument, InvalidName
from flowstead.resources.names import check_asset_name, check_endpoint_name
from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, FlowKind, FlowOutput, ValueType


def flow(name: str = "ask-docs", **parts: Any) -> FlowDefinition:
    return FlowDefinition(name=name, kind=FlowKind.DAG, directory=Path(), file=Path("flow.dag.yaml"), **parts)


CHAT: dict[str, Any] = {
    "inputs": {
        "question": FlowInput(ValueType.STRING, is_chat_input=True),
        "chat_history": FlowInput(ValueType.LIST, default=[], is_chat_history=True),
    },
    "outputs": {"answer": FlowOutput(ValueType.STRING, is_chat_output=True), "sources": FlowOutput(ValueType.LIST)},
}


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("ask-docs", "ask-docs"),
        ("Ask_Docs", "ask-docs"),
        ("My flow (2)", "my-flow-2"),
        ("2nd", "flow-2nd"),
        ("--", "flow"),
        ("é", "flow"),
        ("ab", "ab-flow"),
        ("x" * 40, "x" * 32),
        ("a" * 31 + "-bc", "a" * 31),
    ],
)
def test_an_endpoint_is_named_after_the_folder(folder: str, name: str) -> None:
    assert endpoint_name_from(folder) == name
    assert check_endpoint_name(name) == name
    check_asset_name(model_name_from(folder))


def test_the_bodies_of_a_chat_flow() -> None:
    options = DeployOptions(
        instance_type="Standard_E16s_v3", instance_count=3, tags={"a": "b"}, variables={"MY_API_KEY": "hush"}
    )
    plan = plan_deploy(flow(**CHAT), options)
    assert (plan.endpoint, plan.deployment, plan.model) == ("ask-docs", "blue", "ask-docs")
    enforced = {"enforce_access_to_default_secret_stores": "enabled"}
    assert plan.endpoint_body["properties"] == {"authMode": "Key", "description": "", "properties": enforced}
    by_hand = plan_deploy(flow(**CHAT), replace(options, enforce_access=False)).endpoint_body
    assert by_hand["properties"]["properties"] == {}
    named = plan_deploy(flow(**CHAT), replace(options, identity="/…/walker")).endpoint_body
    assert named["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {"/…/walker": {}}}
    assert named["properties"]["properties"] == {}
    assert plan.model_properties["properties"] == {
        "azureml.promptflow.source_flow_id": "ask-docs",
        "azureml.promptflow.mode": "chat",
        "azureml.promptflow.chat_input": "question",
        "azureml.promptflow.chat_output": "answer",
    }
    assert plan.deployment_body == {
        "location": "local",
        "properties": {
            "endpointComputeType": "Managed",
            "instanceType": "Standard_E16s_v3",
            "environmentVariables": {"MY_API_KEY": "hush"},
            "properties": {},
            "description": "",
        },
        "sku": {"name": "Default", "capacity": 3},
        "tags": {"a": "b"},
    }
    assert "hush" not in repr(plan)
    assert "hush" not in repr(options)


def test_a_standard_flow_has_no_chat_properties_and_a_bad_name_is_refused() -> None:
    plan = plan_deploy(flow("My flow"), DeployOptions(endpoint="mine", deployment="green"))
    assert plan.model_properties["properties"] == {"azureml.promptflow.source_flow_id": "My flow"}
    assert plan.model == "My-flow"
    for options in (DeployOptions(endpoint="has_underscore"), DeployOptions(deployment="x")):
        with pytest.raises(InvalidName):
            plan_deploy(flow(), options)


def test_variables_come_from_the_line_or_from_the_shell() -> None:
    assert variables_from(["A=1=2", "B", "C="], {"B": "shell"}) == {"A": "1=2", "B": "shell", "C": ""}
    with pytest.raises(BadArgument, match="your shell has no such variable"):
        variables_from(["GONE"], {})
    with pytest.raises(BadArgument, match="there is no name before"):
        variables_from(["=x"], {})
    assert pairs(["team=search"], "--tag") == {"team": "search"}
    with pytest.raises(BadArgument, match="--tag team: a name and a value"):
        pairs(["team"], "--tag")


def connections(folder: Path, content: Any) -> dict[str, Any]:
    file = folder / "connections.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return {name: json.loads(text) for name, text in connection_variables(file).items()}


def test_connections_become_variables_as_azure_ml_hands_them_over(tmp_path: Path) -> None:
    made = connections(
        tmp_path,
        {
            "my llm": {"type": "open_ai", "api_key": "k", "base_url": "http://h/v1"},
            "azure": {"type": "AzureOpenAIConnection", "value": {"api_key": "k", "api_base": "https://h"}},
            "own": {"type": "custom", "configs": {"url": "u"}, "secrets": {"pass": "p"}},
        },
    )
    assert made == {
        "my_llm": {
            "type": "OpenAIConnection",
            "module": "promptflow.connections",
            "value": {"api_key": "k", "base_url": "http://h/v1"},
            "secret_keys": ["api_key"],
        },
        "azure": {
            "type": "AzureOpenAIConnection",
            "module": "promptflow.connections",
            "value": {"api_key": "k", "api_base": "https://h"},
            "secret_keys": ["api_key"],
        },
        "own": {
            "type": "CustomConnection",
            "module": "promptflow.connections",
            "value": {"url": "u", "pass": "p"},
            "secret_keys": ["pass"],
        },
    }
    assert connection_variables(None) == {}


def test_other_ways_to_write_a_connection(tmp_path: Path) -> None:
    azure_ml = {"properties": {"category": "OpenAI", "credentials": {"key": "k"}}}
    template = {"type": "custom", "custom_type": "Mine", "module": "my.connections", "secrets": {"pin": "1"}}
    made = connections(tmp_path, {"azure": azure_ml, "mine": template})
    assert made["azure"] == azure_ml
    assert made["mine"] == {
        "type": "CustomConnection",
        "module": "promptflow.connections",
        "value": {
            "pin": "1",
            "promptflow.connection.custom_type": "Mine",
            "promptflow.connection.module": "my.connections",
        },
        "secret_keys": ["pin"],
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"c": {"api_key": "sk-hush"', "connections.json:1: not valid JSON"),
        ('["sk-hush"]', "an object of connections"),
        ({"c": {"type": "opn_ai", "api_key": "sk-hush"}}, "'c' has the type 'opn_ai'"),
        ({"c": {"api_key": "sk-hush"}}, "'c' has the type ''"),
    ],
)
def test_a_bad_connections_file_is_refused_without_repeating_secrets(tmp_path: Path, content: Any, words: str) -> None:
    with pytest.raises(BadArgument, match=words) as caught:
        connections(tmp_path, content)
    assert "sk-hush" not in str(caught.value)


def test_the_sample_wins_over_defaults_and_defaults_over_placeholders() -> None:
    inputs = {
        "a": FlowInput(ValueType.STRING),
        "b": FlowInput(ValueType.INT, default=0),
        "c": FlowInput(ValueType.BOOL),
        "d": FlowInput(ValueType.STRING, default="x"),
    }
    body = sample_body(flow(inputs=inputs, sample={"d": "from samples", "unknown": 1}))
    assert body == {"a": "some text", "b": 0, "c": True, "d": "from samples"}
    assert {t: sample_body(flow(inputs={"x": FlowInput(t)})) for t in ValueType}.keys() == set(ValueType)


def test_the_curl_line_survives_the_shell() -> None:
    body = {"q": 'it\'s "quoted" $HOME\n`x`'}
    words = shlex.split(curl_line("http://h/endpoints/e/score", "key", body).replace("\\\n", " "))
    assert words[0:2] == ["curl", "http://h/endpoints/e/score"]
    assert "Authorization: Bearer key" in words
    assert json.loads(words[words.index("-d") + 1]) == body


def test_traffic_is_moved_without_touching_the_rest() -> None:
    endpoint = {"name": "e", "properties": {"authMode": "Key", "traffic": {"blue": 100}}}
    assert with_traffic(endpoint, {"green": 100})["properties"] == {"authMode": "Key", "traffic": {"green": 100}}
    assert endpoint["properties"] == {"authMode": "Key", "traffic": {"blue": 100}}
    assert read_split("blue=90 green=10") == read_split("blue=90,green=10") == {"blue": 90, "green": 10}
    for wrong in ("blue", "blue=x", "=10"):
        with pytest.raises(BadArgument, match="is no share"):
            read_split(wrong)


def test_only_the_first_deployment_gets_all_traffic_by_itself() -> None:
    silent: dict[str, Any] = {"properties": {"traffic": {}}}
    assert is_first(silent, [], "blue")
    assert is_first(silent, [{"name": "Blue"}], "blue")
    assert not is_first(silent, [{"name": "green"}], "blue")
    assert not is_first({"properties": {"traffic": {"blue": 100}}}, [{"name": "blue"}], "blue")


def test_outputs_and_overriding_connections_are_variables_as_in_azure() -> None:
    assert choice_variables(None, None) == {}
    assert choice_variables(["a, b", "c"], ["my llm=other"]) == {
        "PROMPTFLOW_RESPONSE_INCLUDED_FIELDS": '["a", "b", "c"]',
        "my_llm": "other",
    }
    for wrong in ("my_llm", "=other", "my_llm="):
        with pytest.raises(BadArgument, match="two names"):
            choice_variables(None, [wrong])
