"""What a docstring says of a function and of its parameters, in reStructuredText's or Google's style."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field

_FIELDS = re.compile(r"^:", re.MULTILINE)
_PARAMETER = re.compile(r"^:param(?:eter)?\s+(?:[^:]*\s)?(\w+)\s*:(.*?)(?=^:|\Z)", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^(Args|Arguments|Parameters|Params):\s*\n(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(?:Args|Arguments|Parameters|Params|Returns|Raises|Yields|Examples?):\s*$", re.MULTILINE)
_ITEM = re.compile(r"^(\w+)\s*(?:\([^)]*\))?:(.*?)(?=^\w+\s*(?:\([^)]*\))?:|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Docstring:
    """parameters: what is said of each, by name."""

    description: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def read_docstring(text: str | None) -> Docstring:
    """Of None, an empty one."""
    cleaned = inspect.cleandoc(text or "")
    section = _SECTION.search(cleaned)
    if section is not None:
        found = _ITEM.findall(inspect.cleandoc("\n" + section[2]))
        heading = _HEADING.search(cleaned)
        end = heading.start() if heading else 0
    else:
        found = _PARAMETER.findall(cleaned)
        first = _FIELDS.search(cleaned)
        end = first.start() if first else len(cleaned)
    return Docstring(_description(cleaned[:end]), {name: inspect.cleandoc(said) for name, said in found})


def _description(text: str) -> str:
    """The first line, and the rest of the text after it; an empty line that follows the first is kept."""
    first, _, rest = text.partition("\n")
    return "\n".join(
        part for part in (first, "" if rest.startswith("\n") else None, rest.strip() or None) if part is not None
    )
