from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.store.records import Kind
from flowstead.testing.in_process_api import InProcessApi

FILES: dict[str, str | bytes] = {"flow.dag.yaml": "nodes: []\n", "sub/x.py": "x = 1\n"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        yield api


def put(api: InProcessApi, name: str, version: str, uri: str, **properties: Any) -> httpx.Response:
    return api.call("PUT", f"models/{name}/versions/{version}", {"properties": {"modelUri": uri, **properties}})


def test_an_upload_becomes_a_version(api: InProcessApi) -> None:
    uri = api.upload(FILES)
    created = put(
        api, "chat", "1", uri, description="d", tags={"a": "b"},
        properties={"azureml.promptflow.mode": "chat"}, modelType="custom_model",
    )  # fmt: skip
    assert created.status_code == 201
    shown = created.json()
    assert shown["id"] == api.workspace.model("chat", "1")
    assert shown["properties"]["flavors"] == {}, "the SDK fails on null"
    assert shown["properties"]["modelUri"] == uri
    assert shown["properties"]["properties"] == {"azureml.promptflow.mode": "chat"}
    content = api.home.models / shown["properties"]["contentHash"]
    assert (content / "sub" / "x.py").read_text() == "x = 1\n"
    container = api.call("GET", "models/chat").json()
    assert (container["properties"]["latestVersion"], container["properties"]["nextVersion"]) == ("1", "2")
    assert api.call("GET", "models/CHAT/versions/1").json() == shown


def test_the_first_version_is_asked_for_before_there_is_a_model(api: InProcessApi) -> None:
    assert api.call("GET", "models/chat").status_code == 404
    assert api.call("GET", "models/chat/versions?$orderBy=createdtime%20desc&$top=1").json() == {"value": []}
    assert api.call("GET", "models/chat/versions/1").status_code == 404


def test_a_version_never_changes_its_files(api: InProcessApi) -> None:
    uri = api.upload(FILES)
    put(api, "chat", "1", uri)
    before = api.call("GET", "models/chat/versions/1").json()
    # What lies at the address has changed since; the registered version has not.
    api.upload({"flow.dag.yaml": "changed: true\n"})
    again = put(api, "chat", "1", uri, description="new words", isArchived=True)
    assert again.status_code == 200
    assert again.json()["properties"]["contentHash"] == before["properties"]["contentHash"]
    assert again.json()["properties"]["description"] == "new words"
    other = put(api, "chat", "1", api.upload({"a": "b"}, place="LocalUpload/bb/flow"))
    assert (other.status_code, other.json()["error"]["code"]) == (409, "ImmutableAsset")


def test_versions_are_counted_and_the_newest_is_the_latest(api: InProcessApi) -> None:
    uri = api.upload(FILES)
    for version in ("1", "7", "beta", "3"):
        put(api, "chat", version, uri)
    container = api.call("GET", "models/chat").json()["properties"]
    assert (container["latestVersion"], container["nextVersion"]) == ("3", "8")
    newest = api.call("GET", "models/chat/versions?$orderBy=createdtime%20desc&$top=1").json()
    assert [item["name"] for item in newest["value"]] == ["3"]
    assert len(api.call("GET", "models/chat/versions").json()["value"]) == 4


def test_archiving(api: InProcessApi) -> None:
    uri = api.upload(FILES)
    put(api, "chat", "1", uri)
    put(api, "old", "1", uri)
    archived = api.call("PUT", "models/old", {"properties": {"isArchived": True, "properties": {}, "tags": {}}})
    assert archived.status_code == 200
    assert archived.json()["properties"]["latestVersion"] == "1", "the SDK's body lacks it"

    def names(view: str) -> list[str]:
        return [item["name"] for item in api.call("GET", f"models?listViewType={view}").json()["value"]]

    assert (names("ActiveOnly"), names("ArchivedOnly"), names("All")) == (["chat"], ["old"], ["chat", "old"])
    assert api.call("GET", "models?listViewType=Some").status_code == 400
    put(api, "chat", "1", uri, isArchived=True)
    assert api.call("GET", "models/chat/versions").json() == {"value": []}


def test_anonymous_models_are_not_listed(api: InProcessApi) -> None:
    put(api, "0" * 32, "1", api.upload(FILES), isAnonymous=True)
    assert api.call("GET", "models").json() == {"value": []}
    assert api.call("GET", f"models/{'0' * 32}/versions/1").status_code == 200


def test_a_container_may_come_first(api: InProcessApi) -> None:
    created = api.call("PUT", "models/chat", {"properties": {"description": "d"}})
    assert (created.status_code, created.json()["properties"]["nextVersion"]) == (201, "1")
    put(api, "chat", "1", api.upload(FILES))
    assert api.call("GET", "models/chat").json()["properties"]["description"] == "d"


def test_deleting_versions_and_containers(api: InProcessApi) -> None:
    uri = api.upload(FILES)
    for version in ("1", "2"):
        put(api, "chat", version, uri)
    assert api.call("DELETE", "models/chat/versions/2").status_code == 200
    container = api.call("GET", "models/chat").json()["properties"]
    assert (container["latestVersion"], container["nextVersion"]) == ("1", "3"), "a number is not given twice"
    assert api.call("DELETE", "models/chat/versions/2").status_code == 204
    assert api.call("DELETE", "models/chat").status_code == 200
    assert api.call("GET", "models/chat/versions/1").status_code == 404
    assert api.call("DELETE", "models/chat").status_code == 204


def test_what_is_deployed_is_not_deleted(api: InProcessApi) -> None:
    code = "from promptflow.core import tool\n\n\n@tool\ndef say() -> str:\n    return ''\n"
    yaml = "outputs: {}\nnodes:\n- {name: say, type: python, source: {type: code, path: say.py}}\n"
    put(api, "chat", "1", api.upload({"flow.dag.yaml": yaml, "say.py": code}))
    put(api, "chat", "11", api.upload({"flow.dag.yaml": yaml, "say.py": code}))
    api.call("PUT", "onlineEndpoints/foo", {"properties": {}})
    deployed = api.call(
        "PUT", "onlineEndpoints/foo/deployments/blue", {"properties": {"model": api.workspace.model("chat", "1")}}
    )
    assert deployed.status_code == 201, deployed.text
    for path in ("models/chat/versions/1", "models/chat"):
        refused = api.call("DELETE", path)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "Conflict")
        assert "foo/blue" in refused.json()["error"]["message"]
    assert api.call("DELETE", "models/chat/versions/11").status_code == 200


def test_files_that_nobody_uses_are_gone_after_the_next_start(tmp_path: Path) -> None:
    with InProcessApi(tmp_path) as api:
        put(api, "kept", "1", api.upload(FILES))
        put(api, "gone", "1", api.upload({"a": "b"}, place="LocalUpload/bb/flow"))
        api.call("DELETE", "models/gone")
        assert len(list(api.home.models.iterdir())) == 2
    with InProcessApi(tmp_path) as api:
        with api.store.reading() as tx:
            kept = tx.get(Kind.MODEL_VERSION, api.workspace.model("kept", "1")).spec.content_hash
        assert [path.name for path in api.home.models.iterdir()] == [kept]


@pytest.mark.parametrize(
    ("path", "properties", "target"),
    [
        ("models/-x/versions/1", {"modelUri": "u"}, "name"),
        ("models/x/versions/%20", {"modelUri": "u"}, "version"),
        ("models/x/versions/1", {}, "properties.modelUri"),
        ("models/x/versions/1", {"modelUri": "file:///etc"}, "properties.modelUri"),
        ("models/x/versions/1", {"modelUri": "azureml://datastores/workspaceblobstore/paths/../../keys"}, "path"),
        (
            "models/x/versions/1",
            {"modelUri": "azureml://datastores/workspaceblobstore/paths/LocalUpload/no"},
            "properties.modelUri",
        ),
    ],
)
def test_bad_models_are_refused(api: InProcessApi, path: str, properties: dict[str, str], target: str) -> None:
    answer = api.call("PUT", path, {"properties": properties})
    assert (answer.status_code, answer.json()["error"]["target"]) == (400, target)
    assert api.call("GET", "models").json() == {"value": []}


def test_models_of_equal_content_share_it_until_both_are_gone(api: InProcessApi) -> None:
    uri, same = api.upload(FILES), api.upload(FILES, place="LocalUpload/bb/other")
    hashes = {put(api, name, "1", at).json()["properties"]["contentHash"] for name, at in (("a", uri), ("b", same))}
    (content_hash,) = hashes
    contents = api.app.state.context.contents

    def in_use() -> frozenset[str]:
        with api.store.reading() as tx:
            return tx.content_in_use()

    api.call("DELETE", "models/a")
    assert contents.sweep(in_use) == []
    api.call("DELETE", "models/b")
    assert [each.content_hash for each in contents.unused(in_use)] == [content_hash]
    assert put(api, "c", "1", uri).status_code == 201, "before it was swept away"
    assert contents.sweep(in_use) == []


def test_of_two_who_register_one_version_at_once_one_is_refused(api: InProcessApi) -> None:
    uris = [api.upload({"flow.dag.yaml": f"nodes: [] # {n}\n"}, place=f"LocalUpload/{n}/flow") for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda uri: put(api, "chat", "1", uri), uris))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    (made,) = (answer.json() for answer in answers if answer.status_code == 201)
    assert api.call("GET", "models/chat/versions/1").json()["properties"] == made["properties"]


def test_a_model_of_a_thousand_files_and_of_empty_ones(api: InProcessApi) -> None:
    folder = api.uploads / "LocalUpload" / "many"
    for number in range(1000):
        (folder / f"{number % 10}").mkdir(parents=True, exist_ok=True)
        (folder / f"{number % 10}" / f"{number}").touch()
    answer = put(api, "many", "1", "azureml://datastores/workspaceblobstore/paths/LocalUpload/many")
    assert answer.status_code == 201
    content = api.home.models / answer.json()["properties"]["contentHash"]
    assert sum(each.is_file() for each in content.rglob("*")) == 1000


def test_a_stage_is_kept_and_looked_for(api: InProcessApi) -> None:
    uri = api.upload(FILES)
    for version, stage in (("1", "Production"), ("2", "Staging"), ("3", None)):
        put(api, "chat", version, uri, stage=stage)

    def versions(query: str) -> list[tuple[str, Any]]:
        found = api.call("GET", f"models/chat/versions{query}").json()["value"]
        return [(item["name"], item["properties"]["stage"]) for item in found]

    assert versions("") == [("1", "Production"), ("2", "Staging"), ("3", None)]
    assert versions("?stage=production") == [("1", "Production")]
    assert versions("?stage=None%20such") == []
    put(api, "chat", "1", uri, stage="Archived")
    assert versions("?stage=Archived") == [("1", "Archived")]
