"""A deployment's connections and outputs: what the API takes, what instances get, who is rolled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstead.reconcile.connections import why_unresolvable
from flowstead.reconcile.revision import variables_of
from flowstead.store.records import DeploymentRecord, Kind, Revision
from flowstead.testing.in_process_api import InProcessApi

FLOW = {
    "flow.dag.yaml": """\
inputs:
  text: {type: string}
outputs:
  said: {type: string, reference: "${chat.output}", is_chat_output: true}
  text: {type: string, reference: "${inputs.text}"}
nodes:
- name: chat
  type: llm
  source: {type: code, path: chat.jinja2}
  inputs: {text: "${inputs.text}", model: gpt}
  connection: my_llm
  api: chat
""",
    "chat.jinja2": "user:\n{{text}}\n",
}
BLUE = "onlineEndpoints/foo/deployments/blue"
OUTPUTS = "PROMPTFLOW_RESPONSE_INCLUDED_FIELDS"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        uri = api.upload(dict(FLOW))
        assert api.call("PUT", "models/m/versions/1", {"properties": {"modelUri": uri}}).status_code == 201
        api.call("PUT", "onlineEndpoints/foo", {"properties": {}})
        api.settle()
        yield api


def connect(api: InProcessApi, name: str = "my_llm", **changes: Any) -> Any:
    properties = {"category": "OpenAi", "target": "http://llm.test", "credentials": {"key": "first-key"}, **changes}
    return api.call("PUT", f"connections/{name}", {"properties": properties})


def deploy(api: InProcessApi, variables: dict[str, str] | None = None) -> Any:
    properties = {"model": api.workspace.model("m", "1"), "environmentVariables": variables or {}}
    return api.call("PUT", BLUE, {"location": "local", "properties": properties})


def blue(api: InProcessApi) -> tuple[DeploymentRecord, dict[str, str], Any]:
    """The record, what its instances get, and why they cannot be had."""
    with api.store.reading() as tx:
        record = tx.get(Kind.DEPLOYMENT, api.workspace.deployment("foo", "blue"))
        secrets = tx.instance_secrets(record)
    return record, variables_of(record.spec, secrets), why_unresolvable(record.spec, secrets)


def test_a_deployment_gets_the_connection_that_its_flow_names(api: InProcessApi) -> None:
    connect(api)
    connect(api, "not_mine")
    shown = deploy(api).json()["properties"]["connections"]
    assert shown == [{"name": "my_llm", "connection": "my_llm", "usedBy": ["node 'chat'"], "required": True}]
    _, variables, problem = blue(api)
    assert problem is None
    assert list(variables) == ["FLOWSTEAD_CONNECTION_my_llm"]
    properties = json.loads(variables["FLOWSTEAD_CONNECTION_my_llm"])["properties"]
    assert (properties["target"], properties["credentials"]) == ("http://llm.test", {"key": "first-key"})


def test_a_variable_names_another_one(api: InProcessApi) -> None:
    connect(api)
    connect(api, "other", credentials={"key": "other-key"})
    shown = deploy(api, {"my_llm": "other"}).json()["properties"]
    assert [(use["name"], use["connection"]) for use in shown["connections"]] == [("my_llm", "other")]
    assert shown["environmentVariables"] == {"my_llm": "other"}
    _, variables, _ = blue(api)
    assert variables.keys() == {"my_llm", "FLOWSTEAD_CONNECTION_other"}


def test_a_connection_in_a_variable_needs_none_of_the_workspace(api: InProcessApi) -> None:
    mine = json.dumps({"type": "open_ai", "api_key": "hunter2"})
    assert deploy(api, {"my_llm": mine}).json()["properties"]["connections"] == []
    _, variables, problem = blue(api)
    assert (problem, variables) == (None, {"my_llm": mine})


def test_references_are_resolved_for_the_instance_alone(api: InProcessApi) -> None:
    connect(api, metadata={"organization": "o"})
    keys = {"keys": {"pin": "hunter2-pin"}}
    connect(api, "keys", category="CustomKeys", credentials=keys)
    references = {
        "A_KEY": "${{azureml://connections/my_llm/credentials/key}}",
        "A_PIN": "${{azureml://connections/keys/credentials/pin}}",
        "ORG": "${{azureml://connections/my_llm/metadata/organization}}",
        "ADDRESS": "${{ azureml://connections/my_llm/target }}",
        "my_llm": "${{azureml://connections/keys}}",
    }
    answer = deploy(api, references)
    assert answer.json()["properties"]["environmentVariables"] == references
    assert "hunter2" not in answer.text
    _, variables, problem = blue(api)
    assert problem is None
    whole = json.loads(variables.pop("my_llm"))
    assert whole["properties"]["credentials"] == keys
    # Whatever they are called: the instance keeps their values out of what it says.
    assert json.loads(variables.pop("FLOWSTEAD_SECRET_VARIABLES")) == ["A_KEY", "A_PIN"]
    assert variables == {"A_KEY": "first-key", "A_PIN": "hunter2-pin", "ORG": "o", "ADDRESS": "http://llm.test"}


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("${{azureml://connections/nowhere/credentials/key}}", "'nowhere', which is not in the workspace"),
        ("${{azureml://connections/my_llm/credentials/pin}}", "It has: credentials/key"),
    ],
)
def test_a_reference_that_leads_nowhere_fails_the_phase(api: InProcessApi, reference: str, says: str) -> None:
    connect(api)
    assert deploy(api, {"A_VARIABLE": reference}).status_code == 201
    _, variables, problem = blue(api)
    assert problem.code == "SecretsInjectionError"
    assert "A_VARIABLE" in problem.message
    assert says in problem.message
    assert "A_VARIABLE" not in variables
    assert "first-key" not in str(problem)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("${{keyvault:https://vault.example/secrets/x}}", "only parts of connections"),
        ("${{azureml://datastores/d/paths/p}}", "only parts of connections"),
        ("${{azureml://connections/my_llm/bogus}}", "names no part that a connection has"),
        ("${{azureml://connections/my_llm/target/more/}", "its braces do not end"),
        ("pre-${{azureml://connections/my_llm/credentials/key}}-post", "has more around it"),
        ("${{AzureML://connections/my_llm/credentials/key}}", "names no part that a connection has"),
    ],
)
def test_what_is_nearly_a_reference_is_no_text_for_the_flow(api: InProcessApi, value: str, says: str) -> None:
    connect(api)
    answer = deploy(api, {"A_VARIABLE": value})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadArgument")
    for words in ("A_VARIABLE", says, "${{azureml://connections/NAME/credentials/FIELD}}"):
        assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize("value", ["${{ secrets.X }}", "${my_llm.api_key}", "{{azureml}}", "azureml://connections/c"])
def test_other_braces_are_the_flows_own(api: InProcessApi, value: str) -> None:
    connect(api)
    assert deploy(api, {"A_VARIABLE": value}).status_code == 201


def test_a_connection_that_is_nowhere_fails_the_phase(api: InProcessApi) -> None:
    assert deploy(api).status_code == 201
    _, _, problem = blue(api)
    assert problem.code == "ConnectionMissing"
    assert "'my_llm' in the workspace; node 'chat' needs it" in problem.message
    assert "flowstead connection create" in problem.next_step
    deploy(api, {"my_llm": "other"})
    assert "'other', which stands for 'my_llm'," in blue(api)[2].message
    deploy(api, {"PROMPTFLOW_HTTP_CONNECTION_PROVIDER_ENDPOINT": "http://provider.test"})
    assert blue(api)[2] is None


def test_a_change_rolls_those_who_use_it(api: InProcessApi) -> None:
    connect(api)
    connect(api, "other")
    deploy(api)
    api.settle()
    before, variables, _ = blue(api)
    api.hints = 0
    connect(api, "other", credentials={"key": "changed"})
    connect(api)
    connect(api, isSharedToAll=False)
    assert (blue(api)[0].generation, api.hints) == (before.generation, 0)
    connect(api, credentials={"key": "second-key"})
    after, changed, _ = blue(api)
    assert (after.generation, api.hints) == (before.generation + 1, 1)
    assert after.spec == before.spec
    assert "second-key" in changed["FLOWSTEAD_CONNECTION_my_llm"]
    assert changed != variables
    with api.store.reading() as tx:
        assert tx.running_operation(after.id) is not None


def test_what_a_deployment_waits_for_is_tried_when_it_comes(api: InProcessApi) -> None:
    deploy(api)
    before, _, _ = blue(api)
    connect(api)
    after, _, problem = blue(api)
    assert (after.generation, problem) == (before.generation + 1, None)


def test_a_connection_in_use_is_not_deleted(api: InProcessApi) -> None:
    connect(api)
    deploy(api)
    refused = api.call("DELETE", "connections/MY_LLM")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "Conflict")
    assert "used by foo/blue" in refused.json()["error"]["message"]
    deploy(api, {"my_llm": json.dumps({"type": "open_ai", "api_key": "x"})})
    assert api.call("DELETE", "connections/my_llm").status_code == 200


def test_one_that_is_only_served_from_is_not_deleted_and_its_change_is_tried(api: InProcessApi) -> None:
    connect(api)
    connect(api, "second")
    deploy(api)
    record, _, _ = blue(api)
    with api.store.transaction() as tx:
        tx.keep_revision(record.id, Revision("r1", record.spec, "0" * 64, {}))
    deploy(api, {"my_llm": "second"})
    before, _, _ = blue(api)
    assert [use.connection for use in before.spec.connections] == ["second"]
    refused = api.call("DELETE", "connections/my_llm")
    assert (refused.status_code, "used by foo/blue" in refused.json()["error"]["message"]) == (409, True)
    connect(api, credentials={"key": "second-key"})
    assert blue(api)[0].generation == before.generation + 1
    with api.store.transaction() as tx:
        tx.keep_revision(record.id, Revision("r2", before.spec, "0" * 64, {}))
    assert api.call("DELETE", "connections/my_llm").status_code == 200


def test_outputs_are_chosen_among_those_of_the_flow(api: InProcessApi) -> None:
    connect(api)
    assert deploy(api).json()["properties"]["includedOutputs"] is None
    chosen = deploy(api, {OUTPUTS: '["said"]'}).json()["properties"]
    assert chosen["includedOutputs"] == ["said"]
    for value, says in (('["sad"]', "Its outputs are said, text"), ("said", "JSON list"), ("[1]", "JSON list")):
        refused = deploy(api, {OUTPUTS: value})
        assert refused.status_code == 400
        assert says in refused.json()["error"]["message"]


def test_a_wizard_learns_what_the_flow_takes_gives_and_uses(api: InProcessApi) -> None:
    answer = api.call("GET", "models/m/versions/1/Flow")
    assert answer.status_code == 200, answer.text
    shown = answer.json()["properties"]
    plain = {"default": None, "description": "", "isChatInput": False, "isChatHistory": False}
    assert shown["inputs"] == [{"name": "text", "type": "string", "required": True, **plain}]
    assert [(each["name"], each["isChatOutput"]) for each in shown["outputs"]] == [("said", True), ("text", False)]
    assert shown["connections"] == [{"name": "my_llm", "usedBy": ["node 'chat'"], "required": True}]
    assert (shown["kind"], shown["chat"], shown["image"]) == ("dag", None, None)
    assert api.call("GET", "models/m/versions/2/flow").status_code == 404
    assert api.call("GET", "models/m/versions/1/flow", token=api.token(api.stranger())).status_code == 403


def test_a_flow_with_odd_values_is_told_all_the_same(api: InProcessApi) -> None:
    odd = FLOW["flow.dag.yaml"].replace("text: {type: string}", "text: {type: double, default: .nan}", 1)
    uri = api.upload({**FLOW, "flow.dag.yaml": odd}, place="LocalUpload/odd/flow")
    api.call("PUT", "models/odd/versions/1", {"properties": {"modelUri": uri}})
    answer = api.call("GET", "models/odd/versions/1/flow")
    assert answer.status_code == 200, answer.text
    assert answer.json()["properties"]["inputs"][0]["default"] is None
    properties = {"model": api.workspace.model("odd", "1")}
    deployed = api.call("PUT", BLUE, {"location": "local", "properties": properties})
    assert deployed.status_code == 201, deployed.text


def test_half_of_a_character_is_no_name(api: InProcessApi) -> None:
    """No answer could be encoded with it."""
    odd = FLOW["flow.dag.yaml"].replace("name: chat", r'name: "ch\ud800t"')
    uri = api.upload({**FLOW, "flow.dag.yaml": odd}, place="LocalUpload/odd/flow")
    api.call("PUT", "models/odd/versions/1", {"properties": {"modelUri": uri}})
    answer = api.call("GET", "models/odd/versions/1/flow")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "FlowInvalid")
