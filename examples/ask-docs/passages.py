"""Markdown documents, cut at their headings into passages."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path

HEADING = re.compile(r"^(#{1,4})\s+(.*)$")
FENCE = re.compile(r"^\s*(```|~~~)")


@dataclass(frozen=True)
class Passage:
    """source: the file's name; heading: the headings above it, outermost first, joined by ' › '."""

    source: str
    heading: str
    text: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def read_passages(folder: Path) -> list[Passage]:
    """All passages of the folder's *.md files, in order of file name."""
    return [passage for file in sorted(folder.rglob("*.md")) for passage in cut(file.name, file.read_text("utf-8"))]


def cut(source: str, markdown: str) -> list[Passage]:
    """One passage for each heading that has text of its own. A `#` inside a code block is no heading."""
    headings: list[str] = []
    lines: list[str] = []
    passages: list[Passage] = []
    fenced = False

    def finish() -> None:
        text = "\n".join(lines).strip()
        if text:
            passages.append(Passage(source, " › ".join(headings), text))
        lines.clear()

    for line in markdown.splitlines():
        if FENCE.match(line):
            fenced = not fenced
        match = None if fenced else HEADING.match(line)
        if match is None:
            lines.append(line)
            continue
        finish()
        del headings[len(match[1]) - 1 :]
        headings.append(match[2].strip())
    finish()
    return passages
