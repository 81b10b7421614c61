"""User-assigned identities: who may make them, and say where they are trusted."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstead.resources.built_in_roles import ACR_PULL
from flowstead.testing.in_process_api import InProcessApi
from server.tests.component.test_api_roles import ENDPOINT, assign, made


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as world:
        yield world


def test_user_assigned_identities(api: InProcessApi) -> None:
    id = api.workspace.identity("reader-one")
    first = api.call("PUT", id, {"location": "local", "tags": {"a": "b"}})
    assert first.status_code == 201
    assert api.call("PUT", id, {"location": "local"}).status_code == 200
    assert api.call("PATCH", id, {"tags": {"c": "d"}}).json()["tags"] == {"c": "d"}
    properties = api.call("GET", id).json()["properties"]
    assert {"tenantId", "principalId", "clientId"} <= properties.keys()
    assert [each["name"] for each in api.call("GET", id.rpartition("/")[0]).json()["value"]] == ["reader-one"]
    using = {**ENDPOINT, "identity": {"type": "UserAssigned", "userAssignedIdentities": {id: {}}}}
    shown = api.call("PUT", "onlineEndpoints/chat", using)
    assert shown.status_code == 201
    assert shown.json()["identity"]["userAssignedIdentities"][id]["principalId"] == properties["principalId"]
    unknown = {**using, "identity": {"type": "UserAssigned", "userAssignedIdentities": {f"{id}x": {}}}}
    refused = api.call("PUT", "onlineEndpoints/other", unknown)
    assert (refused.status_code, "flowstead identity create" in refused.text) == (400, True)
    assert assign(api, properties["principalId"], ACR_PULL, api.workspace.registry).status_code == 201
    assert api.call("DELETE", id).status_code == 200
    assert api.call("DELETE", id).status_code == 204
    assert api.call("GET", id).status_code == 404
    assert api.call("GET", "onlineEndpoints/chat").json()["identity"]["userAssignedIdentities"] == {id: {}}


def test_who_may_write_an_identity_does_not_say_where_it_is_trusted(api: InProcessApi) -> None:
    id, ada, guid = api.workspace.identity("walker"), made(api), str(uuid.uuid4())
    assert api.call("PUT", id, {"location": "local"}).status_code == 201
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
    where = f"{api.workspace.group_path}/providers/Microsoft.Authorization/roleDefinitions/{guid}"

    def allow(*actions: str) -> None:
        said = {"roleName": "Writer", "permissions": [{"actions": [f"{kind}/{each}" for each in actions]}]}
        body = {"properties": {**said, "assignableScopes": [api.workspace.group_path]}}
        assert api.call("PUT", where, body).status_code < 300

    allow("read", "write")
    assert assign(api, ada.object_id, guid, api.workspace.group_path).status_code == 201
    token = api.token(ada)
    given = {"authority": "https://login.example", "tenantId": "theirs", "clientId": "app"}
    body = {"location": "local", "properties": {"application": given}}
    assert api.call("PUT", id, {"location": "local", "tags": {"a": "b"}}, token=token).status_code == 200
    for refused in (api.call("PUT", id, body, token=token), api.call("PATCH", id, body, token=token)):
        assert refused.status_code == 403
        assert f"{kind}/federatedIdentityCredentials/write" in refused.json()["error"]["message"]
    allow("read", "write", "federatedIdentityCredentials/write")
    assert api.call("PUT", id, body, token=token).status_code == 200
    allow("read", "write")
    assert api.call("PATCH", id, {"tags": {"a": "c"}}, token=token).status_code == 200
    assert api.call("PATCH", id, {"properties": {"application": None}}, token=token).status_code == 403


def test_a_put_that_does_not_name_the_application_of_an_identity_keeps_it(api: InProcessApi) -> None:
    """Azure's own clients and tools know nothing of it."""
    id = api.workspace.identity("walker")
    given = {"authority": "https://login.example", "tenantId": "theirs", "clientId": "app"}
    api.call("PUT", id, {"location": "local", "properties": {"application": given}})
    for body in ({"location": "local"}, {"location": "local", "properties": {}}):
        assert api.call("PUT", id, body).json()["properties"]["application"] == given, body
    assert api.call("PATCH", id, {"tags": {"a": "b"}}).json()["properties"]["application"] == given
    for method in ("PUT", "PATCH"):
        api.call("PUT", id, {"location": "local", "properties": {"application": given}})
        ended = api.call(method, id, {"location": "local", "properties": {"application": None}})
        assert "application" not in ended.json()["properties"], method


@pytest.mark.parametrize("name", ["ab", "-abc", "a b c", "a" * 129, "ä-name"])
def test_names_of_identities_are_limited(api: InProcessApi, name: str) -> None:
    assert api.call("PUT", api.workspace.identity(name), {"location": "local"}).status_code == 400
