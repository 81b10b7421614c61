"""Data assets, registered and collected."""

from __future__ import annotations

import json
import time
from typing import Any

from azure.ai.ml import load_data
from azure.ai.ml._artifacts._artifact_utilities import download_artifact_from_aml_uri
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import Data, DataCollector, DeploymentCollection
from azure.core.exceptions import ResourceNotFoundError

from tests.sdk.traveller import Journey, refused


def step_data_from_a_folder_and_a_file(j: Journey) -> None:
    folder = j.folder / "data"
    folder.mkdir()
    (folder / "rows.jsonl").write_text('{"text": "a"}\n')
    made = j.ml.data.create_or_update(Data(name="rows", version="1", path=folder, type=AssetTypes.URI_FOLDER))
    assert (made.type, made.version) == ("uri_folder", "1")
    again = j.ml.data.create_or_update(Data(name="rows", path=folder, type=AssetTypes.URI_FOLDER))
    assert again.version == "2"
    assert j.ml.data.get("rows", label="latest").version == "2"
    assert "rows" in [each.name for each in j.ml.data.list()]
    assert {each.version for each in j.ml.data.list("rows")} == {"1", "2"}
    j.ml.data.archive("rows", version="1")
    assert [each.version for each in j.ml.data.list("rows")] == ["2"]
    j.ml.data.restore("rows", version="1")


def step_a_sample_data_file_applies(j: Journey) -> None:
    file = j.folder / "data.yaml"
    schema = "$schema: https://azuremlschemas.azureedge.net/latest/data.schema.json\n"
    file.write_text(f"{schema}name: from-file\nversion: 1\ntype: uri_folder\npath: ./data\ndescription: rows\n")
    made = j.ml.data.create_or_update(load_data(file))
    assert (made.version, made.description) == ("1", "rows")


def step_data_at_an_address_is_kept_as_an_address(j: Journey) -> None:
    address = "https://somewhere.example/rows.csv"
    wanted = Data(name="elsewhere", version="1", path=address, type=AssetTypes.URI_FILE)
    assert j.ml.data.create_or_update(wanted).path == address


def step_data_comes_back_as_it_was(j: Journey) -> None:
    target = j.folder / "data-again"
    asset = j.ml.data.get("rows", version="1")
    download_artifact_from_aml_uri(uri=asset.path, destination=str(target), datastore_operation=j.ml.datastores)
    assert next(target.rglob("rows.jsonl")).read_text() == (j.folder / "data" / "rows.jsonl").read_text()


def step_missing_data_is_not_found(j: Journey) -> None:
    refused(lambda: j.ml.data.get("rows", version="99"), ResourceNotFoundError)


def step_collected_data_is_a_data_asset(j: Journey) -> None:
    collections = {name: DeploymentCollection(enabled="True") for name in ("model_inputs", "model_outputs")}
    wanted = j.deployment(
        "collects", environment="azureml:runtime:1", data_collector=DataCollector(collections=collections)
    )
    j.ml.online_deployments.begin_create_or_update(wanted).result()
    assert j.invoke("journey", "kept", "collects")["said"].startswith("nobody says kept")
    asset = j.ml.data.get("journey-collects-model_inputs", version="1")
    assert "modelDataCollector/journey/collects/model_inputs" in asset.path, asset.path
    assert _download(j, asset, "collected", within_s=20)[0]["data"] == [{"text": "kept"}]
    again = j.ml.online_deployments.get("collects", "journey")
    again.tags["once"] = "more"
    j.ml.online_deployments.begin_create_or_update(again).result()


def step_data_is_downloaded(j: Journey) -> None:
    assert _download(j, j.ml.data.get("rows", version="1"), "rows") == [{"text": "a"}]


def step_other_data_under_the_same_version_is_refused(j: Journey) -> None:
    other = j.folder / "other-rows"
    other.mkdir()
    (other / "rows.jsonl").write_text("{}\n")
    refused(lambda: j.ml.data.create_or_update(Data(name="rows", version="1", path=other)))


def _download(j: Journey, asset: Data, name: str, within_s: float = 0) -> list[Any]:
    """The lines of its files, once there are any."""
    folder = j.folder / "downloads" / name
    until = time.monotonic() + within_s
    while True:
        download_artifact_from_aml_uri(asset.path, str(folder), j.ml.datastores)
        lines = [line for file in folder.rglob("*.jsonl") for line in file.read_text().splitlines()]
        if lines or time.monotonic() > until:
            return [json.loads(line) for line in lines]
        time.sleep(0.2)
