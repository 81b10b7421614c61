"""Who answers: pins, splits, mirrors."""

from __future__ import annotations

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
    heard = {j.invoke("journey", "z")["said"] for _ in range(12)}
    assert heard == {"blue says z", "green says z"}, heard
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.traffic = {"blue": 50, "green": 40}
    refused(lambda: j.ml.online_endpoints.begin_create_or_update(endpoint).result())


def step_an_unknown_pin_is_refused(j: Journey) -> None:
    refused(
        lambda: j.ml.online_endpoints.invoke("journey", request_file=j.request_file(text="a"), deployment_name="no")
    )
