"""Content as it would be after a registration that is only planned: nothing is copied, nothing is hashed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowstead.store.content import Contents, check_source
from flowstead.store.uploads import Incoming, Uploads

_STAND_IN = {
    "flow.dag.yaml": "inputs: {}\noutputs: {}\nnodes: []\n",
    "Dockerfile": "FROM mcr.microsoft.com/azureml/promptflow/promptflow-runtime:latest\n",
}
"""A flow, or a build context, that says nothing."""


class PlannedUploads(Uploads):
    """Reads what is there; what is taken in goes elsewhere. root: of the real ones. scratch: a folder of its own."""

    def __init__(self, root: Path, scratch: Path) -> None:
        super().__init__(root)
        self._elsewhere = Uploads(scratch)

    def begin(self, container: str, path: str) -> Incoming:
        return self._elsewhere.begin(container, path)


class PlannedContents(Contents):
    """For one plan. scratch: an empty folder of its own. files_pending: files that are not there are still to be
    uploaded, not missing. stood_in: the stand-in was taken for them."""

    def __init__(self, real: Contents, scratch: Path) -> None:
        super().__init__(scratch)
        self._real = real
        self._scratch = scratch
        self._sources: dict[str, Path] = {}
        self.files_pending = False
        self.stood_in = False

    def locate(self, content_hash: str) -> Path:
        return self._sources.get(content_hash) or self._real.locate(content_hash)

    @contextmanager
    def held(self, source: Path, field: str = "") -> Iterator[str]:
        stand_in = hashlib.sha256(b"planned:" + os.fsencode(source)).hexdigest()
        if self.files_pending and not source.exists():
            source, self.stood_in = self._pending(), True
        check_source(source, field)
        self._sources[stand_in] = source
        yield stand_in

    def _pending(self) -> Path:
        folder = self._scratch / "pending"
        folder.mkdir(exist_ok=True)
        for name, text in _STAND_IN.items():
            (folder / name).write_text(text)
        return folder
