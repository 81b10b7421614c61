"""The flows that new ones begin as."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flowstead.errors import BadArgument
from flowstead.resources.flow import FlowType

_FOLDER = Path(__file__).parent / "templates"
_UNWANTED = ("__pycache__",)


def template_files(name: str) -> Mapping[str, bytes]:
    """The files of a template by their paths. name: chat, standard or evaluation. Raises BadArgument."""
    if name not in set(FlowType):
        raise BadArgument(
            f"There is no template {name[:40]!r}.", hint=f"Use one of {', '.join(FlowType)}.", target="template"
        )
    folder = _FOLDER / name
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not set(_UNWANTED) & set(path.parts)
    }
