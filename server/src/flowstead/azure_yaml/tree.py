"""YAML text → entries. Bounded, whatever the text is: aliases cannot make it grow, tags cannot make objects of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import yaml

from flowstead.azure_yaml.entry import HINT, ON_THE_COMMAND_LINE, Entry, Value, below
from flowstead.errors import BadArgument

MAX_BYTES = 1024 * 1024
_MAX_DEPTH = 40
"""Azure ML YAML has about six levels."""
_MAX_CHARACTERS = 4 * MAX_BYTES
_CHARACTERS_A_VALUE = 50
"""What a file may grow to by its aliases, characters, and what a value counts beside its own."""
_STANDARD = "tag:yaml.org,2002:"
_MERGE = f"{_STANDARD}merge"
"""`<<: *anchor`: the anchor's keys, over which the mapping's own win."""
_TAGS = frozenset(
    f"{_STANDARD}{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "map", "seq")
)


def tree_of(text: str, file: str) -> Entry:
    """The top of a YAML (or JSON) text. file: what errors call it. Raises BadArgument, naming file and line."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as failure:
        mark = failure.problem_mark
        place = f"{file}:{mark.line + 1}" if mark else file
        raise BadArgument(f"{place}: not valid YAML: {failure.problem or failure.context}.", hint=HINT) from None
    except yaml.YAMLError as failure:
        raise BadArgument(f"{file}: not valid YAML: {failure}.", hint=HINT) from None
    except RecursionError:
        raise BadArgument(f"{file}: is nested too deeply.", hint=HINT) from None
    if node is None:
        raise BadArgument(f"{file}:1: the file is empty.", hint=HINT)
    return _Reader(file).entry(node, "", 0)


def value_of(text: str, path: str) -> Entry:
    """The value that `--set PATH=TEXT` gives: a list or mapping when it is written as one (`[a, b]`, `{a: b}`), else
    a scalar, even one with a colon in it. Raises BadArgument."""
    reader = _Reader(ON_THE_COMMAND_LINE)
    if text.lstrip().startswith(("{", "[", '"', "'")):
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            if node is not None:
                return reader.entry(node, path, 0)
        except (yaml.YAMLError, RecursionError):
            pass
    tag = yaml.resolver.Resolver().resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return reader.entry(yaml.ScalarNode(tag, text), path, 0)


@dataclass
class _Reader:
    file: str
    left: int = _MAX_CHARACTERS

    def entry(self, node: yaml.Node, path: str, depth: int) -> Entry:
        entry = Entry(None, "", self._origin(node), path)
        if depth > _MAX_DEPTH:
            raise entry.wrong("is nested too deeply.")
        if node.tag not in _TAGS:
            raise entry.wrong(f"the tag {_shown(node.tag)} is not taken.", hint="Write plain values, without tags.")
        self.left -= _CHARACTERS_A_VALUE + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
        if self.left < 0:
            raise entry.wrong("the file grows too large by its aliases (`*name`).", hint="Write less.")
        if isinstance(node, yaml.MappingNode):
            return replace(entry, value=self._mapping(node, path, depth))
        if isinstance(node, yaml.SequenceNode):
            items = [self.entry(item, below(path, index), depth + 1) for index, item in enumerate(node.value)]
            return replace(entry, value=items)
        return replace(entry, value=_scalar(node), text=str(node.value))

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> Mapping[str, Entry]:
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                for each in self._merged(value_node, path, depth):
                    merged = {**each, **merged}
                continue
            origin = self._origin(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                raise Entry(None, "", origin, path).wrong("a key must be a word.")
            key = str(key_node.value)
            # The key's own line: a value may begin on the next one.
            entry = replace(self.entry(value_node, below(path, key), depth + 1), origin=origin)
            if key in own:
                raise entry.wrong(f"is there twice; the first is at {own[key].origin}.")
            own[key] = entry
        return {**merged, **own}

    def _merged(self, node: yaml.Node, path: str, depth: int) -> Iterator[Mapping[str, Entry]]:
        """The mappings that `<<` names, the first of which wins."""
        for each in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            found = self.entry(each, path, depth + 1)
            if not isinstance(found.value, Mapping):
                raise found.wrong("`<<` must name a mapping, or a list of them.")
            yield found.value

    def _origin(self, node: yaml.Node) -> str:
        return self.file if self.file == ON_THE_COMMAND_LINE else f"{self.file}:{node.start_mark.line + 1}"


def _scalar(node: yaml.Node) -> Value:
    try:
        value = yaml.constructor.SafeConstructor().construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError):
        return str(node.value)
    # Dates: no key has such a type.
    return value if value is None or isinstance(value, str | int | float | bool) else str(node.value)


def _shown(tag: str) -> str:
    return f"!!{tag.removeprefix(_STANDARD)}" if tag.startswith(_STANDARD) else tag
