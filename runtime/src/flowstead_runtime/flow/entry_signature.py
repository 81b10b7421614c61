"""What the code of a flex flow's entry says of its inputs and outputs, found out by reading alone.

`entry` knows it for certain once the code is imported, which the server never does. What reading cannot tell (a type of
another module, a default that is computed) is left vague: an object, a default that is empty.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from flowstead_runtime.flow.checks import inside
from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, FlowOutput, ValueType
from flowstead_runtime.flow.scripts import parsed, types_in

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_TYPES: Mapping[str, ValueType] = {
    "int": ValueType.INT,
    "float": ValueType.DOUBLE,
    "bool": ValueType.BOOL,
    "str": ValueType.STRING,
    "list": ValueType.LIST,
    "List": ValueType.LIST,
    "Image": ValueType.IMAGE,
}


def with_entry_signature(definition: FlowDefinition) -> FlowDefinition:
    """The definition with the inputs and outputs of its entry's signature where it has any; as it is when it has no
    entry, or one that cannot be read."""
    if definition.flex is None:
        return definition
    module, _, name = definition.entry.partition(":")
    file = inside(definition.directory, module.replace(".", "/") + ".py")
    tree = parsed(file) if file is not None else None
    function = _callable(tree, name) if tree is not None else None
    if tree is None or function is None:
        return definition
    declared = definition.flex.declared
    inputs = {each: declared.get(each, found) for each, found in _inputs(function)}
    outputs = dict(_outputs(tree, function))
    return replace(definition, inputs=inputs or declared, outputs=outputs or definition.outputs)


def _callable(tree: ast.Module, name: str) -> _Function | None:
    """The function of that name, or the `__call__` of the class."""
    for node in tree.body:
        if isinstance(node, _Function) and node.name == name:
            return node
        if isinstance(node, ast.ClassDef) and node.name == name:
            methods = (each for each in node.body if isinstance(each, _Function))
            return next((each for each in methods if each.name == "__call__"), None)
    return None


def _inputs(function: _Function) -> Iterator[tuple[str, FlowInput]]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = len(positional) - len(arguments.defaults)
    defaults = [*([None] * missing), *arguments.defaults, *arguments.kw_defaults]
    for argument, default in zip([*positional, *arguments.kwonlyargs], defaults, strict=True):
        if argument.arg != "self":
            yield argument.arg, FlowInput(_type(argument.annotation), _default(default))


def _outputs(tree: ast.Module, function: _Function) -> Iterator[tuple[str, FlowOutput]]:
    """The fields of the class of this module that the return annotation names."""
    named = set(types_in(function.returns))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name in named:
            for each in node.body:
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                    yield each.target.id, FlowOutput(_type(each.annotation))


def _type(annotation: ast.expr | None) -> ValueType:
    return next((_TYPES[name] for name in types_in(annotation) if name in _TYPES), ValueType.OBJECT)


def _default(written: ast.expr | None) -> Any:
    """None for a required input; "" for a default of None, as in the flow's own description."""
    if written is None:
        return None
    try:
        value = ast.literal_eval(written)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ""
    return value if isinstance(value, str | int | float | list | dict) else ""
