"""What a model's files ask for, read once: the files never change, they are addressed by their content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flowstead.errors import ArtifactMissing, FlowInvalid, FlowsteadError
from flowstead.resources.home import Home
from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.flow.load import read_definition
from flowstead_runtime.flow.requirements import read_requirements


@dataclass(frozen=True)
class FlowSource:
    """directory: where the flow's definition lies. requirements: its requirements.txt, "" for none."""

    directory: Path
    requirements: str


class FlowSources:
    def __init__(self, home: Home) -> None:
        self._home = home
        self._read: dict[str, FlowSource | FlowInvalid] = {}

    def find(self, content_hash: str | None, model: str) -> FlowSource | FlowsteadError:
        """The flow of that content, or why there is none. model: its ARM id, for the message."""
        folder = self._home.models / content_hash if content_hash else None
        if content_hash is None or folder is None or not folder.is_dir():
            return ArtifactMissing(f"The files of the model {model} are not in the store.")
        if content_hash not in self._read:
            self._read[content_hash] = _read(folder)
        return self._read[content_hash]


def _read(folder: Path) -> FlowSource | FlowInvalid:
    try:
        definition = read_definition(folder)
        return FlowSource(definition.directory, read_requirements(definition))
    except RuntimeFailure as failure:
        return FlowInvalid(f"The flow is not valid: {failure.message}")
