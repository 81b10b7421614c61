"""Endpoints with each of the three authentications."""

from __future__ import annotations

from azure.ai.ml import load_online_endpoint
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.core.exceptions import ResourceNotFoundError

from tests.sdk.traveller import Journey, refused


def step_an_endpoint_with_keys(j: Journey) -> None:
    wanted = ManagedOnlineEndpoint(name="journey", auth_mode="key", tags={"a": "b"}, description="for the journey")
    made = j.ml.online_endpoints.begin_create_or_update(wanted).result()
    assert (made.provisioning_state, made.auth_mode, made.tags) == ("Succeeded", "key", {"a": "b"})
    assert made.scoring_uri.startswith(j.settings["url"]), made.scoring_uri
    assert made.identity.principal_id


def step_an_endpoint_with_tokens(j: Journey) -> None:
    made = j.ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="by-token", auth_mode="aml_token"))
    assert made.result().auth_mode == "aml_token"


def step_an_endpoint_with_entra_tokens(j: Journey) -> None:
    made = j.ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="by-entra", auth_mode="aad_token"))
    assert made.result().auth_mode == "aad_token"


def step_a_sample_endpoint_file_applies(j: Journey) -> None:
    file = j.folder / "endpoint.yaml"
    file.write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineEndpoint.schema.json\n"
        "name: from-file\nauth_mode: key\nproperties:\n  enforce_access_to_default_secret_stores: enabled\n"
    )
    made = j.ml.online_endpoints.begin_create_or_update(load_online_endpoint(file)).result()
    assert made.properties["enforce_access_to_default_secret_stores"] == "enabled", made.properties


def step_endpoints_are_listed(j: Journey) -> None:
    assert {"journey", "by-token", "by-entra"} <= {each.name for each in j.ml.online_endpoints.list()}


def step_a_missing_endpoint_is_not_found(j: Journey) -> None:
    refused(lambda: j.ml.online_endpoints.get("not-there"), ResourceNotFoundError)


def step_traffic_to_an_unknown_deployment_is_refused(j: Journey) -> None:
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.traffic = {"nobody": 100}
    refused(lambda: j.ml.online_endpoints.begin_create_or_update(endpoint).result())
