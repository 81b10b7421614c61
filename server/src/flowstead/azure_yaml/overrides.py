"""Where `--set` puts a value: `a.b`, `a[0].b`, `a."b.c"`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from flowstead.azure_yaml.entry import ON_THE_COMMAND_LINE, Entry, below
from flowstead.errors import BadArgument

Steps: TypeAlias = "Sequence[str | int]"
_STEP = re.compile(r"""(?:^|\.)(?:"(?P<quoted>[^"]+)"|(?P<key>[^.\[\]"]+))|\[(?P<index>\d{1,4})\]""")
_HINT = "Write --set KEY=VALUE, as in --set tags.team=search, --set a[0].b=c or --set 'tags.\"a.b\"=c'."


def steps_of(path: str) -> list[str | int]:
    """The keys and list positions of a path. Raises BadArgument."""
    steps: list[str | int] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            break
        steps.append(int(match["index"]) if match["index"] else match["quoted"] or match["key"])
        position = match.end()
    if position < len(path) or not steps or isinstance(steps[0], int):
        raise BadArgument(f"--set {path}: this is not a key such as tags.team.", hint=_HINT)
    return steps


def replaced(entry: Entry, steps: Steps, new: Entry, path: str = "") -> Entry:
    """The entry with another value at the steps below it; what is missing on the way is made. Raises BadArgument for
    a position that the list does not have."""
    if not steps:
        return new
    if isinstance(steps[0], int):
        return _replaced_item(entry, steps[0], steps[1:], new, path)
    children = dict(entry.value) if isinstance(entry.value, Mapping) else {}
    key, rest = _known_key(children, steps)
    children[key] = replaced(_child(children.get(key), below(path, key)), rest, new, below(path, key))
    return replace(entry, value=children)


def _replaced_item(entry: Entry, index: int, rest: Steps, new: Entry, path: str) -> Entry:
    found = entry.value
    items = list(found) if isinstance(found, Sequence) and not isinstance(found, str) else []
    if index > len(items):
        raise BadArgument(
            f"--set {path}[{index}]: the list has {len(items)} items.",
            hint=f"Its items are numbered from 0; [{len(items)}] adds one.",
        )
    where = below(path, index)
    item = replaced(_child(items[index] if index < len(items) else None, where), rest, new, where)
    return replace(entry, value=[*items[:index], item, *items[index + 1 :]])


def _known_key(children: Mapping[str, Entry], steps: Steps) -> tuple[str, Steps]:
    """The first key and the steps after it. A key that has dots itself, as those of prompt flow's properties do, is
    found when it is there."""
    words: list[str] = []
    longest = 1
    for step in steps:
        if isinstance(step, int):
            break
        words.append(step)
        if ".".join(words) in children:
            longest = len(words)
    return ".".join(words[:longest]), steps[longest:]


def _child(found: Entry | None, path: str) -> Entry:
    return found or Entry({}, "", ON_THE_COMMAND_LINE, path)
