"""Lists of a container, conditions, parts and removal, as Azure's clients ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import httpx
import pytest

from flowstead.access.signatures import sign
from flowstead.testing.in_process_api import InProcessApi

ROOT = "/flowstead.blob.core.private/azureml-blobstore"
NAMES = ["LocalUpload/a-b/x", "LocalUpload/a/b/1", "LocalUpload/a/b/ü &<.txt", "LocalUpload/a/c", "LocalUpload/ab"]
"""In the order of names: a dash comes before the slash."""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        yield api


@pytest.fixture
def sas(api: InProcessApi) -> str:
    """A signature for everything in the container, deletion too."""
    expires = api.clock.now() + timedelta(hours=1)
    key = api.app.state.context.upload_key
    return sign(key, container="azureml-blobstore", prefixes=("",), permissions="racwdl", expires=expires)


@pytest.fixture
def filled(api: InProcessApi, sas: str) -> None:
    for name in NAMES:
        url = f"{ROOT}/{quote(name)}?{sas}"
        api.call("PUT", url, token=None, content=name, headers={"x-ms-meta-of": "a test"}).raise_for_status()


def listed(api: InProcessApi, sas: str, **query: str) -> ElementTree.Element:
    words = "&".join(f"{name}={quote(value)}" for name, value in query.items())
    answer = api.call("GET", f"{ROOT}?restype=container&comp=list&{words}&{sas}", token=None)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml"), answer.text
    return ElementTree.fromstring(answer.content)  # noqa: S314 our own answer


def names(root: ElementTree.Element, of: str = "Blob") -> list[str]:
    return [each.findtext("Name", "") for each in root.iter(of)]


def send(api: InProcessApi, method: str, sas: str, name: str = NAMES[0], **headers: str) -> httpx.Response:
    sent = {key.replace("_", "-"): value for key, value in headers.items()}
    return api.call(method, f"{ROOT}/{name}?{sas}", token=None, headers=sent)


@pytest.mark.usefixtures("filled")
def test_names_are_listed_in_their_order(api: InProcessApi, sas: str) -> None:
    root = listed(api, sas, include="metadata")
    assert root.tag == "EnumerationResults"
    assert root.get("ContainerName") == "azureml-blobstore"
    assert names(root) == NAMES == sorted(NAMES)
    assert root.findtext("NextMarker") == ""
    first = root.find("Blobs/Blob")
    assert first is not None
    shown = {each.tag: each.text for each in first.findall("Properties/*")}
    assert (shown["Content-Length"], shown["BlobType"]) == (str(len(NAMES[0])), "BlockBlob")
    assert f'"{shown["Etag"]}"' == send(api, "HEAD", sas).headers["ETag"]
    assert first.findtext("Metadata/of") == "a test"
    assert listed(api, sas).find("Blobs/Blob/Metadata") is None


@pytest.mark.usefixtures("filled")
def test_a_prefix_need_not_end_with_a_folder(api: InProcessApi, sas: str) -> None:
    assert names(listed(api, sas, prefix="LocalUpload/a/")) == NAMES[1:4]
    assert names(listed(api, sas, prefix="LocalUpload/a/b/ü")) == NAMES[2:3]
    assert names(listed(api, sas, prefix="LocalUpload/a")) == NAMES
    for nothing in ("LocalUpload/c", "localupload", "../", "/", "LocalUpload/a/b/1/"):
        assert names(listed(api, sas, prefix=nothing)) == []


@pytest.mark.usefixtures("filled")
def test_with_a_delimiter_folders_stand_for_what_is_in_them(api: InProcessApi, sas: str) -> None:
    root = listed(api, sas, prefix="LocalUpload/", delimiter="/")
    assert names(root, "BlobPrefix") == ["LocalUpload/a-b/", "LocalUpload/a/"]
    assert names(root) == ["LocalUpload/ab"]
    assert names(listed(api, sas, delimiter="/"), "BlobPrefix") == ["LocalUpload/"]
    assert names(listed(api, sas, prefix="LocalUpload/a", delimiter="/"), "BlobPrefix") == [
        "LocalUpload/a-b/",
        "LocalUpload/a/",
    ]


@pytest.mark.parametrize("delimiter", ["", "/"])
@pytest.mark.usefixtures("filled")
def test_pages_together_are_the_list(api: InProcessApi, sas: str, delimiter: str) -> None:
    for size in (1, 2, 3):
        found: list[str] = []
        marker = ""
        while True:
            root = listed(api, sas, prefix="LocalUpload/", delimiter=delimiter, maxresults=str(size), marker=marker)
            page = [each.findtext("Name", "") for each in root.find("Blobs") or ()]
            assert len(page) <= size
            found += page
            marker = root.findtext("NextMarker") or ""
            if not marker:
                break
        assert found == (["LocalUpload/a-b/", "LocalUpload/a/", "LocalUpload/ab"] if delimiter else NAMES)


def test_a_container_is_there_before_anything_is_in_it(api: InProcessApi, sas: str) -> None:
    assert names(listed(api, sas)) == []
    assert api.call("HEAD", f"{ROOT}?restype=container&{sas}", token=None).status_code == 200
    assert api.call("GET", f"{ROOT}?restype=container&{sas}", token=None).status_code == 200
    made = api.call("PUT", f"{ROOT}?restype=container&{sas}", token=None)
    assert (made.status_code, made.headers["x-ms-error-code"]) == (409, "ContainerAlreadyExists")


def test_lists_that_are_not_understood(api: InProcessApi, sas: str) -> None:
    ask = "restype=container&comp=list"
    for query in ("comp=list", "restype=container&comp=acl", f"{ask}&delimiter=x", f"{ask}&maxresults=0"):
        assert api.call("GET", f"{ROOT}?{query}&{sas}", token=None).status_code == 400, query


def test_a_list_needs_a_signature_for_all_of_its_names(api: InProcessApi) -> None:
    narrow = api.call("POST", "datastores/workspaceblobstore/listSecrets", {"prefix": "LocalUpload/aa"}).json()[
        "sasToken"
    ]
    ask = f"{ROOT}?restype=container&comp=list&{narrow}"
    assert api.call("GET", f"{ask}&prefix=LocalUpload/aa/", token=None).status_code == 200
    for prefix in ("", "LocalUpload/", "LocalUpload/aa", "LocalUpload/aab/", "LocalUpload/../LocalUpload/aa/"):
        answer = api.call("GET", f"{ask}&prefix={prefix}", token=None)
        assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, "AuthenticationFailed"), prefix
    # The parameter of another route is nothing here.
    assert api.call("GET", f"{ask}&prefix=&path=LocalUpload/aa/", token=None).status_code == 403


@pytest.mark.usefixtures("filled")
def test_conditions_of_a_reader(api: InProcessApi, sas: str) -> None:
    now = send(api, "HEAD", sas).headers
    etag, modified = now["ETag"], now["Last-Modified"]
    past, future = "Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
    for headers, status in (
        ({"If_Match": etag}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": '"other"'}, 412),
        ({"If_None_Match": etag}, 304),
        ({"If_None_Match": '"other"'}, 200),
        ({"If_Modified_Since": modified}, 304),
        ({"If_Modified_Since": past}, 200),
        ({"If_Unmodified_Since": past}, 412),
        ({"If_Unmodified_Since": future}, 200),
        ({"If_Unmodified_Since": modified}, 200),
        ({"If_Modified_Since": "yesterday"}, 200),
    ):
        for method in ("GET", "HEAD"):
            assert send(api, method, sas, **headers).status_code == status, headers


@pytest.mark.usefixtures("filled")
def test_conditions_of_a_writer(api: InProcessApi, sas: str) -> None:
    etag = send(api, "HEAD", sas).headers["ETag"]
    for headers, status in (({"If_Match": '"other"'}, 412), ({"If_None_Match": "*"}, 409), ({"If_Match": etag}, 201)):
        assert send(api, "PUT", sas, **headers).status_code == status
    assert send(api, "PUT", sas, "LocalUpload/new", If_Match="*").status_code == 412
    assert send(api, "DELETE", sas, If_Match=etag).status_code == 412, "it has been written since"


@pytest.mark.usefixtures("filled")
def test_parts_of_a_file(api: InProcessApi, sas: str) -> None:
    size = len(NAMES[0])
    part = send(api, "GET", sas, x_ms_range="bytes=3-", x_ms_range_get_content_md5="true")
    assert (part.status_code, part.text) == (206, NAMES[0][3:])
    assert part.headers["Content-Range"] == f"bytes 3-{size - 1}/{size}"
    whole = send(api, "GET", sas)
    assert part.headers["x-ms-blob-content-md5"] == whole.headers["Content-MD5"]
    assert part.headers["Content-MD5"] != whole.headers["Content-MD5"]
    for beyond in (f"bytes={size}-", "bytes=5-4"):
        answer = send(api, "GET", sas, x_ms_range=beyond)
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{size}")
    for odd in ("bytes=", "bytes=-5", "lines=1-2", "bytes=0-1,3-4", "bytes=" + "9" * 30 + "-"):
        assert send(api, "GET", sas, x_ms_range=odd).status_code == 200, odd


@pytest.mark.usefixtures("filled")
def test_a_file_is_removed_with_the_folders_that_it_alone_filled(api: InProcessApi, sas: str) -> None:
    gone = send(api, "DELETE", sas)
    assert (gone.status_code, gone.content) == (202, b"")
    assert send(api, "DELETE", sas).status_code == 404
    assert names(listed(api, sas)) == NAMES[1:]
    assert not (api.home.uploads / "azureml-blobstore" / "LocalUpload" / "a-b").exists()
    assert send(api, "PUT", sas, "LocalUpload/a-b").status_code == 201, "a folder no more"


def test_ten_thousand_files_are_paged(api: InProcessApi, sas: str) -> None:
    folder = api.home.uploads / "azureml-blobstore" / "LocalUpload" / "many"
    folder.mkdir(parents=True)
    for number in range(10_000):
        (folder / f"{number:05}").touch()
    first = listed(api, sas, prefix="LocalUpload/many/", maxresults="99999")
    assert len(names(first)) == 5000
    assert first.findtext("NextMarker") == "LocalUpload/many/05000"
    rest = listed(api, sas, prefix="LocalUpload/many/", marker="LocalUpload/many/05000")
    assert (len(names(rest)), rest.findtext("NextMarker")) == (5000, "")
