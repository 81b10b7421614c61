"""What a command on flows is about: a folder of this machine, or a flow of the workspace."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flowstead.cli.deploy_plan import model_name_from
from flowstead.client import FlowsteadClient
from flowstead.client.flows import pack, unpack
from flowstead.errors import FlowInvalid
from flowstead_runtime.errors import UserError
from flowstead_runtime.flow.includes import assembled


@dataclass(frozen=True)
class ExportedFlow:
    """A flow of the workspace. folder: its files, for as long as the command looks at them. uri: by which the server
    makes a model of the very same files."""

    folder: Path
    uri: str


def folder_of(written: str) -> Path | None:
    """The folder, or definition file, that is meant; None for the name of a flow. Raises FlowInvalid for a path that
    leads nowhere."""
    path = Path(written)
    if path.exists():
        return path
    if "/" in written or written in (".", ".."):
        hint = "Name a flow's folder, or a flow of the workspace."
        raise FlowInvalid(f"{written}: there is no flow folder.", hint=hint)
    return None


@contextmanager
def exported(client: FlowsteadClient, name: str) -> Iterator[ExportedFlow]:
    """The flow's latest version. Raises ResourceNotFound, and FlowInvalid when it has no files."""
    record = client.flows.get(name)
    version = record["properties"]["version"]
    if not version:
        raise FlowInvalid(f"The flow {record['name']} has no files yet.", hint="Send some: flowstead flow push FOLDER.")
    with tempfile.TemporaryDirectory(prefix="flowstead-flow-") as scratch:
        folder = Path(scratch) / str(record["name"])
        unpack(client.flows.give_out(name, version), folder)
        yield ExportedFlow(folder, f"azureml://flows/{record['name']}/versions/{version}")


def packed(folder: Path) -> bytes:
    """The folder with its includes, as an archive. Raises FlowInvalid, BadArgument, PayloadTooLarge."""
    try:
        with assembled(folder) as whole:
            return pack(whole if whole.is_dir() else whole.parent)
    except UserError as problem:
        raise FlowInvalid(f"{folder}: {problem}") from None


def sent_to_try(client: FlowsteadClient, folder: Path) -> str:
    """The name of a flow with the folder's files, which the workspace's list does not show and which goes with the
    server's next start. The same folder gets the same one, so its instance is warm."""
    place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]
    root = folder if folder.is_dir() else folder.parent
    name = f"scratch-{model_name_from(root.resolve().name)[:100]}-{place}"
    archive = packed(folder)
    client.flows.put(name, {"isScratch": True})
    client.flows.take_in(name, archive)
    return name
