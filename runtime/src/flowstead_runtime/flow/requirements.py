"""The packages a flow asks for, read without leaving its folder."""

from __future__ import annotations

import re
from pathlib import Path

from flowstead_runtime.errors import FlowDefinitionError, Reason
from flowstead_runtime.flow.checks import inside
from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.yaml_file import MAX_BYTES, read_bounded_text

DEFAULT_FILE = "requirements.txt"
BUILT_IN_TOOLS = "promptflow.tools."
"""Tools by such a name are the runtime's own."""
_INCLUDE = re.compile(r"(?:-r|-c|--requirement\b|--constraint\b)\s*=?\s*(?P<path>\S.*)")
"""Of a line without space around it."""
_COMMENT = re.compile(r"(^|\s)#.*$")
_MAX_DEPTH = 50


def read_requirements(definition: FlowDefinition) -> str:
    """The flow's requirements as one text, "" when it names none. A `-r` or `-c` line is replaced by the lines
    of the file it names; so a constraint is installed as well, which costs room but never a version the author
    excluded.

    Raises FlowDefinitionError for a file that is missing, lies outside the flow folder, or includes itself.
    """
    written = definition.environment.get("python_requirements_txt")
    if written is None and not (definition.directory / DEFAULT_FILE).is_file():
        return ""
    collector = _Collector(definition.directory)
    collector.collect(Path(), DEFAULT_FILE if written is None else str(written), (), named_in=definition.file.name)
    return "\n".join(collector.lines) + "\n" if collector.lines else ""


def check_package_tools(flow: FlowDefinition) -> None:
    """A deployment has the default runtime and what requirements.txt adds: where that adds nothing, no package brings
    tools along. Where it does, only the instance can tell. Raises FlowDefinitionError, also for requirements that
    cannot be read."""
    if read_requirements(flow).strip():
        return
    for node in flow.nodes:
        tool = node.source.get("tool", "")
        if tool and not tool.startswith(BUILT_IN_TOOLS):
            raise FlowDefinitionError(
                f"node '{node.name}': no package has the tool '{tool}'; add the one that does to {DEFAULT_FILE}",
                file=flow.file.name,
                line=node.line,
                reason=Reason.PACKAGE_TOOL,
            )


class _Collector:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._size = 0
        self.lines: list[str] = []

    def collect(self, base: Path, written: str, chain: tuple[str, ...], *, named_in: str) -> None:
        """base: the folder of the file that names `written`, relative to the flow folder."""
        path = None if Path(written).is_absolute() else inside(self._folder, str(base / written))
        if path is None:
            raise FlowDefinitionError(f"'{_place(written)}' lies outside the flow folder", file=named_in)
        if not path.is_file():
            problem = f"the requirements file '{_place(written)}' is not in the flow folder"
            raise FlowDefinitionError(problem, file=named_in)
        shown = path.relative_to(self._folder.resolve())
        if str(shown) in chain:
            raise FlowDefinitionError(f"includes itself: {' → '.join((*chain, str(shown)))}", file=str(shown))
        text = read_bounded_text(path, shown=str(shown))
        self._size += len(text)
        if len(chain) >= _MAX_DEPTH or self._size > MAX_BYTES:
            raise FlowDefinitionError("includes too much", file=str(shown))
        for line in text.splitlines():
            match = _INCLUDE.fullmatch(_COMMENT.sub("", line).strip())
            if match is None:
                self.lines.append(line)
            else:
                self.collect(shown.parent, match["path"], (*chain, str(shown)), named_in=str(shown))


def _place(written: str) -> str:
    """An address may hold credentials, in front of its host or behind a `?`; its host says enough."""
    scheme, separator, rest = written.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('/')[0]}/…" if separator else written
