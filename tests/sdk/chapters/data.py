"""Data assets, registered and collected."""

from __future__ import annotations

from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import Data, DataCollector, DeploymentCollection

from tests.sdk.traveller import Journey


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


def step_collected_data_is_a_data_asset(j: Journey) -> None:
    collections = {name: DeploymentCollection(enabled="True") for name in ("model_inputs", "model_outputs")}
    wanted = j.deployment(
        "collects", environment="azureml:runtime:1", data_collector=DataCollector(collections=collections)
    )
    j.ml.online_deployments.begin_create_or_update(wanted).result()
    assert j.invoke("journey", "kept", "collects")["said"].endswith("kept")
    asset = j.ml.data.get("journey-collects-model_inputs", version="1")
    assert "modelDataCollector/journey/collects/model_inputs" in asset.path, asset.path
    again = j.ml.online_deployments.get("collects", "journey")
    again.tags["once"] = "more"
    j.ml.online_deployments.begin_create_or_update(again).result()
