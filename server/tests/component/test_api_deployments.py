from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.api.secret_values import MASK
from flowstead.resources.deployment import Condition
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.settings import ServerSettings
from flowstead.store.records import Kind
from flowstead.testing.in_process_api import InProcessApi

FLOW = {
    "flow.dag.yaml": """\
inputs:
  text:
    type: string
outputs:
  said:
    type: string
    reference: ${say.output}
nodes:
- name: say
  type: python
  source:
    type: code
    path: say.py
  inputs:
    text: ${inputs.text}
""",
    "say.py": "from promptflow.core import tool\n\n\n@tool\ndef say(text: str) -> str:\n    return text\n",
}
BLUE = "onlineEndpoints/foo/deployments/blue"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        register(api, "m", "1", FLOW)
        api.call("PUT", "onlineEndpoints/foo", {"properties": {}})
        api.settle()
        api.hints = 0
        yield api


def register(api: InProcessApi, name: str, version: str, files: dict[str, str]) -> None:
    uri = api.upload(dict(files), place=f"LocalUpload/{name}-{version}/flow")
    answer = api.call("PUT", f"models/{name}/versions/{version}", {"properties": {"modelUri": uri}})
    assert answer.status_code == 201, answer.text


def body(api: InProcessApi, sku: Any = None, **properties: Any) -> dict[str, Any]:
    given = {"model": api.workspace.model("m", "1"), **properties}
    return {"location": "local", "properties": given, **({"sku": sku} if sku else {})}


def path_of(url: str) -> str:
    return httpx.URL(url).raw_path.decode()


def test_limits_that_azures_sdk_does_not_know_stay_when_it_sends_the_others(api: InProcessApi) -> None:
    api.call("PUT", BLUE, body(api, requestSettings={"queueLength": 3, "requestsPerSecond": 7}))
    changed = api.call("PUT", BLUE, body(api, requestSettings={"requestTimeout": "PT9S"})).json()["properties"]
    limits = changed["requestSettings"]
    assert (limits["requestTimeout"], limits["queueLength"], limits["requestsPerSecond"]) == ("PT9S", 3, 7)
    reset = api.call("PATCH", BLUE, {"properties": {"requestSettings": {"queueLength": None}}}).json()["properties"]
    assert (reset["requestSettings"]["queueLength"], reset["requestSettings"]["requestsPerSecond"]) == (None, 7)
    api.call("PUT", BLUE, body(api, requestSettings={"queueLength": 3}))
    reset = api.call("PUT", BLUE, body(api, requestSettings={"queueLength": None})).json()["properties"]
    assert (reset["requestSettings"]["queueLength"], reset["requestSettings"]["requestsPerSecond"]) == (None, 7)
    api.call("PUT", BLUE, body(api, requestSettings={"queueLength": 3}))
    assert api.call("PUT", BLUE, body(api)).json()["properties"]["requestSettings"]["queueLength"] is None


def test_creating_fills_the_defaults(api: InProcessApi) -> None:
    created = api.call("PUT", BLUE, body(api))
    assert created.status_code == 201
    assert api.hints == 1
    assert created.headers["Retry-After"] == "1"
    shown = created.json()
    assert shown["id"] == api.workspace.deployment("foo", "blue")
    assert shown["type"] == "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"
    assert shown["sku"] == {"name": "Default", "capacity": 1}
    probe = {
        "initialDelay": "PT10S", "period": "PT10S", "timeout": "PT2S", "successThreshold": 1, "failureThreshold": 30,
    }  # fmt: skip
    assert shown["properties"] == {
        "model": api.workspace.model("m", "1"),
        "environmentId": None,
        "environmentVariables": {},
        "instanceType": "Standard_F4s_v2",
        "requestSettings": {
            "requestTimeout": "PT1M30S", "maxConcurrentRequestsPerInstance": 10, "maxQueueWait": "PT0.5S",
            "queueLength": None, "requestsPerSecond": 0,
        },
        "livenessProbe": probe,
        "readinessProbe": probe,
        "description": "",
        "appInsightsEnabled": False,
        "properties": {},
        "endpointComputeType": "Managed",
        "scaleSettings": {"scaleType": "Default"},
        "connections": [],
        "includedOutputs": None,
        "provisioningState": "Creating",
        "state": "Running",
        "conditions": [],
    }  # fmt: skip
    assert set(shown["systemData"]) >= {"createdAt", "lastModifiedAt"}


def test_explicit_values_hold(api: InProcessApi) -> None:
    given = body(
        api,
        {"name": "Default", "capacity": 3},
        instanceType="Standard_E16s_v3",
        requestSettings={
            "requestTimeout": "PT5M",
            "maxConcurrentRequestsPerInstance": 4,
            "maxQueueWait": "PT0S",
            "queueLength": 0,
            "requestsPerSecond": 25,
        },
        livenessProbe={"initialDelay": "PT30S", "timeout": "PT5S"},
        environmentVariables={"A": "1"},
        modelMountPath="/var/x",
    )
    shown = api.call("PUT", BLUE, given).json()
    properties = shown["properties"]
    assert (shown["sku"]["capacity"], properties["instanceType"]) == (3, "Standard_E16s_v3")
    assert properties["requestSettings"] == {
        "requestTimeout": "PT5M", "maxConcurrentRequestsPerInstance": 4, "maxQueueWait": "PT0S",
        "queueLength": 0, "requestsPerSecond": 25,
    }  # fmt: skip
    assert properties["livenessProbe"]["initialDelay"] == "PT30S"
    assert properties["livenessProbe"]["period"] == "PT10S"
    assert properties["modelMountPath"] == "/var/x"
    with api.store.reading() as tx:
        spec = tx.get(Kind.DEPLOYMENT, api.workspace.deployment("foo", "blue")).spec
    assert spec.request_settings.request_timeout_s == 300


def test_what_get_shows_can_be_put_back(api: InProcessApi) -> None:
    variables = {"A": "1", "API_KEY": "hunter2"}
    api.call("PUT", BLUE, body(api, environmentVariables=variables, requestSettings={"requestTimeout": "PT7S"}))
    api.settle()
    shown = api.call("GET", BLUE).json()
    again = api.call("PUT", BLUE, shown)
    assert again.status_code == 200
    assert api.call("GET", path_of(again.headers["Azure-AsyncOperation"])).json()["status"] == "Succeeded"
    after = api.call("GET", BLUE).json()
    assert after == shown
    changed = api.call("PUT", BLUE, {**shown, "sku": {"capacity": 2}}).json()
    assert (changed["sku"]["capacity"], changed["properties"]["provisioningState"]) == (2, "Updating")


def test_secret_variables_are_sealed_and_masked(api: InProcessApi) -> None:
    connection = json.dumps({"type": "open_ai", "api_key": "hunter2-connection"})
    variables = {"PLAIN": "shown", "API_KEY": "hunter2-key", "my_llm": connection, "URL": "https://u:hunter2-p@x.test/"}
    answers = [api.call("PUT", BLUE, body(api, environmentVariables=variables))]
    answers += [api.call("GET", BLUE), api.call("GET", "onlineEndpoints/foo/deployments")]
    answers += [api.call("PATCH", BLUE, {"tags": {"a": "b"}})]
    for answer in answers:
        assert answer.is_success
        assert "hunter2" not in answer.text
    assert answers[1].json()["properties"]["environmentVariables"] == {
        "PLAIN": "shown", "API_KEY": MASK, "URL": MASK, "my_llm": MASK,
    }  # fmt: skip
    id = api.workspace.deployment("foo", "blue")
    with api.store.reading() as tx:
        record = tx.get(Kind.DEPLOYMENT, id)
        assert record.spec.environment_variables == {"PLAIN": "shown"}
        assert record.spec.secret_variables == ("API_KEY", "URL", "my_llm")
        assert tx.secrets(id) == {
            f"environment_variables.{name}": value for name, value in variables.items() if name != "PLAIN"
        }
        assert "hunter2" not in repr(tx.audit())
        assert "hunter2" not in repr(record)
    files = b"".join(file.read_bytes() for file in api.home.root.rglob("*") if file.is_file())
    assert b"hunter2" not in files


def test_a_mask_keeps_a_secret_and_a_new_value_replaces_it(api: InProcessApi) -> None:
    id = api.workspace.deployment("foo", "blue")

    def put(variables: dict[str, str]) -> tuple[int, dict[str, str]]:
        assert api.call("PUT", BLUE, body(api, environmentVariables=variables)).is_success
        with api.store.reading() as tx:
            secrets = {name.rpartition(".")[2]: value for name, value in tx.secrets(id).items()}
            return tx.get(Kind.DEPLOYMENT, id).generation, secrets

    assert put({"A_KEY": "one", "B_KEY": "two"}) == (1, {"A_KEY": "one", "B_KEY": "two"})
    assert put({"A_KEY": MASK, "B_KEY": MASK}) == (1, {"A_KEY": "one", "B_KEY": "two"})
    assert put({"A_KEY": "one", "B_KEY": MASK}) == (1, {"A_KEY": "one", "B_KEY": "two"}), "the same value again"
    assert put({"A_KEY": "new", "B_KEY": MASK}) == (2, {"A_KEY": "new", "B_KEY": "two"})
    assert put({"A_KEY": MASK}) == (3, {"A_KEY": "new"})
    refused = api.call("PUT", BLUE, body(api, environmentVariables={"C_KEY": MASK}))
    assert refused.json()["error"]["target"] == "properties.environmentVariables.C_KEY"
    assert put({"A_KEY": "${{azureml://connections/c/credentials/key}}"}) == (4, {})


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({**FLOW, "flow.dag.yaml": "nodes: [\n  - name: a"}, "flow.dag.yaml:"),
        ({"flow.dag.yaml": FLOW["flow.dag.yaml"]}, "say.py"),
        ({**FLOW, "flow.dag.yaml": FLOW["flow.dag.yaml"].replace("${say.output}", "${sya.output}")}, "sya"),
        ({"readme.md": "no flow"}, "flow.dag.yaml"),
        ({**FLOW, "requirements.txt": "-r ../outside.txt\n"}, "outside.txt"),
        (
            {
                "flow.dag.yaml": FLOW["flow.dag.yaml"].replace(
                    "type: code\n    path: say.py", "type: package\n    tool: a.b"
                )
            },
            "no package has the tool 'a.b'",
        ),
    ],
)
def test_a_broken_flow_is_refused_before_anything_is_started(
    api: InProcessApi, files: dict[str, str], said: str
) -> None:
    register(api, "broken", "1", files)
    answer = api.call("PUT", BLUE, body(api, model=api.workspace.model("broken", "1")))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "FlowInvalid")
    assert said in answer.json()["error"]["message"]
    assert str(api.home.root) not in answer.text
    assert api.hints == 0
    assert api.call("GET", BLUE).status_code == 404


def test_a_foreign_image_is_refused_and_a_runtime_image_is_not(api: InProcessApi) -> None:
    yaml = FLOW["flow.dag.yaml"]
    for version, image in (("1", "python:3.11"), ("2", "mcr.microsoft.com/azureml/promptflow/promptflow-runtime:42")):
        register(api, "image", version, {**FLOW, "flow.dag.yaml": f"{yaml}environment:\n  image: {image}\n"})
    refused = api.call("PUT", BLUE, body(api, model=api.workspace.model("image", "1")))
    assert (refused.status_code, refused.json()["error"]["target"]) == (400, "environment.image")
    assert "requirements.txt" in refused.json()["error"]["message"]
    assert api.call("PUT", BLUE, body(api, model=api.workspace.model("image", "2"))).status_code == 201


def test_a_model_whose_files_are_lost_says_so(api: InProcessApi) -> None:
    with api.store.reading() as tx:
        record = tx.get(Kind.MODEL_VERSION, api.workspace.model("m", "1"))
    place = api.home.models / record.spec.content_hash
    place.rename(api.home.models / ("0" * 64))
    answer = api.call("PUT", BLUE, body(api))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ArtifactMissing")


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ({"model": None}, "properties.model"),
        ({"model": "{ws}/models/m/versions/9"}, "properties.model"),
        ({"environmentId": "{ws}/environments/other/versions/1"}, "properties.environmentId"),
        ({"requestSettings": {"requestTimeout": "PT301S"}}, "properties.requestSettings.requestTimeout"),
        ({"requestSettings": {"requestTimeout": "soon"}}, "properties.requestSettings.requestTimeout"),
        ({"livenessProbe": {"failureThreshold": 0}}, "properties.livenessProbe.failureThreshold"),
        ({"instanceType": "Standard F4"}, "properties.instanceType"),
        ({"endpointComputeType": "Kubernetes"}, "properties.endpointComputeType"),
        ({"environmentVariables": {"A=B": "x"}}, "properties.environmentVariables.A=B"),
        ({"environmentVariables": ["A"]}, "properties.environmentVariables"),
    ],
)
def test_bad_deployments_are_refused_by_field(api: InProcessApi, given: dict[str, Any], target: str) -> None:
    filled = {
        name: value.replace("{ws}", api.workspace.path) if isinstance(value, str) else value
        for name, value in given.items()
    }
    answer = api.call("PUT", BLUE, body(api, **filled))
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["target"] == target
    assert api.hints == 0


@pytest.mark.parametrize("capacity", [0, 51, -1])
def test_the_instance_count_is_bounded(api: InProcessApi, capacity: int) -> None:
    answer = api.call("PUT", BLUE, body(api, {"name": "Default", "capacity": capacity}))
    assert (answer.status_code, answer.json()["error"]["target"]) == (400, "sku.capacity")


def test_names_and_parents_are_checked(api: InProcessApi) -> None:
    bad = api.call("PUT", "onlineEndpoints/foo/deployments/b", body(api))
    assert (bad.status_code, bad.json()["error"]["code"]) == (400, "InvalidName")
    orphan = api.call("PUT", "onlineEndpoints/gone/deployments/blue", body(api))
    assert (orphan.status_code, orphan.json()["error"]["code"]) == (404, "ResourceNotFound")


def test_an_endpoint_has_twenty_deployments_at_most(api: InProcessApi) -> None:
    for n in range(20):
        assert api.call("PUT", f"onlineEndpoints/foo/deployments/blue-{n}", body(api)).status_code == 201
    full = api.call("PUT", "onlineEndpoints/foo/deployments/one-more", body(api))
    assert full.status_code == 400
    assert "20" in full.json()["error"]["message"]
    assert api.call("PUT", "onlineEndpoints/foo/deployments/blue-0", body(api)).status_code == 200


def test_the_quota_counts_the_upgrade_reserve(tmp_path: Path) -> None:
    """Ten instances of four cores take 48; eleven would take 56."""
    with InProcessApi(tmp_path, settings=ServerSettings(quota_cores=48)) as api:
        register(api, "m", "1", FLOW)
        api.call("PUT", "onlineEndpoints/foo", {"properties": {}})
        eleven = api.call("PUT", BLUE, body(api, {"capacity": 11}, instanceType="Standard_DS3_v2"))
        assert (eleven.status_code, eleven.json()["error"]["code"]) == (400, "OutOfQuota")
        assert "56" in eleven.json()["error"]["message"]
        assert api.call("PUT", BLUE, body(api, {"capacity": 10}, instanceType="Standard_DS3_v2")).status_code == 201
        assert api.call("PUT", BLUE, body(api, {"capacity": 9}, instanceType="Standard_DS3_v2")).status_code == 200
        other = api.call("PUT", "onlineEndpoints/foo/deployments/green", body(api))
        assert (other.status_code, other.json()["error"]["code"]) == (400, "OutOfQuota")
        assert "44 of the workspace's 48 are taken" in other.json()["error"]["message"]


def traffic(api: InProcessApi, split: dict[str, int], mirror: dict[str, int] | None = None) -> httpx.Response:
    given = {"traffic": split, "mirrorTraffic": mirror or {}}
    return api.call("PUT", "onlineEndpoints/foo", {"properties": given})


def test_traffic_names_deployments_that_exist(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/foo/deployments/Blue", body(api))
    api.call("PUT", "onlineEndpoints/foo/deployments/green", body(api))
    # The SDK lower-cases the names and drops zeros.
    answer = traffic(api, {"blue": 100, "green": 0}, {"green": 10})
    assert answer.json()["properties"]["traffic"] == {"Blue": 100}
    assert answer.json()["properties"]["mirrorTraffic"] == {"green": 10}
    assert traffic(api, {"blue": 50}).status_code == 400
    assert traffic(api, {"blue": 100}, {"blue": 10}).status_code == 400
    kept = api.call("PUT", "onlineEndpoints/foo", {"properties": {"description": "says nothing of traffic"}})
    assert kept.json()["properties"]["traffic"] == {"Blue": 100}
    api.settle()
    traffic(api, {"blue": 100})
    assert api.call("DELETE", "onlineEndpoints/foo/deployments/green").status_code == 202
    assert traffic(api, {"green": 100}).status_code == 400, "it is being deleted"


def test_a_deployment_with_traffic_is_not_deleted(api: InProcessApi) -> None:
    api.call("PUT", BLUE, body(api))
    api.call("PUT", "onlineEndpoints/foo/deployments/green", body(api))
    traffic(api, {"blue": 100}, {"green": 10})
    api.settle()
    for name in ("blue", "green"):
        refused = api.call("DELETE", f"onlineEndpoints/foo/deployments/{name}")
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "DeploymentHasTraffic")
    traffic(api, {})
    deleted = api.call("DELETE", BLUE)
    assert (deleted.status_code, deleted.content) == (202, b"")
    assert api.call("GET", BLUE).json()["properties"]["provisioningState"] == "Deleting"
    api.settle()
    assert api.call("GET", path_of(deleted.headers["Azure-AsyncOperation"])).json()["status"] == "Succeeded"
    assert api.call("DELETE", BLUE).status_code == 204


def test_deleting_the_endpoint_deletes_all_whatever_the_traffic(api: InProcessApi) -> None:
    api.call("PUT", BLUE, body(api, environmentVariables={"A_KEY": "hunter2"}))
    traffic(api, {"blue": 100})
    assert api.call("DELETE", "onlineEndpoints/foo").status_code == 202
    assert api.call("GET", BLUE).json()["properties"]["provisioningState"] == "Deleting"
    assert api.call("PUT", BLUE, body(api)).status_code == 409
    assert api.call("PUT", "onlineEndpoints/foo/deployments/new", body(api)).status_code == 409
    api.settle()
    assert api.call("GET", BLUE).status_code == 404
    with api.store.reading() as tx:
        assert tx.list(Kind.DEPLOYMENT) == []


def test_a_failed_deployment_stays_readable(api: InProcessApi) -> None:
    created = api.call("PUT", BLUE, body(api))
    error = {"code": "ImageBuildFailure", "message": "no such package"}
    api.settle(
        ProvisioningState.FAILED,
        error=error,
        conditions=(Condition("EnvironmentBuilt", False, "BuildFailed", "no such package", "2026-01-01T00:00:00Z"),),
    )
    shown = api.call("GET", BLUE).json()["properties"]
    assert (shown["provisioningState"], shown["provisioningError"]) == ("Failed", error)
    assert shown["conditions"] == [
        {
            "type": "EnvironmentBuilt",
            "status": False,
            "reason": "BuildFailed",
            "message": "no such package",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ]
    polled = api.call("GET", path_of(created.headers["Azure-AsyncOperation"])).json()
    assert (polled["status"], polled["error"]) == ("Failed", error)
    again = api.call("PUT", BLUE, body(api))
    assert api.call("GET", path_of(again.headers["Azure-AsyncOperation"])).json()["status"] == "InProgress"


def test_an_operation_shows_its_phases(api: InProcessApi) -> None:
    created = api.call("PUT", BLUE, body(api))
    with api.store.transaction() as tx:
        running = tx.running_operation(api.workspace.deployment("foo", "blue"))
        assert running is not None
        tx.update_operation(running.id, "InstancesStarted", {"EnvironmentBuilt": 1.25})
    polled = api.call("GET", path_of(created.headers["Azure-AsyncOperation"])).json()
    assert polled["properties"] == {"phase": "InstancesStarted", "phaseTimes": {"EnvironmentBuilt": 1.25}}
    assert polled["resourceId"] == api.workspace.deployment("foo", "blue")
    unknown = api.call("GET", path_of(created.headers["Azure-AsyncOperation"])[:-4] + "0000")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "ResourceNotFound")


def test_scaling_by_patch(api: InProcessApi) -> None:
    api.call("PUT", BLUE, body(api, environmentVariables={"A_KEY": "hunter2"}))
    api.settle()
    patched = api.call("PATCH", BLUE, {"sku": {"capacity": 2}, "tags": {"a": "b"}})
    assert (patched.status_code, patched.json()["sku"]["capacity"], patched.json()["tags"]) == (200, 2, {"a": "b"})
    with api.store.reading() as tx:
        id = api.workspace.deployment("foo", "blue")
        assert tx.secrets(id) == {"environment_variables.A_KEY": "hunter2"}
    assert api.call("PATCH", BLUE, {"sku": {"capacity": 99}}).json()["error"]["target"] == "sku.capacity"


def test_logs_are_shown(api: InProcessApi) -> None:
    api.call("PUT", BLUE, body(api))
    assert api.call("POST", BLUE + "/getLogs").json() == {"content": ""}
    folder = api.home.logs / "endpoints" / "foo" / "blue"
    folder.mkdir(parents=True)
    (folder / "i1.log").write_text("".join(f"line {n}\n" for n in range(10)))
    (folder / "storage-initializer.log").write_text("resolved\n")
    assert api.call("POST", BLUE + "/getlogs", {"containerType": "InferenceServer", "tail": 2}).json() == {
        "content": "line 8\nline 9\n"
    }
    assert (
        api.call("POST", BLUE + "/getLogs", {"containerType": "StorageInitializer"}).json()["content"] == "resolved\n"
    )
    for bad in ({"tail": 0}, {"tail": 5001}, {"containerType": "Other"}):
        assert api.call("POST", BLUE + "/getLogs", bad).status_code == 400
    assert api.call("POST", "onlineEndpoints/foo/deployments/gone/getLogs").status_code == 404


def test_deployments_are_listed(api: InProcessApi) -> None:
    assert api.call("GET", "onlineEndpoints/FOO/deployments").json() == {"value": []}
    for name in ("blue", "green"):
        api.call("PUT", f"onlineEndpoints/foo/deployments/{name}", body(api))
    page = api.call("GET", "onlineEndpoints/foo/deployments?count=1").json()
    assert [item["name"] for item in page["value"]] == ["blue"]
    assert [item["name"] for item in api.call("GET", path_of(page["nextLink"])).json()["value"]] == ["green"]


def test_code_that_is_named_must_be_there_and_is_kept(api: InProcessApi) -> None:
    uri = api.upload({"score.py": "def run(x): ..."}, place="LocalUpload/code/src")
    code = api.call("PUT", "codes/script/versions/1", {"properties": {"codeUri": uri}}).json()["id"]
    configuration = {"codeId": code, "scoringScript": "score.py"}
    made = api.call("PUT", BLUE, body(api, codeConfiguration=configuration))
    assert (made.status_code, made.json()["properties"]["codeConfiguration"]) == (201, configuration)
    assert api.call("PUT", BLUE, body(api, codeConfiguration={"scoringScript": "score.py"})).status_code == 200
    elsewhere = "/subscriptions/a/codes/script/versions/1"
    for wrong in ("script", "", f"{code}0", code.replace("/codes/", "/models/"), elsewhere):
        refused = api.call("PUT", BLUE, body(api, codeConfiguration={"codeId": wrong}))
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadArgument"), wrong
        assert refused.json()["error"]["target"] == "properties.codeConfiguration.codeId"


def test_without_automatic_scaling_no_setting_for_it_is_refused(api: InProcessApi) -> None:
    for kept in ({"scaleType": "Default"}, {"scaleType": "default"}, {}, None):
        assert api.call("PUT", BLUE, body(api, scaleSettings=kept)).status_code in (200, 201)


def test_deployments_are_filtered_by_tags_and_properties(api: InProcessApi) -> None:
    for name, tag in (("blue", "old"), ("green", "new")):
        wanted = {**body(api, properties={"colour": name}), "tags": {"age": tag}}
        assert api.call("PUT", f"onlineEndpoints/foo/deployments/{name}", wanted).status_code == 201

    def names(query: str) -> list[str]:
        found = api.call("GET", f"onlineEndpoints/foo/deployments?{query}").json()["value"]
        return [each["name"] for each in found]

    assert names("tags=age") == ["blue", "green"]
    assert names("tags=age%3Dnew") == names("properties=colour%3Dgreen") == names("name=green") == ["green"]


def test_the_flow_of_an_accepted_deployment_is_known_to_the_reconciler(api: InProcessApi) -> None:
    """All endpoints wait while its thread parses."""
    assert api.call("PUT", BLUE, body(api)).status_code == 201
    with api.store.reading() as tx:
        content = tx.get(Kind.MODEL_VERSION, api.workspace.model("m", "1")).spec.content_hash
    assert [each.stem for each in api.home.flow_sources.iterdir()] == [content]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("levels", [101, 300, 900])
def test_what_is_nested_too_deeply_is_refused_and_hides_nothing(api: InProcessApi, method: str, levels: int) -> None:
    api.call("PUT", BLUE, body(api))
    deep: Any = 1
    for _ in range(levels):
        deep = {"a": deep}
    answer = api.call(method, BLUE, body(api, ours=deep))
    assert answer.status_code == 400, answer.text
    assert "nested more than 100 levels deep" in answer.json()["error"]["message"]
    for path in ("auditRecords", "onlineEndpoints/foo/deployments"):
        assert api.call("GET", path).status_code == 200
