"""The journey's chapters, and the steps of each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

CHAPTERS = (
    "workspace",
    "models",
    "environments",
    "endpoints",
    "deployments",
    "traffic",
    "changes",
    "samples",
    "credentials",
    "connections",
    "identities",
    "autoscale",
    "data",
    "ending",
)
"""In the order in which they are run: a later one builds on what an earlier one made."""


def steps() -> Iterator[tuple[str, str]]:
    """(chapter, step) of each function whose name begins with `step_`, read without importing it: only the child has
    the SDK."""
    for chapter in CHAPTERS:
        text = (Path(__file__).parent / "chapters" / f"{chapter}.py").read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("step_"):
                yield chapter, node.name
