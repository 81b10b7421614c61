"""A YAML file as a tree whose every part knows where it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import yaml

from flowstead.errors import BadArgument

_MAX_BYTES = 1024 * 1024
_MAX_DEPTH = 40
"""Azure ML YAML has about six levels; a bound keeps an alias bomb from growing."""


@dataclass(frozen=True)
class Entry:
    """One value. value: a scalar, `{key: Entry}` or `[Entry]`. text: a scalar as it was written, so that a version
    `1.10` stays what it is. origin: `FILE:LINE`, or `--set`. path: keys from the top, joined by dots."""

    value: Value
    text: str
    origin: str
    path: str

    def wrong(self, problem: str, *, hint: str = "") -> BadArgument:
        """The error that names file, line and key."""
        place = f"{self.origin}: {self.path}: " if self.path else f"{self.origin}: "
        return BadArgument(place + problem, hint=hint or _HINT, target=self.path)


Value: TypeAlias = "str | int | float | bool | Mapping[str, Entry] | Sequence[Entry] | None"
_MERGE = "tag:yaml.org,2002:merge"
"""`<<: *anchor`: the anchor's keys, over which the mapping's own win."""
_HINT = "Correct the file and run the command again."


@dataclass(frozen=True)
class Document:
    """file: None when there is only what the command line says. directory: what relative paths start from."""

    top: Entry
    file: Path | None
    directory: Path = field(default_factory=Path.cwd)

    def with_value(self, path: str, text: str) -> Document:
        """The same with `a.b.c` replaced or added, as `--set a.b.c=TEXT` says. Raises BadArgument."""
        keys = path.split(".")
        if not all(keys):
            raise BadArgument(f"--set {path}: this is not a key such as tags.team.", hint="Write --set KEY=VALUE.")
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError:
            node = None
        new = _entry(node, "--set", path, 0) if node else Entry(text, text, "--set", path)
        return replace(self, top=_with(self.top, keys, new, ""))

    def with_text(self, key: str, text: str) -> Document:
        """The same with one key of the top replaced by a text that is taken as it is, as an option gives it."""
        return replace(self, top=_with(self.top, [key], Entry(text, text, "command line", key), ""))


def read_document(file: Path) -> Document:
    """Read a YAML (or JSON) file whose top is a mapping. Raises BadArgument, naming file and line."""
    try:
        size = file.stat().st_size
        content = file.read_text("utf-8") if size <= _MAX_BYTES else ""
    except OSError as failure:
        raise BadArgument(f"Cannot read {file}: {failure.strerror}.", hint="Name an existing YAML file.") from None
    except UnicodeDecodeError:
        raise BadArgument(f"{file} is not UTF-8 text.", hint="Name a YAML file.") from None
    if size > _MAX_BYTES:
        raise BadArgument(f"{file} has more than {_MAX_BYTES} bytes.", hint="Name a YAML file.")
    try:
        node = yaml.compose(content, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as failure:
        mark = failure.problem_mark
        place = f"{file}:{mark.line + 1}" if mark else str(file)
        raise BadArgument(f"{place}: not valid YAML: {failure.problem or failure}.", hint=_HINT) from None
    except yaml.YAMLError as failure:
        raise BadArgument(f"{file}: not valid YAML: {failure}.", hint=_HINT) from None
    if node is None:
        raise BadArgument(f"{file}:1: the file is empty.", hint=_HINT)
    top = _entry(node, str(file), "", 0)
    if not isinstance(top.value, Mapping):
        raise top.wrong("a mapping of keys to values is expected.")
    return Document(top, file, file.absolute().parent)


def empty_document() -> Document:
    """For a command that was given its values as options."""
    return Document(Entry({}, "", "command line", ""), None)


def _entry(node: yaml.Node, file: str, path: str, depth: int) -> Entry:
    origin = file if file == "--set" else f"{file}:{node.start_mark.line + 1}"
    if depth > _MAX_DEPTH:
        raise Entry(None, "", origin, path).wrong("is nested too deeply.")
    if isinstance(node, yaml.MappingNode):
        return Entry(_mapping(node, file, path, depth), "", origin, path)
    if isinstance(node, yaml.SequenceNode):
        items = [_entry(item, file, f"{path}[{index}]", depth + 1) for index, item in enumerate(node.value)]
        return Entry(items, "", origin, path)
    loader = yaml.SafeLoader("")
    try:
        value = loader.construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError):
        value = node.value
    finally:
        loader.dispose()
    if value is not None and not isinstance(value, str | int | float | bool):
        value = node.value  # dates and binaries: no key has such a type
    return Entry(value, node.value, origin, path)


def _mapping(node: yaml.MappingNode, file: str, path: str, depth: int) -> Mapping[str, Entry]:
    found: dict[str, Entry] = {}
    merged = any(key_node.tag == _MERGE for key_node, _ in node.value)
    if merged:
        yaml.SafeLoader("").flatten_mapping(node)
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise Entry(None, "", f"{file}:{key_node.start_mark.line + 1}", path).wrong("a key must be a word.")
        key = str(key_node.value)
        below = f"{path}.{key}" if path else key
        entry = _entry(value_node, file, below, depth + 1)
        # The key's own line: a value may begin on the next one.
        entry = entry if file == "--set" else replace(entry, origin=f"{file}:{key_node.start_mark.line + 1}")
        if key in found and not merged:
            raise entry.wrong(f"is there twice; the first is at {found[key].origin}.")
        found[key] = entry
    return found


def _with(entry: Entry, keys: Sequence[str], new: Entry, path: str) -> Entry:
    if not keys:
        return new
    children = dict(entry.value) if isinstance(entry.value, Mapping) else {}
    below = f"{path}.{keys[0]}" if path else keys[0]
    child = children.get(keys[0], Entry({}, "", "--set", below))
    children[keys[0]] = _with(child, keys[1:], new, below)
    return replace(entry, value=children)
