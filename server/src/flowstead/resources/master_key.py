"""What the environment says of the master key."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from dataclasses import asdict, dataclass, field
from typing import Self

KEY_VARIABLE = "FLOWSTEAD_MASTER_KEY"
COMMAND_VARIABLE = "FLOWSTEAD_MASTER_KEY_COMMAND"
PREVIOUS_VARIABLE = "FLOWSTEAD_MASTER_KEY_PREVIOUS"


@dataclass(frozen=True)
class GivenVariables:
    """The values of these variables, "" for one that is not set. key, previous: base64. command: a command line, run
    without a shell, whose standard output is the key."""

    key: str = field(default="", repr=False)
    command: str = field(default="", repr=False)
    previous: str = field(default="", repr=False)

    @classmethod
    def take(cls, environment: MutableMapping[str, str]) -> Self:
        """Out of the environment: what this process starts from now on does not get them."""
        names = (KEY_VARIABLE, COMMAND_VARIABLE, PREVIOUS_VARIABLE)
        return cls(*(environment.pop(name, "").strip() for name in names))

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        return cls(**json.loads(text))

    def as_json(self) -> bytes:
        """For a pipe to another process: these values belong neither on the disk nor on a command line."""
        return json.dumps(asdict(self)).encode()
