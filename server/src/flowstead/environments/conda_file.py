"""What a conda file asks for. Only its pip part can be installed: there is no conda here. Pure: text in, text out."""

from __future__ import annotations

import re
from typing import Any

from flowstead.errors import BadArgument
from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.yaml_file import parse_yaml

TARGET = "properties.condaFile"
_BROUGHT_ALONG = frozenset({"pip", "python", "setuptools", "wheel"})
"""Packages of conda's that every environment has already."""
_NAME = re.compile(r"(?:[\w.-]+::)?(?P<name>[A-Za-z0-9._-]+)")


def requirements_of_conda_file(text: str) -> str:
    """The lines of its `pip:` part. Which Python it asks for does not count: environments have the server's.

    Raises BadArgument for a text that is no conda file, and for packages that only conda has, all of them at once."""
    try:
        document = parse_yaml(text, shown="the conda file")
    except RuntimeFailure as problem:
        raise BadArgument(f"The conda file cannot be read: {problem.message}", target=TARGET) from None
    if not isinstance(document, dict):
        raise BadArgument("The conda file is not a mapping with `dependencies`.", target=TARGET)
    dependencies = document.get("dependencies") or []
    if not isinstance(dependencies, list):
        raise BadArgument("`dependencies` of the conda file is not a list.", target=TARGET)
    lines: list[str] = []
    conda_only: list[str] = []
    for each in dependencies:
        if isinstance(each, dict):
            lines += _pip_lines(each)
        elif isinstance(each, str):
            conda_only += _conda_only(each)
        else:
            raise BadArgument(f"{str(each)[:80]!r} in the conda file is not a package.", target=TARGET)
    if conda_only:
        raise BadArgument(
            f"The conda file asks conda for {', '.join(conda_only)}; there is no conda here.",
            hint="Move what PyPI has too to the list `pip:` of the same file.",
            target=TARGET,
        )
    return "".join(f"{line}\n" for line in lines)


def _pip_lines(part: dict[Any, Any]) -> list[str]:
    lines = part.get("pip")
    if set(part) != {"pip"} or not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise BadArgument("A part of the conda file's `dependencies` is not `pip:` with a list.", target=TARGET)
    return lines


def _conda_only(specification: str) -> list[str]:
    match = _NAME.match(specification.strip())
    if match is not None and match["name"].lower() in _BROUGHT_ALONG:
        return []
    return [specification.strip()[:80]]
