"""The two parts of a prompty file."""

from __future__ import annotations

import re
from pathlib import Path

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.yaml_file import YamlMap, parse_yaml, read_bounded_text

_LINE = re.compile(r"^-{3,}[ \t]*$", re.MULTILINE)


def read_parts(path: Path) -> tuple[YamlMap, str]:
    """The settings as written, and the template. Raises FlowDefinitionError."""
    parts = split_front_matter(read_bounded_text(path, shown=path.name))
    if parts is None:
        raise FlowDefinitionError("must begin with settings between two lines of '---'", file=path.name)
    text, template, line = parts
    document = parse_yaml(text, shown=path.name, first_line=line)
    if not isinstance(document, YamlMap):
        raise FlowDefinitionError("its settings must be a mapping", file=path.name, line=line)
    return document, template


def split_front_matter(text: str) -> tuple[str, str, int] | None:
    """(settings, template, the line at which the settings begin), or None when the text has no settings between two
    lines of at least three dashes."""
    text = text.replace("\r\n", "\n")
    first = _LINE.search(text)
    second = _LINE.search(text, first.end()) if first else None
    if first is None or second is None:
        return None
    settings = text[first.end() + 1 : second.start()]
    return settings, text[second.end() + 1 :], text.count("\n", 0, first.end()) + 2
