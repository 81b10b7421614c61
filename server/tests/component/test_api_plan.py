"""A plan says what the PUTs would do, by their own checks, and does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowstead.api.application import ROUTERS
from flowstead.api.rehearsing import PLANNED, PlannedRoutes
from flowstead.resources.built_in_roles import READER, SECRETS_READER
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.settings import ServerSettings
from flowstead.store.records import Kind, Revision
from flowstead.store.schema import metadata
from flowstead.testing.in_process_api import InProcessApi

ENDPOINT = {"properties": {"authMode": "Key"}}
CONNECTION = {"properties": {"category": "ApiKey", "authType": "ApiKey", "target": "-", "credentials": {"key": "k"}}}
UPLOAD = "azureml://datastores/workspaceblobstore/paths/LocalUpload/aa/flow"
FLOW = "inputs: {}\noutputs: {}\nnodes: []\n"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path, settings=ServerSettings(quota_cores=40)) as api:
        yield api


def model(api: InProcessApi) -> str:
    uri = api.upload({"flow.dag.yaml": FLOW})
    answer = api.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": uri}})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def deployment(model: str, count: int = 1, **variables: str) -> dict[str, Any]:
    return {"sku": {"capacity": count}, "properties": {"model": model, "environmentVariables": variables}}


def planned(
    api: InProcessApi, *resources: tuple[str, dict[str, Any]], pending: bool = False, **options: Any
) -> dict[str, Any]:
    body = {"resources": [{"id": id, "body": body, "filesPending": pending} for id, body in resources]}
    answer = api.call("POST", "plan", body, **options)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def everything(api: InProcessApi) -> Any:
    """All rows, and all files beside the database."""
    with api.store.reading() as tx:
        tables = metadata.sorted_tables
        rows = {table.name: tx.connection.execute(table.select()).all() for table in tables}
    files = sorted(str(path) for path in api.home.root.rglob("*") if "flowstead.db" not in path.name)
    return rows, files, api.hints


def test_all_that_a_deployment_takes_is_planned_in_one_go_and_nothing_is_done(api: InProcessApi) -> None:
    before = everything(api)
    plan = planned(
        api,
        ("onlineEndpoints/chat", ENDPOINT),
        ("models/flow/versions/1", {"properties": {"modelUri": UPLOAD}}),
        ("onlineEndpoints/chat/deployments/blue", deployment(api.workspace.model("flow", "1"), 5)),
        ("onlineEndpoints/chat", {"properties": {"authMode": "Key", "traffic": {"blue": 100}}}),
        pending=True,
    )
    assert everything(api) == before
    assert plan["accepted"]
    assert [each["action"] for each in plan["resources"]] == ["create", "create", "create", "overwrite"]
    assert plan["resources"][3]["changes"] == [{"field": "properties.traffic.blue", "before": None, "after": 100}]
    assert plan["resources"][1]["notChecked"]
    assert "not checked" in plan["resources"][2]["notChecked"][0]
    assert plan["quota"] == {"unit": "cores", "limit": 40, "taken": 0, "takenAfter": 24, "left": 16}


def test_what_is_there_is_told_field_by_field(api: InProcessApi) -> None:
    id = model(api)
    api.call("PUT", "onlineEndpoints/chat", ENDPOINT)
    body = deployment(id, a="1", password="hunter2-first")
    api.call("PUT", "onlineEndpoints/chat/deployments/blue", body)
    api.settle()
    path = "onlineendpoints/Chat/deployments/BLUE"
    [same] = planned(api, (path, body))["resources"]
    assert (same["action"], same["changes"]) == ("unchanged", [])
    [more] = planned(api, (path, deployment(id, 2, a="2", password="hunter2-first")))["resources"]
    assert more["action"] == "overwrite"
    assert more["changes"] == [
        {"field": "sku.capacity", "before": 1, "after": 2},
        {"field": "properties.environmentVariables.a", "before": "1", "after": "2"},
    ]
    other = planned(api, (path, deployment(id, a="1", password="hunter2-second")))
    assert (other["resources"][0]["action"], other["resources"][0]["secretsOrRetry"]) == ("overwrite", True)
    assert "hunter2" not in repr(other)


def test_a_smaller_size_takes_less_when_it_is_done(api: InProcessApi) -> None:
    id, path = model(api), "onlineEndpoints/chat/deployments/blue"
    api.call("PUT", "onlineEndpoints/chat", ENDPOINT)
    api.call("PUT", path, deployment(id, 3))
    with api.store.transaction() as tx:
        record = tx.get(Kind.DEPLOYMENT, api.workspace.deployment("chat", "blue"))
        tx.keep_revision(record.id, Revision("a", record.spec, "0" * 64, {}))
        status = replace(record.status, serving_revision="a", provisioning_state=ProvisioningState.SUCCEEDED)
        tx.put_status(record.id, status, generation=record.generation)
    assert planned(api, (path, deployment(id, 1)))["quota"] == {
        "unit": "cores", "limit": 40, "taken": 16, "takenAfter": 8, "left": 32,
    }  # fmt: skip


def test_files_that_are_neither_there_nor_to_come_are_missed(api: InProcessApi) -> None:
    [item] = planned(api, ("models/flow/versions/1", {"properties": {"modelUri": UPLOAD}}))["resources"]
    assert item["refusal"]["message"] == "Nothing was uploaded there."
    api.upload({"flow.dag.yaml": FLOW})
    [item] = planned(api, ("models/flow/versions/1", {"properties": {"modelUri": UPLOAD}}))["resources"]
    assert (item["action"], "notChecked" in item) == ("create", False)


def test_a_refusal_is_the_one_that_the_put_would_get(api: InProcessApi) -> None:
    id = model(api)
    api.call("PUT", "onlineEndpoints/chat", ENDPOINT)
    for path, body in (
        ("onlineEndpoints/chat/deployments/blue", deployment(id, 30)),
        ("onlineEndpoints/chat/deployments/blue", deployment(api.workspace.model("flow", "9"))),
        ("onlineEndpoints/chat/deployments/blue", {"properties": {"model": id, "instanceType": "Huge"}}),
        ("onlineEndpoints/chat/deployments/blue", {"sku": {"capacity": "many"}, "properties": {}}),
        ("onlineEndpoints/chat", {"properties": {"traffic": {"blue": 50}}}),
        ("onlineEndpoints/no", ENDPOINT),
        ("onlineEndpoints/other/deployments/blue", deployment(id)),
        ("models/flow/versions/1", {"properties": {"modelUri": api.upload({"x": "y"}, place="LocalUpload/bb/flow")}}),
        ("models/flow/versions/2", {"properties": {"modelUri": "azureml://datastores/x/paths/y"}}),
    ):
        [item] = planned(api, (path, body))["resources"]
        answer = api.call("PUT", path, body)
        error = answer.json()["error"]
        refusal = item["refusal"]
        assert item["action"] == "refused"
        assert (refusal["status"], refusal["code"]) == (answer.status_code, error["code"])
        assert refusal.get("target") == error.get("target")
        assert error["message"].startswith(refusal["message"])
        assert error["message"].endswith(refusal["mend"])
        assert refusal["mend"]


def test_one_that_is_refused_leaves_the_others_as_they_would_be(api: InProcessApi) -> None:
    plan = planned(api, ("onlineEndpoints/no", ENDPOINT), ("onlineEndpoints/chat", ENDPOINT))
    assert not plan["accepted"]
    assert [each["action"] for each in plan["resources"]] == ["refused", "create"]


def test_a_reader_may_plan_and_is_told_which_grant_is_missing(api: InProcessApi) -> None:
    reader = api.granted(api.stranger(), READER)
    [item] = planned(api, ("onlineEndpoints/chat", ENDPOINT), token=api.token(reader))["resources"]
    assert (item["action"], item["refusal"]["code"]) == ("refused", "AuthorizationFailed")
    assert "workspaces/onlineEndpoints/write" in item["refusal"]["message"]
    assert f"--assignee-object-id {reader.object_id}" in item["refusal"]["mend"]
    assert item["changes"], "what it would do is told all the same"


ENFORCED = {"enforce_access_to_default_secret_stores": "enabled"}


@pytest.mark.parametrize("properties", [{"authMode": "Key", "properties": ENFORCED}, {"authMode": "bogus"}])
def test_who_may_not_do_it_is_told_that_first_as_by_the_put(api: InProcessApi, properties: dict[str, Any]) -> None:
    body = {**ENDPOINT, "properties": properties}
    reader = api.token(api.granted(api.stranger(), READER))
    [item] = planned(api, ("onlineEndpoints/chat", body), token=reader)["resources"]
    refused = api.call("PUT", "onlineEndpoints/chat", body, token=reader)
    assert refused.status_code == 403
    assert item["refusal"]["code"] == "AuthorizationFailed"
    assert refused.json()["error"]["message"] == f"{item['refusal']['message']}\n{item['refusal']['mend']}"


def test_a_plan_tells_which_role_an_endpoints_identity_lacks(api: InProcessApi) -> None:
    id = model(api)
    api.call("PUT", "onlineEndpoints/chat", ENDPOINT)
    api.call("PUT", "connections/search", CONNECTION)
    reference = "${{azureml://connections/search/credentials/key}}"
    wanted = ("onlineEndpoints/chat/deployments/blue", deployment(id, KEY=reference))
    [item] = planned(api, wanted)["resources"]
    assert (item["action"], item["refusal"]["code"]) == ("refused", "AccessDenied")
    assert "Access denied to list workspace secret 'search'" in item["refusal"]["message"]
    identity = api.call("GET", "onlineEndpoints/chat").json()["identity"]["principalId"]
    assert f"--assignee-object-id {identity}" in item["refusal"]["mend"]
    with api.store.reading() as tx:
        principal = tx.principals.by_object(identity)
    assert principal is not None
    api.granted(principal, SECRETS_READER)
    [item] = planned(api, wanted)["resources"]
    assert item["action"] == "create"


def test_an_identity_that_is_not_there_yet_is_granted_by_the_name_of_its_endpoint(api: InProcessApi) -> None:
    id = model(api)
    api.call("PUT", "connections/search", CONNECTION)
    body = deployment(id, KEY="${{azureml://connections/search/credentials/key}}")
    both = (("onlineEndpoints/chat", ENDPOINT), ("onlineEndpoints/chat/deployments/blue", body))
    refusal = planned(api, *both)["resources"][1]["refusal"]
    assert "the identity that comes with the endpoint chat lacks the role" in refusal["message"]
    assert "object id" not in refusal["message"]
    said, command = refusal["mend"].splitlines()
    assert said == "Create the endpoint first, and have an owner run this before you deploy:"
    assert command.endswith(f"--assignee chat --scope {api.workspace.path}")


def test_the_advised_scope_is_one_that_is_there(api: InProcessApi) -> None:
    stranger = api.stranger()
    here = api.workspace
    cases = {
        "onlineEndpoints/none": here.path,
        "onlineEndpoints/chat/deployments/none": f"{here.path}/onlineEndpoints/chat",
        "onlineEndpoints/chat/listKeys": f"{here.path}/onlineEndpoints/chat",
        here.identity("none"): here.group_path,
        here.registry: here.registry,
        f"{here.storage}/providers/Microsoft.Authorization/roleAssignments/a": here.storage,
        here.principal("none"): here.subscription_path,
        "/providers/Microsoft.Authorization/roleAssignments": "/",
    }
    api.call("PUT", "onlineEndpoints/chat", ENDPOINT)
    for path, scope in cases.items():
        method = "POST" if path.endswith("listKeys") else "GET"
        refused = api.call(method, path, token=api.token(stranger))
        assert refused.status_code == 403, path
        error = refused.json()["error"]
        assert error["message"].endswith(f" --scope {scope}"), path
        assert not error["target"].endswith("listKeys"), "the resource is named, not what was to be done with it"
        assert f" on {error['target']}." in error["message"]
    unsafe = api.call("GET", "onlineEndpoints/chat/deployments/a;b", token=api.token(stranger))
    assert "a;b" not in unsafe.json()["error"]["message"].rpartition("--scope")[2]


def test_a_reader_cannot_guess_a_secret_by_plans(api: InProcessApi) -> None:
    id, path = model(api), "onlineEndpoints/chat/deployments/blue"
    api.call("PUT", "onlineEndpoints/chat", ENDPOINT)
    api.call("PUT", path, deployment(id, password="hunter2-first"))
    api.settle()
    reader = api.token(api.granted(api.stranger(), READER))
    right, wrong = (
        planned(api, (path, deployment(id, password=guess)), token=reader)
        for guess in ("hunter2-first", "hunter2-other")
    )
    assert right == wrong
    assert right["resources"][0]["action"] == "refused"


def test_who_may_not_read_may_not_plan(api: InProcessApi) -> None:
    body = {"resources": [{"id": "onlineEndpoints/chat", "body": ENDPOINT}]}
    assert api.call("POST", "plan", body, token=api.token(api.stranger())).status_code == 403


@pytest.mark.parametrize("id", ["onlineEndpoints", "/x", "codes/a/versions/1", "onlineEndpoints/chat/token"])
def test_what_no_put_can_be_planned_for_is_refused(api: InProcessApi, id: str) -> None:
    [item] = planned(api, (id, {}))["resources"]
    assert (item["action"], item["refusal"]["code"]) == ("refused", "BadArgument")


@pytest.mark.parametrize("body", [{}, {"resources": []}, {"resources": [{"id": "x"}]}, {"resources": [{}] * 51}])
def test_a_plan_of_nothing_or_too_much_is_refused(api: InProcessApi, body: dict[str, Any]) -> None:
    assert api.call("POST", "plan", body).status_code == 400


def test_every_kind_that_can_be_planned_has_its_routes() -> None:
    found = {put.name for put, _ in PlannedRoutes(ROUTERS)._routes}
    assert found == set(PLANNED)


def test_connections_and_environments_can_be_planned(api: InProcessApi) -> None:
    connection = {
        "properties": {
            "category": "OpenAi",
            "target": "https://x",
            "authType": "ApiKey",
            "credentials": {"key": "hunter2"},
        }
    }
    plan = planned(
        api, ("connections/llm", connection), ("environments/e/versions/1", {"properties": {"image": "ubuntu"}})
    )  # fmt: skip
    assert [each["action"] for each in plan["resources"]] == ["create", "create"]
    assert "hunter2" not in repr(plan)
