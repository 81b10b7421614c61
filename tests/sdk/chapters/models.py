"""Models: registered, found, downloaded, archived."""

from __future__ import annotations

import os
from functools import partial

from azure.ai.ml import load_model
from azure.ai.ml.constants import AssetTypes, ListViewType
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


def step_archived_models_are_shown_when_asked_for(j: Journey) -> None:
    j.ml.models.archive("greeter", version="1")
    shown = {
        kind: {each.version for each in j.ml.models.list("greeter", list_view_type=kind)}
        for kind in (ListViewType.ACTIVE_ONLY, ListViewType.ARCHIVED_ONLY, ListViewType.ALL)
    }
    j.ml.models.restore("greeter", version="1")
    assert shown == {
        ListViewType.ACTIVE_ONLY: {"2"},
        ListViewType.ARCHIVED_ONLY: {"1"},
        ListViewType.ALL: {"1", "2"},
    }, shown


def step_description_and_tags_of_a_version_change(j: Journey) -> None:
    model = j.ml.models.get("greeter", version="2")
    model.description = "changed"
    model.tags["more"] = "yes"
    j.ml.models.create_or_update(model)
    again = j.ml.models.get("greeter", version="2")
    assert (again.description, again.tags["more"]) == ("changed", "yes")
    assert again.path == model.path


def step_a_folder_of_folders_comes_back_whole(j: Journey) -> None:
    deep = j.folder / "deep"
    for name in ("a/b/c.txt", "a/with space.txt", "ünï/çode.txt", "100%.txt", "a+b&c=d.txt", ".hidden", "empty"):
        (deep / name).parent.mkdir(parents=True, exist_ok=True)
        (deep / name).write_text("" if name == "empty" else name)
    (deep / ".amlignore").write_text("left-out/\n*.log\n")
    (deep / "left-out").mkdir()
    (deep / "left-out" / "secret.txt").write_text("not to be sent")
    (deep / "noise.log").write_text("not to be sent")
    j.ml.models.create_or_update(Model(name="deep", version="1", path=deep))
    j.ml.models.download("deep", "1", download_path=j.folder / "deep-again")
    root = next((j.folder / "deep-again").rglob("100%.txt")).parent
    sent = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    kept = {path.relative_to(deep).as_posix() for path in deep.rglob("*") if path.is_file()}
    assert sent - {".amlignore"} == kept - {"left-out/secret.txt", "noise.log", ".amlignore"}, sent
    assert all((root / name).read_bytes() == (deep / name).read_bytes() for name in sent)


def step_versions_are_counted_as_numbers(j: Journey) -> None:
    file = j.folder / "counted.txt"
    for number in range(1, 12):
        file.write_text(f"version {number}")
        assert j.ml.models.create_or_update(Model(name="counted", path=file)).version == str(number)
    assert j.ml.models.get("counted", label="latest").version == "11"
    assert len(list(j.ml.models.list("counted"))) == 11


def step_a_version_may_be_a_word(j: Journey) -> None:
    made = j.ml.models.create_or_update(Model(name="worded", version="2024-05.rc_1", path=j.flow))
    assert made.version == "2024-05.rc_1"
    assert j.ml.models.get("worded", label="latest").version == "2024-05.rc_1"
    assert j.ml.models.create_or_update(Model(name="worded", path=j.flow)).version == "1"


def step_a_sample_model_file_applies(j: Journey) -> None:
    file = j.folder / "model.yaml"
    file.write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/model.schema.json\n"
        "name: from-file\npath: ./flow\ndescription: register a flow folder as a custom model\n"
        "properties:\n  azureml.promptflow.source_flow_id: basic-chat\n  azureml.promptflow.mode: chat\n"
        "  azureml.promptflow.chat_input: text\n  azureml.promptflow.chat_output: said\n"
    )
    made = j.ml.models.create_or_update(load_model(file))
    assert (made.version, made.type) == ("1", "custom_model")
    assert made.properties["azureml.promptflow.chat_output"] == "said", made.properties


def step_an_mlflow_model_keeps_its_kind(j: Journey) -> None:
    flavors = {"promptflow": {"version": "1.0"}}
    wanted = Model(name="flavoured", version="1", path=j.flow, type=AssetTypes.MLFLOW_MODEL, flavors=flavors)
    j.ml.models.create_or_update(wanted)
    found = j.ml.models.get("flavoured", version="1")
    assert (found.type, found.flavors["promptflow"]) == ("mlflow_model", {"version": "1.0"}), found.flavors


def step_what_lies_in_the_datastore_is_a_model_too(j: Journey) -> None:
    known = j.ml.models.get("greeter", version="1")
    again = j.ml.models.create_or_update(Model(name="by-path", version="1", path=known.path))
    j.ml.models.download("by-path", again.version, download_path=j.folder / "by-path")
    same_folder(j.flow, next((j.folder / "by-path").rglob("flow.dag.yaml")).parent)


def step_a_name_that_is_none_is_refused(j: Journey) -> None:
    for name in ("../up", "with space", "x" * 300, "ünï"):
        wanted = Model(name=name, version="1", path=j.flow)
        refused(partial(j.ml.models.create_or_update, wanted), Exception)


def step_a_missing_model_is_not_found(j: Journey) -> None:
    refused(lambda: j.ml.models.get("greeter", version="99"), ResourceNotFoundError)
