"""The client against a scripted server: tokens, errors, operations, uploads."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from flowstead.client import FlowsteadClient, Operation, Session, uploads
from flowstead.client.credentials import Credentials, read_credentials
from flowstead.client.failures import failure_from
from flowstead.client.resources import pages
from flowstead.client.uploads import upload
from flowstead.errors import (
    BadArgument,
    FlowsteadError,
    ImageBuildFailure,
    OperationCanceled,
    PayloadTooLarge,
    ResourceConflict,
    ResourceNotFound,
    ServerNotRunning,
    ServerUnreachable,
    Unauthorized,
    UploadRefused,
    all_errors,
)
from flowstead.resources.home import Home

CREDENTIALS = Credentials("http://127.0.0.1:8080", "tenant", "client", "the-secret")
Handler = Callable[[httpx.Request], httpx.Response]


def session(handler: Handler) -> Session:
    """Signs in by itself; all else goes to the handler."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/tenant/oauth2/v2.0/token":
            scope = parse_qs(request.content.decode())["scope"][0]
            return httpx.Response(200, json={"access_token": f"token of {scope}", "expires_in": 3600})
        return handler(request)

    client = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://flowstead")
    return Session(client, CREDENTIALS)


def test_one_token_serves_many_requests_and_another_audience_gets_its_own() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(200, json={})

    one = session(handler)
    one.request("GET", "/a")
    one.request("GET", "/b")
    assert seen == ["Bearer token of http://127.0.0.1:8080/.default"] * 2
    assert one.token("https://ml.azure.com") == "token of https://ml.azure.com/.default"


def test_a_refused_token_is_renewed_once() -> None:
    answers = iter([401, 200])
    one = session(lambda _: httpx.Response(next(answers), json={}))
    assert one.request("GET", "/a").status_code == 200
    error = {"error": {"code": "Unauthorized", "message": "The token has expired.\nGet a new one."}}
    with pytest.raises(Unauthorized, match="has expired"):
        session(lambda _: httpx.Response(401, json=error)).request("GET", "/a")


def test_an_error_body_becomes_the_error_that_the_server_raised() -> None:
    error = {"code": "ResourceNotFound", "message": "There is no endpoint x.\nCheck the name.", "target": "x"}
    with pytest.raises(ResourceNotFound) as caught:
        session(lambda _: httpx.Response(404, json={"error": error})).request("GET", "/a")
    assert caught.value.message == "There is no endpoint x."
    assert caught.value.next_step == "Check the name."
    assert caught.value.target == "x"
    with pytest.raises(FlowsteadError, match="was answered 502: <html>"):
        session(lambda _: httpx.Response(502, text="<html>")).request("GET", "/a")


@pytest.mark.parametrize("kind", list(all_errors()), ids=lambda kind: kind.code)
def test_every_error_of_the_server_is_the_same_to_its_clients(kind: type[FlowsteadError]) -> None:
    told = failure_from(kind("It failed.", hint="Mend it.", target="here", details="line 1").as_body())
    assert type(told) is next(each for each in all_errors() if each.code == kind.code)
    assert (told.message, told.details, told.next_step, told.target) == ("It failed.", "line 1", "Mend it.", "here")


def test_an_error_of_many_lines_keeps_the_other_programs_words_apart() -> None:
    failure = failure_from({"code": "ImageBuildFailure", "message": "It failed.\nuv: line 1\nuv: line 2\nMend it."})
    assert isinstance(failure, ImageBuildFailure)
    assert (failure.message, failure.details, failure.next_step) == ("It failed.", "uv: line 1\nuv: line 2", "Mend it.")
    unknown = failure_from({"code": "FromTheFuture", "message": "New."})
    assert (unknown.code, unknown.message, unknown.next_step) == ("FromTheFuture", "New.", "")


@pytest.mark.parametrize(
    ("raised", "wanted"),
    [
        (httpx.ConnectError("refused"), ServerNotRunning),
        (httpx.ReadTimeout("late"), ServerUnreachable),
        (httpx.ReadError("cut"), ServerUnreachable),
    ],
)
def test_a_server_that_is_not_there_is_told_from_one_that_went_away(
    raised: httpx.TransportError, wanted: type[FlowsteadError]
) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise raised

    with pytest.raises(wanted):
        session(handler).request("GET", "/a")


def operation(states: list[dict[str, Any]]) -> Operation:
    remaining = iter(states)
    one = session(lambda _: httpx.Response(200, json=next(remaining)))
    url = "http://127.0.0.1:8080/subscriptions/s/operations/1?api-version=x"
    return Operation(one, httpx.Response(201, json={"name": "e"}, headers={"Azure-AsyncOperation": url}), poll_s=0)


def test_an_operation_is_followed_to_its_end() -> None:
    running = {"status": "InProgress", "properties": {"phase": "InstancesReady", "phaseTimes": {"EnvironmentBuilt": 1}}}
    seen = list(operation([running, running, {"status": "Succeeded"}]).follow())
    assert [progress.phase for progress in seen] == ["InstancesReady", "InstancesReady", ""]
    assert seen[0].phase_times == {"EnvironmentBuilt": 1}


def test_an_operation_that_failed_or_was_superseded_raises_its_error() -> None:
    error = {"code": "ImageBuildFailure", "message": "No such package."}
    with pytest.raises(ImageBuildFailure, match="No such package"):
        operation([{"status": "Failed", "error": error}]).wait()
    with pytest.raises(OperationCanceled):
        operation([{"status": "Canceled", "error": {"code": "OperationCanceled", "message": "Newer."}}]).wait()


def test_a_change_without_an_operation_is_done() -> None:
    done = Operation(session(lambda _: httpx.Response(500)), httpx.Response(204))
    assert done.resource == {}
    done.wait()


def test_lists_follow_their_next_links() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("$skip") == "1":
            return httpx.Response(200, json={"value": [{"name": "b"}]})
        link = "http://127.0.0.1:8080/list?%24skip=1&api-version=x"
        return httpx.Response(200, json={"value": [{"name": "a"}], "nextLink": link})

    assert [item["name"] for item in pages(session(handler), "/list")] == ["a", "b"]


class BlobStore:
    """The blob routes, as far as an upload goes."""

    def __init__(
        self, *, complete: bool = False, status: int = 201, code: str = "AuthenticationFailed", message: str = ""
    ) -> None:
        self.complete, self.status, self.code = complete, status, code
        self.body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>" if message else ""
        self.requests: list[tuple[str, str, bytes]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/datastores/workspaceblobstore"):
            account = {"accountName": "127.0.0.1:8080/wsstore", "containerName": "azureml", "endpoint": "core.private"}
            return httpx.Response(200, json={"properties": account})
        if path.endswith("/listSecrets"):
            return httpx.Response(200, json={"sasToken": "sv=1&sig=a%2Bb"})
        assert path.startswith("/wsstore.blob.core.private/azureml/LocalUpload/")
        assert request.url.params["sig"] == "a+b"
        assert "Authorization" not in request.headers
        if request.method == "HEAD":
            headers = {"x-ms-meta-upload_status": "completed"} if self.complete else {}
            return httpx.Response(200 if self.complete else 404, headers=headers)
        comp = request.url.params.get("comp", "")
        self.requests.append((comp, path.split("/", 5)[-1], request.read()))
        return httpx.Response(self.status, headers={"x-ms-error-code": self.code}, text=self.body)


def test_a_folder_is_sent_file_by_file_and_marked_complete_at_the_end(tmp_path: Path) -> None:
    flow = tmp_path / "my flow"
    (flow / "docs").mkdir(parents=True)
    (flow / "flow.dag.yaml").write_text("nodes: []")
    (flow / "docs" / "ä b.md").write_text("words")
    store = BlobStore()
    uri = upload(session(store), flow).uri
    sent = {name: content for comp, name, content in store.requests if not comp}
    assert sent == {"my flow/flow.dag.yaml": b"nodes: []", "my flow/docs/ä b.md": b"words"}
    assert store.requests[-1][0] == "metadata"
    assert uri.startswith("azureml://subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/flowstead/")
    assert uri.endswith("/my flow")


def test_a_large_file_is_sent_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "WHOLE_BYTES", 10)
    monkeypatch.setattr(uploads, "BLOCK_BYTES", 4)
    (tmp_path / "large").write_bytes(b"0123456789a")
    store = BlobStore()
    upload(session(store), tmp_path / "large")
    kinds = [comp for comp, _, _ in store.requests]
    assert kinds == ["block", "block", "block", "blocklist", "metadata"]
    assert b"".join(content for comp, _, content in store.requests if comp == "block") == b"0123456789a"
    listed = re.findall(rb"<Latest>(.*?)</Latest>", store.requests[3][2])
    assert listed == [base64.b64encode(b"%08d" % number) for number in range(3)]


def test_content_that_is_there_already_is_not_sent_again(tmp_path: Path) -> None:
    (tmp_path / "flow.dag.yaml").write_text("nodes: []")
    store = BlobStore(complete=True)
    upload(session(store), tmp_path)
    assert store.requests == []


def test_a_refused_upload_says_so(tmp_path: Path) -> None:
    (tmp_path / "flow.dag.yaml").write_text("nodes: []")
    with pytest.raises(UploadRefused, match="403 AuthenticationFailed"):
        upload(session(BlobStore(status=403)), tmp_path)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "words"),
    [
        (413, "PayloadTooLarge", "The limit is 9.\nSend less.", PayloadTooLarge, [": The limit is 9.", ".amlignore"]),
        (400, "BadArgument", "&lt;x&gt; is bad.\nSend it again.", BadArgument, [": <x> is bad.", "again.", "Rename"]),
        (400, "BadArgument", "", BadArgument, ["Rename"]),
        (
            409,
            "Conflict",
            "Both file and folder.\nUse another.",
            ResourceConflict,
            ["file and folder.", "Use another."],
        ),
        (500, "InternalServerError", "Broken.\nLook.", FlowsteadError, ["Broken.", "Look."]),
        (403, "AuthenticationFailed", "Expired.\nAsk.", UploadRefused, ["Expired.", "new upload signature"]),
    ],
)
def test_a_file_that_the_server_refuses_is_named_with_reason_and_next_step(
    tmp_path: Path, status: int, code: str, message: str, kind: type[FlowsteadError], words: list[str]
) -> None:
    (tmp_path / "big.bin").write_text("x")
    with pytest.raises(kind) as caught:
        upload(session(BlobStore(status=status, code=code, message=message)), tmp_path)
    assert type(caught.value) is kind
    assert caught.value.message.startswith(f"The upload of the file 'big.bin' was refused with {status} {code}")
    for word in words:
        assert word in str(caught.value)
    assert ("signature" in str(caught.value)) == (status == 403)


def test_a_model_without_a_version_gets_the_next_one(tmp_path: Path) -> None:
    (tmp_path / "flow.dag.yaml").write_text("nodes: []")
    store = BlobStore(complete=True)
    put: list[tuple[str, Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if "/models/" not in request.url.path:
            return store(request)
        if request.method == "GET":
            return httpx.Response(200, json={"properties": {"nextVersion": "7"}})
        put.append((request.url.path.rpartition("/workspaces/default/")[2], json.loads(request.content)))
        return httpx.Response(201, json={})

    FlowsteadClient(session(handler)).register("my-flow", tmp_path, {"modelType": "custom_model"})
    [(path, body)] = put
    assert path == "models/my-flow/versions/7"
    assert body["properties"]["modelType"] == "custom_model"
    assert "/LocalUpload/" in body["properties"]["modelUri"]


def test_credentials_are_read_from_the_home_and_never_shown(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(ServerNotRunning, match="has run on"):
        read_credentials(home)
    home.credentials.write_text("{}")
    with pytest.raises(ServerUnreachable, match="damaged"):
        read_credentials(home)
    known = {"url": "http://h", "tenant_id": "t", "client_id": "c", "client_secret": "hush"}
    place = {"subscription_id": "s", "resource_group": "g", "workspace": "w"}
    home.credentials.write_text(json.dumps(known | place))
    credentials = read_credentials(home)
    assert credentials.client_secret == "hush"
    assert credentials.workspace.name == "w"
    assert "hush" not in repr(credentials)
