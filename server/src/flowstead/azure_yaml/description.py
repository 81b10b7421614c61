"""What can be changed of a registered version: what is said of it, never what is in it."""

from __future__ import annotations

from typing import Any

from flowstead.azure_yaml.document import Document
from flowstead.azure_yaml.fields import Section, text, texts

_SAID = Section({"description": text, "tags": texts, "properties": texts})


def read_description(document: Document, *, whole: bool) -> dict[str, Any]:
    """`description`, `tags` and `properties`, those that are there. whole: the document describes all of a version,
    and its other keys are let be; otherwise they are refused. Raises BadArgument."""
    return Section(_SAID.keys, ignored=tuple(document.top.value) if whole else ())(document.top)  # type: ignore[arg-type]
