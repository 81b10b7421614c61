"""References between the parts of a DAG flow: `${inputs.x}`, `${node.output}`, `${node.output.a.b[0]['k']}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowstead_runtime.errors import InputError

_INPUT_PREFIXES = ("inputs.", "flow.")
_PART = re.compile(r"""\.?([^.\[\]'"]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]""")


@dataclass(frozen=True)
class InputReference:
    """A flow input as a whole; a path into it is not a thing in flow files."""

    name: str


@dataclass(frozen=True)
class NodeReference:
    """A node's output, or what `path` leads to inside it: strings are keys or attributes, ints are indices.
    written: the path as it stands in the file; section: `output`, or what the author wrote in its place."""

    node: str
    path: tuple[str | int, ...] = ()
    written: str = ""
    section: str = "output"


Reference = InputReference | NodeReference


def parse_reference(value: Any) -> Reference | None:
    """The reference that a value of a flow file is, or None for a literal: only a string that is wholly `${…}`
    is one."""
    if not isinstance(value, str) or len(value) < 4 or not value.startswith("${") or not value.endswith("}"):
        return None
    body = value[2:-1]
    for prefix in _INPUT_PREFIXES:
        if body.startswith(prefix):
            return InputReference(body[len(prefix) :])
    return _node_reference(body)


def parse_output_reference(value: Any) -> Reference | None:
    """As `parse_reference`, for a flow output: there a bracket that follows `.output` at once is ignored and the whole
    value is given, as the recorded promptflow server does."""
    reference = parse_reference(value)
    if isinstance(reference, NodeReference) and reference.written.startswith("["):
        return NodeReference(reference.node)
    return reference


def follow(reference: NodeReference, value: Any) -> Any:
    """What the reference's path leads to in the node's output. Raises InputError naming the path and the node."""
    try:
        for part in reference.path:
            value = _step(value, part)
    except (KeyError, IndexError, AttributeError, TypeError) as error:
        raise invalid_property(reference) from error
    return value


def invalid_property(reference: NodeReference) -> InputError:
    return InputError(
        f"Flow execution failed. Invalid property '{reference.written}' when accessing the node '{reference.node}'. "
        "Please check the property and try again."
    )


def _node_reference(body: str) -> NodeReference:
    node, _, rest = body.partition(".")
    if not rest:
        return NodeReference(node)
    section = re.split(r"[.\[]", rest, maxsplit=1)[0]
    tail = rest[len(section) :]
    written = tail.removeprefix(".")
    path = _parse_path(tail)
    if path is None:
        return NodeReference(node, (), written, section=rest)
    return NodeReference(node, path, written, section)


def _parse_path(text: str) -> tuple[str | int, ...] | None:
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None or (position == 0 and not text.startswith((".", "["))):
            return None
        name, index, single, double = match.groups()
        if index is not None:
            parts.append(int(index))
        else:
            parts.append(next(p for p in (name, single, double) if p is not None))
        position = match.end()
    return tuple(parts)


def _step(value: Any, part: str | int) -> Any:
    if isinstance(part, int):
        return value[part]
    if isinstance(value, Mapping):
        return value[part]
    try:
        return getattr(value, part)
    except AttributeError:
        return value[part]
