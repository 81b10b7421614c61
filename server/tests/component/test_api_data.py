"""Data assets, as Azure's clients register and read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.testing.in_process_api import InProcessApi

ROWS: dict[str, str | bytes] = {"rows.jsonl": '{"a": 1}\n', "more/rows.jsonl": ""}
COLLECTED = "azureml://datastores/workspaceblobstore/paths/modelDataCollector/foo/blue/model_inputs"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        yield api


def put(api: InProcessApi, name: str, version: str, uri: str, **properties: Any) -> httpx.Response:
    given = {"dataType": "uri_folder", "dataUri": uri, **properties}
    return api.call("PUT", f"data/{name}/versions/{version}", {"properties": given})


def test_an_upload_becomes_a_version(api: InProcessApi) -> None:
    uri = api.upload(ROWS)
    created = put(api, "rows", "1", uri, description="d", tags={"a": "b"}, properties={"c": "d"})
    assert created.status_code == 201
    shown = created.json()
    assert shown["id"] == api.workspace.data("rows", "1")
    properties = shown["properties"]
    assert {name: properties[name] for name in ("dataType", "dataUri", "description", "tags", "properties")} == {
        "dataType": "uri_folder", "dataUri": uri, "description": "d", "tags": {"a": "b"}, "properties": {"c": "d"},
    }  # fmt: skip
    copied = api.home.models / properties["contentHash"]
    assert (copied / "rows.jsonl").read_text() == '{"a": 1}\n'
    container = api.call("GET", "data/rows").json()["properties"]
    assert (container["dataType"], container["latestVersion"], container["nextVersion"]) == ("uri_folder", "1", "2")
    assert api.call("GET", "DATA/Rows/versions/1").json() == shown
    assert api.call("GET", "data/other").status_code == 404
    assert api.call("GET", "data/other/versions").json() == {"value": []}


def test_a_repetition_is_no_change_and_other_data_is_refused(api: InProcessApi) -> None:
    uri = api.upload(ROWS)
    first = put(api, "rows", "1", uri).json()
    api.upload({"rows.jsonl": "changed"})
    again = put(api, "rows", "1", f"{uri}/")
    assert (again.status_code, again.json()["properties"]["contentHash"]) == (200, first["properties"]["contentHash"])
    for other in (api.upload(ROWS, place="LocalUpload/bb/f"), COLLECTED, "https://elsewhere.example/x"):
        refused = put(api, "rows", "1", other)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "ImmutableAsset")
        assert "already exists" in refused.json()["error"]["message"], "Azure's client looks for it"


def test_versions_of_a_name_share_a_type(api: InProcessApi) -> None:
    uri = api.upload(ROWS)
    put(api, "rows", "1", uri)
    refused = put(api, "rows", "2", f"{uri}/rows.jsonl", dataType="uri_file")
    assert (refused.status_code, "uri_folder" in refused.json()["error"]["message"]) == (400, True)
    assert put(api, "rows", "1", uri, dataType="mltable").status_code in (400, 409)


def test_types_are_what_they_say(api: InProcessApi) -> None:
    uri = api.upload({**ROWS, "table/MLTable": "paths: []\n"})
    assert put(api, "file", "1", f"{uri}/rows.jsonl", dataType="uri_file").status_code == 201
    assert put(api, "folder", "1", uri, dataType="uri_file").status_code == 400
    assert put(api, "table", "1", f"{uri}/table", dataType="mltable", referencedUris=["./x"]).status_code == 201
    assert api.call("GET", "data/table/versions/1").json()["properties"]["referencedUris"] == ["./x"]
    assert put(api, "table2", "1", f"{uri}/more", dataType="mltable").status_code == 400
    assert put(api, "else", "1", uri, dataType="uri_thing").status_code == 400


@pytest.mark.parametrize(
    "uri",
    [
        "", "relative/path", "file:///etc/passwd", "wasbs://box@account/x",
        "azureml://datastores/other/paths/x", "azureml://datastores/workspaceblobstore/paths/../keys/master.key",
        "azureml://datastores/workspaceblobstore/paths/LocalUpload/gone",
        "http://127.0.0.1:8080/elsewhere/x", "https://h/azureml-blobstore/%2e%2e/keys",
        "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/workspaceblobstore/paths/x",
        "azureml://datastores/workspaceblobstore/paths/modelDataCollector/../LocalUpload/x",
    ],
)  # fmt: skip
def test_addresses_that_lead_nowhere_are_refused(api: InProcessApi, uri: str) -> None:
    refused = put(api, "rows", "1", uri)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadArgument")


@pytest.mark.parametrize("uri", ["https://me:pw-7@elsewhere.example/x", "https://elsewhere.example/x?sv=1&sig=pw-7"])
def test_an_address_with_a_secret_is_refused(api: InProcessApi, uri: str) -> None:
    for kind, field in (("data", "dataUri"), ("models", "modelUri"), ("codes", "codeUri")):
        refused = api.call("PUT", f"{kind}/a/versions/1", {"properties": {field: uri}})
        assert (refused.status_code, "pw-7" in refused.text) == (400, False)
    own = api.upload(ROWS).replace("azureml://datastores/workspaceblobstore/paths", "http://h/azureml-blobstore")
    assert put(api, "rows", "1", f"{own}?sig=pw-7").status_code == 400
    assert put(api, "rows", "1", own).status_code == 201


def test_a_web_address_is_noted_and_not_asked_for(api: InProcessApi) -> None:
    created = put(api, "web", "1", "https://elsewhere.example/rows.csv", dataType="uri_file")
    assert created.status_code == 201
    assert "contentHash" not in created.json()["properties"]


def test_what_a_deployment_collects_is_read_where_it_lies(api: InProcessApi) -> None:
    """Azure's client registers it before the deployment exists, let alone a record."""
    long = f"azureml:/{api.workspace.path.replace('/providers/Microsoft.MachineLearningServices', '')}".replace(
        "resourceGroups", "resourcegroups"
    )
    assert put(api, "foo-blue-model_inputs", "1", COLLECTED).status_code == 201
    again = put(api, "foo-blue-model_inputs", "1", COLLECTED.replace("azureml:/", long))
    assert (again.status_code, "contentHash" in again.json()["properties"]) == (200, False)
    for kind, field in (("models", "modelUri"), ("codes", "codeUri")):
        refused = api.call("PUT", f"{kind}/m/versions/1", {"properties": {field: COLLECTED}})
        assert (refused.status_code, "collect data" in refused.text) == (400, True), "its writer is somebody's code"


def test_archive_restore_and_tags(api: InProcessApi) -> None:
    uri = api.upload(ROWS)
    for name in ("one", "two"):
        put(api, name, "1", uri, tags={"of": name})
        put(api, name, "2", uri, tags={"of": name, "new": ""})
    whole = api.call("GET", "data/one").json()["properties"]
    archived = api.call("PUT", "data/one", {"properties": {**whole, "isArchived": True}})
    assert (archived.status_code, archived.json()["properties"]["dataType"]) == (200, "uri_folder")

    def names(path: str) -> list[str]:
        return [each["name"] for each in api.call("GET", path).json()["value"]]

    assert names("data") == ["two"]
    assert names("data?listViewType=ArchivedOnly") == ["one"]
    assert names("data/two/versions?$tags=new") == ["2"]
    assert names("data/two/versions?$tags=of=two,new") == ["2"]
    assert names("data/two/versions?$tags=of=one") == []
    put(api, "two", "2", uri, isArchived=True)
    assert names("data/two/versions") == ["1"]
    assert names("data/two/versions?listViewType=All") == ["1", "2"]
    api.call("PUT", "data/one", {"properties": {"isArchived": False}})
    assert names("data") == ["one", "two"]


def test_deleting_leaves_the_content_to_be_swept(api: InProcessApi) -> None:
    uri = api.upload(ROWS)
    content = api.home.models / put(api, "rows", "1", uri).json()["properties"]["contentHash"]
    put(api, "same", "1", uri)
    contents = api.app.state.context.contents

    def in_use() -> frozenset[str]:
        with api.store.reading() as tx:
            return tx.content_in_use()

    assert api.call("DELETE", "data/rows").status_code == 200
    assert contents.unused(in_use) == [], "another version has the same"
    assert api.call("DELETE", "data/same/versions/1").status_code == 200
    assert [each.content_hash for each in contents.sweep(in_use)] == [content.name]
    assert put(api, "rows", "1", uri).status_code == 201
    assert content.is_dir()
