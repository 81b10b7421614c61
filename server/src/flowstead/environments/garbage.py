"""Environments on disk that nobody has asked for in a while."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_REMOVED = ".removed-"


@dataclass(frozen=True)
class UnusedEnvironment:
    """size: bytes on disk."""

    key: str
    size: int


def unused_folders(root: Path, used: Collection[str], older_than: datetime) -> Sequence[Path]:
    """Environments, whole or not, that are not among the used ones and were made before that moment."""
    try:
        folders = sorted(each for each in root.iterdir() if each.is_dir() and not each.name.startswith("."))
    except FileNotFoundError:
        return []
    limit = older_than.timestamp()
    return [each for each in folders if each.name not in used and each.stat().st_mtime < limit]


def move_away(folder: Path) -> Path:
    """Out of the way at once, so that whoever asks for it from now on has it built anew."""
    trash = folder.with_name(f"{_REMOVED}{uuid.uuid4().hex}")
    folder.rename(trash)
    folder.with_name(f".{folder.name}.lock").unlink(missing_ok=True)
    return trash


def leftovers(root: Path) -> Sequence[Path]:
    """What a server that died was removing."""
    return sorted(root.glob(f"{_REMOVED}*"))
