"""Finding the cloud, signing in, and what is there before anything is made."""

from __future__ import annotations

import json
import os
from functools import partial

from azure.ai.ml import MLClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError
from azure.identity import ClientSecretCredential

from tests.sdk.traveller import Journey, refused


def step_the_cloud_is_discovered(j: Journey) -> None:
    assert j.ml._base_url.rstrip("/") == j.settings["url"], j.ml._base_url
    assert os.environ["AZUREML_CURRENT_CLOUD"] == "AzurePrivate"


def step_a_secret_gives_tokens_for_the_api_and_for_endpoints(j: Journey) -> None:
    for resource in (j.settings["url"], f"{j.settings['url']}/", j.settings["url"].replace("127.0.0.1", "localhost")):
        assert j.credential.get_token(f"{resource}/.default").token, resource
    assert j.credential.get_token("https://ml.azure.com/.default").token
    refused(lambda: j.credential.get_token("https://management.azure.com/.default"), ClientAuthenticationError)


def step_a_wrong_secret_is_refused(j: Journey) -> None:
    known = j.settings
    for tenant, client, secret in (
        (known["tenant_id"], known["client_id"], "wrong"),
        (known["tenant_id"], "00000000-0000-0000-0000-000000000001", known["client_secret"]),
        ("00000000-0000-0000-0000-000000000002", known["client_id"], known["client_secret"]),
    ):
        stranger = ClientSecretCredential(
            tenant, client, secret, authority=known["url"], disable_instance_discovery=True
        )
        refused(partial(stranger.get_token, f"{known['url']}/.default"), ClientAuthenticationError)


def step_a_token_of_the_command_line_is_enough(j: Journey) -> None:
    client = MLClient(Printed(j.settings["token"]), *j.place, enable_telemetry=False)
    assert client.workspaces.get(j.settings["workspace"]).name == j.settings["workspace"]
    refused(
        lambda: MLClient(Printed("no-token"), *j.place).workspaces.get(j.settings["workspace"]),
        ClientAuthenticationError,
    )


def step_a_configuration_file_names_the_workspace(j: Journey) -> None:
    place = {key: j.settings[key] for key in ("subscription_id", "resource_group")}
    (j.folder / "config.json").write_text(json.dumps(place | {"workspace_name": j.settings["workspace"]}))
    client = MLClient.from_config(j.credential, path=str(j.folder / "config.json"))
    assert client.workspaces.get(client.workspace_name).name == j.settings["workspace"]


def step_the_workspace_is_there(j: Journey) -> None:
    workspace = j.ml.workspaces.get(j.settings["workspace"])
    assert workspace.name == j.settings["workspace"]
    assert workspace.resource_group == j.settings["resource_group"]
    assert workspace.location
    assert workspace.id.endswith(f"/workspaces/{j.settings['workspace']}"), workspace.id


def step_names_are_matched_in_any_case(j: Journey) -> None:
    subscription, group, workspace = j.place
    client = MLClient(j.credential, subscription, group.upper(), workspace.upper(), enable_telemetry=False)
    assert client.workspaces.get(workspace.upper()).name == workspace


def step_workspaces_are_listed(j: Journey) -> None:
    for scope in ("resource_group", "subscription"):
        assert [each.name for each in j.ml.workspaces.list(scope=scope)] == [j.settings["workspace"]], scope


def step_a_missing_workspace_is_not_found(j: Journey) -> None:
    refused(lambda: j.ml.workspaces.get("not-there"), ResourceNotFoundError)
    elsewhere = MLClient(j.credential, j.place[0], "not-there", j.place[2], enable_telemetry=False)
    refused(lambda: elsewhere.workspaces.get(j.place[2]), ResourceNotFoundError)


def step_the_default_datastore_is_there(j: Journey) -> None:
    store = j.ml.datastores.get_default()
    assert (store.name, store.type, store.protocol) == ("workspaceblobstore", "AzureBlob", "https"), store.type
    assert [each.name for each in j.ml.datastores.list()] == ["workspaceblobstore"]
    assert j.ml.datastores.get("workspaceblobstore").container_name == store.container_name
    assert j.ml.datastores.get("workspaceblobstore", include_secrets=True).credentials.sas_token
    refused(lambda: j.ml.datastores.get("not-there"), ResourceNotFoundError)


class Printed:
    """A credential that is one token, as `flowstead token` prints it."""

    def __init__(self, token: str) -> None:
        self.token = token

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        return AccessToken(self.token, 4102444800)
