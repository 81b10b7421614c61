from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.settings import ServerSettings
from flowstead.store.records import Kind
from flowstead.testing.in_process_api import InProcessApi

BODY: dict[str, Any] = {
    "location": "local",
    "properties": {
        "authMode": "Key",
        "description": "an endpoint",
        "properties": {"enforce_access_to_default_secret_stores": "enabled"},
        "traffic": {},
        "mirrorTraffic": {},
    },
    "identity": {"type": "SystemAssigned"},
    "tags": {"team": "docs"},
}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        yield api


def path_of(url: str) -> str:
    return httpx.URL(url).raw_path.decode()


def test_creating_is_a_long_running_operation(api: InProcessApi) -> None:
    created = api.call("PUT", "onlineEndpoints/My-Endpoint", BODY)
    assert created.status_code == 201
    assert created.json()["properties"]["provisioningState"] == "Creating"
    assert created.headers["Retry-After"] == "1"
    assert created.headers["x-ms-async-operation-timeout"] == "PT1H"
    assert api.hints == 1
    where = created.headers["Azure-AsyncOperation"]
    assert where.startswith("http://127.0.0.1:8080/subscriptions/00000000-0000-0000-0000-000000000000/providers/")
    polled = api.call("GET", path_of(where))
    assert polled.headers["Retry-After"] == "1"
    body = polled.json()
    assert (body["status"], body["percentComplete"]) == ("InProgress", 0)
    assert body["id"] == path_of(where)
    assert body["name"] == where.rpartition("/")[2]
    assert body["properties"] == {"phase": "", "phaseTimes": {}}

    api.settle()
    polled = api.call("GET", path_of(where))
    assert (polled.json()["status"], polled.json()["percentComplete"]) == ("Succeeded", 100)
    assert "Retry-After" not in polled.headers
    assert api.call("GET", "onlineEndpoints/My-Endpoint").json()["properties"]["provisioningState"] == "Succeeded"


def test_the_shape_of_an_endpoint(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/My-Endpoint", BODY)
    api.settle()
    shown = api.call("GET", "onlineEndpoints/My-Endpoint")
    body = shown.json()
    assert body["id"] == api.workspace.endpoint("My-Endpoint")
    assert body["type"] == "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
    assert (body["name"], body["kind"], body["location"], body["tags"]) == (
        "My-Endpoint", "Managed", "local", {"team": "docs"},
    )  # fmt: skip
    assert body["properties"] == {
        "description": "an endpoint",
        "authMode": "Key",
        "traffic": {},
        "mirrorTraffic": {},
        "publicNetworkAccess": "Enabled",
        "properties": {"enforce_access_to_default_secret_stores": "enabled"},
        "keys": None,
        "provisioningState": "Succeeded",
        "scoringUri": "http://127.0.0.1:8080/endpoints/My-Endpoint/score",
        "swaggerUri": "http://127.0.0.1:8080/endpoints/My-Endpoint/swagger.json",
    }
    assert body["identity"]["type"] == "SystemAssigned"
    assert set(body["identity"]) == {"type", "principalId", "tenantId"}
    stamps = body["systemData"]
    assert set(stamps) == {
        "createdBy", "createdByType", "createdAt", "lastModifiedBy", "lastModifiedByType", "lastModifiedAt",
    }  # fmt: skip
    assert stamps["createdAt"].endswith("Z")
    assert shown.headers["ETag"].startswith('"')


def test_ids_are_matched_in_any_case_and_answered_in_one(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/Foo", BODY)
    for path in (api.workspace.endpoint("foo").upper(), api.workspace.endpoint("FOO").lower() + "/"):
        body = api.call("GET", path).json()
        assert (body["id"], body["name"]) == (api.workspace.endpoint("Foo"), "Foo")
    again = api.call("PUT", api.workspace.endpoint("fOO").lower(), BODY)
    assert (again.status_code, again.json()["name"]) == (200, "Foo")
    assert api.call("POST", api.workspace.endpoint("foo").lower() + "/LISTKEYS").status_code == 200


def test_changing_keeps_keys_and_identity(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/foo", BODY)
    api.settle()
    before = api.call("GET", "onlineEndpoints/foo").json()
    keys = api.call("POST", "onlineEndpoints/foo/listKeys").json()
    # The SDK sends back what it read, with parts of systemData inside properties.
    body = {**before, "tags": {"new": "tag"}}
    body["properties"]["properties"] |= {"createdBy": "x", "createdAt": "y", "lastModifiedAt": "z", "own": "1"}
    changed = api.call("PUT", "onlineEndpoints/foo", body)
    assert changed.status_code == 200
    after = changed.json()
    assert after["properties"]["provisioningState"] == "Updating"
    assert after["properties"]["properties"] == {"enforce_access_to_default_secret_stores": "enabled", "own": "1"}
    assert after["tags"] == {"new": "tag"}
    assert after["identity"] == before["identity"]
    assert api.call("POST", "onlineEndpoints/foo/listKeys").json() == keys


def test_keys_are_long_random_and_only_listed(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/foo", BODY)
    api.call("PUT", "onlineEndpoints/bar", BODY)
    found = [api.call("POST", f"onlineEndpoints/{name}/listKeys").json() for name in ("foo", "bar")]
    keys = [key for pair in found for key in pair.values()]
    assert set(found[0]) == {"primaryKey", "secondaryKey"}
    assert len(set(keys)) == 4
    for key in keys:
        assert len(key) >= 43
        assert key.replace("-", "").replace("_", "").isalnum()
        assert key not in api.call("GET", "onlineEndpoints").text
        assert key not in api.call("GET", "onlineEndpoints/foo").text
    with api.store.reading() as tx:
        assert not any(key in repr(tx.audit()) for key in keys)


@pytest.mark.parametrize(("key_type", "name"), [("Primary", "primaryKey"), ("secondary", "secondaryKey")])
def test_one_key_is_made_anew_although_the_sdk_sends_the_old_one(api: InProcessApi, key_type: str, name: str) -> None:
    api.call("PUT", "onlineEndpoints/foo", BODY)
    api.settle()
    before = api.call("POST", "onlineEndpoints/foo/listKeys").json()
    answer = api.call("POST", "onlineEndpoints/foo/regenerateKeys", {"keyType": key_type, "keyValue": before[name]})
    assert (answer.status_code, answer.content) == (202, b"")
    after = api.call("POST", "onlineEndpoints/foo/listKeys").json()
    assert {key for key in before if before[key] != after[key]} == {name}
    status, result = (path_of(answer.headers[header]) for header in ("Azure-AsyncOperation", "Location"))
    assert api.call("GET", status).json()["status"] == "InProgress"
    waiting = api.call("GET", result)
    assert (waiting.status_code, waiting.headers["Retry-After"]) == (202, "1")
    assert path_of(waiting.headers["Location"]) == result
    api.settle()
    assert api.call("GET", result).status_code == 200
    assert api.call("GET", status).json()["status"] == "Succeeded"


def test_a_key_can_be_brought(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/foo", BODY)
    wanted = "my-own-key-" + "x" * 30
    api.call("POST", "onlineEndpoints/foo/regenerateKeys", {"keyType": "Primary", "keyValue": wanted})
    assert api.call("POST", "onlineEndpoints/foo/listKeys").json()["primaryKey"] == wanted
    short = api.call("POST", "onlineEndpoints/foo/regenerateKeys", {"keyType": "Primary", "keyValue": "short-key"})
    assert (short.status_code, short.json()["error"]["target"]) == (400, "keyValue")
    assert "short-key" not in short.text
    other = api.call("POST", "onlineEndpoints/foo/regenerateKeys", {"keyType": "Third"})
    assert (other.status_code, other.json()["error"]["target"]) == (400, "keyType")
    assert api.call("POST", "onlineEndpoints/foo/listKeys").json()["primaryKey"] == wanted


def test_a_token_belongs_to_the_mode_aml_token(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/foo", BODY)
    refused = api.call("POST", "onlineEndpoints/foo/token")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadArgument")
    api.call("PUT", "onlineEndpoints/bar", {"properties": {"authMode": "aml_token"}})
    token = api.call("POST", "onlineEndpoints/bar/token").json()
    assert set(token) == {"accessToken", "expiryTimeUtc", "refreshAfterTimeUtc", "tokenType"}
    assert token["tokenType"] == "Bearer"
    assert isinstance(token["expiryTimeUtc"], int)
    assert time.time() < token["refreshAfterTimeUtc"] < token["expiryTimeUtc"]
    with api.store.reading() as tx:
        uid = tx.get(Kind.ENDPOINT, api.workspace.endpoint("bar")).uid
    claims = api.access.issuer.verify(token["accessToken"], issuer=api.access.issuer_url, audience=f"endpoint:{uid}")
    assert claims["exp"] == token["expiryTimeUtc"]
    assert api.call("GET", "onlineEndpoints", token=token["accessToken"]).status_code == 401
    assert api.call("POST", "onlineEndpoints/bar/listKeys").status_code == 400


@pytest.mark.parametrize(
    ("public_url", "expected"),
    [
        ("", "http://foo.flows.test:8080"),
        ("https://flows.test", "https://foo.flows.test"),
        ("https://flows.test:8443", "https://foo.flows.test:8443"),
    ],
)
def test_with_a_domain_an_endpoint_s_urls_begin_with_its_own_host(
    tmp_path: Path, public_url: str, expected: str
) -> None:
    with InProcessApi(tmp_path, settings=ServerSettings(domain="flows.test", public_url=public_url)) as api:
        shown = api.call("PUT", "onlineEndpoints/Foo", BODY).json()["properties"]
    assert (shown["scoringUri"], shown["swaggerUri"]) == (f"{expected}/score", f"{expected}/swagger.json")


def test_deleting(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/foo", BODY)
    api.settle()
    answer = api.call("DELETE", "onlineEndpoints/foo")
    assert (answer.status_code, answer.content, answer.headers["Retry-After"]) == (202, b"", "1")
    status, result = (path_of(answer.headers[header]) for header in ("Azure-AsyncOperation", "Location"))
    assert api.call("GET", "onlineEndpoints/foo").json()["properties"]["provisioningState"] == "Deleting"
    again = api.call("DELETE", "onlineEndpoints/foo")
    assert path_of(again.headers["Azure-AsyncOperation"]) == status
    busy = api.call("PUT", "onlineEndpoints/foo", BODY)
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "Conflict")
    api.settle()
    assert api.call("GET", status).json()["status"] == "Succeeded"
    assert api.call("GET", result).status_code == 200
    assert api.call("GET", "onlineEndpoints/foo").status_code == 404
    assert api.call("DELETE", "onlineEndpoints/foo").status_code == 204


def test_a_newer_change_supersedes_the_running_one(api: InProcessApi) -> None:
    first = api.call("PUT", "onlineEndpoints/foo", BODY)
    api.call("PUT", "onlineEndpoints/foo", {**BODY, "tags": {}})
    polled = api.call("GET", path_of(first.headers["Azure-AsyncOperation"])).json()
    assert (polled["status"], polled["error"]["code"]) == ("Canceled", "OperationCanceled")
    result = path_of(first.headers["Azure-AsyncOperation"]).replace("mfeOperationsStatus", "mfeOperationResults")
    assert (api.call("GET", result).status_code, api.call("GET", result).json()["error"]["code"]) == (
        400, "OperationCanceled",
    )  # fmt: skip


def test_a_failed_endpoint_shows_why(api: InProcessApi) -> None:
    first = api.call("PUT", "onlineEndpoints/foo", BODY)
    api.settle(ProvisioningState.FAILED, error={"code": "GatewayUpdateFailed", "message": "no"})
    shown = api.call("GET", "onlineEndpoints/foo").json()["properties"]
    assert (shown["provisioningState"], shown["provisioningError"]["code"]) == ("Failed", "GatewayUpdateFailed")
    polled = api.call("GET", path_of(first.headers["Azure-AsyncOperation"])).json()
    assert (polled["status"], polled["error"]["message"]) == ("Failed", "no")


def test_an_etag_guards_a_change(api: InProcessApi) -> None:
    created = api.call("PUT", "onlineEndpoints/foo", BODY)
    etag = created.headers["ETag"]
    other = api.call("PUT", "onlineEndpoints/foo", {**BODY, "tags": {}}, headers={"If-Match": etag})
    assert other.status_code == 200
    for method in ("PUT", "DELETE"):
        late = api.call(method, "onlineEndpoints/foo", BODY, headers={"If-Match": etag})
        assert (late.status_code, late.json()["error"]["code"]) == (412, "PreconditionFailed")


def test_patching_changes_what_it_names(api: InProcessApi) -> None:
    api.call("PUT", "onlineEndpoints/foo", BODY)
    api.settle()
    patched = api.call("PATCH", "onlineEndpoints/foo", {"tags": {"a": "b"}, "properties": {"description": None}})
    assert patched.status_code == 200
    assert patched.json()["tags"] == {"team": "docs", "a": "b"}
    assert patched.json()["properties"]["description"] == ""
    assert "Azure-AsyncOperation" in patched.headers
    bad = api.call("PATCH", "onlineEndpoints/foo", {"properties": {"authMode": "None"}})
    assert (bad.status_code, bad.json()["error"]["target"]) == (400, "properties.authMode")
    assert api.call("PATCH", "onlineEndpoints/gone", {}).status_code == 404


@pytest.mark.parametrize(
    ("name", "body", "code", "target"),
    [
        ("ab", BODY, "InvalidName", "name"),
        ("has_underscore", BODY, "InvalidName", "name"),
        ("portal", BODY, "InvalidName", "name"),
        ("foo", {}, "BadArgument", "properties"),
        ("foo", {"properties": {"authMode": "Password"}}, "BadArgument", "properties.authMode"),
        ("foo", {"properties": {"traffic": {"blue": 100}}}, "BadArgument", "properties.traffic.blue"),
        ("foo", {"properties": {"traffic": {"blue": 101}}}, "BadArgument", "properties.traffic.blue"),
        ("foo", {"properties": {"traffic": {"blue": -1}}}, "BadArgument", "properties.traffic.blue"),
        ("foo", {"properties": {}, "tags": []}, "BadArgument", "tags"),
        ("foo", {"properties": {}, "tags": {str(n): "" for n in range(201)}}, "BadArgument", "tags"),
        ("foo", [], "BadArgument", "body"),
    ],
)
def test_bad_endpoints_are_refused_in_the_first_answer(
    api: InProcessApi, name: str, body: Any, code: str, target: str
) -> None:
    answer = api.call("PUT", f"onlineEndpoints/{name}", body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["target"]) == (code, target)
    assert "\n" in error["message"], "the next step"
    assert api.call("GET", "onlineEndpoints").json() == {"value": []}
    assert api.hints == 0


def test_what_is_not_there(api: InProcessApi) -> None:
    for method, path in (
        ("GET", "onlineEndpoints/gone"),
        ("POST", "onlineEndpoints/gone/listKeys"),
        ("POST", "onlineEndpoints/gone/token"),
        ("GET", "onlineEndpoints/gone/deployments"),
        ("GET", "onlineEndpoints/gone/deployments/blue"),
    ):
        answer = api.call(method, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound"), path
        assert "gone" in answer.json()["error"]["message"]
    answer = api.call("POST", "onlineEndpoints/gone/regenerateKeys", {"keyType": "Primary"})
    assert answer.status_code == 404


def test_lists_are_paged_and_ordered(api: InProcessApi) -> None:
    names = [f"endpoint-{n}" for n in range(5)]
    for name in names:
        api.call("PUT", f"onlineEndpoints/{name}", BODY)
    first = api.call("GET", "onlineEndpoints?count=2&api-version=2022-02-01-preview").json()
    assert first["nextLink"].startswith(f"http://127.0.0.1:8080{api.workspace.path}/onlineEndpoints?")
    seen, page = [], first
    while True:
        seen += [item["name"] for item in page["value"]]
        if "nextLink" not in page:
            break
        page = api.call("GET", path_of(page["nextLink"])).json()
    assert seen == names
    listed = api.call("GET", "onlineEndpoints?orderBy=CreatedAtDesc&$top=1").json()
    assert [item["name"] for item in listed["value"]] == ["endpoint-4"]
    assert "nextLink" not in listed
    for query in ("count=x", "$skip=-1", "$top=0", "orderBy=colour"):
        assert api.call("GET", f"onlineEndpoints?{query}").status_code == 400


@pytest.mark.parametrize("part", [{"tags": {"a": "\ud800"}}, {"properties": {"description": "x\udc00"}}])
def test_half_a_surrogate_pair_is_refused_before_it_is_stored(api: InProcessApi, part: dict[str, Any]) -> None:
    """JSON can spell it, no answer could: stored once, it would spoil every GET and list."""
    content = json.dumps({**BODY, **part}).encode("ascii")
    headers = {"content-type": "application/json"}
    answer = api.call("PUT", "onlineEndpoints/poison", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadArgument")
    assert "surrogate" in answer.json()["error"]["message"]
    assert api.call("GET", "onlineEndpoints").json()["value"] == []


def test_an_endpoint_begins_with_the_keys_that_are_given(api: InProcessApi) -> None:
    first, second = "first-key-" + "a" * 30, "second-key-" + "b" * 30
    given = {"primaryKey": first, "secondaryKey": second}
    made = api.call("PUT", "onlineEndpoints/foo", {"properties": {"keys": given}})
    assert made.status_code == 201
    assert api.call("POST", "onlineEndpoints/foo/listKeys").json() == given
    for shown in (made, api.call("GET", "onlineEndpoints/foo")):
        assert shown.json()["properties"]["keys"] is None
        assert first not in shown.text
    assert "first-key" not in api.call("GET", "auditRecords").text
    other = {"primaryKey": "c" * 40, "secondaryKey": "too short"}
    for method in ("PUT", "PATCH"):
        assert api.call(method, "onlineEndpoints/foo", {"properties": {"keys": other}}).status_code == 200
    assert api.call("POST", "onlineEndpoints/foo/listKeys").json() == given, "as in Azure: only at its creation"

    api.call("PUT", "onlineEndpoints/half", {"properties": {"keys": {"secondaryKey": second}}})
    keys = api.call("POST", "onlineEndpoints/half/listKeys").json()
    assert keys["secondaryKey"] == second
    assert len(keys["primaryKey"]) == 64, "made as usual"


def test_a_first_key_that_cannot_be_one_is_refused_and_not_repeated(api: InProcessApi) -> None:
    for keys, field in (
        ({"primaryKey": "hush hush"}, "properties.keys.primaryKey"),
        ({"secondaryKey": ""}, "properties.keys.secondaryKey"),
        ({"primaryKey": "k" * 40, "secondaryKey": "k" * 40}, "properties.keys"),
    ):
        refused = api.call("PUT", "onlineEndpoints/foo", {"properties": {"keys": keys}})
        assert (refused.status_code, refused.json()["error"]["target"]) == (400, field)
        assert "hush" not in refused.text
    assert api.call("GET", "onlineEndpoints/foo").status_code == 404


def test_a_list_is_filtered_as_azure_filters_it(api: InProcessApi) -> None:
    for name, tags, properties in (
        ("one", {"team": "docs", "stage": "test"}, {}),
        ("two", {"team": "docs"}, {"a.b": "c"}),
        ("three", {}, {"a.b": "d"}),
    ):
        api.call("PUT", f"onlineEndpoints/{name}", {"tags": tags, "properties": {"properties": properties}})

    def names(query: str) -> list[str]:
        return [each["name"] for each in api.call("GET", f"onlineEndpoints?{query}").json()["value"]]

    for query, wanted in (
        ("name=TWO", ["two"]),
        ("name=tw", []),
        ("tags=team", ["one", "two"]),
        ("tags=team%3Ddocs,stage", ["one"]),
        ("tags=team%3Dother", []),
        ("properties=a.b", ["two", "three"]),
        ("properties=a.b%3Dd&computeType=Managed", ["three"]),
        ("computeType=Kubernetes", []),
        ("tags=team&orderBy=CreatedAtDesc", ["two", "one"]),
        ("tags=team&orderBy=CreatedAtDesc&skip=1", ["one"]),
        ("tags=team&count=1", ["one"]),
    ):
        assert names(query) == wanted, query
    assert api.call("GET", "onlineEndpoints?computeType=Spark").status_code == 400


def test_skip_comes_before_top(api: InProcessApi) -> None:
    for number in range(7):
        api.call("PUT", f"onlineEndpoints/foo{number}", {"properties": {}})

    def pages(query: str) -> list[list[str]]:
        found, page = [], api.call("GET", f"onlineEndpoints?{query}").json()
        while True:
            found.append([each["name"][-1] for each in page["value"]])
            if "nextLink" not in page:
                return found
            page = api.call("GET", path_of(page["nextLink"])).json()

    assert pages("$skip=2&$top=3") == [["2", "3", "4"]]
    assert pages("skip=5&$top=3") == [["5", "6"]]
    assert pages("$skip=1&$top=5&count=2") == [["1", "2"], ["3", "4"], ["5"]]
    assert pages("skip=3&count=3") == [["3", "4", "5"], ["6"]]
    assert pages("$skip=9&$top=2") == [[]]


def test_a_rate_stays_until_it_is_mentioned_again(api: InProcessApi) -> None:
    def put(**more: Any) -> Any:
        body = {**BODY, "properties": {**BODY["properties"], **more}}
        answer = api.call("PUT", "onlineEndpoints/rated", body)
        api.settle()
        return answer.json()["properties"].get("requestsPerSecond")

    assert put() is None
    assert put(requestsPerSecond=500) == 500
    assert put() == 500, "Azure's SDK does not know the field"
    assert put(requestsPerSecond=0) == 0
    assert put(requestsPerSecond=None) is None
    refused = api.call("PUT", "onlineEndpoints/rated", {**BODY, "properties": {"requestsPerSecond": -1}})
    assert refused.status_code == 400
    assert "requestsPerSecond" in refused.json()["error"]["message"]
