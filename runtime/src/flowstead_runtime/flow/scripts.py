"""A flow's Python files as syntax trees: read, never run. Bounded, for they may come from anybody."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.yaml_file import read_bounded_text

_MAX_BYTES = 256 * 1024
"""Of a script; parsing one of this size takes up to half a second, and a hundred times its size in memory."""


def parsed(file: Path) -> ast.Module | None:
    """None when it is not there, too large, or no Python."""
    try:
        if not file.is_file() or file.stat().st_size > _MAX_BYTES:
            return None
        return _tree(read_bounded_text(file, shown=file.name))
    except (OSError, FlowDefinitionError):
        return None


def types_in(annotation: ast.expr | None) -> Iterator[str]:
    """`Optional[core.MyConnection]` → Optional, MyConnection. An annotation that is a text is read as what it says."""
    if annotation is None:
        return
    root: ast.AST | None = annotation
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        root = _tree(annotation.value)
    parts = list(ast.walk(root)) if root is not None else []
    owners = {id(each.value) for each in parts if isinstance(each, ast.Attribute)}
    for each in parts:
        if isinstance(each, ast.Attribute):
            yield each.attr
        elif isinstance(each, ast.Name) and id(each) not in owners:
            yield each.id


def _tree(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
