"""What can be changed of a registered version: what is said of it, never what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowstead.azure_yaml.document import Document
from flowstead.azure_yaml.fields import Section, text, texts

_SAID = Section({"description": text, "tags": texts, "properties": texts})


def read_description(document: Document, *, whole: bool) -> dict[str, Any]:
    """`description`, `tags` and `properties`, those that are there. whole: the document describes all of a version,
    and its other keys are let be; otherwise they are refused. Raises BadArgument."""
    keys = document.top.value if isinstance(document.top.value, Mapping) else ()
    return Section(_SAID.keys, ignored=tuple(keys) if whole else ())(document.top)
