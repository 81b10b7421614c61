"""promptflow's environment variables, by both of their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Variable(NamedTuple):
    """text: "" when it is not set, or empty."""

    name: str
    text: str


def promptflow_variable(environ: Mapping[str, str], name: str) -> Variable:
    """`PROMPTFLOW_{name}`, or `PF_{name}` where only that is set."""
    for prefix in ("PROMPTFLOW", "PF"):
        text = environ.get(f"{prefix}_{name}", "").strip()
        if text:
            return Variable(f"{prefix}_{name}", text)
    return Variable(f"PROMPTFLOW_{name}", "")
