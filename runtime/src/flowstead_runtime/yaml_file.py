"""Reading YAML that a stranger wrote: bounded, with line numbers, nothing constructed but plain values.

The server reads flow files with this before it trusts them, so: no tags, no files over `MAX_BYTES`, no
document that grows beyond `MAX_VALUES` values when its aliases are followed. Scalars follow YAML 1.2 (`yes`,
`on` and `010` are not special), as the flows' authors are used to.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from flowstead_runtime.errors import FlowDefinitionError, Reason

MAX_BYTES = 5 * 1024 * 1024
MAX_VALUES = 200_000
MAX_DEPTH = 60
_MERGE = "tag:yaml.org,2002:merge"
_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


class YamlMap(dict[Any, Any]):
    """A mapping that knows its place. line: where it begins, from 1; lines: where each key stands."""

    line: int = 0
    lines: dict[Any, int]

    def line_of(self, key: Any) -> int:
        return self.lines.get(key, self.line)


def read_yaml_file(path: Path, *, shown: str) -> Any:
    """The file's value, mappings as `YamlMap`. shown: the name used in errors. Raises FlowDefinitionError."""
    return parse_yaml(read_bounded_text(path, shown=shown), shown=shown)


def read_bounded_text(path: Path, *, shown: str) -> str:
    """A UTF-8 text of at most MAX_BYTES. Raises FlowDefinitionError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FlowDefinitionError(f"cannot be read: {error.strerror or error}", file=shown) from None
    if len(raw) > MAX_BYTES:
        raise FlowDefinitionError(f"is larger than {MAX_BYTES // 1024 // 1024} MB", file=shown)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FlowDefinitionError(f"is not UTF-8 text: {error.reason} at byte {error.start}", file=shown) from None


def parse_yaml(text: str, *, shown: str, first_line: int = 1) -> Any:
    """first_line: the line of the file at which `text` begins. Raises FlowDefinitionError."""
    return _Reader(shown, first_line).read(text)


def plain(value: Any) -> Any:
    """The value with `YamlMap`s as ordinary dicts, so that user code sees nothing of ours."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalar rules of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def fetch_flow_collection_start(self, token: Any) -> None:
        """At every `[` and `{`. With each token the scanner looks at all that are open: many would take seconds."""
        if self.flow_level > MAX_DEPTH:
            raise RecursionError
        super().fetch_flow_collection_start(token)


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), [c if c != "\0" else "" for c in _first]
    )


class _Reader:
    def __init__(self, shown: str, first_line: int) -> None:
        self._shown = shown
        self._first_line = first_line
        self._seen = 0

    def read(self, text: str) -> Any:
        try:
            loader = _Loader(text)
            try:
                root = loader.get_single_node()
                return None if root is None else self._value(loader, root, 0)
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + self._first_line, mark.column + 1) if mark else (0, 0)
            problem = f"not valid YAML: {error.problem or error.context or error}"
            raise self._wrong(problem, line, column) from None
        except (yaml.YAMLError, ValueError) as error:
            raise self._wrong(f"not valid YAML: {error}", 0) from None
        except RecursionError:
            raise self._wrong("nested too deeply", 0) from None

    def _value(self, loader: _Loader, node: yaml.Node, depth: int) -> Any:
        self._seen += 1
        if self._seen > MAX_VALUES:
            raise self._wrong(f"holds more than {MAX_VALUES} values (aliases counted)", self._line(node))
        if depth > MAX_DEPTH:
            raise self._wrong(f"is nested deeper than {MAX_DEPTH} levels", self._line(node))
        if isinstance(node, yaml.CollectionNode) and node.tag not in _COLLECTIONS:
            raise self._wrong(f"the tag '{node.tag}' is not allowed", self._line(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(loader, node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(loader, item, depth + 1) for item in node.value]
        return self._scalar(loader, node)

    def _mapping(self, loader: _Loader, node: yaml.MappingNode, depth: int) -> YamlMap:
        result = YamlMap()
        result.line, result.lines = self._line(node), {}
        merged: list[Any] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                found = self._value(loader, value_node, depth + 1)
                merged.extend(found if isinstance(found, list) else [found])
                continue
            key = self._value(loader, key_node, depth + 1)
            if not isinstance(key, str | int | float | bool | None):
                raise self._wrong("a key must be a plain value", self._line(key_node))
            if key in result:
                raise self._wrong(f"the key '{key}' is given twice", self._line(key_node))
            result[key] = self._value(loader, value_node, depth + 1)
            result.lines[key] = self._line(key_node)
        for other in merged:
            if not isinstance(other, dict):
                raise self._wrong("'<<' needs a mapping", self._line(node))
            for key, value in other.items():
                result.setdefault(key, value)
        return result

    def _scalar(self, loader: _Loader, node: yaml.Node) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        text: str = node.value
        if kind == "int":
            return int(text, 0) if text[:2].lower() in ("0x", "0o") else int(text)
        if kind == "float" and not any(c.isdigit() for c in text):
            return float(text.lower().replace(".", ""))
        if kind == "float":
            return float(text)
        if kind in ("str", "bool", "null"):
            return loader.construct_object(node)
        raise self._wrong(f"the tag '{node.tag}' is not allowed", self._line(node))

    def _line(self, node: yaml.Node) -> int:
        return int(node.start_mark.line) + self._first_line

    def _wrong(self, problem: str, line: int, column: int = 0) -> FlowDefinitionError:
        return FlowDefinitionError(problem, file=self._shown, line=line, column=column, reason=Reason.YAML)
