"""Azure ML's own hash of a folder of code, version 202208: clients compute it, and ask for code of that hash before
they upload theirs."""

from __future__ import annotations

import hashlib
from pathlib import Path

_CHUNK = 1024 * 1024


def snapshot_hash(folder: Path) -> str:
    """Hex digits over the number of files, their paths and sizes, then their bytes; sorted by path without regard to
    case. Checked against azure-ai-ml 1.35.2."""
    files = sorted(
        ((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()),
        key=lambda file: file[0].lower(),
    )
    digest = hashlib.sha256(str(len(files)).encode())
    for name, path in files:
        digest.update(f"#{name}#{path.stat().st_size}".encode("utf-8", "surrogateescape"))
    for _, path in files:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
