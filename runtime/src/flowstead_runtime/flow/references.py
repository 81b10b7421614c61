"""References between the parts of a DAG flow: `${inputs.x}`, `${node.output}`, `${node.output.a.b[0]['k']}`.

They are read as promptflow reads them, its oddities included, for the flows that lean on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowstead_runtime.errors import InputError, InternalFailure

_INPUT_PREFIXES = ("inputs.", "flow.")
_OUTPUT = "output"
_PART = re.compile(r"(\w+)|\['(.*?)'\]|\[(\d{1,18})\]")
"""What stands between such parts is passed over: `a-b` is `a.b`."""
_PART_BUT_KEYS = re.compile(r"(\w+)|()\[(\d{1,18})\]")


@dataclass(frozen=True)
class Key:
    """Of a mapping, in brackets."""

    name: str


@dataclass(frozen=True)
class InputReference:
    """A flow input as a whole; a path into it is not a thing in flow files."""

    name: str


@dataclass(frozen=True)
class NodeReference:
    """A node's output, or what `path` leads to inside it: strings are keys or attributes, ints are indices.
    written: the path as it stands in the file; section: `output`, or what the author wrote in its place, a bracket that
    follows it at once included."""

    node: str
    path: tuple[str | int | Key, ...] = ()
    written: str = ""
    section: str = _OUTPUT


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
    node, _, rest = body.partition(".")
    section, _, written = rest.partition(".")
    return NodeReference(node, _parse_path(written), written, section or _OUTPUT)


def parse_output_reference(value: Any) -> Reference | None:
    """As `parse_reference`, for a flow output: there nobody looks at the section, so that a bracket that follows
    `.output` at once is ignored."""
    reference = parse_reference(value)
    if isinstance(reference, NodeReference):
        return NodeReference(reference.node, reference.path, reference.written)
    return reference


def follow(reference: NodeReference, value: Any) -> Any:
    """What the reference's path leads to in the node's output. Raises InputError naming the path and the node, or
    InternalFailure for a path into what has no parts."""
    if reference.section != _OUTPUT:
        raise InputError(
            f"Flow execution failed. The section '{reference.section}' of reference is currently unsupported. "
            f"Please specify the output part of the node '{reference.node}'."
        )
    try:
        for part in reference.path:
            value = _step(value, part)
    except (KeyError, IndexError, AttributeError) as error:
        raise invalid_property(reference) from error
    except TypeError as error:
        raise InternalFailure(str(error)) from error
    return value


def invalid_property(reference: NodeReference) -> InputError:
    return InputError(
        f"Flow execution failed. Invalid property '{reference.written}' when accessing the node '{reference.node}'. "
        "Please check the property and try again."
    )


def _parse_path(text: str) -> tuple[str | int | Key, ...]:
    return tuple(name or (int(index) if index else Key(key)) for name, key, index in _parts(text))


def _parts(text: str) -> Iterator[tuple[str, str, str]]:
    """`_PART` in the text. Behind the last `']` of a line no key ends, and to look for one from every `['` there would
    take hours."""
    for line in text.split("\n"):
        closed = line.rfind("']") + 2 if "']" in line else 0
        yield from _PART.findall(line[:closed])
        yield from _PART_BUT_KEYS.findall(line[closed:])


def _step(value: Any, part: str | int | Key) -> Any:
    if isinstance(part, Key):
        return value[part.name]
    if isinstance(part, int) or isinstance(value, Mapping):
        return value[part]
    return getattr(value, part)
