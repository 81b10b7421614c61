"""Models: registered, found, downloaded, archived."""

from __future__ import annotations

import os

from azure.ai.ml.entities import Model
from azure.core.exceptions import ResourceNotFoundError

from tests.sdk.traveller import Journey, refused, same_folder


def step_a_model_is_registered_from_a_folder(j: Journey) -> None:
    properties = {"azureml.promptflow.mode": "chat", "azureml.promptflow.chat_input": "text"}
    wanted = Model(name="greeter", version="1", path=j.flow, description="says you", properties=properties)
    made = j.ml.models.create_or_update(wanted)
    assert (made.name, made.version, made.properties["azureml.promptflow.mode"]) == ("greeter", "1", "chat")


def step_the_same_content_again_is_the_next_version(j: Journey) -> None:
    made = j.ml.models.create_or_update(Model(name="greeter", path=j.flow, tags={"again": "yes"}))
    assert made.version == "2", made.version


def step_the_same_version_again_is_no_error(j: Journey) -> None:
    made = j.ml.models.create_or_update(Model(name="greeter", version="2", path=j.flow, tags={"again": "twice"}))
    assert (made.version, made.tags) == ("2", {"again": "twice"})


def step_other_content_under_a_version_is_refused(j: Journey) -> None:
    other = j.folder / "other"
    other.mkdir()
    (other / "flow.dag.yaml").write_text((j.flow / "flow.dag.yaml").read_text() + "\n# changed\n")
    refused(lambda: j.ml.models.create_or_update(Model(name="greeter", version="2", path=other)))


def step_the_latest_model_is_found_by_label(j: Journey) -> None:
    assert j.ml.models.get("greeter", label="latest").version == "2"


def step_models_and_versions_are_listed(j: Journey) -> None:
    assert "greeter" in [each.name for each in j.ml.models.list()]
    assert {each.version for each in j.ml.models.list("greeter")} == {"1", "2"}


def step_a_model_is_downloaded_as_it_was(j: Journey) -> None:
    target = j.folder / "downloaded"
    j.ml.models.download("greeter", "1", download_path=target)
    same_folder(j.flow, next(target.rglob("flow.dag.yaml")).parent)


def step_large_files_go_in_blocks(j: Journey) -> None:
    large = j.folder / "large"
    large.mkdir()
    (large / "weights.bin").write_bytes(os.urandom(1 << 20) * int(j.settings["large_mib"]))
    (large / "empty.txt").write_bytes(b"")
    j.ml.models.create_or_update(Model(name="large", version="1", path=large))
    j.ml.models.download("large", "1", download_path=j.folder / "large-again")
    same_folder(large, next((j.folder / "large-again").rglob("weights.bin")).parent)


def step_one_file_is_a_model_too(j: Journey) -> None:
    file = j.folder / "single.txt"
    file.write_text("one file")
    assert j.ml.models.create_or_update(Model(name="single", version="1", path=file)).version == "1"
    j.ml.models.download("single", "1", download_path=j.folder / "single-again")
    assert next((j.folder / "single-again").rglob("single.txt")).read_text() == "one file"


def step_a_model_version_is_archived_and_restored(j: Journey) -> None:
    j.ml.models.archive("greeter", version="1")
    assert [each.version for each in j.ml.models.list("greeter")] == ["2"]
    j.ml.models.restore("greeter", version="1")
    assert {each.version for each in j.ml.models.list("greeter")} == {"1", "2"}


def step_a_model_is_archived_and_restored(j: Journey) -> None:
    j.ml.models.archive("single")
    assert "single" not in [each.name for each in j.ml.models.list()]
    j.ml.models.restore("single")
    assert "single" in [each.name for each in j.ml.models.list()]


def step_a_missing_model_is_not_found(j: Journey) -> None:
    refused(lambda: j.ml.models.get("greeter", version="99"), ResourceNotFoundError)
