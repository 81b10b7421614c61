"""Everything goes again."""

from __future__ import annotations

from azure.core.exceptions import ResourceNotFoundError

from tests.sdk.traveller import Journey, refused


def step_a_deployment_with_traffic_is_not_deleted(j: Journey) -> None:
    refused(lambda: j.ml.online_deployments.begin_delete("blue", "journey").result())


def step_a_deployment_is_deleted(j: Journey) -> None:
    j.ml.online_deployments.begin_delete("coded", "journey").result()
    refused(lambda: j.ml.online_deployments.get("coded", "journey"), ResourceNotFoundError)


def step_endpoints_are_deleted(j: Journey) -> None:
    for endpoint in list(j.ml.online_endpoints.list()):
        j.ml.online_endpoints.begin_delete(endpoint.name).result()
    refused(lambda: j.ml.online_endpoints.get("journey"), ResourceNotFoundError)
    assert list(j.ml.online_endpoints.list()) == []
