"""Roles over the real store: who may do what, from the request after the grant to the one after its end."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from flowstead.resources.built_in_roles import (
    BUILT_IN,
    CONTRIBUTOR,
    DATA_SCIENTIST,
    OWNER,
    READER,
    SECRETS_READER,
)
from flowstead.resources.principal import Principal
from flowstead.testing.in_process_api import OWNER as OWNERS
from flowstead.testing.in_process_api import InProcessApi

ENDPOINT = {"properties": {"authMode": "Key"}, "identity": {"type": "SystemAssigned"}}
ENFORCING = {
    "properties": {**ENDPOINT["properties"], "properties": {"enforce_access_to_default_secret_stores": "enabled"}}
}
CONNECTION = {
    "properties": {
        "category": "CustomKeys",
        "authType": "CustomKeys",
        "target": "-",
        "credentials": {"keys": {"a": "b"}},
    }
}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as world:
        yield world


def made(api: InProcessApi, name: str = "ada", kind: str = "User") -> Principal:
    answer = api.call("PUT", f"{api.workspace.principal(name)}", {"properties": {"type": kind}})
    assert answer.status_code == 201, answer.text
    found = api.store.principals.find(answer.json()["properties"]["clientId"])
    assert found is not None
    return found


def assign(
    api: InProcessApi,
    who: str,
    role: str,
    scope: str,
    name: str | None = None,
    *,
    token: str = OWNERS,
    **more: Any,
) -> httpx.Response:
    body = {"properties": {"roleDefinitionId": api.workspace.role_definition(role), "principalId": who, **more}}
    path = f"{scope.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments/{name or uuid.uuid4()}"
    return api.call("PUT", path, body, token=token)


def test_a_principal_may_nothing_until_it_is_granted_a_role_and_nothing_after_its_end(api: InProcessApi) -> None:
    ada = made(api)
    token = api.token(ada)
    refused = api.call("GET", "onlineEndpoints", token=token)
    assert refused.status_code == 403
    error = refused.json()["error"]
    assert error["code"] == "AuthorizationFailed"
    for said in ("ada", ada.object_id, "onlineEndpoints/read", "flowstead role assignment create --role", "Reader"):
        assert said in error["message"]
    granted = assign(api, ada.object_id, READER, api.workspace.path)
    assert granted.status_code == 201, granted.text
    assert api.call("GET", "onlineEndpoints", token=token).status_code == 200
    assert api.call("PUT", "onlineEndpoints/chat", ENDPOINT, token=token).status_code == 403
    assert api.call("DELETE", granted.json()["id"]).status_code == 200
    assert api.call("GET", "onlineEndpoints", token=token).status_code == 403
    assert api.call("DELETE", granted.json()["id"]).status_code == 204


def test_a_contributor_may_all_but_grant_roles(api: InProcessApi) -> None:
    ada = made(api)
    token = api.token(ada)
    assign(api, ada.object_id, CONTRIBUTOR, api.workspace.group_path)
    assert api.call("PUT", "onlineEndpoints/chat", ENDPOINT, token=token).status_code == 201
    assert assign(api, ada.object_id, OWNER, api.workspace.path, token=token).status_code == 403
    assert assign(api, ada.object_id, SECRETS_READER, api.workspace.path).status_code == 201


def test_a_contributor_does_not_become_an_owner_by_an_owners_secret(api: InProcessApi) -> None:
    ada, bob = made(api), made(api, "bob")
    assign(api, bob.object_id, OWNER, "/")
    assign(api, ada.object_id, CONTRIBUTOR, "/")
    token, path = api.token(ada), api.workspace.principal("bob")
    for method, below in (("POST", "/resetSecret"), ("POST", "/revokeTokens"), ("DELETE", "")):
        assert api.call(method, f"{path}{below}", token=token).status_code == 403
    assert api.call("PUT", api.workspace.principal("eve"), {}, token=token).status_code == 403
    assert api.call("GET", path, token=token).status_code == 200


def test_whoever_may_work_in_a_workspace_sees_how_that_goes(api: InProcessApi) -> None:
    ada, bob = made(api), made(api, "bob")
    assign(api, ada.object_id, DATA_SCIENTIST, api.workspace.path)
    begun = api.call("PUT", "onlineEndpoints/chat", ENDPOINT, token=api.token(ada))
    status = urlsplit(begun.headers["Azure-AsyncOperation"]).path
    for path in (status, status.replace("mfeOperationsStatus", "mfeOperationResults")):
        assert api.call("GET", path, token=api.token(ada)).status_code in (200, 202)
        assert api.call("GET", path, token=api.token(bob)).status_code == 403
        assert api.call("GET", path[:-4] + "none", token=api.token(ada)).status_code == 403


def test_whoever_deletes_what_his_role_is_on_sees_it_end(api: InProcessApi) -> None:
    ada, bob = made(api), made(api, "bob")
    api.call("PUT", "onlineEndpoints/chat", ENDPOINT)
    api.settle()
    for each in (ada, bob):
        assign(api, each.object_id, OWNER, f"{api.workspace.path}/onlineEndpoints/chat")
    begun = api.call("DELETE", "onlineEndpoints/chat", token=api.token(ada))
    assert begun.status_code == 202
    api.settle()
    path = urlsplit(begun.headers["Azure-AsyncOperation"]).path
    assert api.call("GET", path, token=api.token(ada)).json()["status"] == "Succeeded"
    assert api.call("GET", path, token=api.token(bob)).status_code == 403


def test_an_identity_is_given_no_secret(api: InProcessApi) -> None:
    shown = api.call("PUT", "onlineEndpoints/chat", ENDPOINT).json()
    path = api.workspace.principal(shown["identity"]["principalId"])
    assert api.call("POST", f"{path}/resetSecret").json()["error"]["code"] == "Conflict"


@pytest.mark.parametrize("level", ["/", "subscription_path", "group_path", "path"])
def test_grants_are_inherited_downwards(api: InProcessApi, level: str) -> None:
    api.call("PUT", "connections/search", CONNECTION)
    ada = made(api)
    scope = level if level == "/" else getattr(api.workspace, level)
    assign(api, ada.object_id, SECRETS_READER, scope)
    assert api.call("POST", "connections/search/listsecrets", token=api.token(ada)).status_code == 200


def test_a_grant_holds_for_its_scope_only(api: InProcessApi) -> None:
    for name in ("one", "oneself"):
        api.call("PUT", f"connections/{name}", CONNECTION)
    ada = made(api)
    assert assign(api, ada.object_id, SECRETS_READER, f"{api.workspace.path}/connections/One").status_code == 201
    token = api.token(ada)
    assert api.call("POST", "connections/one/listsecrets", token=token).status_code == 200
    assert api.call("POST", "connections/oneself/listsecrets", token=token).status_code == 403
    assert api.call("GET", "connections/one", token=token).status_code == 403
    assert api.call("DELETE", "connections/one").status_code == 200
    api.call("PUT", "connections/one", CONNECTION)
    assert api.call("POST", "connections/one/listsecrets", token=token).status_code == 403, "another one of its name"


def test_a_grant_goes_with_what_it_is_for_however_deep_it_lies(api: InProcessApi) -> None:
    uri = api.upload({"flow.dag.yaml": "inputs: {}\noutputs: {}\nnodes: []\n"})
    version = {"properties": {"modelUri": uri}}
    api.call("PUT", "models/flow_1/versions/1", version)
    api.call("PUT", "models/flow-1/versions/1", version)
    ada = made(api)
    token = api.token(ada)
    for name in ("flow_1", "flow-1"):
        assert assign(api, ada.object_id, READER, f"{api.workspace.path}/models/{name}/versions/1").status_code == 201
    assert api.call("DELETE", "models/flow_1").status_code == 200
    api.call("PUT", "models/flow_1/versions/1", version)
    assert api.call("GET", "models/flow_1/versions/1", token=token).status_code == 403
    assert api.call("GET", "models/flow-1/versions/1", token=token).status_code == 200


def test_wrong_assignments_are_refused(api: InProcessApi) -> None:
    ada = made(api)
    there = assign(api, ada.object_id, READER, api.workspace.path)
    cases = {
        "RoleAssignmentExists": assign(api, ada.object_id, READER, api.workspace.path),
        "PrincipalNotFound": assign(api, str(uuid.uuid4()), READER, api.workspace.path),
        "Conflict": assign(api, ada.object_id, OWNER, api.workspace.path, there.json()["name"]),
        "ResourceNotFound": assign(api, ada.object_id, READER, f"{api.workspace.path}/onlineEndpoints/none"),
        "BadArgument": assign(api, ada.object_id, str(uuid.uuid4()), api.workspace.path),
    }
    assert {name: answer.json()["error"]["code"] for name, answer in cases.items()} == {name: name for name in cases}
    for scope in ("/subscriptions", "/subscriptions/a/..", "/subscriptions/a/resourceGroups", "/tenants/a", "/a/b"):
        assert assign(api, ada.object_id, READER, scope).status_code in (400, 404), scope
    assert assign(api, ada.object_id, READER, api.workspace.path, "nonsense").status_code == 400
    assert assign(api, ada.object_id, READER, api.workspace.path, condition="@x").status_code == 400
    again = assign(api, ada.object_id, READER, api.workspace.path, there.json()["name"])
    assert again.status_code == 200
    elsewhere = assign(api, str(uuid.uuid4()), READER, api.workspace.path, principalType="User")
    assert elsewhere.status_code == 201, "a user whom an external issuer knows"


def test_the_last_owner_stays(api: InProcessApi) -> None:
    listed = api.call("GET", "/providers/Microsoft.Authorization/roleAssignments").json()["value"]
    [owner] = [each for each in listed if each["properties"]["scope"] == "/"]
    assert owner["properties"]["roleDefinitionId"].endswith(OWNER)
    assert api.call("DELETE", owner["id"]).status_code == 409
    ada = made(api)
    assert assign(api, ada.object_id, OWNER, "/").status_code == 201
    assert api.call("DELETE", owner["id"]).status_code == 200
    assert api.call("GET", "onlineEndpoints").status_code == 403
    assert api.call("GET", "onlineEndpoints", token=api.token(ada)).status_code == 200


def test_assignments_are_listed_at_above_and_below(api: InProcessApi) -> None:
    ada, bob = made(api), made(api, "bob", "ServicePrincipal")
    api.call("PUT", "connections/one", CONNECTION)
    at = {"group": api.workspace.group_path, "ws": api.workspace.path, "one": f"{api.workspace.path}/connections/one"}
    names = {key: assign(api, ada.object_id, READER, scope).json()["name"] for key, scope in at.items()}
    names["bob"] = assign(api, bob.object_id, READER, at["ws"]).json()["name"]

    def found(scope: str, filter: str = "") -> set[str]:
        query = f"?$filter={filter}" if filter else ""
        answer = api.call("GET", f"{scope}/providers/Microsoft.Authorization/roleAssignments{query}")
        assert answer.status_code == 200, answer.text
        known = {name: key for key, name in names.items()}
        return {known[each["name"]] for each in answer.json()["value"] if each["name"] in known}

    assert found(at["ws"]) == {"group", "ws", "one", "bob"}
    assert found(at["ws"], "atScope()") == {"group", "ws", "bob"}
    assert found(api.workspace.subscription_path, f"principalId eq '{ada.object_id}'") == {"group", "ws", "one"}
    assert found(at["one"], f"atScope() and assignedTo('{bob.object_id}')") == {"bob"}
    wrong = api.call("GET", f"{at['ws']}/providers/Microsoft.Authorization/roleAssignments?$filter=name gt 3")
    assert wrong.status_code == 400


@pytest.mark.parametrize(
    ("filter", "status"),
    [
        ("roleName eq 'Search and rescue'", 200),
        ("roleName eq 'Ada''s and Bob''s'", 200),
        ("type eq 'CustomRole' and roleName eq 'a and b' AND atScope()", 200),
        ("atScope()and type eq 'CustomRole'", 400),
        ("atScope() and and type eq 'x'", 400),
        ("and", 400),
        ("roleName eq 'a' or type eq 'b'", 400),
        ("roleName eq 'a", 400),
    ],
)
def test_filters_are_read_to_their_end(api: InProcessApi, filter: str, status: int) -> None:
    path = f"{api.workspace.path}/providers/Microsoft.Authorization/roleDefinitions"
    assert api.call("GET", path, params={"$filter": filter}).status_code == status


def test_custom_roles(api: InProcessApi) -> None:
    ada, guid = made(api), str(uuid.uuid4())
    where = f"{api.workspace.path}/providers/Microsoft.Authorization/roleDefinitions"
    permission = {"actions": ["Microsoft.MachineLearningServices/workspaces/*/READ"], "notActions": ["*/models/*"]}
    body = {
        "properties": {
            "roleName": "Endpoint watcher",
            "type": "CustomRole",
            "permissions": [permission],
            "assignableScopes": [api.workspace.path],
        }
    }
    assert api.call("PUT", f"{where}/{guid}", body).status_code == 201
    assert api.call("PUT", f"{where}/{guid}", body).status_code == 200
    assert api.call("PUT", f"{where}/{uuid.uuid4()}", body).json()["error"]["code"] == "Conflict"
    assert api.call("PUT", f"{where}/{READER}", body).status_code == 400
    [found] = api.call("GET", f"{where}?$filter=roleName eq 'Endpoint watcher'").json()["value"]
    assert (found["name"], found["properties"]["type"]) == (guid, "CustomRole")
    assert len(api.call("GET", f"{where}?$filter=type eq 'BuiltInRole'").json()["value"]) == len(BUILT_IN)
    assert assign(api, ada.object_id, guid, api.workspace.group_path).status_code == 400, "not assignable there"
    granted = assign(api, ada.object_id, guid, api.workspace.path)
    assert granted.status_code == 201
    token = api.token(ada)
    assert api.call("GET", "onlineEndpoints", token=token).status_code == 200
    assert api.call("GET", "models/m/versions", token=token).status_code == 403
    assert api.call("DELETE", f"{where}/{guid}").json()["error"]["code"] == "RoleDefinitionHasAssignments"
    api.call("DELETE", granted.json()["id"])
    assert api.call("DELETE", f"{where}/{guid}").status_code == 200
    assert api.call("GET", f"{where}/{guid}").status_code == 404


def test_a_role_stays_assignable_where_it_is_granted(api: InProcessApi) -> None:
    """Else an owner of a workspace would say what the role allows in the whole resource group."""
    ada, bob, guid = made(api), made(api, "bob"), str(uuid.uuid4())
    assert assign(api, ada.object_id, OWNER, api.workspace.path).status_code == 201
    where = f"{api.workspace.path}/providers/Microsoft.Authorization/roleDefinitions/{guid}"

    def body(scope: str, action: str) -> dict[str, Any]:
        said = {"roleName": "Watcher", "permissions": [{"actions": [action]}], "assignableScopes": [scope]}
        return {"properties": said}

    assert api.call("PUT", where, body(api.workspace.group_path, "*/read")).status_code == 201
    granted = assign(api, bob.object_id, guid, api.workspace.group_path)
    assert granted.status_code == 201
    narrowed = api.call("PUT", where, body(api.workspace.path, "*/read"))
    assert narrowed.json()["error"]["code"] == "RoleDefinitionHasAssignments"
    assert api.call("PUT", where, body(api.workspace.path, "*"), token=api.token(ada)).status_code in (403, 409)
    api.call("DELETE", granted.json()["id"])
    assert api.call("PUT", where, body(api.workspace.path, "*/read")).status_code == 200
    assert assign(api, bob.object_id, guid, api.workspace.path).status_code == 201


def test_revoked_tokens_and_deleted_principals_open_nothing(api: InProcessApi) -> None:
    ada = made(api)
    assign(api, ada.object_id, READER, api.workspace.path)
    path = api.workspace.principal("ada")
    secret = api.call("POST", f"{path}/resetSecret").json()["properties"]["clientSecret"]
    scope = f"{api.access.audience}/.default offline_access"
    first = api.access.sign_in(ada.tenant_id, ada.client_id, secret, scope)
    assert first.refresh is not None
    assert api.call("GET", "onlineEndpoints", token=first.token.text).status_code == 200
    assert api.call("POST", f"{path}/revokeTokens").status_code == 200
    revoked = api.call("GET", "onlineEndpoints", token=first.token.text)
    assert (revoked.status_code, "revoked" in revoked.text) == (401, True)
    form = {"grant_type": "refresh_token", "client_id": ada.client_id, "refresh_token": first.refresh.text}
    refreshed = api.call("POST", f"/{ada.tenant_id}/oauth2/v2.0/token", token=None, data=form)
    assert refreshed.json()["error"] == "invalid_grant"
    now = api.store.principals.find(ada.client_id)
    assert now is not None
    later = api.access.endpoint_token(now, "uid").text
    assert later
    assert api.call("DELETE", path).status_code == 200
    assert api.call("GET", "onlineEndpoints", token=first.token.text).status_code == 401
    assert api.call("DELETE", path).status_code == 204
    left = api.call("GET", f"{api.workspace.path}/providers/Microsoft.Authorization/roleAssignments").json()["value"]
    assert ada.object_id not in {each["properties"]["principalId"] for each in left}


def test_an_endpoints_identity_comes_and_goes_with_it(api: InProcessApi) -> None:
    def principals() -> dict[str, str]:
        listed = api.call("GET", f"{api.workspace.subscription_path}/providers/Flowstead.Access/principals").json()
        return {each["properties"]["principalId"]: each["properties"]["type"] for each in listed["value"]}

    shown = api.call("PUT", "onlineEndpoints/chat", ENDPOINT).json()
    id = shown["identity"]["principalId"]
    assert principals()[id] == "ManagedIdentity"
    held = api.store.principals.find
    assert held is not None
    scopes = {api.workspace.registry, api.workspace.storage, api.workspace.path}
    with api.store.reading() as tx:
        assert {each.scope for each in tx.principals.grants(id)} == scopes
    api.call("DELETE", "onlineEndpoints/chat")
    api.settle()
    assert id not in principals()
    again = api.call("PUT", "onlineEndpoints/chat", ENDPOINT).json()
    assert again["identity"]["principalId"] != id, "another endpoint of its name is somebody else"


def test_what_was_done_to_an_endpoints_identity_is_not_undone_by_taking_it_away(api: InProcessApi) -> None:
    id = api.call("PUT", "onlineEndpoints/chat", ENDPOINT).json()["identity"]["principalId"]
    assert api.call("POST", f"{api.workspace.principal(id)}/block").status_code == 200

    def principal() -> Principal:
        with api.store.reading() as tx:
            found = tx.principals.by_object(id)
        assert found is not None
        return found

    first, token = principal(), api.token(principal())
    assert api.call("PUT", "onlineEndpoints/chat", {**ENDPOINT, "identity": {"type": "None"}}).status_code < 300
    assert principal().grants == ()
    assert api.call("PUT", "onlineEndpoints/chat", ENDPOINT).json()["identity"]["principalId"] == id
    assert (principal().blocked, principal().grants) == (True, first.grants)
    assert api.call("POST", f"{api.workspace.principal(id)}/unblock").status_code == 200
    assert api.call("GET", "onlineEndpoints", token=token).status_code == 401, "tokens from before stay ended"
    again = api.token(principal())
    assert api.call("PUT", "onlineEndpoints/chat", {**ENDPOINT, "identity": {"type": "None"}}).status_code < 300
    assert api.call("GET", "onlineEndpoints", token=again).status_code == 401


def test_access_to_secrets_is_given_only_by_who_has_it(api: InProcessApi) -> None:
    ada = made(api)
    token = api.token(ada)
    narrow = str(uuid.uuid4())
    body = {
        "properties": {
            "roleName": "Deployer",
            "permissions": [{"actions": ["Microsoft.MachineLearningServices/workspaces/onlineEndpoints/*"]}],
            "assignableScopes": ["/"],
        }
    }
    where = f"{api.workspace.subscription_path}/providers/Microsoft.Authorization/roleDefinitions/{narrow}"
    assert api.call("PUT", where, body).status_code == 201
    assert assign(api, ada.object_id, narrow, api.workspace.path).status_code == 201
    refused = api.call("PUT", "onlineEndpoints/chat", ENFORCING, token=token)
    assert refused.status_code == 403
    assert "Azure Machine Learning Workspace Connection Secrets Reader" in refused.text
    assert api.call("GET", "onlineEndpoints/chat").status_code == 404, "nothing is left behind"
    with api.store.reading() as tx:
        assert [each for each in tx.principals.all() if each.resource_id] == []
    assert assign(api, ada.object_id, SECRETS_READER, api.workspace.path).status_code == 201
    made_now = api.call("PUT", "onlineEndpoints/chat", ENFORCING, token=token)
    assert made_now.status_code == 201
    with api.store.reading() as tx:
        grants = tx.principals.grants(made_now.json()["identity"]["principalId"])
    assert BUILT_IN[SECRETS_READER] in [each.role for each in grants]


PRINTS = """\
inputs: {q: {type: string}}
outputs: {a: {type: string, reference: "${say.output}"}}
nodes:
- {name: say, type: llm, connection: search, api: chat, source: {type: code, path: t.jinja2}, inputs: {model: m}}
"""


@pytest.mark.parametrize("by", ["the flow", "a variable"])
def test_who_may_not_read_secrets_tries_no_flow_that_has_them(api: InProcessApi, by: str) -> None:
    """What runs could print them."""
    api.call("PUT", "connections/search", CONNECTION)
    api.call("PUT", "flows/draft", {"properties": {}})
    text = PRINTS if by == "the flow" else "inputs: {}\noutputs: {}\nnodes: []\n"
    for name, content in (("flow.dag.yaml", text), ("t.jinja2", "user:\nhello\n")):
        assert api.call("PUT", f"flows/draft/files/{name}", content=content).status_code == 201
    ada, guid = made(api), str(uuid.uuid4())
    body = {
        "properties": {
            "roleName": "Author",
            "permissions": [{"actions": ["Microsoft.MachineLearningServices/workspaces/flows/*"]}],
            "assignableScopes": ["/"],
        }
    }
    assert api.call("PUT", api.workspace.role_definition(guid), body).status_code == 201
    assign(api, ada.object_id, guid, api.workspace.path)
    variables = {} if by == "the flow" else {"KEY": "${{azureml://connections/search/credentials/a}}"}
    tried = {"inputs": {"q": "x"} if by == "the flow" else {}, "environmentVariables": variables}
    refused = api.call("POST", "flows/draft/test", tried, token=api.token(ada))
    assert (refused.status_code, "connections/listsecrets/action" in refused.text) == (403, True)


@pytest.mark.parametrize(
    ("part", "named"),
    [("resourceGroups", "resource group {s}/other"), ("subscriptions", "subscription other")],
)
def test_the_part_of_a_path_that_is_not_there_is_named(api: InProcessApi, part: str, named: str) -> None:
    subscription = api.workspace.subscription
    identities = "providers/Microsoft.ManagedIdentity/userAssignedIdentities"
    path = f"/subscriptions/{subscription}/resourceGroups/other/{identities}/a"
    if part == "subscriptions":
        path = f"/subscriptions/other/{identities}"
    answer = api.call("GET", path)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"].startswith(f"There is no {named.format(s=subscription)}.")


def test_the_site_shows_what_roles_are_granted_on(api: InProcessApi) -> None:
    workspace = api.workspace
    for path in (workspace.subscription_path, workspace.group_path, workspace.registry, workspace.storage):
        answer = api.call("GET", path.upper().replace("/PROVIDERS/", "/providers/"))
        assert answer.status_code == 200, answer.text
        assert answer.json()["id"] == path
    assert (
        api.call("GET", f"{workspace.group_path}/providers/Microsoft.Storage/storageAccounts/other").status_code == 404
    )
    assert api.call("GET", "/subscriptions/other").status_code == 404


def test_the_scope_stands_in_the_path_alone(api: InProcessApi) -> None:
    """At the root a query could name another, of which nobody has asked whether the caller may."""
    here = "/providers/Microsoft.Authorization/roleAssignments"
    below = api.workspace.path.removeprefix("/subscriptions/")
    assert api.call("GET", here, params={"below": below}).json() == api.call("GET", here).json()
