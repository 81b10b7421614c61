"""Identities and roles, with `azure-mgmt-msi` and `azure-mgmt-authorization`: what they open, and when."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import requests
from azure.ai.ml.entities import (
    APIKeyConnection,
    IdentityConfiguration,
    ManagedIdentityConfiguration,
    ManagedOnlineEndpoint,
)
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.models import Permission, RoleAssignmentCreateParameters, RoleDefinition
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.msi.models import Identity, IdentityUpdate

from tests.sdk.traveller import Journey, refused

SECRETS_READER = "Azure Machine Learning Workspace Connection Secrets Reader"
REFERENCE = {"INJECTED": "${{azureml://connections/guarded/credentials/key}}"}
NAME = "walker"


def identities(j: Journey) -> ManagedServiceIdentityClient:
    return ManagedServiceIdentityClient(j.credential, j.place[0], **_where(j))


def roles(j: Journey) -> AuthorizationManagementClient:
    return AuthorizationManagementClient(j.credential, j.place[0], **_where(j))


def _where(j: Journey) -> dict[str, Any]:
    url = j.settings["url"]
    return {"base_url": url, "credential_scopes": [f"{url}/.default"]}


def group(j: Journey) -> str:
    return f"/subscriptions/{j.place[0]}/resourceGroups/{j.place[1]}"


def workspace(j: Journey) -> str:
    return f"{group(j)}/providers/Microsoft.MachineLearningServices/workspaces/{j.place[2]}"


def grant(j: Journey, role: str, principal: str, scope: str) -> str:
    """Returns the assignment's id."""
    client = roles(j)
    [found] = client.role_definitions.list(scope, filter=f"roleName eq '{role}'")
    wanted = RoleAssignmentCreateParameters(
        role_definition_id=found.id, principal_id=principal, principal_type="ServicePrincipal"
    )
    made = client.role_assignments.create(scope, str(uuid.uuid4()), wanted)
    assert made.principal_id == principal
    return str(made.id)


def failure_of(call: Callable[[], Any]) -> str:
    try:
        call()
    except HttpResponseError as failure:
        return str(failure)
    raise AssertionError("it was not refused")


def step_an_identity_is_made_shown_and_changed(j: Journey) -> None:
    client = identities(j).user_assigned_identities
    made = client.create_or_update(j.place[1], NAME, Identity(location="local", tags={"a": "b"}))
    assert made.principal_id != made.client_id
    shown = client.get(j.place[1], NAME)
    assert (shown.principal_id, shown.tags) == (made.principal_id, {"a": "b"})
    assert client.update(j.place[1], NAME, IdentityUpdate(tags={"c": "d"})).tags == {"a": "b", "c": "d"}
    assert NAME in [each.name for each in client.list_by_resource_group(j.place[1])]
    assert NAME in [each.name for each in client.list_by_subscription()]


def step_what_the_client_knows_nothing_of_stays(j: Journey) -> None:
    application = {"authority": "https://login.example", "tenantId": "theirs", "clientId": "app"}
    client = identities(j).user_assigned_identities
    url = f"{j.settings['url']}{client.get(j.place[1], NAME).id}"
    headers = {"Authorization": f"Bearer {j.settings['token']}"}
    bound = requests.patch(url, json={"properties": {"application": application}}, headers=headers, timeout=30)
    assert bound.json()["properties"]["application"] == application, bound.text
    client.create_or_update(j.place[1], NAME, Identity(location="local", tags={"a": "b", "c": "d"}))
    client.update(j.place[1], NAME, IdentityUpdate(tags={"c": "d"}))
    shown = requests.get(url, headers=headers, timeout=30)
    assert shown.json()["properties"]["application"] == application, shown.text
    requests.patch(url, json={"properties": {"application": None}}, headers=headers, timeout=30)


def step_an_identity_without_its_roles_fails_and_leaves_what_serves(j: Journey) -> None:
    who = identities(j).user_assigned_identities.get(j.place[1], NAME)
    given = ManagedIdentityConfiguration(resource_id=who.id)
    endpoint = ManagedOnlineEndpoint(
        name="walked",
        auth_mode="key",
        identity=IdentityConfiguration(type="user_assigned", user_assigned_identities=[given]),
    )
    made = j.ml.online_endpoints.begin_create_or_update(endpoint).result()
    assert [each.resource_id for each in made.identity.user_assigned_identities] == [who.id]
    wanted = j.deployment("blue", "walked", environment="azureml:runtime:1")
    needed = {
        "AcrPull": f"{group(j)}/providers/Microsoft.ContainerRegistry/registries/flowstead",
        "Storage Blob Data Reader": f"{group(j)}/providers/Microsoft.Storage/storageAccounts/flowstead",
        SECRETS_READER: workspace(j),
    }
    for role, scope in needed.items():
        said = failure_of(lambda: j.ml.online_deployments.begin_create_or_update(wanted).result())
        for word in (role, scope, NAME, str(who.principal_id), "flowstead role assignment create"):
            assert word in said, said
        assert j.ml.online_deployments.get("blue", "walked").provisioning_state == "Failed"
        if scope != workspace(j):
            grant(j, role, who.principal_id, workspace(j))  # which does not stand in for the one that is needed
            assert role in failure_of(lambda: j.ml.online_deployments.begin_create_or_update(wanted).result())
        grant(j, role, who.principal_id, scope)
    assert j.ml.online_deployments.begin_create_or_update(wanted).result().provisioning_state == "Succeeded"
    j.ml.online_endpoints.begin_delete("walked").result()


def step_a_secret_is_denied_until_its_role_is_granted(j: Journey) -> None:
    j.ml.connections.create_or_update(APIKeyConnection(name="guarded", api_base="https://a.example", api_key="k-1"))
    endpoint = j.ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="guarded")).result()
    wanted = j.deployment("blue", "guarded", environment="azureml:runtime:1", environment_variables=REFERENCE)
    said = failure_of(lambda: j.ml.online_deployments.begin_create_or_update(wanted).result())
    assert "Access denied to list workspace secret 'guarded'" in said, said
    assignment = grant(j, SECRETS_READER, endpoint.identity.principal_id, workspace(j))
    granted = time.monotonic()
    operation = j.ml.online_deployments.begin_create_or_update(wanted)
    assert time.monotonic() - granted < 5, "no waiting for the grant"
    assert operation.result().provisioning_state == "Succeeded"
    roles(j).role_assignments.delete_by_id(assignment)
    changed = j.deployment("blue", "guarded", environment="azureml:runtime:1", environment_variables=REFERENCE)
    changed.environment_variables = {**REFERENCE, "GREETING": "another"}
    assert SECRETS_READER in failure_of(lambda: j.ml.online_deployments.begin_create_or_update(changed).result())
    j.ml.online_endpoints.begin_delete("guarded").result()


def step_a_custom_role_is_made_granted_and_deleted(j: Journey) -> None:
    client, guid = roles(j), str(uuid.uuid4())
    action = "Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action"
    wanted = RoleDefinition(
        role_name="Reads secrets",
        role_type="CustomRole",
        description="just that",
        permissions=[Permission(actions=[action], not_actions=[])],
        assignable_scopes=[workspace(j)],
    )
    made = client.role_definitions.create_or_update(workspace(j), guid, wanted)
    assert (made.role_name, made.role_type) == ("Reads secrets", "CustomRole")
    assert client.role_definitions.get(workspace(j), guid).permissions[0].actions == [action]
    who = identities(j).user_assigned_identities.get(j.place[1], NAME)
    assignment = grant(j, "Reads secrets", who.principal_id, workspace(j))
    refused(lambda: grant(j, "Reads secrets", who.principal_id, workspace(j)), ResourceExistsError)
    refused(lambda: client.role_definitions.delete(workspace(j), guid))
    client.role_assignments.delete_by_id(assignment)
    assert client.role_definitions.delete(workspace(j), guid).role_name == "Reads secrets"


def step_assignments_are_listed(j: Journey) -> None:
    client = roles(j).role_assignments
    who = identities(j).user_assigned_identities.get(j.place[1], NAME)
    found = list(client.list_for_scope(workspace(j), filter=f"principalId eq '{who.principal_id}'"))
    assert {each.scope for each in found} == {workspace(j)}
    everywhere = list(client.list_for_subscription(filter=f"assignedTo('{who.principal_id}')"))
    assert len(everywhere) == len(found) + 2
    above = list(client.list_for_scope(workspace(j), filter="atScope()"))
    assert "/" in {each.scope for each in above}
    assert {each.id for each in client.list_for_resource_group(j.place[1])} >= {each.id for each in found}
    one = client.get_by_id(found[0].id)
    assert one.principal_id == who.principal_id


def step_an_identity_is_deleted_with_its_roles(j: Journey) -> None:
    client = identities(j).user_assigned_identities
    who = client.get(j.place[1], NAME)
    client.delete(j.place[1], NAME)
    refused(lambda: client.get(j.place[1], NAME), ResourceNotFoundError)
    left = roles(j).role_assignments.list_for_subscription(filter=f"principalId eq '{who.principal_id}'")
    assert list(left) == []
    client.delete(j.place[1], NAME)
