"""The server is killed while it takes in a file, registers one, tries a flow or collects garbage: nothing half-done is
seen afterwards, and the same request then succeeds."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.resources.home import Home
from tests.dying_server import Dying, assert_no_drafts_are_left
from tests.installation import ECHO, Installation, eventually, write_flow

BLOBS = "/flowstead.blob.core.private/azureml-blobstore/LocalUpload/aa/flow"
URI = "azureml://datastores/workspaceblobstore/paths/LocalUpload/aa/flow"
pytestmark = pytest.mark.timeout(300)


def test_a_file_and_a_registration_are_whole_or_not_there(dying: Dying) -> None:
    flowstead = dying.flowstead
    data = os.urandom(3 * 1024 * 1024)
    dying.dies_in("upload written", lambda: _blob(flowstead, "PUT", "large.bin", data))
    assert _blob(flowstead, "GET", "large.bin").status_code == 404
    assert_no_drafts_are_left(flowstead)
    assert _blob(flowstead, "PUT", "large.bin", data).status_code == 201
    assert _blob(flowstead, "GET", "large.bin").content == data
    assert _blob(flowstead, "PUT", "flow.dag.yaml", b"inputs: {}\noutputs: {}\nnodes: []\n").status_code == 201

    model = "/models/large/versions/1"
    body = {"properties": {"modelUri": URI}}
    dying.dies_in("registration copied", lambda: flowstead.api("PUT", model, body))
    assert flowstead.api("GET", model).status_code == 404
    assert_no_drafts_are_left(flowstead)
    registered = flowstead.api("PUT", model, body)
    assert registered.status_code == 201, registered.text
    content = Home.at(flowstead.home).models / registered.json()["properties"]["contentHash"]
    assert (content / "large.bin").read_bytes() == data


def test_an_instance_in_which_a_flow_was_tried_does_not_outlive_the_server(dying: Dying, tmp_path: Path) -> None:
    flowstead = dying.flowstead
    flow = write_flow(tmp_path / "flow", ECHO)
    flowstead.api("PUT", "/flows/tried", {"properties": {}}).raise_for_status()
    for file in flow.iterdir():
        _file(flowstead, file.name, file.read_bytes())
    dying.dies_in("test running", lambda: _try(flowstead))
    home = Home.at(flowstead.home)
    eventually("its run directory is gone", lambda: not list(home.tests_run.iterdir()))
    eventually("its process is gone", lambda: not [each for each in flowstead.processes() if _is_test(each, home)])
    assert "event: outputs" in _try(flowstead).text


def test_garbage_that_a_killed_server_removed_is_in_the_audit(dying: Dying) -> None:
    flowstead = dying.flowstead
    for name in ("a.py", "b.py", "c.py"):
        assert _blob(flowstead, "PUT", name, b"x").status_code == 201
    long_ago = time.time() - 3 * 86_400
    for file in Home.at(flowstead.home).uploads.rglob("*.py"):
        os.utime(file, (long_ago, long_ago))
    dying.dies_in("garbage removed", lambda: flowstead.api("POST", "/garbageCollection"))
    assert _blob(flowstead, "GET", "a.py").status_code == 404
    assert _blob(flowstead, "GET", "b.py").status_code == 200
    [begun] = _collections(flowstead)
    assert (begun["outcome"], begun["detail"]) == ("Failed", "3 things, 3 bytes")
    assert "ended meanwhile" in begun["error"]["message"]
    assert len(flowstead.api("POST", "/garbageCollection").json()["value"]) == 2
    assert [each["outcome"] for each in _collections(flowstead)] == ["Succeeded", "Failed"]


def _blob(flowstead: Installation, method: str, name: str, data: bytes = b"") -> httpx.Response:
    signature = flowstead.api("POST", "/datastores/workspaceblobstore/listSecrets").json()["sasToken"]
    return httpx.request(method, f"{flowstead.url}{BLOBS}/{name}?{signature}", content=data, timeout=30)


def _file(flowstead: Installation, name: str, data: bytes) -> None:
    with flowstead.client() as client:
        client.put(f"/flows/tried/files/{name}", content=data).raise_for_status()


def _try(flowstead: Installation) -> httpx.Response:
    with flowstead.client() as client:
        return client.post("/flows/tried/test", json={"inputs": {"text": "x"}}, timeout=120)


def _is_test(process: Any, home: Home) -> bool:
    return str(home.tests_run) in " ".join(process.cmdline())


def _collections(flowstead: Installation) -> list[dict[str, Any]]:
    with flowstead.client() as client:
        found = client.get("/auditRecords", params={"action": "collectGarbage"}).json()["value"]
    return [each["properties"] for each in found]
