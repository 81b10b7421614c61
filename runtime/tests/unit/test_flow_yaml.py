"""YAML as strangers write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead_runtime import yaml_file
from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.yaml_file import (
    MAX_CHARACTERS,
    MAX_VALUES,
    MAX_YAML_BYTES,
    PythonLoader,
    YamlMap,
    parse_yaml,
    plain,
    read_yaml_file,
)


@pytest.fixture(autouse=True, params=["libyaml", "python"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both of PyYAML's readers: which of them is there depends on how it was built."""
    if request.param == "python":
        monkeypatch.setattr(yaml_file, "LOADER", PythonLoader)
    return str(request.param)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("on", "on"), ("true", True), ("False", False), ("~", None), ("null", None), ("", None),
        ("010", 10), ("0x1f", 31), ("0o17", 15), ("-5", -5), ("1e3", 1000.0), (".5", 0.5), ("-.inf", float("-inf")),
        ("1_000", "1_000"), ("12:30:00", "12:30:00"), ("2024-01-01", "2024-01-01"), ("'1'", "1"), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    found = parse_yaml(f"k: {text}\n", shown="f")["k"]
    assert (type(found), found) == (type(value), value)


def test_mappings_know_their_lines() -> None:
    document = parse_yaml("a: 1\nb:\n  c: 2\n", shown="f", first_line=10)
    assert isinstance(document, YamlMap)
    assert (document.line, document.line_of("b"), document["b"].line_of("c"), document.line_of("?")) == (10, 11, 12, 10)
    assert type(plain(document)["b"]) is dict


def test_anchors_and_merge_keys_work() -> None:
    document = parse_yaml("base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}\n", shown="f")
    assert document["mine"] == {"y": 3, "x": 1}
    assert parse_yaml("- &b {x: 1}\n- {<<: [*b, {y: 2}]}\n- &b 5\n- *b\n", shown="f") == [
        {"x": 1},
        {"x": 1, "y": 2},
        5,
        5,
    ]


@pytest.mark.parametrize(
    ("text", "value"), [("", None), ("# nothing\n", None), ("---\n", None), ("a", "a"), ("[]", [])]
)
def test_a_document_may_be_anything(text: str, value: object) -> None:
    assert parse_yaml(text, shown="f") == value


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)
)


def test_the_slow_reader_looks_at_no_more_than_it_must(loader: str) -> None:
    """Its scanner looks at all that is open with each token: it stops before it reads what follows."""
    with pytest.raises(FlowDefinitionError, match="nested too deeply" if loader == "python" else "cannot start"):
        parse_yaml("[" * 70 + "@", shown="f")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "values (aliases counted)"),
        ("a: &a [*a]", "stands inside of what it names"),
        ("a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 80)), "nested deeper"),
        (f"a: &a {'x' * 100_000}\nb: [{','.join(['*a'] * 30)}]\n", f"more than {MAX_CHARACTERS} characters"),
        ("- a\n" * (MAX_VALUES + 1), f"f:{MAX_VALUES}: holds more than"),
        (f"? {2**61 - 1}0\n: 1", "too large a number"),
        (r'a: "\ud800"', "not valid YAML"),
        ("a: !!bool perhaps", "'perhaps' is no bool"),
        ("#" * (MAX_YAML_BYTES + 1), "larger than 1 MB"),
        ("[" * 5000, "nest"),
        ("a: !!python/object/apply:os.system [ls]", "the tag"),
        ("a: !custom x", "the tag"),
        ("? [1]\n: 2", "a key must be a plain value"),
        ("a: *nowhere", "undefined alias"),
        ("a: \x01", "not valid YAML"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
        ("a: " + "9" * 6000, "not valid YAML"),
        ("a: {<<: 1}", "'<<' needs a mapping"),
    ],
)
def test_what_could_harm_is_refused(text: str, words: str) -> None:
    with pytest.raises(FlowDefinitionError) as caught:
        parse_yaml(text, shown="f")
    assert words in str(caught.value)
    assert caught.value.file == "f"


def test_a_large_file_and_a_binary_file_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"a" * (MAX_YAML_BYTES + 1))
    with pytest.raises(FlowDefinitionError, match="larger than 1 MB"):
        read_yaml_file(file, shown="f")
    file.write_bytes(b"a: \xff\xfe")
    with pytest.raises(FlowDefinitionError, match="not UTF-8"):
        read_yaml_file(file, shown="f")
