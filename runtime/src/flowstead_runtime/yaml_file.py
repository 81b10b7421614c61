"""Reading YAML that a stranger wrote: bounded, with line numbers, nothing constructed but plain values.

The server reads flow files with this before it trusts them, so: no tags, no text over `MAX_YAML_BYTES`, no document
that grows beyond `MAX_VALUES` values or `MAX_CHARACTERS` characters when its aliases are followed. Values are made
while the text is parsed, so that reading stops at the first one too many. Scalars follow YAML 1.2 (`yes`, `on` and
`010` are not special), as the flows' authors are used to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from flowstead_runtime.errors import FlowDefinitionError, Reason

MAX_BYTES = 5 * 1024 * 1024
"""Of a text that is not YAML."""
MAX_YAML_BYTES = 1024 * 1024
MAX_VALUES = 50_000
"""Some two thousand nodes. Two cores read as many in half a second, and the server reads them while others wait."""
MAX_CHARACTERS = 2 * MAX_YAML_BYTES
MAX_DEPTH = 60
_STANDARD = "tag:yaml.org,2002:"
_MERGE = _STANDARD + "merge"
_COLLECTIONS = (None, "!", _STANDARD + "map", _STANDARD + "seq")
_LARGEST_KEY = 1 << 63
"""Beyond it numbers can be chosen whose hashes are equal, and a dict of those takes minutes."""


class YamlMap(dict[Any, Any]):
    """A mapping that knows its place. line: where it begins, from 1; lines: where each key stands."""

    line: int = 0
    lines: dict[Any, int]

    def line_of(self, key: Any) -> int:
        return self.lines.get(key, self.line)


def read_yaml_file(path: Path, *, shown: str) -> Any:
    """The file's value, mappings as `YamlMap`. shown: the name used in errors. Raises FlowDefinitionError."""
    return parse_yaml(read_bounded_text(path, shown=shown, limit=MAX_YAML_BYTES), shown=shown)


def read_bounded_text(path: Path, *, shown: str, limit: int = MAX_BYTES) -> str:
    """A UTF-8 text of at most `limit` bytes. Raises FlowDefinitionError."""
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise FlowDefinitionError(f"cannot be read: {error.strerror or error}", file=shown) from None
    if len(raw) > limit:
        raise _too_large(shown, limit)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FlowDefinitionError(f"is not UTF-8 text: {error.reason} at byte {error.start}", file=shown) from None


def parse_yaml(text: str, *, shown: str, first_line: int = 1) -> Any:
    """first_line: the line of the file at which `text` begins. Values that aliases name are shared, not copied. Raises
    FlowDefinitionError."""
    if len(text) > MAX_YAML_BYTES:
        raise _too_large(shown, MAX_YAML_BYTES)
    return _Reader(shown, first_line).read(text)


def plain(value: Any) -> Any:
    """The value with `YamlMap`s as ordinary dicts, so that user code sees nothing of ours."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def _too_large(shown: str, limit: int) -> FlowDefinitionError:
    return FlowDefinitionError(f"is larger than {limit // 1024 // 1024} MB", file=shown)


class PythonLoader(yaml.SafeLoader):
    """What reads where PyYAML was built without libyaml."""

    def fetch_flow_collection_start(self, token: Any) -> None:
        """At every `[` and `{`. With each token the scanner looks at all that are open: many would take seconds."""
        if self.flow_level > MAX_DEPTH:
            raise RecursionError
        super().fetch_flow_collection_start(token)


LOADER = getattr(yaml, "CSafeLoader", PythonLoader)
"""libyaml's takes a fifth of the time."""


def _rules() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """YAML 1.2's core schema: first character of a plain scalar → the kinds it may be."""
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for kind, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
        ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
        ("null", r"~|null|Null|NULL", "~nN"),
        ("merge", r"<<", "<"),
    ):
        for character in first:
            found.setdefault(character, []).append((_STANDARD + kind, re.compile(f"(?:{pattern})$")))
    return found


_RULES = _rules()


@dataclass(frozen=True)
class _Extent:
    """Of what has been read: how many values, how many characters in them, how deep."""

    values: int
    characters: int
    depth: int


@dataclass(frozen=True)
class _Anchored:
    value: Any
    extent: _Extent


class _Reader:
    """One document's events → its value."""

    def __init__(self, shown: str, first_line: int) -> None:
        self._shown = shown
        self._first_line = first_line
        self._values = self._characters = self._deepest = 0
        self._anchors: dict[str, _Anchored | None] = {}
        self._events: Iterator[Any] = iter(())

    def read(self, text: str) -> Any:
        try:
            self._events = yaml.parse(text, Loader=LOADER)
            return self._document()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + self._first_line, mark.column + 1) if mark else (0, 0)
            problem = f"not valid YAML: {error.problem or error.context or error}"
            raise self._wrong(problem, line, column) from None
        except (yaml.YAMLError, ValueError) as error:
            raise self._wrong(f"not valid YAML: {error}", 0) from None
        except RecursionError:
            raise self._wrong("nested too deeply", 0) from None

    def _document(self) -> Any:
        next(self._events)  # the stream's start
        if not isinstance(next(self._events), yaml.DocumentStartEvent):
            return None
        value = self._value(next(self._events), 0)
        next(self._events)  # the document's end
        following = next(self._events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise self._wrong("not valid YAML: a second document begins", self._line(following))
        return value

    def _value(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        before = _Extent(self._values, self._characters, self._deepest)
        self._deepest = depth
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            self._grow(event, 1, len(event.value), depth)
            value = self._scalar(event)
        else:
            self._grow(event, 1, 0, depth)
            value = self._collection(event, depth)
        if event.anchor is not None:
            extent = _Extent(self._values - before.values, self._characters - before.characters, self._deepest - depth)
            self._anchors[event.anchor] = _Anchored(value, extent)
        self._deepest = max(before.depth, self._deepest)
        return value

    def _alias(self, event: Any, depth: int) -> Any:
        if event.anchor not in self._anchors:
            raise self._wrong(f"not valid YAML: found undefined alias '{event.anchor}'", self._line(event))
        known = self._anchors[event.anchor]
        if known is None:
            raise self._wrong(f"the alias '*{event.anchor}' stands inside of what it names", self._line(event))
        self._grow(event, known.extent.values, known.extent.characters, depth + known.extent.depth)
        return known.value

    def _grow(self, event: Any, values: int, characters: int, depth: int) -> None:
        self._values += values
        self._characters += characters
        self._deepest = max(self._deepest, depth)
        if self._values > MAX_VALUES:
            raise self._wrong(f"holds more than {MAX_VALUES} values (aliases counted)", self._line(event))
        if self._characters > MAX_CHARACTERS:
            raise self._wrong(f"holds more than {MAX_CHARACTERS} characters (aliases counted)", self._line(event))
        if depth > MAX_DEPTH:
            raise self._wrong(f"is nested deeper than {MAX_DEPTH} levels", self._line(event))

    def _collection(self, event: Any, depth: int) -> Any:
        if event.tag not in _COLLECTIONS:
            raise self._wrong(f"the tag '{event.tag}' is not allowed", self._line(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, depth)
        items = []
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(item, depth + 1))
        return items

    def _mapping(self, start: Any, depth: int) -> YamlMap:
        result = YamlMap()
        result.line, result.lines = self._line(start), {}
        merged: list[Any] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if isinstance(event, yaml.ScalarEvent) and _tag_of(event) == _MERGE:
                found = self._value(next(self._events), depth + 1)
                merged.extend(found if isinstance(found, list) else [found])
                continue
            key, line = self._key(event, depth), self._line(event)
            if key in result:
                raise self._wrong(f"the key '{key}' is given twice", line)
            result[key] = self._value(next(self._events), depth + 1)
            result.lines[key] = line
        for other in merged:
            if not isinstance(other, dict):
                raise self._wrong("'<<' needs a mapping", self._line(start))
            for key, value in other.items():
                result.setdefault(key, value)
        return result

    def _key(self, event: Any, depth: int) -> Any:
        key = self._value(event, depth + 1)
        if not isinstance(key, str | int | float | bool | None):
            raise self._wrong("a key must be a plain value", self._line(event))
        if isinstance(key, int) and abs(key) >= _LARGEST_KEY:
            raise self._wrong("a key is too large a number", self._line(event))
        return key

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        text.encode()  # half of a surrogate pair, which libyaml refuses too, is a ValueError
        tag = _tag_of(event)
        kind = tag.removeprefix(_STANDARD)
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind == "int":
            return int(text, 0) if text[:2].lower() in ("0x", "0o") else int(text)
        if kind == "float":
            return float(text if any(c.isdigit() for c in text) else text.lower().replace(".", ""))
        problem = f"'{text[:40]}' is no {kind}" if kind == "bool" else f"the tag '{tag}' is not allowed"
        raise self._wrong(problem, self._line(event))

    def _line(self, event: Any) -> int:
        return int(event.start_mark.line) + self._first_line

    def _wrong(self, problem: str, line: int, column: int = 0) -> FlowDefinitionError:
        return FlowDefinitionError(problem, file=self._shown, line=line, column=column, reason=Reason.YAML)


def _tag_of(event: Any) -> str:
    """What kind of scalar: as it says, or by its look when it is plain."""
    if event.tag not in (None, "!"):
        return str(event.tag)
    text: str = event.value
    if not event.implicit[0]:
        return _STANDARD + "str"
    if not text:
        return _STANDARD + "null"
    return next((tag for tag, pattern in _RULES.get(text[0], ()) if pattern.match(text)), _STANDARD + "str")
