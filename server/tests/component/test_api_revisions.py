"""The revisions of a deployment over REST: listed with what has changed, gone back to, and not collected."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowstead.engines.protocol import InstanceState, ObservedInstance
from flowstead.environments.protocol import EnvironmentRequest
from flowstead.environments.uv_environments import UvEnvironments
from flowstead.resources.clock import SystemClock
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.home import Home
from flowstead.store.records import DeploymentRecord, Kind, Revision
from flowstead.testing.in_process_api import InProcessApi

BLUE = "onlineEndpoints/chat/deployments/blue"
FLOW = "inputs: {}\noutputs: {}\nnodes: []\n"
LLM = {"category": "OpenAI", "authType": "ApiKey", "target": "https://api.openai.test"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    home = Home(tmp_path)
    home.create()
    environments = UvEnvironments(home)
    with InProcessApi(tmp_path, environments=environments) as api:
        api.call("PUT", "onlineEndpoints/chat", {"properties": {"authMode": "Key"}})
        yield api
    environments.close()


def model(api: InProcessApi, version: str, text: str = "") -> str:
    uri = api.upload({"flow.dag.yaml": FLOW, "said.txt": text or version}, place=f"LocalUpload/{version}{text}/flow")
    answer = api.call("PUT", f"models/flow/versions/{version}", {"properties": {"modelUri": uri}})
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


def deploy(api: InProcessApi, model: str, *, capacity: int = 1, **properties: Any) -> None:
    body = {"sku": {"capacity": capacity}, "properties": {"model": model, **properties}}
    answer = api.call("PUT", BLUE, body)
    assert answer.is_success, answer.text


def record_of(api: InProcessApi) -> DeploymentRecord:
    with api.store.reading() as tx:
        return tx.get(Kind.DEPLOYMENT, api.workspace.deployment("chat", "blue"))


def reconcile(api: InProcessApi, name: str, *, error: str = "") -> None:
    """As the reconciler does when what is wanted now has been brought up, or could not be. name: of the revision."""
    with api.store.transaction() as tx:
        record = tx.get(Kind.DEPLOYMENT, api.workspace.deployment("chat", "blue"))
        model = tx.get(Kind.MODEL_VERSION, record.spec.model)
        revision = Revision(name, record.spec, model.spec.content_hash, tx.instance_secrets(record))
        status = replace(record.status, revision=name, provisioning_state=ProvisioningState.SUCCEEDED)
        tx.revisions.begin(record, revision)
        if error:
            tx.revisions.fail(record, name, {"code": "FlowInvalid", "message": error})
            status = replace(status, provisioning_state=ProvisioningState.FAILED)
        else:
            status = replace(status, serving_revision=name)
            tx.keep_revision(record.id, revision)
        tx.put_status(record.id, status, generation=record.generation)


def revisions(api: InProcessApi) -> list[dict[str, Any]]:
    answer = api.call("GET", f"{BLUE}/revisions")
    assert answer.status_code == 200, answer.text
    assert "hunter" not in answer.text
    return [{"name": each["name"], **each["properties"]} for each in answer.json()["value"]]


def roll_back(api: InProcessApi, revision: int | str | None = None, **options: Any) -> dict[str, Any]:
    answer = api.call("POST", f"{BLUE}/rollback", {"revision": revision} if revision else None, **options)
    return {"status": answer.status_code, "headers": answer.headers, **(answer.json() if answer.content else {})}


def test_each_change_is_a_revision_with_its_number_and_what_it_changed(api: InProcessApi) -> None:
    deploy(api, model(api, "1"), environmentVariables={"API_KEY": "hunter1"})
    assert revisions(api) == []
    reconcile(api, "a")
    deploy(api, model(api, "2"), environmentVariables={"API_KEY": "hunter2", "A": "1"})
    reconcile(api, "b", error="It is not valid.")
    deploy(
        api, model(api, "2"), environmentVariables={"API_KEY": "hunter2"}, requestSettings={"requestTimeout": "PT9S"}
    )
    newest = record_of(api)
    with api.store.transaction() as tx:
        tx.revisions.begin(newest, Revision("c", newest.spec, "0" * 64, {}))
        status = replace(newest.status, revision="c", provisioning_state=ProvisioningState.UPDATING)
        tx.put_status(newest.id, status, generation=newest.generation)
    third, second, first = revisions(api)
    assert [each["number"] for each in (first, second, third)] == [1, 2, 3]
    assert [each["name"] for each in (first, second, third)] == ["a", "b", "c"]
    assert [each["state"] for each in (first, second, third)] == ["Serving", "Failed", "Target"]
    assert second["error"] == {"code": "FlowInvalid", "message": "It is not valid."}
    assert first["changes"] == []
    changed = {each["field"]: (each["before"], each["after"]) for each in second["changes"]}
    assert changed.pop("model")[1].endswith("/models/flow/versions/2")
    assert changed == {"environmentVariables.A": (None, "1"), "environmentVariables.API_KEY": ("********", "********")}
    assert third["requestSettings"]["requestTimeout"] == "PT9S"
    assert {each["field"] for each in third["changes"]} == {"environmentVariables.A", "requestSettings.requestTimeout"}
    assert (first["createdBy"], first["createdAt"] < third["createdAt"]) == ("owner", True)
    deploy(api, model(api, "1"), environmentVariables={"API_KEY": "hunter1"})
    reconcile(api, "a")
    assert [(each["number"], each["name"], each["state"]) for each in revisions(api)] == [
        (4, "a", "Serving"), (3, "c", "Superseded"), (2, "b", "Failed"), (1, "a", "Superseded"),
    ]  # fmt: skip


def test_a_change_of_the_number_of_instances_is_no_revision(api: InProcessApi) -> None:
    deploy(api, model(api, "1"))
    reconcile(api, "a")
    deploy(api, model(api, "1"), capacity=3)
    reconcile(api, "a")
    deploy(api, model(api, "1"), capacity=3, readinessProbe={"initialDelay": "PT5S"})
    reconcile(api, "a")
    assert [(each["number"], each["instanceCount"], each["state"]) for each in revisions(api)] == [
        (2, 3, "Serving"), (1, 3, "Superseded"),
    ]  # fmt: skip


def test_a_rollback_brings_back_what_a_revision_was_made_of_and_nothing_else(api: InProcessApi) -> None:
    first, second = model(api, "1"), model(api, "2")
    kept = {"API_KEY": "hunter1", "A": "1"}
    deploy(api, first, environmentVariables=kept, instanceType="Standard_F2s_v2", tags={"a": "b"})
    reconcile(api, "a")
    deploy(
        api, second, capacity=3, environmentVariables={"OTHER_SECRET_KEY": "hunter2"}, description="new",
        livenessProbe={"initialDelay": "PT5S"}, requestSettings={"requestTimeout": "PT9S"},
    )  # fmt: skip
    reconcile(api, "b")
    before = record_of(api)
    answer = roll_back(api)
    assert answer["status"] == 202
    assert "Azure-AsyncOperation" in answer["headers"] and "Location" in answer["headers"]
    after = record_of(api)
    assert after.generation == before.generation + 1
    assert (after.spec.model, after.spec.instance_type) == (first, "Standard_F2s_v2")
    assert (after.spec.liveness_probe.initial_delay_s, after.spec.request_settings.request_timeout_s) == (10, 90)
    assert (after.spec.instance_count, after.spec.description) == (3, "new")
    assert dict(after.spec.environment_variables) == {"A": "1"}
    with api.store.reading() as tx:
        assert tx.secrets(after.id) == {"environment_variables.API_KEY": "hunter1"}
        [audited, *_] = [each for each in tx.audit(after.id) if each.action == "update"]
    assert audited.detail == "roll-back to revision 1, a"
    reconcile(api, "a")
    assert [(each["number"], each["name"]) for each in revisions(api)] == [(3, "a"), (2, "b"), (1, "a")]
    roll_back(api)
    assert record_of(api).spec.model == second, "the one that served before that"


def sleeping(idle: str) -> dict[str, Any]:
    return {"scaleType": "TargetUtilization", "minInstances": 0, "maxInstances": 1, "idleTime": idle}


def test_another_idle_time_is_told_by_its_name_and_stays_at_a_rollback(api: InProcessApi) -> None:
    first, second = model(api, "1"), model(api, "2")
    deploy(api, first)
    reconcile(api, "a")
    deploy(api, second)
    reconcile(api, "b")
    deploy(api, second, scaleSettings=sleeping("PT5M"))
    reconcile(api, "c")
    deploy(api, second, scaleSettings=sleeping("PT10S"))
    reconcile(api, "d")
    newest, slept, *_ = revisions(api)
    assert slept["changes"] == [{"field": "scaleSettings.idleTime", "before": None, "after": "PT5M"}]
    assert newest["changes"] == [{"field": "scaleSettings.idleTime", "before": "PT5M", "after": "PT10S"}]
    assert roll_back(api)["status"] == 202
    assert record_of(api).spec.model == first, "the last that was made of something else"
    assert record_of(api).spec.idle_s == 10


@pytest.mark.parametrize("revision", [2, "2", "b"])
def test_a_revision_is_named_by_number_or_name(api: InProcessApi, revision: int | str) -> None:
    models = [model(api, version) for version in "123"]
    for name, each in zip("abc", models, strict=True):
        deploy(api, each)
        reconcile(api, name)
    assert roll_back(api, revision)["status"] == 202
    assert record_of(api).spec.model == models[1]


def test_a_rollback_right_after_a_change_goes_to_what_serves(api: InProcessApi) -> None:
    models = [model(api, version) for version in "123"]
    for name, each in zip("ab", models, strict=False):
        deploy(api, each)
        reconcile(api, name)
    deploy(api, models[2])
    assert roll_back(api)["status"] == 202
    assert record_of(api).spec.model == models[1]
    assert roll_back(api)["status"] == 202
    assert record_of(api).spec.model == models[0], "the one before, though nobody has looked meanwhile"


def test_a_rollback_right_after_a_change_of_the_number_goes_to_what_served_before(api: InProcessApi) -> None:
    models = [model(api, version) for version in "12"]
    for name, each in zip("ab", models, strict=True):
        deploy(api, each)
        reconcile(api, name)
    deploy(api, models[1], capacity=3)
    assert roll_back(api)["status"] == 202
    assert record_of(api).spec.model == models[0]


def test_after_a_failure_the_rollback_goes_to_what_serves(api: InProcessApi) -> None:
    first = model(api, "1")
    deploy(api, first)
    reconcile(api, "a")
    deploy(api, model(api, "2"))
    reconcile(api, "b", error="no")
    assert roll_back(api)["status"] == 202
    assert record_of(api).spec.model == first


def test_what_cannot_be_gone_back_to_is_refused_and_nothing_is_changed(api: InProcessApi) -> None:
    deploy(api, model(api, "1"))
    refused = roll_back(api)
    assert (refused["status"], refused["error"]["code"]) == (409, "NothingToGoBackTo")
    reconcile(api, "a")
    assert roll_back(api)["error"]["code"] == "NothingToGoBackTo"
    refused = roll_back(api, 7)
    assert (refused["status"], refused["error"]["code"]) == (404, "RevisionNotFound")
    assert "has the revisions 1." in refused["error"]["message"]
    assert roll_back(api, "nope")["error"]["code"] == "RevisionNotFound"
    deploy(api, model(api, "2"))
    reconcile(api, "b")
    assert api.call("DELETE", "models/flow/versions/1").is_success
    refused = roll_back(api, 1)
    assert (refused["status"], refused["error"]["code"]) == (409, "RevisionFilesGone")
    assert "flow:1, which has been deleted" in refused["error"]["message"]
    model(api, "1", "other")
    assert "has other files by now" in roll_back(api)["error"]["message"]
    assert roll_back(api, 2, headers={"If-Match": '"other"'})["status"] == 412
    assert roll_back(api, token=api.token(api.stranger()))["status"] == 403
    assert record_of(api).generation == 2
    assert api.call("POST", "onlineEndpoints/chat/deployments/no/rollback").status_code == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"revison": 1}, "revison: "),
        ({"revision": True}, "revision: neither the number of a revision, from 1, nor its name."),
        ({"revision": 1.5}, "revision: neither the number"),
        ({"revision": 0}, "revision: neither the number"),
        ({"revision": ""}, "revision: neither the number"),
        ({"revision": {"number": 1}}, "revision: neither the number"),
    ],
)
def test_a_rollback_to_what_is_no_revision_is_refused(api: InProcessApi, body: Any, said: str) -> None:
    deploy(api, model(api, "1"))
    reconcile(api, "a")
    deploy(api, model(api, "2"))
    reconcile(api, "b")
    refused = api.call("POST", f"{BLUE}/rollback", body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadArgument")
    assert refused.json()["error"]["message"].startswith(said), refused.text
    assert record_of(api).generation == 2


def test_connections_come_back_as_they_were_until_something_is_changed(api: InProcessApi) -> None:
    def connect(key: str) -> None:
        body = {"properties": {**LLM, "credentials": {"key": key}}}
        assert api.call("PUT", "connections/llm", body).is_success

    def key_of_instances() -> str:
        with api.store.reading() as tx:
            [document] = tx.instance_secrets(record_of(api)).values()
        return next(key for key in ("hunter1", "hunter2", "hunter3") if key in document)

    reference = {"OPENAI": "${{azureml://connections/llm/credentials/key}}"}
    connect("hunter1")
    deploy(api, model(api, "1"), environmentVariables=reference)
    reconcile(api, "a")
    connect("hunter2")
    reconcile(api, "b")
    [changed] = revisions(api)[0]["changes"]
    assert changed["field"] == "connections.llm"
    roll_back(api)
    assert key_of_instances() == "hunter1"
    reconcile(api, "a")
    connect("hunter3")
    assert key_of_instances() == "hunter3"
    reconcile(api, "c")
    roll_back(api, 1)
    assert key_of_instances() == "hunter1"
    deploy(api, model(api, "1"), environmentVariables=reference, capacity=3)
    assert key_of_instances() == "hunter1", "another number is no other revision"
    before = record_of(api)
    deploy(api, model(api, "1"), environmentVariables=reference, capacity=3)
    assert (key_of_instances(), record_of(api).generation) == ("hunter3", before.generation + 1)


def test_what_kept_revisions_need_is_not_collected_until_they_are_forgotten(
    api: InProcessApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowstead.store.revisions.KEPT_REVISIONS", 2)
    content, environment = [], []
    for version, name in zip("123", "abc", strict=True):
        uri = api.upload({"flow.dag.yaml": FLOW, "requirements.txt": version}, place=f"LocalUpload/{version}/flow")
        made = api.call("PUT", f"models/flow/versions/{version}", {"properties": {"modelUri": uri}}).json()
        content.append(made["properties"]["contentHash"])
        environments: Any = api.environments
        environment.append(environments.key(EnvironmentRequest(version)))
        _old_environment(api.home, environment[-1])
        deploy(api, made["id"])
        reconcile(api, name)
        if name != "c":
            continue
        for gone in "12":
            assert api.call("DELETE", f"models/flow/versions/{gone}").is_success
    assert [each["name"] for each in revisions(api)] == ["c", "b"]
    instance = ObservedInstance(
        id="i", endpoint="chat", deployment="blue", deployment_uid="u", revision="r", state=InstanceState.READY,
        address="", health_address="", log=Path("x"),
    )  # fmt: skip
    api.instances.post([instance])
    api.instances.post([instance])
    removed = [(each["kind"], each["name"]) for each in api.call("POST", "garbageCollection").json()["value"]]
    assert removed == [("content", content[0]), ("environment", environment[0])]


def _old_environment(home: Home, key: str) -> None:
    folder = home.environments / key
    (folder / "venv").mkdir(parents=True)
    long_ago = SystemClock().now().timestamp() - 3 * 24 * 3600
    for each in (folder / "venv", folder):
        os.utime(each, (long_ago, long_ago))


def test_the_last_ten_are_kept_and_the_one_that_serves(api: InProcessApi) -> None:
    deploy(api, model(api, "1"))
    reconcile(api, "serving")
    for number in range(2, 15):
        deploy(api, model(api, "1"), environmentVariables={"N": str(number)})
        reconcile(api, f"failed{number}", error="no")
    found = revisions(api)
    assert [each["number"] for each in found] == [*range(14, 4, -1), 1]
    assert found[-1]["state"] == "Serving"


def test_of_a_stopped_deployment_the_newest_is_what_a_start_would_run(api: InProcessApi) -> None:
    deploy(api, model(api, "1"))
    reconcile(api, "a")
    assert api.call("POST", f"{BLUE}/stop").is_success
    with api.store.transaction() as tx:
        record = tx.get(Kind.DEPLOYMENT, api.workspace.deployment("chat", "blue"))
        tx.put_status(record.id, replace(record.status, serving_revision=None), generation=record.generation)
    assert [(each["number"], each["state"]) for each in revisions(api)] == [(1, "Target")]
