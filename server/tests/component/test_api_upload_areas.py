"""Uploads of several principals: one address, and nobody writes what another one registers."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from flowstead.testing.in_process_api import OWNER, InProcessApi

ROOT = "/flowstead.blob.core.private/azureml-blobstore"
PLACE = "LocalUpload/c0ffee/flow"
URI = f"azureml://datastores/workspaceblobstore/paths/{PLACE}"
DATA_SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"
COMPLETE = {"x-ms-meta-upload_status": "completed"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        yield api


@pytest.fixture
def other(api: InProcessApi) -> str:
    """A token of somebody else who may upload and register."""
    return api.token(api.granted(api.stranger(), DATA_SCIENTIST))


def send(api: InProcessApi, name: str, content: bytes, token: str = OWNER) -> None:
    blob(api, "PUT", name, token, content, COMPLETE).raise_for_status()


def blob(api: InProcessApi, method: str, name: str, token: str = OWNER, content: bytes = b"",
         headers: dict[str, str] | None = None) -> httpx.Response:  # fmt: skip
    path = f"{ROOT}/{PLACE}/{name}?{signature(api, token)}"
    return api.call(method, path, token=None, content=content, headers=headers or {})


def signature(api: InProcessApi, token: str = OWNER) -> str:
    return str(api.call("POST", "datastores/workspaceblobstore/listSecrets", token=token).json()["sasToken"])


def register(api: InProcessApi, name: str, uri: str = URI, token: str = OWNER) -> httpx.Response:
    return api.call("PUT", f"models/{name}/versions/1", {"properties": {"modelUri": uri}}, token=token)


def registered(api: InProcessApi, name: str) -> dict[str, bytes]:
    shown = api.call("GET", f"models/{name}/versions/1").json()["properties"]
    folder = api.home.models / shown["contentHash"]
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_what_another_one_writes_at_the_same_address_is_never_registered(api: InProcessApi, other: str) -> None:
    send(api, "say.py", b"mine")
    send(api, "say.py", b"theirs", other)
    send(api, "more.py", b"theirs", other)
    assert register(api, "chat").status_code == 201
    assert registered(api, "chat") == {"say.py": b"mine"}
    assert blob(api, "GET", "say.py").content == b"mine"


def test_nobody_is_told_that_an_upload_is_complete_that_another_one_has_made(api: InProcessApi, other: str) -> None:
    send(api, "say.py", b"theirs", other)
    assert blob(api, "HEAD", "say.py").status_code == 404
    assert register(api, "chat").status_code == 400, "nothing was uploaded there"
    assert register(api, "chat", token=other).status_code == 201
    found = blob(api, "HEAD", "say.py")
    assert found.status_code == 200
    assert not [name for name in found.headers if name.startswith("x-ms-meta")]
    assert register(api, "again").status_code == 400


def test_what_others_have_registered_can_be_read_as_it_was(api: InProcessApi, other: str) -> None:
    send(api, "say.py", b"mine")
    send(api, "sub/x.txt", b"x")
    assert register(api, "chat").status_code == 201
    send(api, "say.py", b"changed since")
    assert blob(api, "GET", "say.py", other).content == b"mine"
    assert blob(api, "GET", "sub/x.txt", other).content == b"x"
    assert blob(api, "GET", "../say.py", other).status_code >= 400
    assert names(api, PLACE, other) == [f"{PLACE}/say.py", f"{PLACE}/sub/x.txt"]
    assert names(api, f"{PLACE}/sub/", other) == [f"{PLACE}/sub/x.txt"]
    assert names(api, "LocalUpload/", other) == []
    assert api.call("DELETE", "models/chat/versions/1").status_code == 200
    assert names(api, PLACE, other) == []


def test_so_can_a_single_file(api: InProcessApi, other: str) -> None:
    send(api, "say.py", b"mine")
    assert register(api, "one", f"{URI}/say.py").status_code == 201
    assert blob(api, "GET", "say.py", other).content == b"mine"
    assert names(api, f"{PLACE}/say.py", other) == [f"{PLACE}/say.py"]


def test_two_contents_at_one_address_are_shown_to_nobody_else(api: InProcessApi, other: str) -> None:
    send(api, "say.py", b"mine")
    send(api, "say.py", b"theirs", other)
    assert register(api, "chat").status_code == register(api, "poison", token=other).status_code == 201
    id = "00000000-0000-0000-0000-00000000cccc"
    third = replace(api.stranger(), object_id=id, client_id=id, name="third")
    api.store.principals.put(third)
    assert blob(api, "GET", "say.py", api.token(api.granted(third, DATA_SCIENTIST))).status_code == 404
    assert blob(api, "GET", "say.py").content == b"mine"


def names(api: InProcessApi, prefix: str, token: str) -> list[str]:
    query = {"restype": "container", "comp": "list", "prefix": prefix}
    answer = api.call("GET", f"{ROOT}?{httpx.QueryParams(query)}&{signature(api, token)}", token=None)
    return [each.text or "" for each in ElementTree.fromstring(answer.content).iter("Name")]  # noqa: S314
