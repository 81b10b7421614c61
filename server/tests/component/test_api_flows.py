"""Flows over the API: made, edited, kept in versions, taken in and given out; no editor's work is lost."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.testing.in_process_api import InProcessApi

TEMPLATES = ("chat", "standard", "evaluation")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        yield api


def make(api: InProcessApi, name: str = "hello", template: str = "") -> Any:
    answer = api.call("PUT", f"flows/{name}", {"properties": {"template": template}})
    assert answer.status_code == 201, answer.text
    return answer.json()


def put_file(api: InProcessApi, path: str, content: bytes | str, flow: str = "hello", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    data = content.encode() if isinstance(content, str) else content
    return api.call("PUT", f"flows/{flow}/files/{path}", content=data, headers=named)


def get_file(api: InProcessApi, path: str, flow: str = "hello") -> httpx.Response:
    return api.call("GET", f"flows/{flow}/files/{path}")


def paths(api: InProcessApi, flow: str = "hello", **query: str) -> list[str]:
    answer = api.call("GET", f"flows/{flow}/files", params=query).json()
    return [each["path"] for each in answer["value"]]


def archive(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for path, text in files.items():
            opened.writestr(path, text)
    return made.getvalue()


def send(api: InProcessApi, data: bytes, flow: str = "hello", **query: str) -> httpx.Response:
    return api.call("POST", f"flows/{flow}/import", content=data, params=query)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_flow_is_made_described_listed_and_deleted(api: InProcessApi) -> None:
    made = make(api)
    assert made["id"] == api.workspace.flow("hello")
    assert made["type"] == "Microsoft.MachineLearningServices/workspaces/flows"
    assert (made["properties"]["files"], made["properties"]["version"]) == (0, None)
    body = {"properties": {"description": "says hello", "tags": {"team": "search"}}}
    changed = api.call("PUT", "flows/HELLO", body)
    assert (changed.status_code, changed.json()["name"]) == (200, "hello")
    shown = api.call("GET", "flows/hello")
    assert shown.json()["properties"]["description"] == "says hello"
    assert shown.headers["etag"] == changed.headers["etag"]
    assert [each["name"] for each in api.call("GET", "flows").json()["value"]] == ["hello"]
    assert api.call("DELETE", "flows/hello", headers={"If-Match": '"old"'}).status_code == 412
    assert api.call("DELETE", "flows/hello").status_code == 200
    assert api.call("DELETE", "flows/hello").status_code == 204
    assert code(api.call("GET", "flows/hello")) == (404, "ResourceNotFound")
    assert code(api.call("GET", "flows/hello/files")) == (404, "ResourceNotFound")


def test_names_and_templates_are_checked(api: InProcessApi) -> None:
    assert code(api.call("PUT", "flows/-x", {})) == (400, "InvalidName")
    assert code(api.call("PUT", "flows/x", {"properties": {"template": "../chat"}})) == (400, "BadArgument")
    make(api, "x", "chat")
    assert api.call("PUT", "flows/x", {"properties": {"template": "chat"}}).status_code == 200
    assert code(api.call("PUT", "flows/x", {"properties": {"template": "standard"}})) == (409, "Conflict")
    assert api.call("PUT", "flows/x", {}, headers={"If-None-Match": "*"}).status_code == 412


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_a_valid_flow_of_its_type(api: InProcessApi, template: str) -> None:
    made = make(api, template=template)
    assert (made["properties"]["type"], made["properties"]["version"]) == (template, "1")
    assert "flow.dag.yaml" in paths(api)
    checked = api.call("POST", "flows/hello/validate").json()
    assert (checked["valid"], checked["problems"]) == (True, [])
    chat = {"input": "question", "history": "chat_history", "output": "answer"}
    assert checked["flow"]["chat"] == (chat if template == "chat" else None)
    assert all(node["type"] for node in checked["flow"]["nodes"])


def test_a_file_is_saved_read_and_deleted(api: InProcessApi) -> None:
    make(api)
    saved = put_file(api, "Sub/Models/ü b.py", "x = 1")
    assert saved.status_code == 201
    assert saved.json() == {"path": "Sub/Models/ü b.py", "size": 5, "etag": saved.headers["etag"]}
    read = get_file(api, "Sub/Models/ü b.py")
    assert (read.content, read.headers["etag"]) == (b"x = 1", saved.headers["etag"])
    assert read.headers["content-type"] == "application/octet-stream"
    cached = api.call("GET", "flows/hello/files/Sub/Models/ü b.py", headers={"If-None-Match": read.headers["etag"]})
    assert cached.status_code == 304
    assert paths(api) == ["Sub/Models/ü b.py"]
    assert put_file(api, "Sub/Models/ü b.py", b"\0\xff").status_code == 200
    assert api.call("DELETE", "flows/hello/files/Sub/Models/ü b.py").status_code == 200
    assert api.call("DELETE", "flows/hello/files/Sub/Models/ü b.py").status_code == 204
    assert code(get_file(api, "Sub/Models/ü b.py")) == (404, "ResourceNotFound")
    assert paths(api) == []


@pytest.mark.parametrize("path", ["%2e%2e/x", "a/%2e%2e/%2e%2e/x", "a%5Cb", "a//b", "%01", "x" * 300, "a/" * 70 + "a"])
def test_a_path_that_is_none_is_refused(api: InProcessApi, path: str) -> None:
    make(api)
    assert put_file(api, path, "x").status_code in (400, 404)
    assert paths(api) == []


def test_a_file_is_no_folder(api: InProcessApi) -> None:
    make(api)
    put_file(api, "a", "x")
    assert code(put_file(api, "a/b", "x")) == (409, "Conflict")
    assert paths(api) == ["a"]


def test_what_looks_like_secrets_is_warned_of(api: InProcessApi) -> None:
    make(api)
    assert "connection" in put_file(api, ".env", "KEY=1").json()["warning"]


def test_files_are_bounded(api: InProcessApi) -> None:
    make(api)
    assert code(put_file(api, "large", b"\0" * (16 * 1024 * 1024 + 1))) == (413, "PayloadTooLarge")
    assert put_file(api, "fits", b"\0" * (5 * 1024 * 1024)).status_code == 201
    assert code(api.call("PUT", "flows/hello", content=b"\0" * (5 * 1024 * 1024))) == (413, "PayloadTooLarge")


def test_the_second_of_two_editors_is_told(api: InProcessApi) -> None:
    make(api)
    read = put_file(api, "a.py", "old").headers["etag"]
    first = put_file(api, "a.py", "first", If_Match=read)
    assert first.status_code == 200
    assert code(put_file(api, "a.py", "second", If_Match=read)) == (412, "PreconditionFailed")
    assert get_file(api, "a.py").content == b"first"
    assert put_file(api, "a.py", "second", If_Match=first.headers["etag"]).status_code == 200
    assert code(put_file(api, "a.py", "x", If_None_Match="*")) == (412, "PreconditionFailed")
    assert put_file(api, "b.py", "x", If_None_Match="*").status_code == 201
    assert code(put_file(api, "c.py", "x", If_Match="*")) == (412, "PreconditionFailed")
    assert api.call("DELETE", "flows/hello/files/a.py", headers={"If-Match": read}).status_code == 412
    assert get_file(api, "a.py").content == b"second"


def test_of_many_editors_at_once_one_wins_each_round(api: InProcessApi) -> None:
    make(api)
    etag = put_file(api, "shared.py", "0").headers["etag"]
    for _ in range(5):
        answers: list[tuple[int, httpx.Response, httpx.Response]] = []

        def edit(number: int, etag: str = etag, answers: Any = answers) -> None:
            shared = put_file(api, "shared.py", f"by {number}, {len(answers)}, {etag}", If_Match=etag)
            own = put_file(api, f"own-{number}.py", f"{etag}")
            answers.append((number, shared, own))

        editors = [threading.Thread(target=edit, args=(number,)) for number in range(6)]
        for editor in editors:
            editor.start()
        for editor in editors:
            editor.join()
        statuses = sorted(shared.status_code for _, shared, _ in answers)
        assert statuses == [200, 412, 412, 412, 412, 412]
        assert {own.status_code for _, _, own in answers} <= {200, 201}
        winner = next(shared for _, shared, _ in answers if shared.status_code == 200)
        etag = get_file(api, "shared.py").headers["etag"]
        assert etag == winner.headers["etag"]
        assert paths(api) == [*(f"own-{number}.py" for number in range(6)), "shared.py"]
        assert all(get_file(api, f"own-{n}.py").content == get_file(api, "own-0.py").content for n in range(6))


def test_versions_are_kept_shown_and_restored(api: InProcessApi) -> None:
    make(api)
    put_file(api, "a.py", "one")
    put_file(api, "a.py", "one")
    put_file(api, "a.py", "two")
    put_file(api, "b.py", "three")
    versions = api.call("GET", "flows/hello/versions").json()["value"]
    notes = [(each["name"], each["properties"]["note"]) for each in versions]
    assert notes == [("1", "saved a.py"), ("2", "saved a.py"), ("3", "saved b.py")]
    assert api.call("GET", "flows/hello/versions/2").json()["properties"]["files"] == 1
    assert paths(api, version="1") == ["a.py"]
    assert api.call("GET", "flows/hello/files/a.py", params={"version": "1"}).content == b"one"
    stale = api.call("POST", "flows/hello/versions/1/restore", headers={"If-Match": '"old"'})
    assert stale.status_code == 412
    restored = api.call("POST", "flows/hello/versions/1/restore")
    assert restored.json()["properties"]["version"] == "4"
    assert (paths(api), get_file(api, "a.py").content) == (["a.py"], b"one")
    assert code(api.call("POST", "flows/hello/versions/9/restore")) == (404, "ResourceNotFound")


def test_the_oldest_versions_go(api: InProcessApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowstead.api.flow_saving.KEPT_VERSIONS", 3)
    make(api)
    for number in range(5):
        put_file(api, "a.py", str(number))
    versions = api.call("GET", "flows/hello/versions").json()["value"]
    assert [each["name"] for each in versions] == ["3", "4", "5"]


def test_an_archive_goes_in_and_comes_out(api: InProcessApi) -> None:
    files = {"flow.dag.yaml": "nodes: []\n", "sub/a.py": "x = 1\n"}
    imported = send(api, archive({f"hello/{path}": text for path, text in files.items()}))
    assert (imported.status_code, imported.json()["properties"]["files"]) == (200, 2)
    exported = api.call("POST", "flows/hello/export")
    assert exported.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(exported.content)) as opened:
        assert {name: opened.read(name).decode() for name in opened.namelist()} == files
    etag = imported.headers["etag"]
    assert send(api, archive({"b.py": ""}), mode="merge").json()["properties"]["files"] == 3
    assert send(api, archive({"c.py": ""})).json()["properties"]["files"] == 1
    stale = api.call("POST", "flows/hello/import", content=archive({}), headers={"If-Match": etag})
    assert code(stale) == (412, "PreconditionFailed")
    assert paths(api) == ["c.py"]
    old = api.call("POST", "flows/hello/export", params={"version": "1"})
    assert zipfile.ZipFile(io.BytesIO(old.content)).namelist() == ["flow.dag.yaml", "sub/a.py"]
    assert code(send(api, archive({}), mode="x")) == (400, "BadArgument")


def test_a_refused_archive_changes_nothing(api: InProcessApi) -> None:
    make(api, template="standard")
    before = paths(api)
    for data in (b"", b"no zip", archive({"../../evil": "x"}), archive({"a": "", "a/b": ""})):
        assert code(send(api, data)) == (400, "BadArgument")
    assert code(send(api, b"", flow="new")) == (400, "BadArgument")
    assert api.call("GET", "flows/new").status_code == 404
    assert paths(api) == before
    assert not list(api.home.root.rglob("evil"))


def test_mistakes_are_told_with_their_places(api: InProcessApi) -> None:
    make(api)
    assert api.call("POST", "flows/hello/validate").json()["problems"][0]["code"] == "NoFlow"
    put_file(
        api, "flow.dag.yaml", "inputs:\n  q: {type: string, default: .nan}\n  s: {type: string, default: '\\ud800'}\n"
    )
    put_file(api, "a.py", "import os\nos.abort(\n")
    found = api.call("POST", "flows/hello/validate").json()
    assert found["valid"] is False
    problem = {**found["problems"][0], "message": ""}
    place = {"file": "a.py", "line": 2, "column": 9}
    assert problem == {"severity": "error", "code": "InvalidPython", "message": "", **place}
    assert [each["name"] for each in found["flow"]["inputs"]] == ["q", "s"]


def test_the_type_follows_the_definition(api: InProcessApi) -> None:
    make(api)
    for text, type in (
        ("inputs: {q: {type: string, is_chat_input: true}}\n", "chat"),
        ("nodes: [{name: a, aggregation: true}]\n", "evaluation"),
        ("nodes: [\n", "evaluation"),
        ("nodes: []\n", "standard"),
    ):
        put_file(api, "flow.dag.yaml", text)
        assert api.call("GET", "flows/hello").json()["properties"]["type"] == type


def test_scratch_flows_are_left_out_of_lists_and_go_with_the_next_start(tmp_path: Path) -> None:
    with InProcessApi(tmp_path) as api:
        make(api, "kept", "chat")
        api.call("PUT", "flows/scratch", {"properties": {"isScratch": True, "template": "standard"}})
        assert [each["name"] for each in api.call("GET", "flows").json()["value"]] == ["kept"]
        everything = api.call("GET", "flows", params={"listViewType": "All"}).json()["value"]
        assert [each["name"] for each in everything] == ["kept", "scratch"]
    with InProcessApi(tmp_path) as api:
        assert api.call("GET", "flows/scratch").status_code == 404
        assert "flow.dag.yaml" in paths(api, "kept")
        assert get_file(api, "flow.dag.yaml", "kept").content


def test_a_stranger_may_do_nothing(api: InProcessApi) -> None:
    make(api, template="standard")
    token = api.token(api.stranger())
    for method, path in (
        *(("GET", "flows"), ("GET", "flows/hello"), ("PUT", "flows/hello"), ("DELETE", "flows/hello")),
        *(("GET", "flows/hello/files"), ("GET", "flows/hello/files/count.py"), ("PUT", "flows/hello/files/x")),
        *(("DELETE", "flows/hello/files/count.py"), ("GET", "flows/hello/versions")),
        *(("POST", "flows/hello/versions/1/restore"), ("POST", "flows/hello/import"), ("POST", "flows/hello/export")),
        *(("POST", "flows/hello/validate"), ("POST", "flows/hello/test")),
    ):
        answer = api.call(method, path, {} if method in ("PUT", "POST") else None, token=token)
        assert code(answer) == (403, "AuthorizationFailed"), (method, path)


def test_a_model_is_made_of_a_flow(api: InProcessApi) -> None:
    make(api, template="chat")
    put_file(api, "answer.py", "changed = True\n")

    def put(version: str, uri: str) -> httpx.Response:
        properties = {"modelUri": uri, "properties": {"mine": "kept"}}
        return api.call("PUT", f"models/m/versions/{version}", {"properties": properties})

    made = put("1", "azureml://flows/hello")
    assert made.status_code == 201, made.text
    shown = made.json()["properties"]
    assert shown["properties"] == {
        "azureml.promptflow.source_flow_id": "hello",
        "azureml.promptflow.mode": "chat",
        "azureml.promptflow.chat_input": "question",
        "azureml.promptflow.chat_output": "answer",
        "mine": "kept",
    }
    assert put("1", "azureml://flows/hello").status_code == 200
    first = put("2", "azureml://flows/HELLO/versions/1").json()["properties"]
    assert first["contentHash"] != shown["contentHash"]
    put_file(api, "answer.py", "changed = 'again'\n")
    assert code(put("1", "azureml://flows/hello")) == (409, "ImmutableAsset")
    folder = api.home.models / shown["contentHash"]
    assert (folder / "answer.py").read_text() == "changed = True\n"
    # Clients fetch a model's files by its address.
    path = shown["modelUri"].partition("/paths/")[2]
    secrets = api.call("POST", "datastores/workspaceblobstore/listSecrets").json()
    blob = f"/flowstead.blob.core.private/azureml-blobstore/{path}/answer.py?{secrets['sasToken']}"
    assert api.call("GET", blob, token=None).text == "changed = True\n"
    assert code(put("3", "azureml://flows/none")) == (404, "ResourceNotFound")
    make(api, "empty")
    assert code(put("3", "azureml://flows/empty")) == (400, "FlowInvalid")


def test_a_model_of_a_flow_is_planned_and_nothing_is_done(api: InProcessApi) -> None:
    make(api, template="chat")
    model = {"id": "models/m/versions/1", "body": {"properties": {"modelUri": "azureml://flows/hello"}}}
    planned = api.call("POST", "plan", {"resources": [model]}).json()
    [resource] = planned["resources"]
    assert (planned["accepted"], resource["action"]) == (True, "create")
    assert "notChecked" not in resource
    changes = {each["field"]: each["after"] for each in resource["changes"]}
    assert changes["properties.properties.azureml.promptflow.mode"] == "chat"
    assert not [path for path in api.home.uploads.rglob("*") if path.is_file()]
    assert api.call("GET", "models/m/versions/1").status_code == 404
