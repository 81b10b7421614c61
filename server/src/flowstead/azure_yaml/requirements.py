"""A requirements file → the lines that a conda file's pip part holds."""

from __future__ import annotations

import re
from pathlib import Path

from flowstead.azure_yaml.document import text_of
from flowstead.azure_yaml.entry import Entry
from flowstead.azure_yaml.paths import local_file

_NOT_ALONE = ("-r", "--requirement", "-c", "--constraint", "-e", "--editable", ".", "/")
"""How a line begins that needs other files beside this one."""


def requirement_lines(entry: Entry, directory: Path) -> list[str]:
    """The file's requirements and options, one a line, without comments. Raises BadArgument for a file that is not
    there or a line that needs another file."""
    path = local_file(entry, directory)
    lines: list[str] = []
    joined = re.sub(r"\\\r?\n[ \t]*", "", text_of(path))
    for line in joined.splitlines():
        requirement = line.partition(" #")[0].strip()
        if not requirement or requirement.startswith("#"):
            continue
        if requirement.startswith(_NOT_ALONE):
            raise entry.wrong(
                f"{path}: the line {requirement!r} needs another file, which is not sent along.",
                hint="List all packages in the one file, or put requirements.txt into the flow's folder.",
            )
        lines.append(requirement)
    return lines
