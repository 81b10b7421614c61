"""A deployment that collects data: what is understood, and the data assets that it is read as."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.resources.data_collector import Collection, DataCollector, RollingRate
from flowstead.store.records import Kind
from flowstead.testing.in_process_api import InProcessApi

FLOW: dict[str, str | bytes] = {
    "flow.dag.yaml": "outputs: {}\nnodes:\n- {name: say, type: python, source: {type: code, path: say.py}}\n",
    "say.py": "from promptflow.core import tool\n\n\n@tool\ndef say() -> str:\n    return ''\n",
}
BLUE = "onlineEndpoints/foo/deployments/blue"
INPUTS = "azureml://datastores/workspaceblobstore/paths/modelDataCollector/foo/blue/model_inputs"
ON, OFF = {"dataCollectionMode": "enabled"}, {"dataCollectionMode": "disabled"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        model = {"properties": {"modelUri": api.upload(FLOW)}}
        assert api.call("PUT", "models/m/versions/1", model).status_code == 201
        api.call("PUT", "onlineEndpoints/foo", {"properties": {}})
        api.settle()
        yield api


def put(api: InProcessApi, collector: Any, **properties: Any) -> httpx.Response:
    given = {"model": api.workspace.model("m", "1"), "dataCollector": collector, **properties}
    return api.call("PUT", BLUE, {"properties": given})


def collector_of(api: InProcessApi) -> DataCollector | None:
    with api.store.reading() as tx:
        return tx.get(Kind.DEPLOYMENT, api.workspace.deployment("foo", "blue")).spec.data_collector


def register(api: InProcessApi, name: str, uri: str = INPUTS) -> str:
    made = api.call("PUT", f"data/{name}/versions/1", {"properties": {"dataUri": uri, "dataType": "uri_folder"}})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def test_what_azures_client_sends_is_understood(api: InProcessApi) -> None:
    """It registers a data asset for each collection first, those that are off too."""
    id = register(api, "foo-blue-model_inputs")
    answer = put(
        api,
        {
            "collections": {
                "model_inputs": {**ON, "dataId": id, "samplingRate": 0.5},
                "response": {**OFF, "dataId": "/whatever", "clientId": "me"},
            },
            "rollingRate": "day",
            "requestLogging": {"captureHeaders": ["X-Session"]},
        },
    )
    assert answer.status_code == 201, answer.text
    assert collector_of(api) == DataCollector(
        {"model_inputs": Collection(True, 0.5, id), "response": Collection(False, None, "/whatever", "me")},
        RollingRate.DAY,
        ("X-Session",),
    )
    # It takes only `Enabled` for on, and cannot send back a collection that it has read with a dataId.
    assert answer.json()["properties"]["dataCollector"] == {
        "collections": {
            "model_inputs": {"dataCollectionMode": "Enabled", "samplingRate": 0.5},
            "response": {"dataCollectionMode": "Disabled", "clientId": "me"},
        },
        "rollingRate": "Day",
        "requestLogging": {"captureHeaders": ["X-Session"]},
    }


def test_a_deployment_that_names_no_data_has_it_registered(api: InProcessApi) -> None:
    assert put(api, {"collections": {"model_inputs": ON, "model_outputs": ON, "request": OFF}}).status_code == 201
    assert [each["name"] for each in api.call("GET", "data").json()["value"]] == [
        "foo-blue-model_inputs", "foo-blue-model_outputs",
    ]  # fmt: skip
    made = api.call("GET", "data/foo-blue-model_inputs/versions/1").json()
    assert (made["properties"]["dataUri"], made["properties"]["dataType"]) == (INPUTS, "uri_folder")
    found = collector_of(api)
    assert found is not None
    assert found.collections["model_inputs"].data_id == made["id"]
    assert not api.home.collected.exists(), "there is nothing yet"


def test_what_get_shows_can_be_put_back(api: InProcessApi) -> None:
    id = register(api, "mine")
    put(api, {"collections": {"model_inputs": {**ON, "dataId": f"azureml:{id.lower()}"}}})
    before = collector_of(api)
    shown = api.call("GET", BLUE).json()
    assert api.call("PUT", BLUE, shown).status_code == 200
    assert collector_of(api) == before, "its data asset is still the one that was named"
    assert api.call("PATCH", BLUE, {"tags": {"a": "b"}}).status_code == 200
    assert collector_of(api) == before
    assert api.call("PATCH", BLUE, {"properties": {"dataCollector": None}}).status_code == 200
    assert collector_of(api) is None


def test_data_that_lies_elsewhere_is_refused(api: InProcessApi) -> None:
    other = register(api, "other", INPUTS.replace("blue", "green"))
    uploaded = register(api, "uploaded", api.upload({"x": "y"}, place="LocalUpload/bb/x"))
    web = register(api, "web", "https://elsewhere.example/x")
    model = api.workspace.model("m", "1")
    for id in (other, uploaded, web, model, "x", f"{api.workspace.path}/data/gone/versions/1", f"/x{other}"):
        refused = put(api, {"collections": {"model_inputs": {**ON, "dataId": id}}})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadArgument"), id
        assert refused.json()["error"]["target"] == "properties.dataCollector.collections.model_inputs.dataId"
    register(api, "foo-blue-model_outputs")
    refused = put(api, {"collections": {"model_outputs": ON}})
    assert (refused.status_code, "will lie at" in refused.text) == (400, True), "the default's name is taken"
    assert api.call("GET", BLUE).status_code == 404


@pytest.mark.parametrize(
    "collector",
    [
        {"collections": {"model_inputs": {"dataCollectionMode": "maybe"}}},
        {"collections": {"model_inputs": {**ON, "samplingRate": 1.5}}},
        {"collections": {"../up": ON}},
        {"collections": {"": ON}},
        {"collections": {"a/b": ON}},
        {"collections": {f"c{n}": ON for n in range(6)}},
        {"collections": {"model_inputs": ON}, "rollingRate": "Fortnight"},
        {"collections": {"model_inputs": ON}, "requestLogging": {"captureHeaders": ["a b"]}},
        {"collections": []},
        "on",
    ],
)
def test_a_collector_that_means_nothing_is_refused(api: InProcessApi, collector: Any) -> None:
    refused = put(api, collector)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadArgument")
    assert "dataCollector" in refused.json()["error"]["target"]


def test_a_deployment_cannot_say_it_to_its_instances_itself(api: InProcessApi) -> None:
    refused = put(api, None, environmentVariables={"FLOWSTEAD_DATA_COLLECTOR": "{}"})
    assert (refused.status_code, "set by the server" in refused.text) == (400, True)


def test_the_data_of_a_deployment_outlives_it(api: InProcessApi) -> None:
    put(api, {"collections": {"model_inputs": ON}})
    refused = api.call("DELETE", "data/foo-blue-model_inputs")
    assert (refused.status_code, "foo/blue uses it" in refused.text) == (409, True)
    api.call("DELETE", BLUE)
    api.settle()
    assert api.call("GET", "data/foo-blue-model_inputs/versions/1").status_code == 200
    assert api.call("DELETE", "data/foo-blue-model_inputs").status_code == 200
