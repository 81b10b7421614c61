"""YAML as strangers write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.yaml_file import MAX_BYTES, YamlMap, parse_yaml, plain, read_yaml_file


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


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "values (aliases counted)"),
        ("a: &a [*a]", "nested deeper"),
        ("[" * 5000, "nest"),
        ("[" * 70 + "@", "nested too deeply"),  # before what follows is read: the scanner is slow with many open
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
    file.write_bytes(b"a" * (MAX_BYTES + 1))
    with pytest.raises(FlowDefinitionError, match="larger than 5 MB"):
        read_yaml_file(file, shown="f")
    file.write_bytes(b"a: \xff\xfe")
    with pytest.raises(FlowDefinitionError, match="not UTF-8"):
        read_yaml_file(file, shown="f")
