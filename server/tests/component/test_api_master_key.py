"""The master key over REST: which it is, and another one in its place."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstead.store.keys import KeyFile
from flowstead.testing.in_process_api import InProcessApi

ENDPOINT: dict[str, Any] = {"location": "local", "properties": {"authMode": "Key"}}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        yield api


def keys_of(api: InProcessApi, endpoint: str) -> Any:
    answer = api.call("POST", f"onlineEndpoints/{endpoint}/listKeys")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_rotation_changes_the_key_and_no_secret(api: InProcessApi) -> None:
    assert api.call("PUT", "onlineEndpoints/foo", ENDPOINT).status_code == 201
    secrets, [old] = keys_of(api, "foo"), KeyFile(api.home).kept()
    before = api.call("GET", "masterKey").json()
    assert before["source"] == f"the file {api.home.keys / 'master.key'}"
    assert before["rotatedAt"] == ""
    answer = api.call("POST", "rotatemasterkey")
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert after == api.call("GET", "masterKey").json()
    assert after["keyId"] != before["keyId"]
    assert after["finished"]
    assert keys_of(api, "foo") == secrets
    [new] = KeyFile(api.home).kept()
    assert new != old
    for key in (old, new):
        assert key.hex() not in answer.text
        assert base64.b64encode(key).decode() not in answer.text
    [record] = api.call("GET", "auditRecords", params={"action": "rotateMasterKey"}).json()["value"]
    assert record["properties"]["principal"] == "owner"
    assert record["properties"]["detail"] == f"{before['keyId']} → {after['keyId']}"


def test_only_those_who_may_rotate_it(api: InProcessApi) -> None:
    before = api.call("GET", "masterKey").json()
    token = api.token(api.stranger())
    for method, path, action in (
        ("GET", "masterKey", "Microsoft.Authorization/masterKey/read"),
        ("POST", "rotateMasterKey", "Microsoft.Authorization/masterKey/write"),
    ):
        refused = api.call(method, path, token=token)
        assert refused.status_code == 403
        assert action in refused.text
        assert api.call(method, path, token=None).status_code == 401
    assert api.call("GET", "masterKey").json() == before


def test_upload_signatures_end_and_new_ones_work(api: InProcessApi) -> None:
    url = "/flowstead.blob.core.private/azureml-blobstore/LocalUpload/aa/file"

    def signature() -> str:
        return str(api.call("POST", "datastores/workspaceblobstore/listSecrets").json()["sasToken"])

    old = signature()
    assert api.call("PUT", f"{url}?{old}", token=None, content="x").status_code == 201
    api.call("POST", "rotateMasterKey")
    assert api.call("PUT", f"{url}?{old}", token=None, content="x").status_code == 403
    assert api.call("PUT", f"{url}?{signature()}", token=None, content="x").status_code == 201
