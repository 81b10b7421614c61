"""Inputs and outputs of a deployment's requests as data assets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import httpx

from tests.installation import ECHO, Installation, eventually, write_flow

REQUESTS = 100


class Datastore:
    """Read as Azure's clients do: list a folder, then fetch its files."""

    def __init__(self, flowstead: Installation) -> None:
        store = flowstead.api("GET", "/datastores/workspaceblobstore").json()["properties"]
        self._root = f"{store['protocol']}://{store['accountName']}.blob.{store['endpoint']}/{store['containerName']}"
        self._sas = flowstead.api("POST", "/datastores/workspaceblobstore/listSecrets").json()["sasToken"]

    def records(self, uri: str) -> list[dict[str, Any]]:
        """The lines of a data asset's files."""
        prefix = uri.partition("/paths/")[2]
        listed = httpx.get(f"{self._root}?restype=container&comp=list&prefix={quote(prefix)}/&{self._sas}")
        assert listed.status_code == 200, listed.text
        names = [each.text or "" for each in ElementTree.fromstring(listed.content).iter("Name")]  # noqa: S314 our own
        files = [httpx.get(f"{self._root}/{quote(name)}?{self._sas}").raise_for_status() for name in names]
        return [json.loads(line) for file in files for line in file.text.splitlines()]

    def wait_for(self, uri: str, count: int) -> list[dict[str, Any]]:
        """The records, once there are so many; they are written by a thread of the instance."""
        found: list[dict[str, Any]] = []

        def all_there() -> bool:
            found[:] = self.records(uri)
            return len(found) >= count

        eventually(f"{count} records at {uri}", all_there)
        return found


def by_correlation(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["correlationid"]: row for each in found for row in each["data"]}


def ask(flowstead: Installation, endpoint: str, count: int) -> Mapping[str, str]:
    """Texts that were sent, by request id."""
    key = flowstead.keys(endpoint)["primaryKey"]

    def one(number: int) -> tuple[str, str]:
        answer = flowstead.score(endpoint, {"text": f"text {number}"}, key)
        assert answer.status_code == 200, answer.text
        return answer.headers["x-request-id"], f"text {number}"

    with ThreadPoolExecutor(8) as pool:
        return dict(pool.map(one, range(count)))


def asset_uri(flowstead: Installation, collection: str, endpoint: str = "collecting") -> str:
    shown = flowstead.api("GET", f"/data/{endpoint}-blue-{collection}/versions/1").json()
    return str(shown["properties"]["dataUri"])


def collected_files(flowstead: Installation, endpoint: str) -> Iterator[Path]:
    folder = flowstead.home / "uploads" / "azureml-blobstore" / "modelDataCollector" / endpoint
    return folder.rglob("*")


def test_inputs_and_outputs_are_kept_joined_and_read_as_data_assets(flowstead: Installation, tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "collecting", ECHO)
    flowstead.run("deploy", str(flow), "--endpoint", "collecting", "--collect")
    sent = ask(flowstead, "collecting", REQUESTS)
    assert len(sent) == REQUESTS

    store = Datastore(flowstead)
    uris = [asset_uri(flowstead, name) for name in ("model_inputs", "model_outputs")]
    inputs, outputs = (store.wait_for(uri, REQUESTS) for uri in uris)
    assert (len(inputs), len(outputs)) == (REQUESTS, REQUESTS)
    assert by_correlation(inputs) == {id: {"text": text} for id, text in sent.items()}
    assert by_correlation(outputs) == {id: {"said": f"you said {text}"} for id, text in sent.items()}
    assert {each["type"] for each in inputs} == {"azureml.inference.model_inputs"}
    assert {each["modelversion"] for each in inputs} == {"1"}

    # The SDK's and the command line's way to the same records.
    flowstead.run(
        "data", "download", "--name", "collecting-blue-model_inputs", "--version", "1", "--download-path",
        str(tmp_path / "down"),
    )  # fmt: skip
    lines = [line for file in (tmp_path / "down").rglob("*.jsonl") for line in file.read_text().splitlines()]
    assert len(lines) == REQUESTS
    # Azure's layout, a file for each instance.
    (file,) = [
        each for each in collected_files(flowstead, "collecting") if "model_inputs" in each.parts and each.is_file()
    ]
    assert len(file.relative_to(flowstead.home / "uploads").parts) == 10
    assert file.suffix == ".jsonl"

    # Switched off, nothing more is kept; what was kept outlives even the deployment.
    path = "/onlineEndpoints/collecting/deployments/blue"
    body = flowstead.api("GET", path).json()
    body["properties"]["dataCollector"]["collections"]["model_inputs"]["dataCollectionMode"] = "disabled"
    assert flowstead.api("PUT", path, body).status_code == 200
    eventually(
        "the change is in force",
        lambda: flowstead.api("GET", path).json()["properties"]["provisioningState"] == "Succeeded",
    )
    ask(flowstead, "collecting", 3)
    assert len(store.wait_for(uris[1], REQUESTS + 3)) == REQUESTS + 3
    assert len(store.records(uris[0])) == REQUESTS
    flowstead.run("online-endpoint", "delete", "--name", "collecting", "--yes")
    assert len(store.records(uris[0])) == REQUESTS
    assert asset_uri(flowstead, "model_inputs") == uris[0]


def test_off_there_is_no_file_and_no_data_asset(flowstead: Installation, tmp_path: Path) -> None:
    flow = write_flow(tmp_path / "flow", ECHO)
    flowstead.run("deploy", str(flow), "--endpoint", "silent")
    ask(flowstead, "silent", 3)
    assert list(collected_files(flowstead, "silent")) == []
    assert flowstead.api("GET", "/data/silent-blue-model_inputs").status_code == 404
