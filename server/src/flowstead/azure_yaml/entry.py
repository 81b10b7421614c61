"""A value of a YAML file that knows where it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from flowstead.errors import BadArgument

HINT = "Correct the file and run the command again."
HINT_OF_OPTION = "Correct the option and run the command again."
ON_THE_COMMAND_LINE = "--set"
AMONG_OPTIONS = "command line"
"""Origins of what stands in no file: in --set, in an option of its own."""


@dataclass(frozen=True)
class Entry:
    """One value. value: a scalar, `{key: Entry}` or `[Entry]`. text: a scalar as it was written, so that a version
    `1.10` stays what it is. origin: `FILE:LINE`, or `--set`. path: keys from the top, as `--set` takes them."""

    value: Value
    text: str
    origin: str
    path: str

    def wrong(self, problem: str, *, hint: str = "") -> BadArgument:
        """The error that names file, line and key."""
        place = f"{self.origin}: {self.path}: " if self.path else f"{self.origin}: "
        general = HINT_OF_OPTION if self.origin in (ON_THE_COMMAND_LINE, AMONG_OPTIONS) else HINT
        return BadArgument(place + problem, hint=hint or general, target=self.path)


Value: TypeAlias = "str | int | float | bool | Mapping[str, Entry] | Sequence[Entry] | None"


def below(path: str, key: str | int) -> str:
    """The path of a key, or of an item, of what is at the path."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key
