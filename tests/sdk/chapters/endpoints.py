"""Endpoints with each of the three authentications."""

from __future__ import annotations

from azure.ai.ml import load_online_endpoint
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.msi import ManagedServiceIdentityClient

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


def step_an_endpoint_with_an_identity_of_the_users(j: Journey) -> None:
    client = ManagedServiceIdentityClient(
        j.credential, j.place[0], base_url=j.settings["url"], credential_scopes=[f"{j.settings['url']}/.default"]
    )
    identity = client.user_assigned_identities.create_or_update(j.place[1], "somebody", {"location": "local"}).id
    file = j.folder / "endpoint-user-identity.yaml"
    file.write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineEndpoint.schema.json\n"
        "name: by-identity\nauth_mode: key\nidentity:\n  type: user_assigned\n"
        "  user_assigned_identities:\n    - resource_id: user_identity_ARM_id_place_holder\n"
    )
    override = [{"identity.user_assigned_identities": [{"resource_id": identity}]}]
    wanted = load_online_endpoint(file, params_override=override)
    unknown = [{"identity.user_assigned_identities": [{"resource_id": f"{identity}-else"}]}]
    nobody = load_online_endpoint(file, params_override=unknown)
    refused(lambda: j.ml.online_endpoints.begin_create_or_update(nobody).result())
    made = j.ml.online_endpoints.begin_create_or_update(wanted).result()
    assert [each.resource_id for each in made.identity.user_assigned_identities] == [identity], made.identity
    j.ml.online_endpoints.begin_delete("by-identity").result()


def step_the_same_endpoint_again_is_no_error(j: Journey) -> None:
    before = j.ml.online_endpoints.get("journey")
    keys = j.ml.online_endpoints.get_keys("journey")
    again = j.ml.online_endpoints.begin_create_or_update(before).result()
    assert (again.identity.principal_id, again.scoring_uri) == (before.identity.principal_id, before.scoring_uri)
    assert j.ml.online_endpoints.get_keys("journey").primary_key == keys.primary_key


def step_an_endpoint_closed_to_the_public_network(j: Journey) -> None:
    wanted = ManagedOnlineEndpoint(name="closed", auth_mode="key", public_network_access="disabled")
    assert j.ml.online_endpoints.begin_create_or_update(wanted).result().public_network_access == "disabled"
    j.ml.online_endpoints.begin_delete("closed").result()


def step_a_missing_endpoint_may_be_deleted(j: Journey) -> None:
    j.ml.online_endpoints.begin_delete("not-there").result()


def step_an_endpoint_without_a_deployment_answers_nobody(j: Journey) -> None:
    request = j.request_file(text="a")
    refused(lambda: j.ml.online_endpoints.invoke("journey", request_file=request))


def step_endpoints_are_listed(j: Journey) -> None:
    assert {"journey", "by-token", "by-entra"} <= {each.name for each in j.ml.online_endpoints.list()}


def step_a_missing_endpoint_is_not_found(j: Journey) -> None:
    refused(lambda: j.ml.online_endpoints.get("not-there"), ResourceNotFoundError)


def step_traffic_to_an_unknown_deployment_is_refused(j: Journey) -> None:
    endpoint = j.ml.online_endpoints.get("journey")
    endpoint.traffic = {"nobody": 100}
    refused(lambda: j.ml.online_endpoints.begin_create_or_update(endpoint).result())
