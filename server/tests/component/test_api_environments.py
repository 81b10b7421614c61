from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.environments.interpreters import Interpreter, Interpreters
from flowstead.store.records import Kind, Revision
from flowstead.testing.in_process_api import InProcessApi

IMAGE = "mcr.microsoft.com/azureml/promptflow/promptflow-runtime:latest"
ROUTES = {"scoringRoute": {"path": "/score", "port": 8080}}
FLOW: dict[str, str | bytes] = {
    "flow.dag.yaml": "inputs: {}\noutputs: {}\nnodes: []\nenvironment: {image: 'python:3.11'}\n"
}
BOTH = {"image": IMAGE, "build": {"contextUri": "azureml://datastores/workspaceblobstore/paths/LocalUpload/m/flow"}}
BLUE = "onlineEndpoints/foo/deployments/blue"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    own = Interpreter("3.11.7", Path(sys.executable))
    other = Interpreter("3.13.1", Path("/usr/bin/python3.13"))
    interpreters = Interpreters(own, lambda: [other], supported=">=3.11")
    with InProcessApi(tmp_path, interpreters=interpreters) as api:
        yield api


def put(api: InProcessApi, name: str, version: str, **properties: Any) -> httpx.Response:
    return api.call("PUT", f"environments/{name}/versions/{version}", {"properties": properties})


def deploy(api: InProcessApi, environment_id: str | None, **more: Any) -> httpx.Response:
    if api.call("GET", "models/m").status_code == 404:
        uri = api.upload(FLOW, place="LocalUpload/m/flow")
        assert api.call("PUT", "models/m/versions/1", {"properties": {"modelUri": uri}}).status_code == 201
        api.call("PUT", "onlineEndpoints/foo", {"properties": {}})
        api.settle()
    given = {"model": api.workspace.model("m", "1"), "environmentId": environment_id, **more}
    return api.call("PUT", BLUE, {"properties": given})


def test_an_image_becomes_a_version(api: InProcessApi) -> None:
    created = put(api, "e", "1", image=IMAGE, inferenceConfig=ROUTES, tags={"a": "b"}, description="d")
    assert created.status_code == 201
    shown = created.json()
    assert shown["id"] == api.workspace.environment("e", "1")
    assert shown["properties"] == {
        "description": "d",
        "tags": {"a": "b"},
        "properties": {},
        "environmentType": "UserCreated",
        "osType": "Linux",
        "isAnonymous": False,
        "isArchived": False,
        "provisioningState": "Succeeded",
        "image": IMAGE,
        "inferenceConfig": ROUTES,
    }
    assert api.call("GET", "environments/E/versions/1").json() == shown
    assert api.call("GET", "environments/e").json()["properties"]["nextVersion"] == "2"


def test_a_version_never_becomes_another_environment(api: InProcessApi) -> None:
    put(api, "e", "1", image=IMAGE)
    assert put(api, "e", "1", image=IMAGE, tags={"n": "1"}, isArchived=True).status_code == 200
    for other in (
        {"image": "x"},
        {"image": IMAGE, "condaFile": "name: x"},
        {"image": IMAGE, "inferenceConfig": ROUTES},
    ):
        refused = put(api, "e", "1", **other)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "Conflict")
    assert put(api, "e", "2", image="x").status_code == 201


def test_anonymous_versions_are_not_listed(api: InProcessApi) -> None:
    put(api, "CliV2AnonymousEnvironment", "abc", image=IMAGE, isAnonymous=True)
    assert put(api, "CliV2AnonymousEnvironment", "abc", image=IMAGE, isAnonymous=True).status_code == 200
    assert [each["name"] for each in api.call("GET", "environments").json()["value"]] == ["flowstead-runtime"]


def test_the_runtime_is_always_there(api: InProcessApi) -> None:
    [shown] = api.call("GET", "environments/flowstead-runtime/versions").json()["value"]
    assert shown["properties"]["environmentType"] == "Curated"
    assert any(each.startswith("uvicorn==") for each in shown["properties"]["packages"])
    assert put(api, "Flowstead-Runtime", "9", image=IMAGE).status_code == 400
    for path in ("environments/flowstead-runtime", f"environments/flowstead-runtime/versions/{shown['name']}"):
        assert api.call("DELETE", path).status_code == 409


@pytest.mark.parametrize("properties", [{}, {"condaFile": "name: x"}, {"build": {}}, {"image": 3}, BOTH])
def test_what_is_no_environment_is_refused(api: InProcessApi, properties: dict[str, Any]) -> None:
    assert put(api, "e", "1", **properties).status_code == 400


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity"])
def test_numbers_that_no_answer_could_hold_are_refused(api: InProcessApi, number: str) -> None:
    body = '{"properties": {"image": "x", "inferenceConfig": {"a": [NUMBER]}}}'.replace("NUMBER", number)
    headers = {"Content-Type": "application/json"}
    refused = api.call("PUT", "environments/e/versions/1", content=body.encode(), headers=headers)
    assert refused.status_code == 400
    assert "a number that is too large" in refused.json()["error"]["message"]
    assert api.call("GET", "environments/e/versions/1").status_code == 404


def test_a_build_context_is_copied(api: InProcessApi) -> None:
    files: dict[str, str | bytes] = {
        "Dockerfile": f"FROM {IMAGE}\nENV WHERE=built\nCOPY r.txt /\nRUN pip install -r /r.txt\n",
        "r.txt": "tabulate\n",
    }
    api.upload(files, place="LocalUpload/c0ffee/context")
    # The SDK drops the account from the address of a path-style datastore.
    uri = "https://127.0.0.1:8443/azureml-blobstore/LocalUpload/c0ffee/context/"
    made = put(api, "built", "1", build={"contextUri": uri})
    assert made.json()["properties"]["build"] == {"contextUri": uri, "dockerfilePath": "Dockerfile"}
    api.upload({"r.txt": "changed\n"}, place="LocalUpload/c0ffee/context")
    assert deploy(api, api.workspace.environment("built", "1")).status_code == 201
    with api.store.reading() as tx:
        [record] = tx.list(Kind.DEPLOYMENT)
    assert record.spec.base.requirements == "tabulate\n"
    assert record.spec.base.variables == {"WHERE": "built"}
    assert put(api, "lost", "1", build={"contextUri": uri.replace("c0ffee", "nothing")}).status_code == 400


def test_a_deployment_names_what_it_starts_from(api: InProcessApi) -> None:
    put(api, "e", "1", image=IMAGE, condaFile="dependencies: [{pip: [tabulate]}]\n")
    made = deploy(api, api.workspace.environment("E", "1").replace("/versions/", "/labels/").replace("/1", "/latest"))
    assert made.status_code == 201, "the flow's own image does not count"
    assert made.json()["properties"]["environmentId"] == api.workspace.environment("e", "1")
    refused = api.call("DELETE", "environments/e/versions/1")
    assert (refused.status_code, "foo/blue" in refused.json()["error"]["message"]) == (409, True)


def test_a_refused_dockerfile_is_told_by_line_and_with_what_it_would_take(api: InProcessApi) -> None:
    api.upload({"Dockerfile": f"FROM {IMAGE}\n\nRUN apt-get install -y x\n"}, place="LocalUpload/d/context")
    uri = "azureml://datastores/workspaceblobstore/paths/LocalUpload/d/context"
    assert put(api, "built", "1", build={"contextUri": uri}).status_code == 201
    refused = deploy(api, api.workspace.environment("built", "1"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadArgument")
    said = refused.json()["error"]["message"]
    assert "Line 3 of the Dockerfile, RUN: `apt-get install -y x` is not" in said
    assert "container engine" in said


def test_a_deployment_knows_python_and_variables_of_its_environment(api: InProcessApi) -> None:
    conda = "dependencies: [python=3.13, {pip: [tabulate]}]\n"
    put(api, "e", "1", image=IMAGE, condaFile=conda)
    assert deploy(api, api.workspace.environment("e", "1")).status_code == 201
    with api.store.reading() as tx:
        [record] = tx.list(Kind.DEPLOYMENT)
    assert (record.spec.base.requirements, record.spec.base.python) == ("tabulate\n", "==3.13.*")
    dockerfile = f"FROM {IMAGE}\nENV PROMPTFLOW_RESPONSE_INCLUDED_FIELDS='[\"nothing\"]'\n"
    api.upload({"Dockerfile": dockerfile}, place="LocalUpload/v/context")
    uri = "azureml://datastores/workspaceblobstore/paths/LocalUpload/v/context"
    put(api, "v", "1", build={"contextUri": uri})
    made = deploy(api, api.workspace.environment("v", "1"))
    assert made.json()["properties"]["environmentVariables"] == {}, "what the environment sets is not the deployment's"
    with api.store.reading() as tx:
        [record] = tx.list(Kind.DEPLOYMENT)
    assert record.spec.base.variables == {"PROMPTFLOW_RESPONSE_INCLUDED_FIELDS": '["nothing"]'}


def test_what_a_deployment_still_serves_from_is_not_deleted(api: InProcessApi) -> None:
    put(api, "e", "1", image=IMAGE)
    put(api, "e", "2", image=IMAGE, condaFile="dependencies: [{pip: [tabulate]}]\n")
    deploy(api, api.workspace.environment("e", "1"))
    with api.store.transaction() as tx:
        [record] = tx.list(Kind.DEPLOYMENT)
        tx.keep_revision(record.id, Revision("r1", record.spec, "0" * 64, {}))
    assert deploy(api, api.workspace.environment("e", "2")).status_code == 200
    for version in ("1", "2"):
        refused = api.call("DELETE", f"environments/e/versions/{version}")
        assert (refused.status_code, "foo/blue" in refused.json()["error"]["message"]) == (409, True)
    with api.store.transaction() as tx:
        [record] = tx.list(Kind.DEPLOYMENT)
        tx.keep_revision(record.id, Revision("r2", record.spec, "0" * 64, {}))
    assert api.call("DELETE", "environments/e/versions/1").status_code == 200
    assert api.call("DELETE", "environments/e").status_code == 409


@pytest.mark.parametrize(
    "path", ["LocalUpload/nothing", "../models", "modelDataCollector/foo", "LocalUpload/x/../../..", "%2e%2e/secrets"]
)
def test_build_contexts_that_are_none_are_refused_by_their_field(api: InProcessApi, path: str) -> None:
    for root in ("azureml://datastores/workspaceblobstore/paths/", "https://127.0.0.1:8443/azureml-blobstore/"):
        refused = put(api, "e", "1", build={"contextUri": root + path})
        assert refused.status_code == 400
        assert refused.json()["error"]["target"] in ("path", "properties.build.contextUri")


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"image": "python:3.11"}, "container engine"),
        ({"image": IMAGE, "condaFile": "dependencies: [numpy]\n"}, "asks conda for numpy"),
        (
            {"image": IMAGE, "condaFile": "dependencies: [python=3.39]\n"},
            "asks for Python 3.39; this machine has 3.11.7,",
        ),
        ({"image": IMAGE, "osType": "Windows"}, "one of Windows"),
        (
            {"image": IMAGE, "inferenceConfig": {"scoringRoute": {"path": "/predict", "port": 5001}}},
            "/predict at port 5001",
        ),
    ],
)
def test_what_nothing_can_start_from_is_refused_at_the_deployment(
    api: InProcessApi, properties: dict[str, Any], said: str
) -> None:
    assert put(api, "e", "1", **properties).status_code == 201
    refused = deploy(api, api.workspace.environment("e", "1"))
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["target"] == "properties.environmentId"
    assert "environment e:1" in error["message"]
    assert said in error["message"]
    assert api.call("GET", BLUE).status_code == 404


def test_unknown_environments_are_refused(api: InProcessApi) -> None:
    for given in (api.workspace.environment("other", "1"), "azureml:x:1", "/subscriptions/x/environments/e/versions/1"):
        refused = deploy(api, given)
        assert (refused.status_code, refused.json()["error"]["target"]) == (400, "properties.environmentId")
    curated = "azureml://registries/azureml/environments/promptflow-runtime/versions/42"
    assert deploy(api, curated).json()["properties"]["environmentId"] == curated


@pytest.mark.parametrize(
    "conda",
    [
        "dependencies: [{pip: ['--index-url https://me:s3cr3tpass@a.example/s', x]}]",
        "dependencies: [{pip: ['--index-url https://a.example/s?token=s3cr3tpass', x]}]",
        "dependencies: [numpy]\nvariables: {MY_API_KEY: s3cr3tpass}",
    ],
)
def test_a_secret_in_a_conda_file_is_not_kept(api: InProcessApi, conda: str) -> None:
    """Whoever may read environments would read it, and its audit record."""
    refused = put(api, "secretive", "1", image="anything", condaFile=conda)
    assert refused.status_code == 400
    assert refused.json()["error"]["target"] == "properties.condaFile"
    assert "s3cr3tpass" not in refused.text
    assert api.call("GET", "environments/secretive/versions/1").status_code == 404
