"""Code assets, and places of their own for uploads, as Azure's clients ask for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import InProcessApi

FILES = {"score.py": "x = 1\n", "Sub/b.py": "", "a/ü.txt": "ü"}
HASH = "8fd4b8f6c2c64ee4b8c2bb7a84b5b9d6a0e5d3bd9a3a0c30c3d0c9b27a3f5c11"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def api(tmp_path: Path, clock: FrozenClock) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path, clock=clock) as api:
        yield api


def start(api: InProcessApi, what: str = "codes/c1/versions/1") -> dict[str, Any]:
    answer = api.call("POST", f"{what}/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def send(api: InProcessApi, sas_uri: str, name: str, content: str = "x", method: str = "PUT") -> httpx.Response:
    address = urlsplit(sas_uri)
    return api.call(method, f"{address.path}/{name}?{address.query}", token=None, content=content)


def upload(api: InProcessApi, files: dict[str, str] = FILES) -> str:
    """As the SDK does: below the container's root, in a folder of the local folder's name."""
    place = start(api)["blobReferenceForConsumption"]
    for name, content in files.items():
        assert send(api, place["credential"]["sasUri"], f"src/{name}", content).status_code == 201
    return f"{place['blobUri']}/src"


def put(api: InProcessApi, name: str, uri: str, **properties: Any) -> httpx.Response:
    given = {"codeUri": uri, "isAnonymous": True, "properties": {"hash_sha256": HASH, "hash_version": 202208}}
    return api.call("PUT", f"codes/{name}/versions/1", {"properties": {**given, **properties}})


def test_each_upload_has_a_place_of_its_own(api: InProcessApi, clock: FrozenClock) -> None:
    one, other = start(api), start(api)
    assert one["pendingUploadType"] == "TemporaryBlobReference"
    place = one["blobReferenceForConsumption"]
    assert place["credential"]["credentialType"] == "SAS"
    assert place["credential"]["sasUri"].startswith(place["blobUri"] + "?")
    assert "/storageAccounts/flowstead" in place["storageAccountArmId"]
    sas = place["credential"]["sasUri"]
    assert send(api, sas, "src/a.py").status_code == 201
    assert send(api, sas, "src/a.py", method="DELETE").status_code == 202, "it is the uploader's own"
    elsewhere = other["blobReferenceForConsumption"]["blobUri"] + "?" + urlsplit(sas).query
    assert send(api, elsewhere, "src/a.py").status_code == 403
    default = re.sub(r"upload-[0-9a-f]+", "azureml-blobstore/LocalUpload", sas)
    assert send(api, default, "src/a.py").status_code == 403
    clock.advance(timedelta(hours=1).total_seconds())
    assert send(api, sas, "src/a.py").status_code == 403


def test_places_that_nobody_can_reach_any_more_are_removed(api: InProcessApi, clock: FrozenClock) -> None:
    put(api, "c1", upload(api))
    api.upload({"x": "y"})
    clock.advance(timedelta(hours=25).total_seconds())
    young = upload(api)
    assert {each.name for each in api.home.uploads.iterdir() if not each.name.startswith(".")} == {
        api.uploads.name, young.split("/")[-2],
    }  # fmt: skip
    assert len(list((api.home.uploads / ".properties").iterdir())) == len(FILES) + 1
    kept = api.call("GET", "codes/c1/versions/1").json()["properties"]["contentHash"]
    assert (api.home.models / kept / "score.py").exists()


def test_all_kinds_of_assets_have_it(api: InProcessApi) -> None:
    for kind in ("models", "data", "codes"):
        start(api, f"{kind}/x/versions/1")
        assert api.call("POST", f"{kind}/x/versions/1/STARTPENDINGUPLOAD").status_code == 200, "without a body"
    uri = upload(api)
    made = api.call("PUT", "models/m/versions/1", {"properties": {"modelUri": uri}})
    assert made.status_code == 201
    content = api.home.models / made.json()["properties"]["contentHash"]
    assert (content / "score.py").read_text() == "x = 1\n"


def test_code_is_registered_once_and_never_changes(api: InProcessApi) -> None:
    uri = upload(api)
    created = put(api, "c1", uri)
    assert created.status_code == 201
    properties = created.json()["properties"]
    assert (properties["codeUri"], properties["isAnonymous"]) == (uri, True)
    assert properties["properties"] == {"hash_sha256": HASH, "hash_version": "202208"}
    assert (api.home.models / properties["contentHash"] / "Sub" / "b.py").exists()
    assert put(api, "c1", uri, description="d").status_code == 200
    refused = put(api, "c1", upload(api, {"score.py": "other"}))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "ImmutableAsset")
    assert api.call("GET", "codes/c1/versions/1").json()["properties"]["description"] == "d"
    assert api.call("GET", "codes").json() == {"value": []}, "anonymous ones are not listed"
    assert api.call("DELETE", "codes/c1/versions/1").status_code == 200
    assert api.call("GET", "codes/c1/versions/1").status_code == 404


def test_code_that_is_there_is_found_by_its_hash(api: InProcessApi) -> None:
    """The hash is Azure's, of the files that were read here: a false claim in the properties finds nothing."""
    put(api, "c1", upload(api))
    query = "hashVersion=202208&api-version=2023-04-01"

    def found(hashed: str) -> list[str]:
        return [each["id"] for each in api.call("GET", f"codes/c2/versions?hash={hashed}&{query}").json()["value"]]

    assert found(HASH) == []
    assert found(SDK_HASH) == [f"{api.workspace.path}/codes/c1/versions/1"]
    assert found("") == []


SDK_HASH = "9f9db27e383f6e3443a08228b754f1ef8373775dbe6b936c7c018399c1b90056"
"""Of FILES, computed by azure-ai-ml 1.35.2 (`get_content_hash`)."""


def test_code_that_is_not_there_is_not_registered(api: InProcessApi) -> None:
    for uri in (start(api)["blobReferenceForConsumption"]["blobUri"] + "/src", "https://h/upload-x/src", "x"):
        assert put(api, "c1", uri).status_code == 400
