"""Which connections a flow names, found out by reading alone: nothing is imported, nothing is called.

The server asks this of uploads that it does not trust. What only running code could tell stays unknown: a connection
that code asks for by a name of its own making.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from flowstead_runtime.connections.sources import fields_in_environment
from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.flow.checks import inside
from flowstead_runtime.flow.definition import FlexPart, FlowDefinition, Node
from flowstead_runtime.flow.references import parse_reference
from flowstead_runtime.flow.requirements import BUILT_IN_TOOLS
from flowstead_runtime.flow.scripts import parsed, types_in
from flowstead_runtime.tools.front_matter import read_parts

_NAME = re.compile(r"[A-Za-z0-9][\w. -]{0,254}")
_PLAIN_TYPES = frozenset(
    {"str", "int", "float", "bool", "list", "dict", "tuple", "set", "List", "Dict", "Tuple", "Set", "Mapping"}
    | {"Sequence", "Any", "Optional", "Union", "Literal", "object"}
)
"""No connection is meant by them."""
_MAX_PROMPTIES = 100
"""So many files of a flow's folder are looked into; a flow has a few."""
_MAX_READ = 1024 * 1024
"""Bytes of scripts, and of prompties, that are parsed for one flow: what lies beyond names no connection."""


@dataclass(frozen=True)
class NamedConnection:
    """by: who names it, in words. required: the flow does not start without it; else it may well be something else
    that is named, or be needed by a request only."""

    name: str
    by: tuple[str, ...]
    required: bool


def connections_named(
    definition: FlowDefinition, variables: Mapping[str, str], init: Mapping[str, Any] | None = None
) -> tuple[NamedConnection, ...]:
    """In the order in which they are named first. variables: of the process, which win over the flow's own; init: the
    arguments for a flex flow's class, None for its own defaults. Code that cannot be parsed names none."""
    by: dict[str, list[str]] = {}
    required: set[str] = set()
    for name, who, needed in _names(definition, variables, init or {}):
        if _NAME.fullmatch(name) is None:
            continue
        by.setdefault(name, [])
        by[name] += [who] if who not in by[name] else []
        required |= {name} if needed and not _described(name, definition) else set()
    return tuple(NamedConnection(name, tuple(who), name in required) for name, who in by.items())


def _described(name: str, definition: FlowDefinition) -> bool:
    """The flow's own file says what the connection is where nobody else does."""
    return bool(definition.environment_variables.get(name.replace(" ", "_"), "").strip())


def _names(
    definition: FlowDefinition, variables: Mapping[str, str], init: Mapping[str, Any]
) -> Iterator[tuple[str, str, bool]]:
    """(name, who, required)."""
    scripts = _Scripts(definition.directory)
    for node in definition.nodes:
        if not node.aggregation:
            yield from _of_node(node, scripts)
    if definition.flex is not None:
        yield from _of_entry(definition, definition.flex, init, scripts)
    if definition.prompty is not None:
        yield from _of_prompty(definition.file, required=True)
    else:
        for file in _prompties(definition.directory):
            yield from _of_prompty(file, required=False)
    for each in fields_in_environment(definition.environment_variables):
        if each.variable not in variables:
            yield each.connection, f"variable '{each.variable}' of the flow", True
    for each in fields_in_environment(variables):
        yield each.connection, f"variable '{each.variable}'", False


def _prompties(folder: Path) -> Iterator[Path]:
    left = _MAX_READ
    for file in sorted(islice(folder.rglob("*.prompty"), _MAX_PROMPTIES)):
        if inside(folder, str(file.relative_to(folder))) is not None and file.is_file():
            left -= file.stat().st_size
            if left >= 0:
                yield file


def _of_node(node: Node, scripts: _Scripts) -> Iterator[tuple[str, str, bool]]:
    who = f"node '{node.name}'"
    texts = {
        name: value
        for name, value in node.inputs.items()
        if isinstance(value, str) and value and parse_reference(value) is None
    }
    tool = node.source.get("tool", "")
    if node.type == "prompt":
        return
    if node.type == "llm" or tool:
        named = node.connection or texts.get("connection", "")
        if named:
            yield named, who, node.type == "llm" or tool.startswith(BUILT_IN_TOOLS)
        return
    types = scripts.parameter_types(node.source.get("path", "")) if texts else {}
    for name, value in texts.items():
        for kind in types.get(name, ()):
            if kind not in _PLAIN_TYPES:
                yield value, who, kind.endswith("Connection")


def _of_entry(
    definition: FlowDefinition, part: FlexPart, init: Mapping[str, Any], scripts: _Scripts
) -> Iterator[tuple[str, str, bool]]:
    who = f"entry '{definition.entry}'"
    module, _, _ = definition.entry.partition(":")
    types = scripts.parameter_types(module.replace(".", "/") + ".py")
    defaults = {name: value for name, value in part.init.items() if value not in (None, "")}
    for name, value in {**defaults, **(init or part.sample_init)}.items():
        if isinstance(value, Mapping) and isinstance(value.get("connection"), str):
            yield value["connection"], who, True
        elif isinstance(value, str):
            for kind in types.get(name, ()):
                if kind not in _PLAIN_TYPES:
                    yield value, who, kind.endswith("Connection")


def _of_prompty(file: Path, *, required: bool) -> Iterator[tuple[str, str, bool]]:
    try:
        document, _ = read_parts(file)
    except FlowDefinitionError:
        return
    model = document.get("model")
    configuration = model.get("configuration") if isinstance(model, Mapping) else None
    named = configuration.get("connection") if isinstance(configuration, Mapping) else None
    if isinstance(named, str):
        yield named, f"prompty '{file.name}'", required


class _Scripts:
    """The scripts of a flow, each looked at once, however many nodes run it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[str, Mapping[str, set[str]]] = {}
        self._left = _MAX_READ

    def parameter_types(self, path: str) -> Mapping[str, set[str]]:
        """Names of parameters of any function in a script → the types that their annotations name."""
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def _read(self, path: str) -> Mapping[str, set[str]]:
        file = inside(self._directory, path) if path else None
        if file is None or not file.is_file():
            return {}
        self._left -= file.stat().st_size
        tree = parsed(file) if self._left >= 0 else None
        return {} if tree is None else _parameter_types(tree)


def _parameter_types(tree: ast.Module) -> Mapping[str, set[str]]:
    types: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                types.setdefault(each.arg, set()).update(types_in(each.annotation))
    return types
