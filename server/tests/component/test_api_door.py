"""What every request meets before a route: hosts, ids, bodies, tokens, errors."""

from __future__ import annotations

import base64
import gzip
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from fastapi.routing import APIRoute

from flowstead.api.application import ROUTERS
from flowstead.api.blobs import Signed, SignedContainer
from flowstead.api.context import Needs
from flowstead.api.description import actions
from flowstead.resources.settings import ServerSettings
from flowstead.testing.in_process_api import InProcessApi

OPEN = {
    "/health",
    "/ca.pem",
    "/metadata/endpoints",
    "/{tenant}/v2.0/.well-known/openid-configuration",
    "/{tenant}/discovery/v2.0/keys",
    "/{tenant}/oauth2/v2.0/token",
    "/signin",
    "/signout",
    "/",
    "/portal",
    "/portal/",
    "/portal/{path}",
}
"""Routes that need neither token nor signature."""
OF_THE_CALLER = {
    "/session",
    "/session/endpointToken",
    "/session/permissions",
    "/sessions",
    "/sessions/{id}",
    "/signin/links",
}
"""Routes that need a token or a session and no role: what they are about is the caller's own."""
OF_INSTANCES = {"/identity/token"}
"""Routes that take the key of an instance, and no token."""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        yield api


PROVIDERS = tuple(
    f"{name}/"
    for name in (
        "Microsoft.MachineLearningServices",
        "Microsoft.Authorization",
        "Microsoft.ManagedIdentity",
        "Microsoft.Resources",
        "Microsoft.ContainerRegistry",
        "Microsoft.Storage",
        "Microsoft.Insights",
        "Flowstead.Access",
    )
)


def routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def filled(route: APIRoute, api: InProcessApi) -> str:
    values = {
        "subscription": api.workspace.subscription, "group": api.workspace.resource_group,
        "workspace": api.workspace.name, "path": "LocalUpload/a/b", "container": "azureml-blobstore",
    }  # fmt: skip
    return route.path_format.format_map({name: values.get(name, "xyz") for name in route.param_convertors})


def test_every_route_asks_who_may(api: InProcessApi) -> None:
    for route in routes():
        calls = [dependency.call for dependency in route.dependant.dependencies]
        if route.path_format in OPEN | OF_INSTANCES | OF_THE_CALLER:
            assert not list(actions(route.dependant))
        elif ".blob." in route.path_format:
            assert any(isinstance(call, Signed | SignedContainer) for call in calls)
        else:
            [action] = list(actions(route.dependant))
            assert action.startswith(PROVIDERS)
            assert any(isinstance(call, Needs) for call in calls)


def test_no_route_opens_without_a_valid_token_and_none_for_a_stranger(api: InProcessApi) -> None:
    owner = api.store.principals.owner()
    assert owner is not None
    stranger = api.token(api.stranger())
    expired = api.token(lifetime=timedelta(seconds=-60))
    endpoint = api.access.endpoint_token(owner, "uid").text
    for route in routes():
        if route.path_format in OPEN or ".blob." in route.path_format:
            continue
        for method in route.methods or ():
            for token in (None, "", "wrong", expired, endpoint):
                answer = api.call(method, filled(route, api), {}, token=token)
                assert answer.status_code == 401, (method, route.path_format, token)
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
                assert answer.json()["error"]["code"] == "Unauthorized"
            if route.path_format in OF_THE_CALLER:
                continue
            refused = api.call(method, filled(route, api), {"properties": {}}, token=stranger)
            if route.path_format in OF_INSTANCES:
                assert refused.status_code == 401
                continue
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "AuthorizationFailed")


def test_who_may_not_learns_nothing_from_the_body(api: InProcessApi) -> None:
    """The token is looked at before the body."""
    answer = api.call("PUT", "onlineEndpoints/foo", token=None, content=b"not json")
    assert answer.status_code == 401


@pytest.mark.parametrize("name", ["%ff", "%fe", "a%c3", "%ed%a0%80", "%c0%ae%c0%ae"])
def test_a_path_that_is_not_utf8_is_refused(api: InProcessApi, name: str) -> None:
    """Else `%ff` and `%fe` would be one file."""
    api.call("PUT", "flows/draft", {"properties": {}})
    answer = api.call("PUT", f"flows/draft/files/{name}.txt", content=b"x")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadArgument")
    assert api.call("GET", "flows/draft/files").json()["value"] == []
    signature = api.call("POST", "datastores/workspaceblobstore/listSecrets").json()["sasToken"]
    place = "/flowstead.blob.core.private/azureml-blobstore/LocalUpload/aa"
    blob = api.call("PUT", f"{place}/{name}?{signature}", token=None, content=b"x")
    assert (blob.status_code, blob.headers["x-ms-error-code"]) == (400, "BadArgument")


def test_a_path_in_utf8_is_that_name(api: InProcessApi) -> None:
    api.call("PUT", "flows/draft", {"properties": {}})
    assert api.call("PUT", "flows/draft/files/%c3%bc%ef%bf%bd.txt", content=b"x").status_code == 201
    assert [each["path"] for each in api.call("GET", "flows/draft/files").json()["value"]] == ["ü\ufffd.txt"]


@pytest.mark.parametrize(
    ("headers", "content", "status", "says"),
    [
        ({"Content-Type": "text/plain"}, b'{"properties": {}}', 415, "The body is 'text/plain', and JSON is expected."),
        ({"Content-Type": "application/xml"}, b"<a/>", 415, "'application/xml'"),
        (
            {"Content-Type": "application/json", "Content-Encoding": "gzip"},
            gzip.compress(b'{"properties": {}}', mtime=0),
            415,
            "The body is encoded as 'gzip'.",
        ),
        ({"Content-Encoding": "br"}, b"\x0b\x02\x80{}\x03", 415, "encoded as 'br'"),
        ({"Content-Type": "application/json"}, b"{", 400, "The body is not JSON"),
        ({"Content-Type": "application/json; charset=utf-8"}, b'{"properties": {}}', 201, ""),
        ({}, b'{"properties": {}}', 201, ""),
        ({"Content-Encoding": "identity"}, b'{"properties": {}}', 201, ""),
    ],
    ids=["text", "xml", "gzip", "br", "broken", "charset", "untold", "identity"],
)
def test_a_body_that_is_no_json_is_told_what_it_is(
    api: InProcessApi, headers: dict[str, str], content: bytes, status: int, says: str
) -> None:
    answer = api.call("PUT", "onlineEndpoints/foo", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    if status == 415:
        assert answer.json()["error"]["code"] == "UnsupportedMediaType"
        assert "Content-Type: application/json" in answer.json()["error"]["message"]
    assert says in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "127.0.0.1", "localhost:9", "LOCALHOST", "[::1]:8080", "flowstead"])
def test_own_hosts_are_served(api: InProcessApi, host: str) -> None:
    assert api.call("GET", "/health", token=None, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.test", "127.0.0.1.evil.test", "localhost.evil.test", "", "a b", "[::1", "10.0.0.1"]
)
def test_unknown_hosts_are_refused(api: InProcessApi, host: str) -> None:
    answer = api.call("GET", "/health", token=None, headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (421, "UnknownHost")


def test_the_public_host_is_served_and_handed_out_whatever_the_request_says(tmp_path: Path) -> None:
    settings = replace(ServerSettings(), public_url="https://flows.example.test:8443")
    with InProcessApi(tmp_path, settings=settings) as api:
        created = api.call("PUT", "onlineEndpoints/foo", {"properties": {}}, headers={"Host": "localhost:1"})
        assert created.json()["properties"]["scoringUri"] == "https://flows.example.test:8443/endpoints/foo/score"
        assert created.headers["Azure-AsyncOperation"].startswith("https://flows.example.test:8443/subscriptions/")
        store = api.call("GET", "datastores/workspaceblobstore").json()["properties"]
        assert (store["accountName"], store["protocol"]) == ("flows.example.test:8443/flowstead", "https")


def test_the_cloud_document_repeats_the_host_that_was_used(api: InProcessApi) -> None:
    [cloud] = api.call("GET", "/metadata/endpoints?api-version=2019-05-01", token=None).json()
    assert cloud["resourceManager"] == "http://127.0.0.1:8080/"
    assert cloud["authentication"]["loginEndpoint"] == "http://127.0.0.1:8080"
    assert (cloud["name"], cloud["portal"]) == ("AzurePrivate", "https://portal.aml.private/")
    assert cloud["suffixes"] == {"storage": "core.private"}
    headers = {"Host": "localhost:8443", "X-Forwarded-Proto": "https"}
    [cloud] = api.call("GET", "/metadata/endpoints", token=None, headers=headers).json()
    assert cloud["resourceManager"] == "https://localhost:8443/"
    headers["X-Forwarded-Proto"] = "javascript"
    [cloud] = api.call("GET", "/metadata/endpoints", token=None, headers=headers).json()
    assert cloud["resourceManager"] == "http://localhost:8443/"


def test_the_authority_that_clients_trust_is_public(api: InProcessApi) -> None:
    assert api.call("GET", "/ca.pem", token=None).status_code == 404
    api.home.tls.mkdir(parents=True, exist_ok=True)
    api.home.ca_certificate.write_text("the certificate")
    answer = api.call("GET", "/ca.pem", token=None)
    assert (answer.status_code, answer.text) == (200, "the certificate")
    assert answer.headers["content-type"] == "application/x-pem-file"


def test_requests_have_ids(api: InProcessApi) -> None:
    answer = api.call("GET", "/health", token=None, headers={"x-ms-client-request-id": "mine_1-<script>" + "x" * 60})
    assert uuid.UUID(answer.headers["x-ms-request-id"])
    assert answer.headers["x-ms-client-request-id"] == ("mine_1-script" + "x" * 60)[:40]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    other = api.call("GET", "/nowhere", token=None)
    assert other.headers["x-ms-request-id"] != answer.headers["x-ms-request-id"]


def test_any_api_version_and_none_is_taken(api: InProcessApi) -> None:
    for query in ("", "?api-version=2022-02-01-preview", "?api-version=3000-01-01"):
        assert api.call("GET", f"onlineEndpoints{query}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "UnknownRoute"),
        ("GET", "/subscriptions/x/resourceGroups/y/providers/Other.Namespace/things", 404, "UnknownRoute"),
        ("DELETE", "datastores/workspaceblobstore", 405, "MethodNotAllowed"),
        ("GET", "onlineEndpoints/foo/listKeys", 405, "MethodNotAllowed"),
        ("HEAD", "onlineEndpoints", 405, ""),
    ],
)
def test_unknown_routes_and_methods(api: InProcessApi, method: str, path: str, status: int, code: str) -> None:
    answer = api.call(method, path)
    assert answer.status_code == status
    if code:
        assert answer.json()["error"]["code"] == code


def test_another_workspace_does_not_exist(api: InProcessApi) -> None:
    path = api.workspace.path.replace("/default", "/other")
    for tail in ("", "/onlineEndpoints", "/models/x"):
        answer = api.call("GET", path + tail)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")
        assert "other" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "body"),
        (b"{", "JSON"),
        (b"\xff", "body"),
        (b"null", "body"),
        (b"[1]", "body"),
        (b'{"properties": 1}', "properties"),
    ],
)
def test_bodies_that_are_none_are_refused(api: InProcessApi, content: bytes, said: str) -> None:
    answer = api.call("PUT", "onlineEndpoints/foo", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadArgument")
    assert said in answer.json()["error"]["message"]


def test_a_refusal_repeats_no_value(api: InProcessApi) -> None:
    body = {"properties": {"environmentVariables": {"API_KEY": ["hunter2"]}, "requestSettings": "hunter2"}}
    answer = api.call("PUT", "onlineEndpoints/foo/deployments/blue", body)
    assert answer.status_code == 400
    assert "hunter2" not in answer.text
    assert "properties.environmentVariables.API_KEY" in answer.text


def test_a_body_needs_no_content_type(api: InProcessApi) -> None:
    body = json.dumps({"properties": {}}).encode()
    assert api.call("PUT", "onlineEndpoints/foo", content=body).status_code == 201


def test_a_body_over_the_bound_is_refused(api: InProcessApi) -> None:
    announced = api.call("PUT", "onlineEndpoints/foo", content=b"x" * (4 * 1024 * 1024 + 1))
    assert (announced.status_code, announced.json()["error"]["code"]) == (413, "PayloadTooLarge")

    async def chunks() -> object:
        for _ in range(5):
            yield b"x" * 1024 * 1024

    counted = api.call("PUT", "onlineEndpoints/foo", content=chunks())
    assert (counted.status_code, counted.json()["error"]["code"]) == (413, "PayloadTooLarge")


@pytest.mark.parametrize("tenant", ["x.blob.y", "flowstead.blob.core.private"])
def test_who_signs_in_may_not_send_as_much_as_an_upload(api: InProcessApi, tenant: str) -> None:
    fields = b"&".join(b"a%d=" % number + b"x" * 900_000 for number in range(6))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = api.call("POST", f"/{tenant}/oauth2/v2.0/token", token=None, content=fields, headers=headers)
    assert answer.status_code == 413


def test_a_fault_of_ours_tells_the_caller_an_id_and_the_log_the_rest(
    api: InProcessApi, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(api.store, "reading", lambda: 1 / 0)
    token = api.access.issuer.issue(
        issuer=api.access.issuer_url, audience=api.access.audience, subject="x", claims={}
    ).text
    answer = api.call("GET", "onlineEndpoints", token=token)
    assert answer.status_code == 500
    error = answer.json()["error"]
    assert error["code"] == "InternalServerError"
    assert "ZeroDivisionError" not in answer.text
    assert answer.headers["x-ms-request-id"] in error["message"]
    assert answer.headers["x-ms-request-id"] in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_signing_in_as_azures_identity_library_does(api: InProcessApi) -> None:
    known = json.loads(api.home.credentials.read_text())
    found = api.call("GET", f"/{known['tenant_id']}/v2.0/.well-known/openid-configuration", token=None).json()
    assert set(found) >= {
        "issuer", "token_endpoint", "authorization_endpoint", "jwks_uri", "device_authorization_endpoint",
    }  # fmt: skip
    form = {
        "client_id": known["client_id"], "client_secret": known["client_secret"], "grant_type": "client_credentials",
        "scope": f"{known['url']}/.default", "client_info": "1",
    }  # fmt: skip
    path = found["token_endpoint"].removeprefix(known["url"])
    granted = api.call("POST", path, token=None, data=form).json()
    assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 3600)
    assert api.call("GET", "onlineEndpoints", token=granted["access_token"]).status_code == 200
    keys = api.call("GET", found["jwks_uri"].removeprefix(known["url"]), token=None).json()
    assert keys["keys"][0]["kty"] == "EC"
    for change, status, error in (
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"scope": "https://other/.default"}, 400, "invalid_scope"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ):
        refused = api.call("POST", path, token=None, data={**form, **change})
        assert (refused.status_code, refused.json()["error"]) == (status, error)
        assert known["client_secret"] not in refused.text
    for _ in range(30):
        api.call("POST", path, token=None, data={**form, "client_secret": "guess"})
    slowed = api.call("POST", path, token=None, data=form)
    assert slowed.status_code == 429
    assert 1 <= int(slowed.headers["Retry-After"]) <= 60
    elsewhere = api.call("POST", path, token=None, data=form, headers={"x-forwarded-for": "192.0.2.1"})
    assert elsewhere.status_code == 200, "the gateway says where it comes from"


def test_signing_in_by_http_basic_and_by_refresh_token(api: InProcessApi) -> None:
    known = json.loads(api.home.credentials.read_text())
    path = f"/{known['tenant_id']}/oauth2/v2.0/token"
    scope = f"{known['url']}/.default offline_access"
    basic = base64.b64encode(f"{known['client_id']}:{quote_plus(known['client_secret'])}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    form = {"grant_type": "client_credentials", "scope": scope}
    granted = api.call("POST", path, token=None, data=form, headers=headers).json()
    assert api.call("GET", "onlineEndpoints", token=granted["access_token"]).status_code == 200

    again = {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"], "client_id": known["client_id"]}
    renewed = api.call("POST", path, token=None, data=again).json()
    assert api.call("GET", "onlineEndpoints", token=renewed["access_token"]).status_code == 200
    assert api.call("GET", "onlineEndpoints", token=granted["refresh_token"]).status_code == 401
    refused = api.call("POST", path, token=None, data=again | {"refresh_token": granted["access_token"]})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")

    twice = api.call("POST", path, token=None, data=form | {"client_secret": "x"}, headers=headers)
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    for wrong in ("Basic !", "Basic", f"Basic {base64.b64encode(b'no colon').decode()}"):
        refused = api.call("POST", path, token=None, data=form, headers={"Authorization": wrong})
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client"), wrong
        assert refused.headers["WWW-Authenticate"] == "Basic"


def test_urls_follow_the_door_and_never_the_host(api: InProcessApi) -> None:
    doors = {"http": "http://127.0.0.1:8080", "https": "https://127.0.0.1:8443", "gopher": "http://127.0.0.1:8080"}
    for number, (proto, base) in enumerate(doors.items()):
        headers = {"x-forwarded-proto": proto, "Host": "localhost:1"}
        made = api.call("PUT", f"onlineEndpoints/foo{number}", {"properties": {}}, headers=headers)
        assert made.json()["properties"]["scoringUri"] == f"{base}/endpoints/foo{number}/score"
        assert made.json()["properties"]["swaggerUri"] == f"{base}/endpoints/foo{number}/swagger.json"
        assert made.headers["Azure-AsyncOperation"].startswith(f"{base}/subscriptions/")
        gone = api.call("DELETE", f"onlineEndpoints/foo{number}", headers=headers)
        assert gone.headers["Location"].startswith(f"{base}/subscriptions/")
        store = api.call("GET", "datastores/workspaceblobstore", headers=headers).json()["properties"]
        assert f"{store['protocol']}://{store['accountName']}" == f"{base}/flowstead"
        found = api.call("GET", "/common/v2.0/.well-known/openid-configuration", token=None, headers=headers).json()
        assert found["token_endpoint"].startswith(f"{base}/")
    page = api.call("GET", "onlineEndpoints?count=1", headers={"x-forwarded-proto": "https", "Host": "localhost"})
    assert page.json()["nextLink"].startswith("https://127.0.0.1:8443/subscriptions/")


def test_the_workspace_and_its_environment(api: InProcessApi) -> None:
    shown = api.call("GET", api.workspace.path).json()
    assert (shown["id"], shown["name"], shown["location"]) == (api.workspace.path, "default", "local")
    group = api.workspace.path.rpartition("/")[0]
    assert api.call("GET", group).json()["value"] == [shown]
    everywhere = group.partition("/resourceGroups/")[0] + "/providers/Microsoft.MachineLearningServices/workspaces"
    assert api.call("GET", everywhere).json()["value"] == [shown]
    assert api.call("GET", everywhere.replace("0000-", "1111-", 1)).status_code == 404

    container = api.call("GET", "environments/flowstead-runtime").json()
    version = container["properties"]["latestVersion"]
    environment = api.call("GET", f"environments/flowstead-runtime/versions/{version}").json()
    packages = environment["properties"]["packages"]
    assert any(package.startswith("openai==") for package in packages)
    assert all("--hash" not in package and ";" not in package for package in packages)
    assert api.call("GET", "environments/flowstead-runtime/versions").json()["value"] == [environment]
    assert api.call("GET", "environments").json()["value"] == [container]
    for path in ("environments/other", "environments/flowstead-runtime/versions/99"):
        assert api.call("GET", path).status_code == 404


def test_the_server_is_healthy(api: InProcessApi) -> None:
    assert api.call("GET", "/health", token=None).json()["status"] == "Healthy"
