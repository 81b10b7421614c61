"""YAML files are refused by file, line and key; options and --set win over them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead.azure_yaml import empty_document, read_deployment, read_document, read_endpoint, read_model
from flowstead.errors import BadArgument


def written(folder: Path, text: str, name: str = "file.yaml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("name: a-name\ninstnce_count: 2\n", 2, ["instnce_count", "Did you mean instance_count?"]),
        ("name: a-name\nmodle: {path: .}\n", 2, ["modle", "Did you mean model?"]),
        ("name: a-name\nzzz: 1\n", 2, ["zzz: no such key.", "Known here:"]),
        ("name: a-name\ninstance_count: two\n", 2, ["instance_count: must be a whole number, not 'two'"]),
        ("name: a-name\ninstance_count: 51\n", 2, ["between 1 and 50, not 51"]),
        ("name: a-name\ninstance_count: true\n", 2, ["must be a whole number"]),
        ("request_settings:\n  request_timeout_ms: 300001\n", 2, ["request_settings.request_timeout_ms", "300000"]),
        ("request_settings:\n  time_out: 1\n", 2, ["request_settings.time_out: no such key"]),
        ("request_settings: 5\n", 1, ["must hold keys, not '5'"]),
        ("liveness_probe:\n\n  period: 0\n", 3, ["liveness_probe.period: must be at least 1"]),
        ("app_insights_enabled: perhaps\n", 1, ["must be true or false"]),
        ("tags: [a]\n", 1, ["tags: must be a mapping"]),
        ("tags:\n  a:\n    b: c\n", 2, ["tags.a: must be a text, not a mapping"]),
        ("egress_public_network_access: some\n", 1, ["one of enabled, disabled, not 'some'"]),
        ("model: 'azureml:flow@stable'\n", 1, ["'stable' is unknown"]),
        ("model: not a reference\n", 1, ["does not name an asset", "azureml:NAME:VERSION"]),
        ("model:\n  path: ./gone\n", 2, ["model.path: there is nothing at"]),
        ("model:\n  path: azureml://datastores/x/paths/y\n", 2, ["not a folder of this machine"]),
        ("model:\n  name: x\n", 1, ["model: the key path is missing"]),
        ("code_configuration:\n  code: .\n", 1, ["code_configuration: a scoring script is not run here"]),
        ("scale_settings:\n  type: target_utilization\n", 2, ["scale_settings.type: the number of instances"]),
        ("name: a\nname: b\n", 2, ["name: is there twice; the first is at"]),
        ("data_collector:\n  rolling_rate: Decade\n", 2, ["data_collector.rolling_rate: must be one of minute"]),
    ],
)
def test_a_mistake_is_named_by_file_line_and_key(tmp_path: Path, text: str, line: int, words: list[str]) -> None:
    file = written(tmp_path, text)
    with pytest.raises(BadArgument) as caught:
        read_deployment(read_document(file))
    said = str(caught.value)
    assert said.startswith(f"{file}:{line}: ")
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1\n", ":2: not valid YAML"),
        ("", ":1: the file is empty"),
        ("- a\n", ":1: a mapping of keys to values is expected"),
        ("? [a]\n: b\n", ":1: a key must be a word"),
        ("a: \x00\n", "not valid YAML"),
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadArgument, match=words):
        read_document(written(tmp_path, text))


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match="No such file"):
        read_document(tmp_path / "gone.yaml")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadArgument, match="not UTF-8"):
        read_document(tmp_path / "binary")


def test_deep_nesting_is_refused_rather_than_followed(tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match="nested too deeply"):
        read_document(written(tmp_path, "a: " + "[" * 60 + "]" * 60))


def test_set_replaces_and_adds_values_and_is_named_in_errors(tmp_path: Path) -> None:
    document = read_document(written(tmp_path, "name: from-file\ntags:\n  a: '1'\n"))
    changed = document.with_value("tags.b", "2").with_value("name", "from-set").with_value("traffic", "{blue: 100}")
    endpoint = read_endpoint(changed)
    assert endpoint.name == "from-set"
    assert endpoint.body["tags"] == {"a": "1", "b": "2"}
    assert endpoint.body["properties"]["traffic"] == {"blue": 100}
    with pytest.raises(BadArgument, match=r"--set: auth_mode: must be one of key, aml_token, aad_token, not 'none'"):
        read_endpoint(document.with_value("auth_mode", "none"))
    with pytest.raises(BadArgument, match="not a key such as"):
        document.with_value("tags..b", "2")


def test_an_option_is_taken_as_it_is_written() -> None:
    document = empty_document().with_text("name", "yes").with_text("description", "a: [b")
    endpoint = read_endpoint(document)
    assert endpoint.name == "yes"
    assert endpoint.body["properties"]["description"] == "a: [b"


def test_numbers_where_texts_belong_stay_as_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "flow").mkdir()
    model = read_model(read_document(written(tmp_path, "name: m\nversion: 1.10\npath: flow\ntags: {on: yes}\n")))
    assert model.version == "1.10"
    assert model.properties["tags"] == {"on": "yes"}
    assert model.path == tmp_path / "flow"


def test_merge_keys_and_the_keys_that_show_prints_are_taken(tmp_path: Path) -> None:
    text = "name: an-endpoint\nid: /x\nprovisioning_state: Succeeded\ntags: &t {a: '1'}\nproperties: {<<: *t, b: '2'}\n"
    endpoint = read_endpoint(read_document(written(tmp_path, text)))
    assert endpoint.body["properties"]["properties"] == {"a": "1", "b": "2"}
