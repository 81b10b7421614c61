from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import httpx
import pytest

from flowstead.api import middleware
from flowstead.testing.frozen_clock import FrozenClock
from flowstead.testing.in_process_api import InProcessApi

ROOT = "/flowstead.blob.core.private/azureml-blobstore"
FILE = "LocalUpload/aa/flow/flow.dag.yaml"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def api(tmp_path: Path, clock: FrozenClock) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path, clock=clock) as api:
        yield api


@pytest.fixture
def signature(api: InProcessApi) -> str:
    answer = api.call(
        "POST", "datastores/workspaceblobstore/listsecrets", {"expirableSecret": True, "expireAfterHours": 1}
    )
    assert answer.json()["secretsType"] == "Sas"
    return str(answer.json()["sasToken"])


def blob(api: InProcessApi, method: str, path: str, query: str, **options: object) -> httpx.Response:
    return api.call(method, f"{ROOT}/{path}?{query}", token=None, **options)


def code(answer: httpx.Response) -> str | None:
    assert answer.headers["content-type"] == "application/xml"
    found = ElementTree.fromstring(answer.content).findtext("Code")  # noqa: S314 our own answer
    assert found == answer.headers["x-ms-error-code"]
    return found


def names(api: InProcessApi, signature: str, prefix: str, query: str = "") -> list[str]:
    answer = api.call(
        "GET", f"{ROOT}?restype=container&comp=list&prefix={quote(prefix)}&{signature}{query}", token=None
    )
    assert answer.status_code == 200, answer.text
    return [found.text or "" for found in ElementTree.fromstring(answer.content).iter("Name")]  # noqa: S314 our own


def test_the_datastore_says_where_to_upload(api: InProcessApi) -> None:
    store = api.call("GET", "datastores/workspaceblobstore").json()
    assert store["id"] == f"{api.workspace.path}/datastores/workspaceblobstore"
    assert store["properties"] == {
        "datastoreType": "AzureBlob",
        "accountName": "127.0.0.1:8080/flowstead",
        "containerName": "azureml-blobstore",
        "endpoint": "core.private",
        "protocol": "http",
        "isDefault": True,
        "credentials": {"credentialsType": "Sas"},
        "tags": {},
        "properties": {},
    }
    assert api.call("GET", "datastores?isDefault=true&count=30&orderByAsc=false").json()["value"] == [store]
    assert api.call("GET", "datastores/other").status_code == 404
    assert api.call("POST", "datastores/other/listSecrets").status_code == 404


def test_the_way_of_an_upload(api: InProcessApi, signature: str) -> None:
    missing = blob(api, "HEAD", FILE, signature)
    assert (missing.status_code, missing.headers["x-ms-error-code"], missing.content) == (404, "BlobNotFound", b"")
    md5 = base64.b64encode(hashlib.md5(b"nodes: []", usedforsecurity=False).digest()).decode()
    headers = {
        "x-ms-blob-type": "BlockBlob", "If-None-Match": "*", "Content-MD5": md5, "x-ms-version": "2026-10-06",
        "Content-Type": "application/octet-stream",
    }  # fmt: skip
    put = blob(api, "PUT", FILE, signature, headers=headers, content=b"nodes: []")
    assert put.status_code == 201
    assert put.headers["ETag"]
    assert put.headers["Last-Modified"].endswith("GMT")
    marked = blob(
        api, "PUT", FILE, signature + "&comp=metadata",
        headers={"x-ms-meta-upload_status": "completed", "x-ms-meta-name": "n"},
    )  # fmt: skip
    assert marked.status_code == 200
    found = blob(api, "HEAD", FILE, signature)
    assert (found.status_code, found.content) == (200, b"")
    assert found.headers["x-ms-meta-upload_status"] == "completed"
    assert (found.headers["Content-Length"], found.headers["x-ms-blob-type"]) == ("9", "BlockBlob")
    assert found.headers["ETag"] == marked.headers["ETag"]
    # The SDK looks elsewhere for the same content, too.
    assert blob(api, "HEAD", "az-ml-artifacts/aa/x", signature).status_code == 404


def test_downloads_are_whole_or_a_range(api: InProcessApi, signature: str) -> None:
    blob(api, "PUT", FILE, signature, content=b"0123456789")
    whole = blob(api, "GET", FILE, signature)
    assert (whole.status_code, whole.content) == (200, b"0123456789")
    for header in ("x-ms-range", "Range"):
        part = blob(api, "GET", FILE, signature, headers={header: "bytes=2-4"})
        assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    beyond = blob(api, "GET", FILE, signature, headers={"x-ms-range": "bytes=0-33554431"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (206, "bytes 0-9/10")
    blob(api, "PUT", "LocalUpload/aa/empty", signature, content=b"")
    empty = blob(api, "GET", "LocalUpload/aa/empty", signature, headers={"x-ms-range": "bytes=0-33554431"})
    assert (empty.status_code, code(empty)) == (416, "InvalidRange")
    assert blob(api, "GET", "LocalUpload/aa/empty", signature).status_code == 200
    assert code(blob(api, "GET", "LocalUpload/gone", signature)) == "BlobNotFound"


def test_an_upload_is_not_overwritten_when_the_client_says_so(api: InProcessApi, signature: str) -> None:
    blob(api, "PUT", FILE, signature, content=b"one")
    again = blob(api, "PUT", FILE, signature, content=b"two", headers={"If-None-Match": "*"})
    assert (again.status_code, code(again)) == (409, "BlobAlreadyExists")
    assert blob(api, "PUT", FILE, signature, content=b"three").status_code == 201
    assert blob(api, "GET", FILE, signature).content == b"three"


def test_what_cannot_be_stored_is_refused(api: InProcessApi, signature: str) -> None:
    bad = blob(api, "PUT", FILE, signature, content=b"x", headers={"Content-MD5": "AAAA"})
    assert (bad.status_code, code(bad)) == (400, "BadArgument")
    for comp in ("page", "lease", "appendblock"):
        other = blob(api, "PUT", FILE, f"{signature}&comp={comp}", content=b"x")
        assert (other.status_code, code(other)) == (400, "InvalidQueryParameterValue")
    for name, value, said in (
        ("x-ms-copy-source", "http://127.0.0.1:1/x", "UnsupportedHeader"),
        ("x-ms-blob-type", "PageBlob", "InvalidHeaderValue"),
    ):
        other = blob(api, "PUT", FILE, signature, headers={name: value, "x-ms-blob-content-length": str(10 << 30)})
        assert (other.status_code, code(other)) == (400, said)
    assert code(blob(api, "PUT", "LocalUpload/gone", signature + "&comp=metadata")) == "BlobNotFound"
    assert blob(api, "HEAD", FILE, signature).status_code == 404


@pytest.mark.parametrize(
    "path", ["..%2f..%2fkeys/master.key", "LocalUpload/%2e%2e/%2e%2e/x", "LocalUpload//x", "LocalUpload/a%00b"]
)
def test_no_path_leads_out(api: InProcessApi, signature: str, path: str) -> None:
    for method in ("PUT", "GET", "HEAD"):
        assert blob(api, method, path, signature).status_code in (400, 403, 404)
    assert sorted(p.name for p in api.home.keys.iterdir()) == ["issuer.pem", "master.key"]


def test_a_signature_is_needed_and_ends(api: InProcessApi, clock: FrozenClock, signature: str) -> None:
    for query in ("", "sv=1&sig=x", signature[:-6] + "AAAA%3D", signature.replace("sp=racwl", "sp=racwdl")):
        for method in ("PUT", "GET", "HEAD"):
            answer = blob(api, method, FILE, query)
            assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, "AuthenticationFailed")
    # The owner's token is for the management API: one audience each.
    assert api.call("PUT", f"{ROOT}/{FILE}", content=b"x").status_code == 403
    clock.advance(3600)
    expired = blob(api, "PUT", FILE, signature, content=b"x")
    assert (expired.status_code, code(expired)) == (403, "AuthenticationFailed")


def test_a_signature_can_be_for_one_folder(api: InProcessApi) -> None:
    path = "datastores/workspaceblobstore/listSecrets"
    narrow = api.call("POST", path, {"prefix": "LocalUpload/aa"}).json()["sasToken"]
    assert blob(api, "PUT", FILE, narrow, content=b"x").status_code == 201
    for other in ("LocalUpload/aab/x", "LocalUpload/bb/x", "other/x"):
        assert blob(api, "PUT", other, narrow, content=b"x").status_code == 403
    for bad in ("", "/", "LocalUpload/", "LocalUpload/../x", "LocalUpload/a,b", "elsewhere/"):
        assert api.call("POST", path, {"prefix": bad}).status_code == 400, bad
    for hours in (0, 25, "soon"):
        assert api.call("POST", path, {"expireAfterHours": hours}).status_code == 400


def test_a_signature_is_for_one_container(api: InProcessApi, signature: str) -> None:
    answer = api.call("PUT", f"/flowstead.blob.core.private/other-box/{FILE}?{signature}", token=None, content=b"x")
    assert answer.status_code == 403


def test_what_instances_collect_is_only_read(api: InProcessApi, signature: str) -> None:
    folder = api.home.uploads / "azureml-blobstore" / "modelDataCollector" / "e" / "d"
    folder.mkdir(parents=True)
    (folder / "i.jsonl").write_text("{}\n")
    path = "modelDataCollector/e/d/i.jsonl"
    assert blob(api, "GET", path, signature).text == "{}\n"
    first = blob(api, "HEAD", path, signature).headers["ETag"]
    (folder / "i.jsonl").write_text("{}\n{}\n")
    assert blob(api, "HEAD", path, signature).headers["ETag"] != first, "it has grown"
    assert names(api, signature, "modelDataCollector/") == [path]
    for method, query in (("PUT", ""), ("PUT", "&comp=metadata"), ("PUT", "&comp=block&blockid=AAAA"), ("DELETE", "")):
        assert blob(api, method, path, signature + query, content=b"x").status_code == 403


def test_nothing_is_reached_through_a_link(api: InProcessApi, signature: str) -> None:
    """The user code of an instance may put links where it collects."""
    folder = api.home.uploads / "azureml-blobstore" / "modelDataCollector"
    folder.mkdir(parents=True)
    (folder / "key").symlink_to(api.home.keys / "master.key")
    (folder / "keys").symlink_to(api.home.keys)
    os.mkfifo(folder / "pipe")
    for name in ("key", "keys/master.key", "keys", "pipe"):
        assert blob(api, "GET", f"modelDataCollector/{name}", signature).status_code == 404, name
    assert names(api, signature, "modelDataCollector/") == []


def test_an_upload_over_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "MAX_BLOB_BYTES", 100)
    with InProcessApi(tmp_path) as api:
        query = api.call("POST", "datastores/workspaceblobstore/listSecrets").json()["sasToken"]
        announced = blob(api, "PUT", FILE, query, content=b"x" * 101)
        assert (announced.status_code, code(announced)) == (413, "PayloadTooLarge")

        async def chunks() -> object:
            for _ in range(11):
                yield b"x" * 10

        counted = blob(api, "PUT", FILE, query, content=chunks())
        assert (counted.status_code, code(counted)) == (413, "PayloadTooLarge")
        assert blob(api, "HEAD", FILE, query).status_code == 404
        assert list((api.home.uploads / ".incoming").iterdir()) == []
