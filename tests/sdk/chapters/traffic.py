"""Who answers: pins, splits, mirrors."""

from __future__ import annotations

import requests
from azure.ai.ml.exceptions import ValidationException

from tests.sdk.traveller import Journey, refused


def step_a_deployment_has_no_traffic_at_first(j: Journey) -> None:
    assert j.ml.online_endpoints.get("journey").traffic.get("blue", 0) == 0


def step_a_deployment_without_traffic_answers_when_named(j: Journey) -> None:
    assert j.invoke("journey", "x", "blue") == {"said": "blue says x"}


def step_all_traffic_to_one(j: Journey) -> None:
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.traffic = {"blue": 100}
    assert j.ml.online_endpoints.begin_create_or_update(endpoint).result().traffic["blue"] == 100
    assert j.invoke("journey", "y") == {"said": "blue says y"}


def step_a_mirror(j: Journey) -> None:
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.mirror_traffic = {"green": 10}
    assert j.ml.online_endpoints.begin_create_or_update(endpoint).result().mirror_traffic == {"green": 10}
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.mirror_traffic = {"green": 60}
    refused(lambda: j.ml.online_endpoints.begin_create_or_update(endpoint).result())
    endpoint.mirror_traffic = {}
    j.ml.online_endpoints.begin_create_or_update(endpoint).result()
    assert not j.ml.online_endpoints.get("journey").mirror_traffic


def step_a_split(j: Journey) -> None:
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.traffic = {"blue": 50, "green": 50}
    j.ml.online_endpoints.begin_create_or_update(endpoint).result()
    heard = {j.score("journey", {"text": "z"}).json()["said"] for _ in range(30)}
    assert heard == {"blue says z", "green says z"}, heard
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.traffic = {"blue": 50, "green": 40}
    refused(lambda: j.ml.online_endpoints.begin_create_or_update(endpoint).result())


def step_deployments_without_traffic_are_listed_with_none(j: Journey) -> None:
    traffic = j.ml.online_endpoints.get("journey").traffic
    assert (traffic["blue"], traffic["green"], traffic["built"]) == (50, 50, 0), traffic


def step_an_answer_names_its_deployment(j: Journey) -> None:
    for name in ("blue", "green"):
        answer = j.score("journey", {"text": "x"}, **{"azureml-model-deployment": name})
        assert (answer.status_code, answer.json()) == (200, {"said": f"{name} says x"}), answer.text
        assert answer.headers["azureml-model-deployment"] == name
        assert answer.headers["x-request-id"]


def step_an_unknown_pin_is_not_found(j: Journey) -> None:
    request = j.request_file(text="a")
    refused(
        lambda: j.ml.online_endpoints.invoke("journey", request_file=request, deployment_name="no"),
        ValidationException,
    )
    answer = j.score("journey", {"text": "x"}, **{"azureml-model-deployment": "no"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound"), answer.text


def step_a_wrong_key_opens_nothing(j: Journey) -> None:
    other = j.ml.online_endpoints.get_keys("from-file").primary_key
    for key in ("", "wrong", other, j.settings["token"]):
        answer = j.score("journey", {"text": "x"}, key)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Unauthorized"), answer.text


def step_a_flow_that_fails_is_told_as_azure_tells_it(j: Journey) -> None:
    answer = j.score("journey", {"text": "fail"})
    assert answer.status_code == 424, answer.text
    assert answer.headers["ms-azureml-model-error-statuscode"] == "400", answer.headers
    assert "as it was told to" in answer.text
    request = j.request_file(text="fail")
    refused(lambda: j.ml.online_endpoints.invoke("journey", request_file=request))


def step_the_endpoint_describes_itself(j: Journey) -> None:
    endpoint = j.ml.online_endpoints.get("journey")
    assert endpoint.openapi_uri.startswith(j.settings["url"]), endpoint.openapi_uri
    key = j.ml.online_endpoints.get_keys("journey").primary_key
    answer = requests.get(endpoint.openapi_uri, headers={"Authorization": f"Bearer {key}"}, timeout=30)
    assert "/score" in answer.json()["paths"], answer.text
