"""The home's master key: one file, made at the first start."""

from __future__ import annotations

import os
from pathlib import Path

from flowstead.errors import HostProblem
from flowstead.resources.home import Home

_KEY_BYTES = 32


def master_key(home: Home) -> bytes:
    """The key under which secrets are sealed; made when the home has none. Raises HostProblem."""
    path = home.keys / "master.key"
    if not path.exists():
        write_private(path, os.urandom(_KEY_BYTES))
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise HostProblem(
            f"{path} holds {len(key)} bytes, a master key has {_KEY_BYTES}.",
            hint="Put the right file back; without it the secrets in the database are lost.",
        )
    return key


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only this user may read, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
