"""YAML files are refused by file, line and key; options and --set win over them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead.azure_yaml import empty_document, read_deployment, read_document, read_endpoint, read_model
from flowstead.azure_yaml.fields import as_written
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
        ("model:\n  path: https://x/y\n", 2, ["neither a path of this machine nor an address"]),
        ("model:\n  name: x\n", 1, ["model: the key path is missing"]),
        ("name: a\ntype: kubernetes\n", 2, ["type: 'kubernetes' is no type that there is here", "managed, online"]),
        ("code_configuration: {scoring_script: a.py}\n", 1, ["the key code is missing"]),
        ("data_collector: {sampling_rate: 2}\n", 1, ["sampling_rate: must be a number between 0 and 1, not '2'"]),
        ("data_collector:\n  collections:\n    a: {enable: true}\n", 3, ["collections.a.enable: no such key"]),
        ("environment: {}\n", 1, ["environment: the environment says nothing of what is in it"]),
        ("environment: {image: a, build: {path: .}}\n", 1, ["image and build exclude each other"]),
        ("environment: {build: {path: gone}}\n", 1, ["environment.build.path: there is nothing at"]),
        ("environment: {build: {path: .}}\n", 1, ["there is no file 'Dockerfile' in the build context"]),
        ("environment: {build: {path: ., dockerfile_path: ../x}}\n", 1, ["'../x' leads out of the build context"]),
        ("environment: {dependencies: [a]}\n", 1, ["dependencies: is a key of a conda file", "conda_file:"]),
        ("environment: {image: a, os_type: windows}\n", 1, ["os_type: must be one of linux"]),
        ("model: {path: ., datastore: other}\n", 1, ["model.datastore: there is no datastore 'other'"]),
        ("model: !!python/name:os.system x\n", 1, ["model: the tag !!python/name:os.system is not taken"]),
        ("tags: !mine {a: b}\n", 1, ["tags: the tag !mine is not taken"]),
        ("scale_settings:\n  type: cron\n", 2, ["scale_settings.type: must be one of default, target_utilization"]),
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


def test_what_would_grow_is_refused_quickly(tmp_path: Path) -> None:
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
    )
    merges = "a0: &a0 {k: v}\n" + "".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}], k{n}: v}}\n" for n in range(1, 30)
    )
    long = f"a: &a '{'x' * 900_000}'\nb: [{', '.join(['*a'] * 1000)}]\n"
    for text in (laughs, merges, long):
        with pytest.raises(BadArgument, match="grows too large by its aliases"):
            read_document(written(tmp_path, text))
    with pytest.raises(BadArgument, match="nested too deeply"):
        read_document(written(tmp_path, "a: &a [*a]\n"))
    with pytest.raises(BadArgument, match="nested too deeply"):
        read_document(written(tmp_path, "a: " + "[" * 500_000))
    with pytest.raises(BadArgument, match="has more than 1048576 bytes"):
        read_document(written(tmp_path, "a: " + "x" * 10_000_000))
    with pytest.raises(BadArgument, match="it is a device or a pipe"):
        read_document(Path("/dev/zero"))


def test_a_key_twice_is_refused_beside_a_merge_too(tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match=r":3: b\.k: is there twice"):
        read_document(written(tmp_path, "a: &a {k: 1}\nb: {<<: *a, k: 2,\n k: 3}\n"))


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("latest/managedOnlineEndpoint.schema.json", ["but that of an endpoint", "flowstead online-endpoint create"]),
        ("latest/model.schema.json", ["is not the schema of a deployment, but that of a model"]),
        ("promptflow/latest/Flow.schema.json", ["but that of a flow", "flowstead deploy FOLDER"]),
        ("latest/azureOpenAIConnection.schema.json#", ["but that of a connection"]),
        ("latest/commandJob.schema.json", ["but of no kind of resource that there is here"]),
    ],
)
def test_a_schema_of_another_kind_is_refused(tmp_path: Path, schema: str, words: list[str]) -> None:
    file = written(tmp_path, f"$schema: https://azuremlschemas.azureedge.net/{schema}\nname: blue\n")
    with pytest.raises(BadArgument) as caught:
        read_deployment(read_document(file))
    assert str(caught.value).startswith(f"{file}:1: $schema: ")
    for word in words:
        assert word in str(caught.value)


def test_a_schema_of_the_kind_or_of_somebody_else_is_taken(tmp_path: Path) -> None:
    for schema in ("https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json", "./mine.json"):
        assert read_deployment(read_document(written(tmp_path, f"$schema: {schema}\nname: blue\n"))).name == "blue"


def test_set_reaches_into_lists_and_keys_with_dots(tmp_path: Path) -> None:
    text = "a: [{b: 1}, {b: 2}]\nproperties: {azureml.promptflow.mode: chat}\n"
    document = read_document(written(tmp_path, text))
    changed = (
        document.with_value("a[1].b", "3")
        .with_value("a[2]", "new")
        .with_value("properties.azureml.promptflow.mode", "standard")
        .with_value('properties."x.y"', "z")
        .with_value("words", "with: a colon")
        .with_value("made.on[0].the", "[way, 1.10]")
    )
    assert as_written(changed.top) == {
        "a": [{"b": "1"}, {"b": "3"}, "new"],
        "properties": {"azureml.promptflow.mode": "standard", "x.y": "z"},
        "words": "with: a colon",
        "made": {"on": [{"the": ["way", "1.10"]}]},
    }
    with pytest.raises(BadArgument, match=r"--set a\[4\]: the list has 2 items"):
        document.with_value("a[4].b", "1")
    for wrong in ("[0]", "a[", "a..b", "", "a[x]"):
        with pytest.raises(BadArgument, match="not a key such as"):
            document.with_value(wrong, "1")


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
