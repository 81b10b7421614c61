"""What a model's files ask for, read once: the files never change, they are addressed by their content.

It is kept on disk, so that nobody parses all models anew when the server starts, and written where a deployment is
accepted, so that the reconciler, for whom all endpoints wait, finds it there.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowstead.errors import ArtifactMissing, FlowInvalid, FlowsteadError
from flowstead.resources.home import Home
from flowstead.resources.private_file import write_private
from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.flow.load import read_definition
from flowstead_runtime.flow.requirements import read_requirements

_FORMAT = 1
"""Of the files. One of another format is made anew."""


@dataclass(frozen=True)
class FlowSource:
    """directory: where the flow's definition lies. requirements: its requirements.txt, "" for none."""

    directory: Path
    requirements: str


class FlowSources:
    """Each thread may have its own: files are written whole."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._read: dict[str, FlowSource | FlowInvalid] = {}

    def find(self, content_hash: str | None, model: str, *, any_files: bool = False) -> FlowSource | FlowsteadError:
        """The flow of that content, or why there is none. model: its ARM id, for the message. any_files: they need not
        be a flow's, an image knows what to do with them."""
        folder = self._home.models / content_hash if content_hash else None
        if content_hash is None or folder is None or not folder.is_dir():
            return ArtifactMissing(f"The files of the model {model} are not in the store.")
        if any_files:
            return FlowSource(folder, "")
        if content_hash not in self._read:
            self._read[content_hash] = self._kept(content_hash) or self._parsed(content_hash)
        return self._read[content_hash]

    def keep(self, content_hash: str, definition: FlowDefinition) -> None:
        """Write down what is known of that content once its definition has been read; nothing for content that is not
        in the store, or whose requirements cannot be read: `find` says why."""
        if (self._home.models / content_hash).is_dir() and not self._file(content_hash).is_file():
            with suppress(RuntimeFailure):
                self._write(content_hash, definition)

    def forget_what_is_gone(self) -> None:
        """Drop what is known of content that was removed."""
        for file in self._home.flow_sources.glob("*.json"):
            if not (self._home.models / file.stem).is_dir():
                file.unlink(missing_ok=True)

    def _parsed(self, content_hash: str) -> FlowSource | FlowInvalid:
        try:
            return self._write(content_hash, read_definition(self._home.models / content_hash))
        except RuntimeFailure as failure:
            return FlowInvalid(f"The flow is not valid: {failure.message}")

    def _write(self, content_hash: str, definition: FlowDefinition) -> FlowSource:
        folder = self._home.models / content_hash
        # The definition may know its folder by another name, when the home is reached by a link.
        inner = definition.directory.resolve().relative_to(folder.resolve())
        source = FlowSource(folder / inner, read_requirements(definition))
        known = {"format": _FORMAT, "directory": inner.as_posix(), "requirements": source.requirements}
        with suppress(OSError):  # a full disk costs time later, nothing else
            write_private(self._file(content_hash), json.dumps(known).encode())
        return source

    def _kept(self, content_hash: str) -> FlowSource | None:
        try:
            known: Any = json.loads(self._file(content_hash).read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(known, dict) or known.get("format") != _FORMAT:
            return None
        return FlowSource(self._home.models / content_hash / known["directory"], known["requirements"])

    def _file(self, content_hash: str) -> Path:
        return self._home.flow_sources / f"{content_hash}.json"
